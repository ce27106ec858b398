//! A feature view's features from rows of its source: the columns themselves, or what the view's transform makes of them.
//!
//! The training set and the online store both come by here, so a view that has a transform means the same in both.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use skewless_runtime::{DataType, Limits};

use crate::compute::{AppliedComponent, compute};
use crate::definitions::FeatureView;
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// How the features of a view come from its source.
pub(crate) struct ViewFeatures {
    /// the columns to read of the source
    pub(crate) columns: Vec<(String, DataType)>,
    /// whether the last of them says when each row became known, and is no feature
    pub(crate) has_created: bool,
    transform: Option<Computed>,
}

struct Computed {
    component: AppliedComponent,
    /// the output of the transform for each feature asked for
    outputs: Vec<usize>,
}

impl ViewFeatures {
    /// The way to `features` of `view`.
    pub(crate) fn new(
        view: &FeatureView,
        features: &[(String, DataType)],
        components: &std::collections::BTreeMap<String, AppliedComponent>,
    ) -> Result<Self> {
        let Some(by) = &view.transform else {
            return Ok(Self { columns: features.to_vec(), has_created: false, transform: None });
        };
        let component = components.get(&by.name).cloned().ok_or_else(|| {
            Error::not_found(format!("transform `{}` of feature view `{}` is not applied", by.name, view.name))
        })?;
        let signature = component.transform.signature();
        let columns = signature
            .inputs
            .iter()
            .map(|input| (by.inputs.get(&input.name).unwrap_or(&input.name).clone(), input.data_type));
        let output = |(name, _): &(String, DataType)| {
            let place = signature.outputs.iter().position(|output| output.name == *name);
            place.ok_or_else(|| Error::not_found(format!("transform `{}` has no output `{name}`", by.name)))
        };
        let outputs = features.iter().map(output).collect::<Result<_>>()?;
        let columns = columns.collect();
        Ok(Self { columns, has_created: false, transform: Some(Computed { component, outputs }) })
    }

    /// The same, which also reads the column `created`.
    pub(crate) fn with_created(mut self, created: Option<(String, DataType)>) -> Self {
        self.has_created = created.is_some();
        self.columns.extend(created);
        self
    }

    /// The digest of the component that computes the features, if one does.
    pub(crate) fn component(&self) -> Option<&skewless_runtime::Digest> {
        self.transform.as_ref().map(|computed| computed.component.transform.digest())
    }

    /// The features of the rows of `source` that are `present`; the others are null. Returns them with the number of rows on
    /// which the transform failed, which are null too.
    pub(crate) fn of(&self, source: Vec<ArrayRef>, present: &BooleanArray) -> Result<(Vec<ArrayRef>, u64)> {
        let Some(computed) = &self.transform else { return Ok((source, 0)) };
        let schema = Arc::clone(computed.component.transform.input_schema());
        let options = RecordBatchOptions::new().with_row_count(Some(present.len()));
        let rows = RecordBatch::try_new_with_options(schema, source, &options).map_err(arrow_error)?;
        let rows = filter_record_batch(&rows, present).map_err(arrow_error)?;
        let output = compute(&computed.component, &rows, Limits::BATCH)?;
        let mut next = 0_u32..;
        let places: UInt32Array =
            present.values().iter().map(|present| if present { next.next() } else { None }).collect();
        let features = take_record_batch(&output.batch, &places).map_err(arrow_error)?;
        let features = computed.outputs.iter().map(|output| Arc::clone(features.column(*output)));
        Ok((features.collect(), output.failures.len() as u64))
    }
}
