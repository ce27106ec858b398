//! Features that are computed when somebody asks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skewless_runtime::DataType;

use super::name::NAME_PATTERN;
use super::reference::InputRef;
use super::{Definitions, FeatureView};

/// Features that a transform computes from stored features, from what the request brings, and from its instant.
/// The features are the transform's outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnDemandFeatureView {
    /// The view's name; services and requests refer to it.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// The transform's name.
    pub transform: String,
    /// What every request brings along for this view.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request: Vec<RequestField>,
    /// What fills an input of the transform: `view:feature`, `request:field` or `event_timestamp`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, InputRef>,
    /// Feature views whose features fill inputs of the same name, after `inputs` and `request`; the first counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Whether its features are computed when its feature view is materialized, and stored, instead of when somebody asks.
    /// It then reads one feature view without a transform of its own, and nothing of a request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub write_to_online_store: bool,
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

/// A value that comes with the request, or with the entity rows of a training set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestField {
    /// The field's name.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// The type of its values, such as `float64`.
    #[serde(rename = "type")]
    #[schemars(schema_with = "super::schema::data_type")]
    pub data_type: DataType,
    /// Its meaning and unit, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl OnDemandFeatureView {
    /// The request field of that name.
    #[must_use]
    pub fn request_field(&self, name: &str) -> Option<&RequestField> {
        self.request.iter().find(|field| field.name == name)
    }

    /// The feature view from whose rows this one can be computed when they are stored.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn written_from<'a>(&self, definitions: &'a Definitions) -> Result<&'a FeatureView, String> {
        let of_request = |input: &&InputRef| !matches!(input, InputRef::Feature { .. });
        if let Some(input) = self.inputs.values().find(of_request) {
            return Err(format!("it reads `{input}`, which is known only when somebody asks"));
        }
        if let Some(field) = self.request.first() {
            return Err(format!("it needs the request field `{}`, which is known only when somebody asks", field.name));
        }
        match definitions.views_read_by(self).as_slice() {
            [view] if view.transform.is_some() => {
                Err(format!("`{}`, which it reads, has a transform of its own: read one that has none", view.name))
            }
            [view] => Ok(view),
            [] => Err("it reads no feature view: name one in `sources`".to_owned()),
            [one, two, ..] => Err(format!(
                "it reads `{}` and `{}`, whose rows are stored at different times: read one feature view only",
                one.name, two.name
            )),
        }
    }
}
