//! The tree of a YAML document.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{MessageFormatter as _, Spanned, UserMessageFormatter};

use super::error::Problem;

/// Where a node starts: line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    /// The text as it is written, so that `1.10` is not cut to `1.1` where a text is wanted.
    Scalar(Scalar, String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// What YAML takes an unquoted scalar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Bool,
    Number,
    Text,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) name: String,
}

/// Parses one document; `None` where the file holds nothing but comments.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Problem> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(Some(Node::new(raw, text)).filter(|node| node.value != Value::Null)),
        Err(_) if is_empty(text) => Ok(None),
        Err(error) => Err(problem(&error)),
    }
}

fn is_empty(text: &str) -> bool {
    text.lines().map(str::trim_start).all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

fn problem(error: &serde_saphyr::Error) -> Problem {
    use serde_saphyr::Error;
    let place = error.location().map(Place::from);
    let message = match error.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` stands here twice"),
        Error::MultipleDocuments { .. } => "a second document starts here: give it a file of its own".to_owned(),
        other => format!("malformed YAML: {}", UserMessageFormatter.format_message(other).trim_end_matches('.')),
    };
    Problem::new(message, place)
}

impl Node {
    fn new(raw: Spanned<Raw>, text: &str) -> Self {
        let span = raw.defined.span();
        let written = || {
            let start = usize::try_from(span.byte_offset()?).ok()?;
            let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
            text.get(start..end).map(str::to_owned)
        };
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Scalar(Scalar::Bool, written().unwrap_or_else(|| value.to_string())),
            Raw::Number(value) => Value::Scalar(Scalar::Number, written().unwrap_or(value)),
            Raw::Text(value) => Value::Scalar(Scalar::Text, value),
            Raw::List(items) => Value::List(items.into_iter().map(|item| Self::new(item, text)).collect()),
            Raw::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (Key { place: key.referenced.into(), name: key.value }, Self::new(value, text)))
                    .collect(),
            ),
        };
        Self { place: raw.referenced.into(), value }
    }

    /// The value of a key, where this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find_map(|(name, value)| (name.name == key).then_some(value))
    }

    /// The items, where this is a list.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Follows a path such as `schema.wind_speed.type` or `features.2` as far as it leads. A step is a key of a
    /// map; in a list it is the `name` of an item, an item's text, or its number from 0.
    pub(crate) fn follow(&self, path: &str) -> &Self {
        let mut node = self;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let Some(next) = node.get(step).or_else(|| node.item(step)) else { break };
            node = next;
        }
        node
    }

    fn item(&self, step: &str) -> Option<&Self> {
        if let Ok(number) = step.parse::<usize>() {
            return self.items().get(number);
        }
        let named = |item: &&Self| item.is_text(step) || item.get("name").is_some_and(|name| name.is_text(step));
        self.items().iter().find(named)
    }

    fn is_text(&self, wanted: &str) -> bool {
        matches!(&self.value, Value::Scalar(_, text) if text == wanted)
    }
}

impl From<serde_saphyr::Location> for Place {
    fn from(location: serde_saphyr::Location) -> Self {
        let number = |number| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        Self { line: number(location.line()), column: number(location.column()) }
    }
}

/// What the parser says, before the places are put in.
enum Raw {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar, a list or a mapping")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
