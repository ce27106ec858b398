//! Local time: the rule of a time zone travels in the component.

use std::f64::consts::TAU;

use skewless_sdk::{Features, Timestamp, transform};

const HOUR: i64 = 3_600_000_000;

/// What a clock in New York says.
#[derive(Debug, PartialEq, Features)]
pub struct LocalTime {
    /// Sine of the local time of day, a full turn a day: 0 at midnight, 1 at 06:00.
    pub time_of_day_sin: f64,
    /// Cosine of the local time of day, a full turn a day: 1 at midnight, -1 at noon.
    pub time_of_day_cos: f64,
    /// Local day of the week, from 0 for Monday to 6 for Sunday.
    pub weekday: i64,
    /// Minutes that local time is ahead of UTC: -240 in summer, -300 in winter.
    pub offset_minutes: i64,
}

/// Time of day as a point on a circle, and day of the week, both in New York.
///
/// # Errors
/// Before 2007 another rule held: such a row fails.
#[transform]
pub fn local_time(
    /// An instant from 2007 on.
    time: Timestamp,
) -> Result<LocalTime, &'static str> {
    if time.year() < 2007 {
        return Err("the rule for New York is known from 2007 on");
    }
    let winter = Timestamp::from_micros(time.as_micros() - 5 * HOUR);
    let offset = if is_summer(winter) { -4 } else { -5 };
    let local = Timestamp::from_micros(time.as_micros() + offset * HOUR);
    let (sin, cos) = (TAU * local.micros_of_day() as f64 / (24 * HOUR) as f64).sin_cos();
    let offset_minutes = 60 * offset;
    Ok(LocalTime { time_of_day_sin: sin, time_of_day_cos: cos, weekday: local.weekday(), offset_minutes })
}

/// Whether clocks are an hour ahead of winter time, from the second Sunday of March to the first of November.
fn is_summer(winter: Timestamp) -> bool {
    let (day, hour) = (winter.day(), winter.micros_of_day() / HOUR);
    // The last Sunday, today included; 0 or less where it was in the month before.
    let sunday = day - (winter.weekday() + 1) % 7;
    match winter.month() {
        3 => sunday > 14 || (sunday >= 8 && (sunday < day || hour >= 2)),
        4..=10 => true,
        11 => sunday < 1 || (sunday == day && day <= 7 && hour < 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::local_time;

    fn offset(time: &str) -> i64 {
        local_time(time.parse().unwrap()).unwrap().offset_minutes
    }

    #[test]
    fn clocks_change_to_the_microsecond() {
        assert_eq!([offset("2024-03-10T06:59:59.999999Z"), offset("2024-03-10T07:00:00Z")], [-300, -240]);
        assert_eq!([offset("2024-11-03T05:59:59.999999Z"), offset("2024-11-03T06:00:00Z")], [-240, -300]);
    }

    #[test]
    fn the_evening_before_is_another_weekday() {
        let local = local_time("2024-01-01T04:59:59Z".parse().unwrap()).unwrap();
        assert_eq!(local.weekday, 6);
    }

    #[test]
    fn another_rule_held_before_2007() {
        assert!(local_time("2006-12-31T23:59:59Z".parse().unwrap()).is_err());
    }
}
