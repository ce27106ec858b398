//! From the tree to any type, with the place of whatever does not fit.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::Problem;
use super::node::{Key, Node, Scalar, Value};

impl Node {
    /// Reads this node as a `T`.
    pub(crate) fn read<'de, T: serde::Deserialize<'de>>(&'de self) -> Result<T, Problem> {
        T::deserialize(self)
    }

    fn expected(&self, what: &str) -> Problem {
        let found = match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Scalar(_, text) => format!("`{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        };
        Problem::new(format!("expected {what}, found {found}"), Some(self.place))
    }

    fn text(&self) -> Result<&str, Problem> {
        match &self.value {
            Value::Scalar(_, text) => Ok(text),
            _ => Err(self.expected("text")),
        }
    }

    fn bool(&self) -> Result<bool, Problem> {
        match self.text() {
            Ok("true" | "True" | "TRUE") => Ok(true),
            Ok("false" | "False" | "FALSE") => Ok(false),
            _ => Err(self.expected("true or false")),
        }
    }

    fn float(&self) -> Result<f64, Problem> {
        let number = self.text().ok().and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.expected("a number, such as 0.5"))
    }

    fn number<T: std::str::FromStr>(&self) -> Result<T, Problem> {
        self.text().ok().and_then(|text| text.parse().ok()).ok_or_else(|| self.expected("a whole number, such as 100"))
    }
}

/// A method that reads one kind of value and places whatever the visitor says against it.
macro_rules! read {
    ($($method:ident => |$node:ident, $visitor:ident| $body:expr;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, $visitor: V) -> Result<V::Value, Problem> {
                let $node = self;
                let result: Result<V::Value, Problem> = $body;
                result.map_err(|problem| problem.at(self))
            }
        )*
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Problem;

    read! {
        deserialize_any => |node, visitor| match &node.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar(Scalar::Bool, _) => visitor.visit_bool(node.bool()?),
            Value::Scalar(Scalar::Number, text) => match text.parse() {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_borrowed_str(text),
            },
            Value::Scalar(Scalar::Text, text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
        };
        deserialize_bool => |node, visitor| visitor.visit_bool(node.bool()?);
        deserialize_i64 => |node, visitor| visitor.visit_i64(node.number()?);
        deserialize_u64 => |node, visitor| visitor.visit_u64(node.number()?);
        deserialize_f64 => |node, visitor| visitor.visit_f64(node.float()?);
        deserialize_str => |node, visitor| visitor.visit_borrowed_str(node.text()?);
        deserialize_string => |node, visitor| visitor.visit_borrowed_str(node.text()?);
        deserialize_option => |node, visitor| match node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(node),
        };
        deserialize_seq => |node, visitor| match &node.value {
            // A key whose items are all commented out.
            Value::Null => visitor.visit_seq(Items([].iter())),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            _ => Err(node.expected("a list")),
        };
        deserialize_map => |node, visitor| match &node.value {
            Value::Null => visitor.visit_map(Entries { entries: [].iter(), value: None }),
            Value::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
            _ => Err(node.expected("a mapping")),
        };
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.value {
            Value::Map(_) => self.deserialize_map(visitor),
            _ => Err(self.expected(&format!("a mapping with the keys {}", keys.join(", ")))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self).map_err(|problem| problem.at(self))
    }

    /// One of several words.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let word: StrDeserializer<'de, Problem> = self.text()?.into_deserializer();
        visitor.visit_enum(word).map_err(|problem| problem.at(self))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, (Key, Node)>,
    value: Option<&'de (Key, Node)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let name: StrDeserializer<'de, Problem> = key.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let (key, value) = self.value.take().expect("serde asks for a value only after its key");
        seed.deserialize(value).map_err(|problem| problem.at(value).within(&key.name))
    }
}
