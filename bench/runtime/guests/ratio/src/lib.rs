//! Money spent an order, as a function of a row, and with the feature `columns` as one of whole columns.

use skewless_sdk::transform;

/// Money spent an order; null where nothing was ordered.
#[cfg(not(feature = "columns"))]
#[transform]
pub fn ratio(
    /// Money spent.
    total_spend: f64,
    /// Number of orders.
    total_orders: i64,
) -> Option<f64> {
    functions::ratio(total_spend, total_orders)
}

/// Money spent an order; null where nothing was ordered.
#[cfg(feature = "columns")]
#[transform(columns)]
pub fn ratio(
    /// Money spent.
    total_spend: skewless_sdk::Column<'_, f64>,
    /// Number of orders.
    total_orders: skewless_sdk::Column<'_, i64>,
) -> Vec<Option<f64>> {
    let rows = total_spend.values().iter().zip(total_orders.values());
    rows.map(|(spend, orders)| functions::ratio(*spend, *orders)).collect()
}
