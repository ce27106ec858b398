//! The three functions that everybody computes: the transforms, the native loops and the guest of arrow-udf compile
//! this one source. `peers.py` says the same in Python, and the benchmark compares the values before it takes a time.

/// The earth's mean radius.
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Money spent an order; none where nothing was ordered.
#[inline]
#[must_use]
pub fn ratio(total_spend: f64, total_orders: i64) -> Option<f64> {
    (total_orders != 0).then(|| total_spend / total_orders as f64)
}

/// Great-circle distance between two points, in kilometres.
#[inline]
#[must_use]
pub fn haversine(from_latitude: f64, from_longitude: f64, to_latitude: f64, to_longitude: f64) -> f64 {
    let half_latitude = (to_latitude - from_latitude).to_radians() / 2.0;
    let half_longitude = (to_longitude - from_longitude).to_radians() / 2.0;
    let across = from_latitude.to_radians().cos() * to_latitude.to_radians().cos();
    let haversine = half_latitude.sin().powi(2) + across * half_longitude.sin().powi(2);
    2.0 * EARTH_RADIUS_KM * haversine.sqrt().atan2((1.0 - haversine).sqrt())
}

/// What follows the last `@` of an e-mail address; none where there is no `@`.
#[inline]
#[must_use]
pub fn email_domain(email: &str) -> Option<&str> {
    email.bytes().rposition(|byte| byte == b'@').map(|at| &email[at + 1..])
}
