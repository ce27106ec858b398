//! Money spent for each order: the shortest transform.

use skewless_sdk::transform;

/// Money spent for each order; null where there was no order.
#[transform]
pub fn spend_per_order(
    /// Money spent, in US dollars.
    total_spend: f64,
    /// Number of orders.
    total_orders: i64,
) -> Option<f64> {
    if total_orders == 0 {
        return None;
    }
    Some(total_spend / total_orders as f64)
}

#[cfg(test)]
mod tests {
    use super::spend_per_order;

    #[test]
    fn divides_money_by_orders() {
        assert_eq!(spend_per_order(30.0, 4), Some(7.5));
    }

    #[test]
    fn is_null_without_orders() {
        assert_eq!(spend_per_order(30.0, 0), None);
    }
}
