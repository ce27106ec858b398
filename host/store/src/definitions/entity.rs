//! What a feature describes: an entity, known by its join keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skewless_runtime::{DataType, ScalarType};

use super::name::NAME_PATTERN;

/// A thing that features describe: a plane, an airport, a customer and shop together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// The entity's name; feature views refer to it.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// The columns that tell one from another, in this order; more than one makes a composite key.
    #[schemars(length(min = 1))]
    pub join_keys: Vec<JoinKey>,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Free labels to search by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whom to ask.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
}

/// A column that, alone or with others, tells one entity from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinKey {
    /// The column's name in sources, entity rows and requests.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// The type of its values: string, bytes, int32, int64 or timestamp.
    #[serde(rename = "type")]
    #[schemars(schema_with = "super::schema::join_key_type")]
    pub data_type: DataType,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl JoinKey {
    /// The types a join key can have: those whose equality means the same everywhere.
    pub const TYPES: [ScalarType; 5] =
        [ScalarType::String, ScalarType::Bytes, ScalarType::Int32, ScalarType::Int64, ScalarType::Timestamp];

    pub(crate) fn has_allowed_type(&self) -> bool {
        matches!(self.data_type, DataType::Scalar(scalar) if Self::TYPES.contains(&scalar))
    }
}
