//! Where feature values come from: columns in files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::NAME_PATTERN;

/// Rows of dated values in files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The source's name; feature views refer to it.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// Where the files are: one file, a folder (every file of the format below it), or a pattern with `*`, `?`, `[…]`, `**`;
    /// relative to the repository, or a URL (`file://`, `s3://`, `gs://`, `az://`, …). Folders called `name=value` become
    /// columns.
    pub path: String,
    /// How the files are written; by default what their names end with says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The column that says from when on a row's values were known.
    pub timestamp_field: String,
    /// The column that says when the row was written: of two rows with one timestamp, the later written counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_timestamp_column: Option<String>,
    /// The column that holds the UTC date of each row's timestamp and by which the files are partitioned (`day=2013-01-31/…`):
    /// files of other days than those of interest are not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_partition_column: Option<String>,
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

/// How files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Text with commas and a first line of names, plain or compressed with gzip; what is empty is null.
    Csv,
    /// Arrow IPC, file or stream.
    Arrow,
    /// A Delta Lake table: the folder that holds `_delta_log`.
    Delta,
}
