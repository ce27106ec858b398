//! What decides the rows that are stored online of a feature view.
//!
//! Where it changes, what is stored says nothing of the view any more, and it has to be materialized anew. Words for
//! people don't count, nor does the ttl, which is applied when a row is read.

use std::collections::BTreeMap;

use skewless_runtime::DataType;

use crate::definitions::{Format, ViewTransform};
use crate::registry::State;
use crate::stored_views::stored_view;

/// See the [module](self).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StoredContent {
    join_keys: Vec<(String, DataType)>,
    path: String,
    format: Option<Format>,
    timestamp_field: String,
    created_timestamp_column: Option<String>,
    field_mapping: BTreeMap<String, String>,
    features: Vec<(String, DataType)>,
    transform: Option<(ViewTransform, Option<String>)>,
}

impl StoredContent {
    /// What holds of `view` in `state`; `None` where there is no such view.
    pub(crate) fn of(state: &State, view: &str) -> Option<Self> {
        let view = stored_view(state, view)?;
        let source = state.definitions.source(&view.source)?;
        let digest = |name: &str| state.transforms.get(name).map(|applied| applied.digest.clone());
        let join_keys = state.definitions.join_keys(&view).into_iter();
        Some(Self {
            join_keys: join_keys.map(|key| (key.name, key.data_type)).collect(),
            path: source.path.clone(),
            format: source.format,
            timestamp_field: source.timestamp_field.clone(),
            created_timestamp_column: source.created_timestamp_column.clone(),
            field_mapping: source.field_mapping.clone(),
            features: view.schema.iter().map(|field| (field.name.clone(), field.data_type)).collect(),
            transform: view.transform.clone().map(|by| (by.clone(), digest(&by.name))),
        })
    }
}
