//! How long a value stays usable.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// How long a value stays usable; 0 means for ever.
///
/// Written as numbers with units: `90s`, `3h`, `1d12h`. The units are `us`, `ms`, `s`, `m`, `h`, `d` and `w`; a
/// day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ttl {
    micros: i64,
}

/// Units by length. `Display` leaves out the week: `30d` reads better than `4w2d`.
const UNITS: [(&str, i64); 7] = [
    ("w", 7 * 86_400_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl Ttl {
    /// A ttl of that many microseconds; a negative number counts as 0, for ever.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros: if micros < 0 { 0 } else { micros } }
    }

    /// Its length in microseconds; 0 is for ever.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.micros
    }

    /// The oldest `event_timestamp` that is live at `at`, both in microseconds.
    #[must_use]
    pub const fn oldest_live(self, at: i64) -> i64 {
        if self.micros == 0 { i64::MIN } else { at.saturating_sub(self.micros) }
    }

    /// Whether a value of `event_timestamp` can still be used at `at`, both in microseconds. The end counts:
    /// a value that is exactly as old as the ttl is live. The one place where this is decided.
    #[must_use]
    pub const fn is_live(self, event_timestamp: i64, at: i64) -> bool {
        self.oldest_live(at) <= event_timestamp
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.micros == 0 {
            return f.write_str("0");
        }
        let mut rest = self.micros;
        for (unit, length) in &UNITS[1..] {
            if rest >= *length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

/// A text that is no ttl.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTtl {
    /// Not numbers with units.
    #[error("`{0}` is not a ttl: write numbers with units, such as 90s, 3h, 7d or 1d12h (us, ms, s, m, h, d, w)")]
    Malformed(String),
    /// More microseconds than fit into 64 bits.
    #[error("the ttl `{0}` is longer than time can be counted: write 0, or no ttl, for values that never expire")]
    TooLong(String),
}

impl FromStr for Ttl {
    type Err = BadTtl;

    fn from_str(text: &str) -> Result<Self, BadTtl> {
        if text == "0" {
            return Ok(Self { micros: 0 });
        }
        let mut rest = text;
        let mut micros = Some(0_i64);
        while !rest.is_empty() {
            let (number, unit, after) = part(rest).ok_or_else(|| BadTtl::Malformed(text.to_owned()))?;
            let length = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit));
            micros = micros.zip(length).and_then(|(sum, length)| sum.checked_add(length));
            rest = after;
        }
        if text.is_empty() {
            return Err(BadTtl::Malformed(text.to_owned()));
        }
        micros.map(|micros| Self { micros }).ok_or_else(|| BadTtl::TooLong(text.to_owned()))
    }
}

/// Splits off the first number and unit: digits, the unit's length, what follows.
fn part(text: &str) -> Option<(&str, i64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
    let (number, rest) = text.split_at(digits);
    let word = &rest[..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())];
    let (_, length) = UNITS.into_iter().find(|(unit, _)| *unit == word)?;
    Some((number, length, &rest[word.len()..]))
}

impl TryFrom<String> for Ttl {
    type Error = BadTtl;

    fn try_from(text: String) -> Result<Self, BadTtl> {
        text.parse()
    }
}

impl JsonSchema for Ttl {
    fn schema_name() -> Cow<'static, str> {
        "Ttl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // YAML takes a bare 0 for a number.
        let text = json_schema!({ "type": "string", "pattern": "^(0|([0-9]+(us|ms|s|m|h|d|w))+)$" });
        json_schema!({ "anyOf": [text, { "const": 0 }] })
    }
}

impl From<Ttl> for String {
    fn from(ttl: Ttl) -> Self {
        ttl.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_numbers_with_units_and_writes_the_shortest() {
        let cases = [
            ("0", "0"),
            ("0s", "0"),
            ("36h", "1d12h"),
            ("7d", "7d"),
            ("2w", "14d"),
            ("90s", "1m30s"),
            ("1500ms", "1s500ms"),
            ("1h1us", "1h1us"),
            ("30m30m", "1h"),
            ("5m", "5m"),
            ("5ms", "5ms"),
        ];
        for (text, canonical) in cases {
            assert_eq!(text.parse::<Ttl>().unwrap().to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_ttl() {
        for text in ["", "7", "d", "7 d", "-7d", "1.5h", "7days", "7dx", "1d12", "7D"] {
            assert_eq!(text.parse::<Ttl>(), Err(BadTtl::Malformed(text.into())), "{text}");
        }
        for text in ["99999999999999999999s", "9223372036854775807s", "106751991d86401s"] {
            assert_eq!(text.parse::<Ttl>(), Err(BadTtl::TooLong(text.into())), "{text}");
        }
        insta::assert_snapshot!("7".parse::<Ttl>().unwrap_err(), @"`7` is not a ttl: write numbers with units, such as 90s, 3h, 7d or 1d12h (us, ms, s, m, h, d, w)");
    }

    #[test]
    fn a_value_lives_to_the_microsecond_its_ttl_ends() {
        let ttl = Ttl::from_micros(1_000);
        assert!(ttl.is_live(0, 1_000));
        assert!(!ttl.is_live(0, 1_001));
        assert!(ttl.is_live(5, 5));
    }

    #[test]
    fn a_ttl_of_zero_is_for_ever_and_nothing_overflows() {
        assert!(Ttl::from_micros(0).is_live(i64::MIN, i64::MAX));
        assert!(Ttl::from_micros(i64::MAX).is_live(i64::MIN, i64::MIN));
        assert!(!Ttl::from_micros(i64::MAX).is_live(-1, i64::MAX));
        assert!(Ttl::from_micros(i64::MAX).is_live(0, i64::MAX));
    }

    proptest! {
        #[test]
        fn every_ttl_survives_its_text(micros in 0..=i64::MAX) {
            let ttl = Ttl::from_micros(micros);
            prop_assert_eq!(ttl.to_string().parse(), Ok(ttl));
        }

        #[test]
        fn the_rule_is_that_of_unbounded_arithmetic(micros in 1..=i64::MAX, event: i64, at: i64) {
            let oldest = i128::from(at) - i128::from(micros);
            prop_assert_eq!(Ttl::from_micros(micros).is_live(event, at), oldest <= i128::from(event));
        }
    }
}
