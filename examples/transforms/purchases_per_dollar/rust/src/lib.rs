//! Purchases for each dollar spent: nulls, and a division that has no answer.

use skewless_sdk::transform;

/// Purchases for each dollar spent; null where either is unknown or nothing was spent.
#[transform]
pub fn purchases_per_dollar(
    /// Number of purchases.
    purchases: Option<i64>,
    /// Money spent, in US dollars.
    spend: Option<f64>,
) -> Option<f64> {
    let (purchases, spend) = (purchases? as f64, spend?);
    (spend != 0.0).then(|| purchases / spend)
}

#[cfg(test)]
mod tests {
    use super::purchases_per_dollar;

    #[test]
    fn divides_purchases_by_dollars() {
        assert_eq!(purchases_per_dollar(Some(10), Some(50.0)), Some(0.2));
        assert_eq!(purchases_per_dollar(Some(0), Some(25.0)), Some(0.0));
    }

    #[test]
    fn is_null_where_there_is_no_answer() {
        assert_eq!(purchases_per_dollar(None, Some(50.0)), None);
        assert_eq!(purchases_per_dollar(Some(10), None), None);
        assert_eq!(purchases_per_dollar(Some(10), Some(0.0)), None);
    }
}
