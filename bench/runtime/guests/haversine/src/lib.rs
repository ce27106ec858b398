//! Great-circle distance, as a function of a row, and with the feature `columns` as one of whole columns.

use skewless_sdk::transform;

/// Great-circle distance between two points, in kilometres.
#[cfg(not(feature = "columns"))]
#[transform]
pub fn haversine(
    /// Latitude of the first point, in degrees north.
    from_latitude: f64,
    /// Longitude of the first point, in degrees east.
    from_longitude: f64,
    /// Latitude of the second point, in degrees north.
    to_latitude: f64,
    /// Longitude of the second point, in degrees east.
    to_longitude: f64,
) -> f64 {
    functions::haversine(from_latitude, from_longitude, to_latitude, to_longitude)
}

/// Great-circle distance between two points, in kilometres.
#[cfg(feature = "columns")]
#[transform(columns)]
pub fn haversine(
    /// Latitude of the first point, in degrees north.
    from_latitude: skewless_sdk::Column<'_, f64>,
    /// Longitude of the first point, in degrees east.
    from_longitude: skewless_sdk::Column<'_, f64>,
    /// Latitude of the second point, in degrees north.
    to_latitude: skewless_sdk::Column<'_, f64>,
    /// Longitude of the second point, in degrees east.
    to_longitude: skewless_sdk::Column<'_, f64>,
) -> Vec<f64> {
    let from = from_latitude.values().iter().zip(from_longitude.values());
    let to = to_latitude.values().iter().zip(to_longitude.values());
    from.zip(to).map(|(from, to)| functions::haversine(*from.0, *from.1, *to.0, *to.1)).collect()
}
