//! Which component computes, and how much it may use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::NAME_PATTERN;

/// A transform: a component that computes features from its inputs and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformDefinition {
    /// The transform's name, the same that the component gives itself.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// The folder of its crate, or a component file (`.wasm`), relative to the repository.
    pub path: String,
    /// What one call may use; where nothing is said, the defaults hold.
    #[serde(default, skip_serializing_if = "LimitsDefinition::is_default")]
    pub limits: LimitsDefinition,
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

/// What one call of a transform may use. A call that needs more is an error, never a null.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsDefinition {
    /// Memory of the instance, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub memory_bytes: Option<u64>,
    /// Elements of its tables, all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub table_elements: Option<u64>,
    /// Wall-clock time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub deadline_ms: Option<u64>,
    /// Calls at the same time; more wait for their turn, for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub calls: Option<u64>,
    /// Rows handed over; larger batches take several calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub rows: Option<u64>,
    /// Bytes of the columns handed over; larger batches take several calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub input_bytes: Option<u64>,
    /// Bytes of the returned columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub output_bytes: Option<u64>,
}

impl LimitsDefinition {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Each limit that is given, by its key.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = [
            ("memory_bytes", self.memory_bytes),
            ("table_elements", self.table_elements),
            ("deadline_ms", self.deadline_ms),
            ("calls", self.calls),
            ("rows", self.rows),
            ("input_bytes", self.input_bytes),
            ("output_bytes", self.output_bytes),
        ];
        all.into_iter().filter_map(|(key, limit)| Some((key, limit?)))
    }
}
