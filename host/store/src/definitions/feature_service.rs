//! The features that one model takes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::NAME_PATTERN;
use super::reference::FeatureRef;

/// The features that belong together because one model takes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureService {
    /// The service's name; requests refer to it.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// `view` for all its features, `view:feature` for one. The order is the order of the columns.
    #[schemars(length(min = 1))]
    pub features: Vec<FeatureRef>,
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
