//! Where feature values come from: columns in files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::NAME_PATTERN;

/// Rows of dated values in Parquet files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The source's name; feature views refer to it.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// A Parquet file, a folder (every `*.parquet` below it) or a glob, relative to the repository; or one as a `file://` URL.
    pub path: String,
    /// The column that says from when on a row's values were known.
    pub timestamp_field: String,
    /// The column that says when the row was written: of two rows with one timestamp, the later written counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_timestamp_column: Option<String>,
    /// For columns that are called otherwise in the definitions: the name in the file, then the name used here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub field_mapping: BTreeMap<String, String>,
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
