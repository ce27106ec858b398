//! Instants as text, to the microsecond.

use std::io::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::scalar::Scalar;

/// What is read as an instant, for messages.
pub(crate) const EXPECTED: &str = "a string such as \"2013-01-01T05:00:00Z\", or whole seconds since 1970";

/// The clock's time in µs.
pub(crate) fn micros(timestamp: Timestamp) -> i64 {
    let micros = timestamp.as_nanosecond().div_euclid(1_000);
    i64::try_from(micros).expect("a timestamp is at most some ten thousand years from 1970")
}

/// The instant that a value stands for, in µs. As in files, what is finer is cut, and what has no offset is in UTC.
pub(crate) fn read(scalar: &Scalar<'_>) -> Option<i64> {
    match scalar {
        Scalar::Text(text) => timestamp(text).map(micros),
        _ => Timestamp::from_second(scalar.whole_number()?).ok().map(micros),
    }
}

/// The instant that a text stands for; one without an offset is in UTC.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let in_utc = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse().ok().or_else(in_utc)
}

/// Appends the instant in RFC 3339, in quotes, with 0, 3 or 6 digits after the second as Feast writes it.
///
/// The calendar ends with the years -9999 and 9999; what lies beyond is written as seconds since 1970.
pub(crate) fn append(out: &mut Vec<u8>, micros: i64) {
    let digits = match micros {
        _ if micros % 1_000_000 == 0 => 0,
        _ if micros % 1_000 == 0 => 3,
        _ => 6,
    };
    let written = match Timestamp::from_microsecond(micros) {
        Ok(timestamp) => write!(out, "\"{timestamp:.digits$}\""),
        Err(_) => {
            let sign = if micros < 0 { "-" } else { "" };
            let micros = micros.unsigned_abs();
            write!(out, "\"{sign}{}.{:06}\"", micros / 1_000_000, micros % 1_000_000)
        }
    };
    written.expect("a vector takes all bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(micros: i64) -> String {
        let mut out = Vec::new();
        append(&mut out, micros);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn has_as_many_digits_as_it_needs() {
        assert_eq!(text(0), r#""1970-01-01T00:00:00Z""#);
        assert_eq!(text(1_357_016_400_000_000), r#""2013-01-01T05:00:00Z""#);
        assert_eq!(text(1_357_016_400_500_000), r#""2013-01-01T05:00:00.500Z""#);
        assert_eq!(text(1_357_016_400_000_001), r#""2013-01-01T05:00:00.000001Z""#);
        assert_eq!(text(-1), r#""1969-12-31T23:59:59.999999Z""#);
        assert_eq!(text(-500_000), r#""1969-12-31T23:59:59.500Z""#);
    }

    #[test]
    fn what_no_calendar_has_is_still_written() {
        assert_eq!(text(i64::MAX), r#""9223372036854.775807""#);
        assert_eq!(text(i64::MIN), r#""-9223372036854.775808""#);
    }

    #[test]
    fn reads_texts_with_any_offset_and_whole_seconds() {
        let read_text = |text: &str| read(&Scalar::Text(text.into()));
        assert_eq!(read_text("2013-01-01T05:00:00Z"), Some(1_357_016_400_000_000));
        assert_eq!(read_text("2013-01-01T00:00:00-05:00"), Some(1_357_016_400_000_000));
        assert_eq!(read_text("1969-12-31T23:59:59.9999999Z"), Some(-1));
        assert_eq!(read_text("2013-01-01T05:00:00"), Some(1_357_016_400_000_000));
        assert_eq!(read_text("2013-01-01 05:00:00.25"), Some(1_357_016_400_250_000));
        assert_eq!(read_text("yesterday"), None);
        assert_eq!(read(&Scalar::Integer(1_357_016_400)), Some(1_357_016_400_000_000));
        assert_eq!(read(&Scalar::Float(1_357_016_400.0)), Some(1_357_016_400_000_000));
        assert_eq!(read(&Scalar::Float(0.5)), None);
        assert_eq!(read(&Scalar::Integer(i64::MAX)), None);
        assert_eq!(read(&Scalar::Null), None);
    }
}
