//! Minutes since: a transform has no clock, so the instant to look back from is an input.

use skewless_sdk::{Timestamp, transform};

const MICROS_PER_MINUTE: f64 = 60e6;

/// Minutes from an earlier event to `time`, null where there was none; negative if the event lies ahead.
#[transform]
pub fn minutes_since(
    /// The earlier event.
    since: Option<Timestamp>,
    /// The instant from which to look back.
    time: Timestamp,
) -> Option<f64> {
    Some(time.micros_since(since?) as f64 / MICROS_PER_MINUTE)
}

#[cfg(test)]
mod tests {
    use super::minutes_since;

    #[test]
    fn counts_parts_of_a_minute() {
        let (since, time) = ("2013-01-01T05:00:00Z".parse().unwrap(), "2013-01-01T06:00:30Z".parse().unwrap());
        assert_eq!(minutes_since(Some(since), time), Some(60.5));
        assert_eq!(minutes_since(Some(time), since), Some(-60.5));
    }

    #[test]
    fn is_null_where_nothing_happened_yet() {
        assert_eq!(minutes_since(None, "2013-01-01T06:00:30Z".parse().unwrap()), None);
    }
}
