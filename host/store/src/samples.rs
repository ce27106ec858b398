//! Values that the inputs of a transform have in the repository's own sources, for `verify`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::compute::{concat, is_not_null, take};
use futures::StreamExt as _;
use skewless_runtime::{DataType, Signature};

use crate::definitions::{FeatureView, InputRef, Repository};
use crate::feature_set::input_reference;
use crate::offline::source::{ScanRequest, SourceTable};
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// The rows of a source that are looked at.
const ROWS_READ: usize = 100_000;

/// The values that are taken of an input, evenly over these rows.
const VALUES_TAKEN: usize = 5_000;

/// Values of the inputs of `signature` that come from a source of `repository`, by input; nulls are left out.
///
/// # Errors
/// Where a source can't be read, or has no such column.
pub async fn samples(repository: &Repository, signature: &Signature) -> Result<BTreeMap<String, ArrayRef>> {
    let mut samples: BTreeMap<String, Vec<ArrayRef>> = BTreeMap::new();
    for view in &repository.definitions.feature_views {
        let columns = columns(repository, view, signature);
        if columns.is_empty() {
            continue;
        }
        for ((input, ..), values) in columns.iter().zip(read(repository, view, &columns).await?) {
            samples.entry(input.clone()).or_default().push(values);
        }
    }
    let joined = samples.into_iter().map(|(input, parts)| {
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        Ok((input, concat(&parts).map_err(arrow_error)?))
    });
    joined.collect()
}

/// Which inputs of the transform have values in the source of `view`, in which column, of which type.
fn columns(repository: &Repository, view: &FeatureView, signature: &Signature) -> Vec<(String, String, DataType)> {
    let definitions = &repository.definitions;
    let own = view.transform.as_ref().filter(|by| by.name == signature.name);
    let of_transform = own.into_iter().flat_map(|by| {
        let column = |input: &str| by.inputs.get(input).cloned().unwrap_or_else(|| input.to_owned());
        signature.inputs.iter().map(move |input| (input.name.clone(), column(&input.name), input.data_type))
    });
    // What a view's own transform computes is in no source.
    let readers = definitions.on_demand_feature_views.iter().filter(|_| view.transform.is_none());
    let of_readers = readers.filter(|reader| reader.transform == signature.name).flat_map(|reader| {
        signature.inputs.iter().filter_map(|input| match input_reference(definitions, reader, input) {
            Ok(InputRef::Feature { view: from, feature }) if from == view.name => {
                Some((input.name.clone(), feature, input.data_type))
            }
            _ => None,
        })
    });
    of_transform.chain(of_readers).collect()
}

async fn read(
    repository: &Repository,
    view: &FeatureView,
    columns: &[(String, String, DataType)],
) -> Result<Vec<ArrayRef>> {
    let definitions = &repository.definitions;
    let source = definitions
        .source(&view.source)
        .ok_or_else(|| Error::not_found(format!("feature view `{}` has no source `{}`", view.name, view.source)))?;
    let request = ScanRequest {
        join_keys: definitions.join_keys(view).into_iter().map(|key| (key.name.clone(), key.data_type)).collect(),
        columns: columns.iter().map(|(_, column, data_type)| (column.clone(), *data_type)).collect(),
        from: None,
        to: None,
    };
    let mut stream = std::pin::pin!(SourceTable::open(source, &repository.root).await?.scan(&request).await?);
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); columns.len()];
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.event_timestamps.len();
        parts.iter_mut().zip(batch.columns).for_each(|(parts, column)| parts.push(column));
        if rows >= ROWS_READ {
            break;
        }
    }
    let arrow_types = columns.iter().map(|(.., data_type)| arrow::array::new_empty_array(&data_type.to_arrow()));
    parts.into_iter().zip(arrow_types).map(|(parts, none)| evenly(parts, none)).collect()
}

/// Some of the values that are not null.
fn evenly(parts: Vec<ArrayRef>, none: ArrayRef) -> Result<ArrayRef> {
    let parts: Vec<&dyn Array> = std::iter::once(&none).chain(&parts).map(AsRef::as_ref).collect();
    let all = concat(&parts).map_err(arrow_error)?;
    let present = is_not_null(&all).map_err(arrow_error)?;
    let places: Vec<usize> = present.values().set_indices().collect();
    let step = places.len().div_ceil(VALUES_TAKEN).max(1);
    let taken: UInt64Array = places.iter().step_by(step).map(|place| Some(*place as u64)).collect();
    Ok(Arc::clone(&take(&all, &taken, None).map_err(arrow_error)?))
}
