//! Features that come from a source and are stored.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skewless_runtime::DataType;

use super::name::NAME_PATTERN;
use super::ttl::Ttl;

/// Dated features of an entity, from a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureView {
    /// The view's name; services and requests refer to it.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// The entities that the features describe; their join keys together, in this order, find a row.
    #[schemars(length(min = 1))]
    pub entities: Vec<String>,
    /// The source of the values.
    pub source: String,
    /// How long a value stays usable, such as `3h` or `1d12h`; 0 or nothing: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
    /// The features: columns of the source, or outputs of the transform.
    #[schemars(length(min = 1))]
    pub schema: Vec<FeatureField>,
    /// Whether it is materialized to the online store.
    #[serde(default = "yes")]
    pub online: bool,
    /// Computes the features from source columns before they are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<ViewTransform>,
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

/// A feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureField {
    /// The feature's name.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// The type of its values, such as `float64` or `list<int64>`.
    #[serde(rename = "type")]
    #[schemars(schema_with = "super::schema::data_type")]
    pub data_type: DataType,
    /// Its meaning and unit, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Free labels to search by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// The transform that computes a view's features from columns of its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewTransform {
    /// The transform's name.
    pub name: String,
    /// For inputs that are called otherwise in the source: the input, then the column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

impl FeatureView {
    /// The feature of that name.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<&FeatureField> {
        self.schema.iter().find(|feature| feature.name == name)
    }

    /// Whether a value of `event_timestamp` can still be used at `at` (both in microseconds): the one rule of
    /// this view's ttl, for training sets and for requests.
    #[must_use]
    pub fn is_live(&self, event_timestamp: i64, at: i64) -> bool {
        self.ttl.is_none_or(|ttl| ttl.is_live(event_timestamp, at))
    }
}
