//! One value of a request, seen from outside: lists and objects are passed over, not entered.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value, of JSON or of protobuf. Strings without escapes stay where they are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    /// A whole number that only an unsigned integer holds.
    Unsigned(u64),
    Float(f64),
    Text(Cow<'a, str>),
    /// Bytes as they are, which JSON doesn't have.
    Bytes(&'a [u8]),
    List,
    Object,
}

/// From here on, doubles are further than 1 apart, so that `1001.0` might have been another number.
const WHOLE_FLOATS_END: f64 = 9_007_199_254_740_992.0;

impl Scalar<'_> {
    /// The whole number that it is, also where it was written with a fraction of zero.
    pub(crate) fn whole_number(&self) -> Option<i64> {
        match *self {
            Scalar::Integer(value) => Some(value),
            // The cast is exact: the value is whole and small.
            Scalar::Float(value) if value.fract() == 0.0 && value.abs() < WHOLE_FLOATS_END => Some(value as i64),
            _ => None,
        }
    }

    /// The double that it is: a number, rounded to the nearest, or the name of what no JSON number is.
    pub(crate) fn double(&self) -> Option<f64> {
        match self {
            Scalar::Integer(value) => Some(*value as f64),
            Scalar::Unsigned(value) => Some(*value as f64),
            Scalar::Float(value) => Some(*value),
            Scalar::Text(text) => match text.as_ref() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                _ => None,
            },
            _ => None,
        }
    }
}

/// For messages: the value, shortened, and what kind of value it is.
impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value} (a boolean)"),
            Self::Integer(value) => write!(f, "{value} (a number)"),
            Self::Unsigned(value) => write!(f, "{value} (a number)"),
            Self::Float(value) => write!(f, "{value:?} (a number)"),
            Self::Text(text) => match text.char_indices().nth(40) {
                None => write!(f, "{text:?} (a string)"),
                Some((end, _)) => write!(f, "{:?}… (a string)", &text[..end]),
            },
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::List => f.write_str("a list"),
            Self::Object => f.write_str("an object"),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(value).map_or(Scalar::Unsigned(value), Scalar::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Scalar<'de>, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Scalar<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_json_value_is_one() {
        assert_eq!(read("null"), Scalar::Null);
        assert_eq!(read("true"), Scalar::Bool(true));
        assert_eq!(read("-9223372036854775808"), Scalar::Integer(i64::MIN));
        assert_eq!(read("9223372036854775807"), Scalar::Integer(i64::MAX));
        assert_eq!(read("9223372036854775808"), Scalar::Unsigned(1 << 63));
        assert_eq!(read("0.1"), Scalar::Float(0.1));
        assert!(matches!(read(r#""plain""#), Scalar::Text(Cow::Borrowed("plain"))));
        assert!(matches!(read(r#""\u00e9""#), Scalar::Text(Cow::Owned(text)) if text == "é"));
        assert_eq!(read("[1, [2, {}]]"), Scalar::List);
        assert_eq!(read(r#"{"a": [1]}"#), Scalar::Object);
    }

    #[test]
    fn a_whole_number_may_have_a_fraction_of_zero_where_that_is_exact() {
        assert_eq!(read("1001.0").whole_number(), Some(1001));
        assert_eq!(read("-0.0").whole_number(), Some(0));
        assert_eq!(read("9007199254740991.0").whole_number(), Some((1 << 53) - 1));
        assert_eq!(read("9007199254740992.0").whole_number(), None);
        assert_eq!(read("1001.5").whole_number(), None);
        assert_eq!(read("9223372036854775808").whole_number(), None);
        assert_eq!(read(r#""1001""#).whole_number(), None);
    }

    #[test]
    fn a_message_shows_the_value_but_not_all_of_a_long_one() {
        let long = format!(r#""{}""#, "é".repeat(100));
        assert_eq!(read(&long).to_string(), format!("\"{}\"… (a string)", "é".repeat(40)));
        assert_eq!(read(r#""a \"b\"""#).to_string(), r#""a \"b\"" (a string)"#);
        assert_eq!(read("1e300").to_string(), "1e300 (a number)");
    }
}
