//! Great-circle distance: the simplest kind of transform, numbers in and one number out.

use skewless_sdk::transform;

/// The earth's mean radius.
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Great-circle distance between two points, in kilometres, on a sphere of the earth's mean radius.
#[transform]
pub fn haversine_distance(
    /// Latitude of the origin, in degrees north.
    origin_latitude: f64,
    /// Longitude of the origin, in degrees east.
    origin_longitude: f64,
    /// Latitude of the destination, in degrees north.
    destination_latitude: f64,
    /// Longitude of the destination, in degrees east.
    destination_longitude: f64,
) -> f64 {
    let half_latitude = (destination_latitude - origin_latitude).to_radians() / 2.0;
    let half_longitude = (destination_longitude - origin_longitude).to_radians() / 2.0;
    let across = origin_latitude.to_radians().cos() * destination_latitude.to_radians().cos();
    let haversine = half_latitude.sin().powi(2) + across * half_longitude.sin().powi(2);
    2.0 * EARTH_RADIUS_KM * haversine.sqrt().atan2((1.0 - haversine).sqrt())
}

#[cfg(test)]
mod tests {
    use super::{EARTH_RADIUS_KM, haversine_distance};

    #[test]
    fn new_york_to_los_angeles_is_about_3_975_km() {
        let distance = haversine_distance(40.639751, -73.778925, 33.942536, -118.408075);
        assert!((distance - 3_974.0).abs() < 2.0, "{distance}");
    }

    #[test]
    fn a_point_is_at_no_distance_from_itself() {
        assert_eq!(haversine_distance(40.639751, -73.778925, 40.639751, -73.778925), 0.0);
    }

    #[test]
    fn pole_to_pole_is_half_the_circumference() {
        let half = std::f64::consts::PI * EARTH_RADIUS_KM;
        assert!((haversine_distance(90.0, 0.0, -90.0, 0.0) - half).abs() < 1e-9);
    }
}
