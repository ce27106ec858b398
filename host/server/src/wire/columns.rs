//! The columns of a request, by name, not read yet.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::COLUMNS_MAX;

/// Columns by name, in the order in which they came: an object with a list for each.
#[derive(Debug, Default)]
pub(super) struct Columns<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A name; it stays where it is unless it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Columns<'a> {
    /// Name and values of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, raw)| (&**name, *raw))
    }

    /// The values of the column called `name`.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.iter().find(|(known, _)| *known == name).map(|(_, raw)| raw)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Columns<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ColumnsVisitor)
    }
}

struct ColumnsVisitor;

impl<'de> Visitor<'de> for ColumnsVisitor {
    type Value = Columns<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list for each column")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns<'de>, A::Error> {
        let mut columns: Vec<(Cow<'de, str>, &RawValue)> = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            if columns.len() == COLUMNS_MAX {
                return Err(A::Error::custom(format_args!("there are more than {COLUMNS_MAX} columns")));
            }
            if columns.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format_args!("column `{name}` is given twice")));
            }
            columns.push((name, map.next_value()?));
        }
        Ok(Columns(columns))
    }
}
