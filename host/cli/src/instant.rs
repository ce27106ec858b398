//! Instants and durations as people write them on the command line.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use skewless_store::definitions::Ttl;

/// Reads RFC 3339 (`2013-01-31T08:00:00-05:00`), a date and time (`2013-01-31T08:00:00`) or a date (`2013-01-31`); the
/// latter two are in UTC, and a date is its first instant.
pub(crate) fn parse_instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    // A time zone or a wrong offset must not be read as UTC in silence, so only digits and separators go on.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.Tt ".contains(&byte));
    let in_utc = || Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    plain.then(in_utc).flatten().ok_or_else(|| {
        "write a date (2013-01-31), a date and time in UTC (2013-01-31T08:00:00), or RFC 3339 with an offset \
         (2013-01-31T08:00:00-05:00)"
            .to_owned()
    })
}

/// Reads a length of time such as `90s`, `3h` or `1d12h`; returns it in µs.
pub(crate) fn parse_duration_micros(text: &str) -> Result<i64, String> {
    let duration: Ttl = text
        .parse()
        .map_err(|_| "write numbers with units, such as 90s, 3h, 7d or 1d12h (us, ms, s, m, h, d, w)".to_owned())?;
    Ok(duration.as_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_times_and_offsets() {
        let cases = [
            ("2013-01-31", "2013-01-31T00:00:00Z"),
            ("2013-01-31T08:00:00", "2013-01-31T08:00:00Z"),
            ("2013-01-31 08:00", "2013-01-31T08:00:00Z"),
            ("2013-01-31T08:00:00.000001", "2013-01-31T08:00:00.000001Z"),
            ("2013-01-31T08:00:00Z", "2013-01-31T08:00:00Z"),
            ("2013-01-31T08:00:00-05:00", "2013-01-31T13:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_instant(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_could_mean_another_instant() {
        for text in
            ["", "now", "31.01.2013", "2013-02-30", "2013-01-31T08:00:00[Europe/Paris]", "2013-01-31T25:00", "2013-01"]
        {
            assert!(parse_instant(text).is_err(), "{text}: {:?}", parse_instant(text));
        }
    }

    #[test]
    fn reads_durations() {
        assert_eq!(parse_duration_micros("1d12h"), Ok(36 * 3_600_000_000));
        assert_eq!(parse_duration_micros("0"), Ok(0));
        assert!(parse_duration_micros("3 hours").is_err());
    }
}
