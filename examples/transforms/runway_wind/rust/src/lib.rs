//! Headwind and crosswind: a struct with one field for each output.

use skewless_sdk::{Features, transform};

/// The wind as a plane on the runway meets it.
#[derive(Debug, Features)]
pub struct RunwayWind {
    /// Wind against the direction of take-off or landing, in the unit of `wind_speed`; negative for a tailwind.
    pub headwind: f64,
    /// Wind across the runway, in the unit of `wind_speed`; positive from the right.
    pub crosswind: f64,
}

/// Splits the wind into what blows along a runway and what blows across it.
#[transform]
pub fn runway_wind(
    /// Direction the wind comes from, in degrees clockwise from north.
    wind_direction: f64,
    /// Speed of the wind, in any unit; headwind and crosswind are in the same.
    wind_speed: f64,
    /// Direction of take-off or landing, in degrees clockwise from north.
    runway_heading: f64,
) -> RunwayWind {
    // Within one turn, so that 0 and 360 degrees give the same bits.
    let (sin, cos) = (wind_direction - runway_heading).rem_euclid(360.0).to_radians().sin_cos();
    RunwayWind { headwind: wind_speed * cos, crosswind: wind_speed * sin }
}

#[cfg(test)]
mod tests {
    use super::runway_wind;

    #[test]
    fn wind_along_the_runway_is_all_headwind() {
        let wind = runway_wind(220.0, 15.0, 220.0);
        assert_eq!((wind.headwind, wind.crosswind), (15.0, 0.0));
    }

    #[test]
    fn wind_from_behind_is_a_negative_headwind() {
        let wind = runway_wind(40.0, 15.0, 220.0);
        assert_eq!(wind.headwind, -15.0);
        assert!(wind.crosswind.abs() < 1e-12, "{wind:?}");
    }

    #[test]
    fn wind_from_the_right_is_a_positive_crosswind() {
        let wind = runway_wind(310.0, 10.0, 220.0);
        assert_eq!(wind.crosswind, 10.0);
        assert!(wind.headwind.abs() < 1e-12, "{wind:?}");
    }
}
