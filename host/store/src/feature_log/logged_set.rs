//! A logged question, ready to be computed again: what was applied when it was asked, and its rows from the log.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{Field, Schema};
use skewless_runtime::{DataType, Runtime, Transform};

use super::layout::feature_column;
use super::metadata::LogMetadata;
use super::reader::instants;
use crate::certification::trust;
use crate::compute::AppliedComponent;
use crate::definitions::{Definitions, FeatureRef};
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::feature_set::{FeatureSet, Input, Selection};
use crate::feature_store::FeatureStore;
use crate::features::Asked;
use crate::view_rows::{ViewRows, arrow_error};
use crate::{Error, ErrorKind, Result};

/// A question as it was asked.
pub(super) struct LoggedSet {
    pub(super) set: FeatureSet,
    definitions: Definitions,
    components: BTreeMap<String, AppliedComponent>,
}

/// The questions of a log, each resolved once, and the components behind them, each loaded once.
pub(super) struct LoggedSets<'a> {
    store: &'a FeatureStore,
    runtime: &'a Runtime,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    sets: HashMap<(u64, Vec<String>), Arc<LoggedSet>>,
    transforms: HashMap<String, Transform>,
}

/// The features of a log, as somebody would ask for them.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for what is no feature.
pub(super) fn selection(metadata: &LogMetadata) -> Result<Selection> {
    let reference = |feature: &String| {
        feature.parse::<FeatureRef>().map_err(|error| Error::corrupt("the log names no features").because(error))
    };
    Ok(Selection::Features(metadata.features.iter().map(reference).collect::<Result<_>>()?))
}

impl<'a> LoggedSets<'a> {
    pub(super) fn new(store: &'a FeatureStore, runtime: &'a Runtime) -> Self {
        Self { store, runtime, known: Mutex::default() }
    }

    /// The question of a log file, with the definitions of its commit and the components of its digests.
    ///
    /// # Errors
    /// Where the registry is another project's, or has not got the commit or a component any more.
    pub(super) async fn get(&self, metadata: &LogMetadata) -> Result<Arc<LoggedSet>> {
        let project = &self.store.commit().state.project;
        if *project != metadata.project {
            return Err(Error::invalid_input(format!(
                "the log is of project `{}`, and this is `{project}`: go to the repository that was served",
                metadata.project
            )));
        }
        let key = (metadata.registry_commit, metadata.features.clone());
        if let Some(set) = self.known(|known| known.sets.get(&key).cloned()) {
            return Ok(set);
        }
        let definitions = self.store.registry().commit_at(metadata.registry_commit).await?.state.definitions;
        let mut components = BTreeMap::new();
        for component in &metadata.components {
            let limits = definitions.transform(&component.transform).map(|known| known.limits).unwrap_or_default();
            let transform = self.transform(&component.transform, &component.digest).await?;
            components.insert(component.transform.clone(), AppliedComponent { transform, limits });
        }
        let set = FeatureSet::resolve(&definitions, &components, &selection(metadata)?)?;
        let set = Arc::new(LoggedSet { set, definitions, components });
        self.known(|known| known.sets.insert(key, Arc::clone(&set)));
        Ok(set)
    }

    async fn transform(&self, name: &str, digest: &str) -> Result<Transform> {
        if let Some(transform) = self.known(|known| known.transforms.get(digest).cloned()) {
            return Ok(transform);
        }
        let registry = self.store.registry();
        let gone = |error: Error| match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!(
                "the log was computed by component {digest} of transform `{name}`, which the registry has not got any more: put its file \
                 back, or name other files (--log) or another service (--service)"
            )),
            _ => error,
        };
        let bytes = registry.component(digest).await.map_err(gone)?;
        let transform = self.runtime.load(&bytes).map_err(|error| {
            Error::corrupt(format!("component {digest} of transform `{name}` can't be loaded: {error}"))
        })?;
        trust(name, &transform, registry).await?;
        self.known(|known| known.transforms.insert(digest.to_owned(), transform.clone()));
        Ok(transform)
    }

    fn known<T>(&self, of: impl FnOnce(&mut Known) -> T) -> T {
        of(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LoggedSet {
    /// The same question with other components in the place of some, by the transform's name.
    ///
    /// # Errors
    /// Where an input of one comes from nowhere.
    pub(super) fn with(&self, metadata: &LogMetadata, candidates: &BTreeMap<String, Transform>) -> Result<FeatureSet> {
        let mut components = self.components.clone();
        for (name, component) in &mut components {
            if let Some(candidate) = candidates.get(name) {
                component.transform = candidate.clone();
            }
        }
        let views: Vec<FeatureRef> =
            self.set.on_demand.iter().map(|view| FeatureRef::View(view.name.clone())).collect();
        let selection = if views.is_empty() { selection(metadata)? } else { Selection::Features(views) };
        FeatureSet::resolve(&self.definitions, &components, &selection)
    }

    /// Why the question can't be computed from the log, if so: what it computes from is hidden.
    pub(super) fn obstacle(&self, metadata: &LogMetadata) -> Option<String> {
        let hidden = |column: &str| metadata.hiding(column).is_some();
        for view in &self.set.on_demand {
            for input in &view.inputs {
                let column = match input {
                    Input::Stored { view, column } => {
                        let stored = &self.set.views[*view];
                        feature_column(&stored.view.name, &stored.features[*column].0)
                    }
                    Input::Request(name) => name.clone(),
                    Input::EventTimestamp => continue,
                };
                if hidden(&column) {
                    return Some(format!("`{}` is computed from `{column}`, which is hashed or left out", view.name));
                }
            }
        }
        None
    }
}

/// The rows that were read of each view of `set`, from the log.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where a feature is not in the log.
pub(super) fn logged_views(set: &FeatureSet, metadata: &LogMetadata, batch: &RecordBatch) -> Result<Vec<ViewRows>> {
    let at = event_timestamps(batch)?;
    let view = |stored: &crate::feature_set::StoredView| {
        let name = &stored.view.name;
        let column = |(feature, data_type): &(String, DataType)| {
            let column = feature_column(name, feature);
            match metadata.hiding(&column) {
                Some(_) => Ok(new_null_array(&data_type.to_arrow(), batch.num_rows())),
                None => logged_column(batch, &column, *data_type),
            }
        };
        let columns = stored.features.iter().map(column).collect::<Result<Vec<_>>>()?;
        let times = instants(batch, &format!("{name}@event_timestamp"))?.iter().collect();
        ViewRows::at(&stored.view, columns, times, &at)
    };
    set.views.iter().map(view).collect()
}

/// What was asked for beside the stored features, from the log.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where a request field is not in the log.
pub(super) fn logged_request(set: &FeatureSet, batch: &RecordBatch) -> Result<Asked> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (name, data_type) in set.request_fields() {
        columns.push(logged_column(batch, name, *data_type)?);
        fields.push(Field::new(name, data_type.to_arrow(), true));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let request = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
    Ok(Asked { request: request.map_err(arrow_error)?, event_timestamps: event_timestamps(batch)? })
}

fn event_timestamps(batch: &RecordBatch) -> Result<Vec<i64>> {
    Ok(instants(batch, EVENT_TIMESTAMP)?.values().to_vec())
}

fn logged_column(batch: &RecordBatch, name: &str, data_type: DataType) -> Result<ArrayRef> {
    let column = batch.column_by_name(name).ok_or_else(|| {
        Error::invalid_input(format!("`{name}` is needed and not in the log: serve with what needs it, and log that"))
    })?;
    if *column.data_type() != data_type.to_arrow() {
        let found = column.data_type();
        return Err(Error::invalid_input(format!("`{name}` must be {data_type}, and the log has {found}")));
    }
    Ok(ArrayRef::clone(column))
}
