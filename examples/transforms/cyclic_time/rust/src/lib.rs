//! Cyclic time: timestamps, and a clock on which 23:59 lies next to 00:00.

use std::f64::consts::TAU;

use skewless_sdk::{Features, Timestamp, transform};

const MICROS_PER_DAY: f64 = 86_400e6;

/// Where an instant lies in its day and its week.
#[derive(Debug, PartialEq, Features)]
pub struct CyclicTime {
    /// Sine of the time of day in UTC, a full turn a day: 0 at midnight, 1 at 06:00.
    pub time_of_day_sin: f64,
    /// Cosine of the time of day in UTC, a full turn a day: 1 at midnight, -1 at noon.
    pub time_of_day_cos: f64,
    /// Day of the week in UTC, from 0 for Monday to 6 for Sunday.
    pub weekday: i64,
}

/// Time of day as a point on a circle, and day of the week, both in UTC.
#[transform]
pub fn cyclic_time(
    /// The instant.
    time: Timestamp,
) -> CyclicTime {
    let (sin, cos) = (TAU * time.micros_of_day() as f64 / MICROS_PER_DAY).sin_cos();
    CyclicTime { time_of_day_sin: sin, time_of_day_cos: cos, weekday: time.weekday() }
}

#[cfg(test)]
mod tests {
    use super::{CyclicTime, cyclic_time};

    #[test]
    fn midnight_on_new_year_2013_is_a_tuesday() {
        let midnight = cyclic_time("2013-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(midnight, CyclicTime { time_of_day_sin: 0.0, time_of_day_cos: 1.0, weekday: 1 });
    }

    #[test]
    fn the_last_microsecond_of_a_day_lies_next_to_midnight() {
        let late = cyclic_time("2013-01-06T23:59:59.999999Z".parse().unwrap());
        assert_eq!(late.weekday, 6);
        assert!(late.time_of_day_sin.abs() < 1e-9 && late.time_of_day_cos > 1.0 - 1e-9, "{late:?}");
    }

    #[test]
    fn days_before_1970_count_on() {
        assert_eq!(cyclic_time("1969-12-31T12:00:00Z".parse().unwrap()).weekday, 2);
    }
}
