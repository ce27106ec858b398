//! Instants: a number of microseconds, with the few questions of the calendar that features ask.

use std::fmt;
use std::str::FromStr;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// An instant, in microseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted.
///
/// All questions are answered in UTC, in the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `micros` microseconds after 1970-01-01T00:00:00 UTC.
    #[inline]
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00 UTC.
    #[inline]
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Microseconds from `earlier` to this instant, negative if it lies before `earlier`; stops at the ends of `i64`.
    #[inline]
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Microseconds since midnight.
    #[inline]
    #[must_use]
    pub const fn micros_of_day(self) -> i64 {
        self.0.rem_euclid(MICROS_PER_DAY)
    }

    /// The day of the week, 0 for Monday to 6 for Sunday.
    #[inline]
    #[must_use]
    pub const fn weekday(self) -> i64 {
        // 1970-01-01 was a Thursday.
        (self.0.div_euclid(MICROS_PER_DAY) + 3).rem_euclid(7)
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> i64 {
        self.date().0
    }

    /// The month, from 1 to 12.
    #[must_use]
    pub const fn month(self) -> i64 {
        self.date().1
    }

    /// The day of the month, from 1 to 31.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.date().2
    }

    /// Year, month and day. Counts years from March in eras of 400 years, so that the leap day comes last.
    const fn date(self) -> (i64, i64, i64) {
        let days = self.0.div_euclid(MICROS_PER_DAY) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let months_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * months_from_march + 2) / 5 + 1;
        let month = if months_from_march < 10 { months_from_march + 3 } else { months_from_march - 9 };
        (era * 400 + year_of_era + (month <= 2) as i64, month, day)
    }

    /// Midnight of a day; the inverse of `date` for days that exist.
    const fn midnight(year: i64, month: i64, day: i64) -> Self {
        let year_from_march = year - (month <= 2) as i64;
        let (era, year_of_era) = (year_from_march.div_euclid(400), year_from_march.rem_euclid(400));
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self((era * 146_097 + day_of_era - 719_468) * MICROS_PER_DAY)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let seconds = self.micros_of_day() / MICROS_PER_SECOND;
        match year {
            0..=9999 => write!(f, "{year:04}")?,
            _ => write!(f, "{year:+07}")?,
        }
        write!(f, "-{month:02}-{day:02}T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match self.0.rem_euclid(MICROS_PER_SECOND) {
            0 => f.write_str("Z"),
            micros => write!(f, ".{micros:06}Z"),
        }
    }
}

/// A text that is no instant in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotATimestamp(String);

impl fmt::Display for NotATimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an instant in UTC: write it like 2013-01-31T17:05:00Z", self.0)
    }
}

impl std::error::Error for NotATimestamp {}

/// Reads `2013-01-31T17:05:00Z`, with up to six decimals of a second.
impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        parse(text).ok_or_else(|| NotATimestamp(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let [micros] = numbers(&format!("{fraction:0<6}"), '.', [6])?;
    let midnight = Timestamp::midnight(year, month, day);
    let exists =
        (1..=12).contains(&month) && midnight.date() == (year, month, day) && hour < 24 && minute < 60 && second < 60;
    let micros_of_day = ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros;
    exists.then(|| Timestamp(midnight.0 + micros_of_day))
}

/// As many numbers as there are `widths`, each of that many digits.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_jiff_on_the_calendar(micros in -377_705_023_201_000_000_i64..253_402_207_200_000_000) {
            let ours = Timestamp::from_micros(micros);
            let theirs = jiff::Timestamp::from_microsecond(micros).unwrap().to_zoned_datetime(TimeZone::UTC);
            prop_assert_eq!(ours.year(), i64::from(theirs.year()));
            prop_assert_eq!(ours.month(), i64::from(theirs.month()));
            prop_assert_eq!(ours.day(), i64::from(theirs.day()));
            prop_assert_eq!(ours.weekday(), i64::from(theirs.weekday().to_monday_zero_offset()));
            if (0..=9999).contains(&ours.year()) {
                prop_assert_eq!(ours.to_string().parse(), Ok(ours));
                prop_assert_eq!(ours.to_string().parse::<jiff::Timestamp>().unwrap().as_microsecond(), micros);
            }
        }

        #[test]
        fn never_panics(micros: i64, text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\\.[0-9]{0,7})?Z") {
            let _ = (Timestamp::from_micros(micros).to_string(), text.parse::<Timestamp>());
        }
    }

    #[test]
    fn differences_stop_at_the_ends() {
        let (first, last) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
        assert_eq!((last.micros_since(first), first.micros_since(last)), (i64::MAX, i64::MIN));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "2013-02-29T00:00:00Z",
            "2013-13-01T00:00:00Z",
            "2013-01-01T24:00:00Z",
            "2013-01-01T00:00:00",
            "2013-1-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATimestamp(text.to_owned())));
        }
        insta::assert_snapshot!("2013-01-01".parse::<Timestamp>().unwrap_err(), @"`2013-01-01` is not an instant in UTC: write it like 2013-01-31T17:05:00Z");
    }
}
