//! What is wrong with a document, and where.

use std::fmt;

use serde::de::{Error as DeError, Expected, Unexpected};

use super::node::{Node, Place, Value};
use crate::definitions::name::nearest;

/// A message with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    message: String,
    place: Option<Place>,
    /// the key that is too much, by which the place is found
    unknown_key: Option<String>,
    /// the key whose value is wrong
    within: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>, place: Option<Place>) -> Self {
        Self { message: message.into(), place, unknown_key: None, within: None }
    }

    /// The line and column, where known.
    pub(crate) fn place(&self) -> Option<Place> {
        self.place
    }

    /// Puts the problem at `node`, unless a deeper node was blamed before.
    pub(super) fn at(mut self, node: &Node) -> Self {
        if self.place.is_none() {
            let key = self.unknown_key.as_deref().and_then(|key| key_place(node, key));
            self.place = key.or(Some(node.place));
        }
        self
    }

    /// Names the innermost key under which it went wrong.
    pub(super) fn within(mut self, key: &str) -> Self {
        self.within.get_or_insert_with(|| key.to_owned());
        self
    }
}

fn key_place(node: &Node, key: &str) -> Option<Place> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find_map(|(name, _)| (name.name == key).then_some(name.place))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.within {
            Some(key) => write!(f, "{key}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Problem {}

impl DeError for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string(), None)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {found}"), None)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("`{variant}` is not known here: use {}", expected.join(" or ")), None)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let hint = match nearest(field, expected.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("known keys are {}", expected.join(", ")),
        };
        let unknown_key = Some(field.to_owned());
        Self { unknown_key, ..Self::new(format!("unknown key `{field}`: {hint}"), None) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the key `{field}` is missing"), None)
    }
}
