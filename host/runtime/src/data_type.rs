//! The types a feature can have, and what a transform says of itself.
//!
//! One list of types for the contract, the definitions, the stores and the wire; [`DataType::to_arrow`]
//! is the only place that maps it to Arrow.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, TimeUnit};
use serde::{Deserialize, Serialize};

/// The type of one value that is not a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScalarType {
    /// true or false
    Bool,
    /// 32-bit signed integer
    Int32,
    /// 64-bit signed integer
    Int64,
    /// IEEE 754 single precision
    Float32,
    /// IEEE 754 double precision
    Float64,
    /// UTF-8 text
    String,
    /// arbitrary bytes
    Bytes,
    /// microseconds since 1970-01-01T00:00:00 UTC
    Timestamp,
}

impl ScalarType {
    /// Every scalar type, in the contract's order.
    pub const ALL: [Self; 8] = [
        Self::Bool,
        Self::Int32,
        Self::Int64,
        Self::Float32,
        Self::Float64,
        Self::String,
        Self::Bytes,
        Self::Timestamp,
    ];

    /// The name in definitions and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
        }
    }

    /// The Arrow type that carries it.
    #[must_use]
    pub fn to_arrow(self) -> ArrowType {
        match self {
            Self::Bool => ArrowType::Boolean,
            Self::Int32 => ArrowType::Int32,
            Self::Int64 => ArrowType::Int64,
            Self::Float32 => ArrowType::Float32,
            Self::Float64 => ArrowType::Float64,
            Self::String => ArrowType::Utf8,
            Self::Bytes => ArrowType::Binary,
            Self::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// The type of a feature, a join key or a request field: a scalar, or a list of scalars.
///
/// Written `int64` or `list<int64>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataType {
    /// One value a row.
    Scalar(ScalarType),
    /// A list of values a row.
    List(ScalarType),
}

impl DataType {
    /// The Arrow type that carries it.
    #[must_use]
    pub fn to_arrow(self) -> ArrowType {
        match self {
            Self::Scalar(scalar) => scalar.to_arrow(),
            Self::List(scalar) => ArrowType::List(Arc::new(ArrowField::new_list_field(scalar.to_arrow(), true))),
        }
    }

    /// The type that an Arrow type carries exactly; `None` where it needs a conversion first, or has none.
    #[must_use]
    pub fn from_arrow(arrow: &ArrowType) -> Option<Self> {
        let scalar = |wanted: &ArrowType| ScalarType::ALL.into_iter().find(|scalar| scalar.to_arrow() == *wanted);
        match arrow {
            ArrowType::List(element) => scalar(element.data_type()).map(Self::List),
            other => scalar(other).map(Self::Scalar),
        }
    }
}

impl From<ScalarType> for DataType {
    fn from(scalar: ScalarType) -> Self {
        Self::Scalar(scalar)
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => write!(f, "{scalar}"),
            Self::List(scalar) => write!(f, "list<{scalar}>"),
        }
    }
}

/// A word that names no type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown type `{0}`: use bool, int32, int64, float32, float64, string, bytes, timestamp, or a list of one of them such as list<float64>"
)]
pub struct UnknownType(pub String);

impl FromStr for DataType {
    type Err = UnknownType;

    fn from_str(word: &str) -> Result<Self, UnknownType> {
        let scalar = |word: &str| ScalarType::ALL.into_iter().find(|scalar| scalar.name() == word);
        word.strip_prefix("list<")
            .and_then(|rest| rest.strip_suffix('>'))
            .map_or_else(|| scalar(word).map(Self::Scalar), |element| scalar(element).map(Self::List))
            .ok_or_else(|| UnknownType(word.to_owned()))
    }
}

impl Serialize for DataType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DataType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        word.parse().map_err(serde::de::Error::custom)
    }
}

/// One input or output column of a transform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// unique among the inputs, and among the outputs
    pub name: String,
    /// the type of its values
    #[serde(rename = "type")]
    pub data_type: DataType,
    /// whether a row may be null; a null for an input that is not nullable skips the transform
    pub nullable: bool,
    /// `json` where a string holds a JSON document
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical_type: Option<String>,
    /// its meaning and unit, for the people who use it
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub documentation: String,
}

impl Field {
    /// The Arrow field that carries it; always nullable, since a failed row is null.
    #[must_use]
    pub fn to_arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.data_type.to_arrow(), true)
    }
}

/// What a transform takes and yields, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// the transform's name
    pub name: String,
    /// the version its author gave it
    pub version: String,
    /// what it computes
    pub documentation: String,
    /// the columns it takes, in order
    pub inputs: Vec<Field>,
    /// the columns it yields, in order
    pub outputs: Vec<Field>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_its_name_and_its_arrow_type() {
        for scalar in ScalarType::ALL {
            for data_type in [DataType::Scalar(scalar), DataType::List(scalar)] {
                assert_eq!(data_type.to_string().parse(), Ok(data_type));
                assert_eq!(DataType::from_arrow(&data_type.to_arrow()), Some(data_type));
            }
        }
    }

    #[test]
    fn an_unknown_type_names_the_known_ones() {
        insta::assert_snapshot!("Int64".parse::<DataType>().unwrap_err(), @"unknown type `Int64`: use bool, int32, int64, float32, float64, string, bytes, timestamp, or a list of one of them such as list<float64>");
        assert!("list<list<int64>>".parse::<DataType>().is_err());
    }
}
