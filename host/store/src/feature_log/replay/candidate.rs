//! A candidate component in the place of the one that served: what would change, and what it costs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use serde::Serialize;
use skewless_runtime::{Limits, Output, Transform};

use super::super::compare::{Quantiles, Sizes, differing, numbers};
use super::super::logged_set::{LoggedSet, logged_request, logged_views};
use super::super::metadata::LogMetadata;
use super::Replay;
use crate::compute::compute;
use crate::feature_set::{FeatureSet, OnDemand};
use crate::features::inputs;
use crate::{Error, Result};

/// What a candidate changes in an on-demand view.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CandidateChange {
    /// the on-demand feature view
    pub view: String,
    /// the transform whose place it takes
    pub transform: String,
    /// the candidate's digest
    pub digest: String,
    /// rows computed by both
    pub rows: u64,
    /// rows of which a value changes
    pub rows_changed: u64,
    /// rows on which the one that served fails
    pub failures_before: u64,
    /// rows on which the candidate fails
    pub failures_after: u64,
    /// what the one that served took for all rows, in ns of one thread
    pub nanos_before: u64,
    /// what the candidate took
    pub nanos_after: u64,
    /// each output
    pub features: Vec<FeatureChange>,
}

/// What a candidate changes in a feature.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FeatureChange {
    /// the feature, as `view:feature`
    pub feature: String,
    /// what the candidate doesn't have, or has as another type
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<String>,
    /// values that change
    pub changed: u64,
    /// of those, values in the place of nulls
    pub appeared: u64,
    /// of those, nulls in the place of values
    pub vanished: u64,
    /// by how much numbers change
    pub absolute: Option<Quantiles>,
    /// by which share of the larger of both they change
    pub relative: Option<Quantiles>,
    /// how many numbers change by about how much
    pub histogram: Vec<(f64, u64)>,
    #[serde(skip)]
    pub(crate) absolute_sizes: Sizes,
    #[serde(skip)]
    pub(crate) relative_sizes: Sizes,
}

/// The views of a question that candidates compute.
pub(super) struct Candidates {
    before: FeatureSet,
    after: FeatureSet,
    /// of the views that are computed by both, the place in each
    views: Vec<(usize, usize)>,
}

impl Candidates {
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where a candidate has an input that comes from nowhere.
    pub(super) fn new(
        logged: &LoggedSet,
        metadata: &LogMetadata,
        candidates: &BTreeMap<String, Transform>,
    ) -> Result<Self> {
        let before = logged.with(metadata, &BTreeMap::new())?;
        let after = logged.with(metadata, candidates)?;
        let replaced = |(place, view): (usize, &OnDemand)| {
            let other = after.on_demand.iter().position(|other| other.name == view.name)?;
            let (old, new) = (&view.component.transform, &after.on_demand[other].component.transform);
            let name = &metadata.components.iter().find(|component| component.view == view.name)?.transform;
            (candidates.contains_key(name) || old.digest() != new.digest()).then_some((place, other))
        };
        let views = before.on_demand.iter().enumerate().filter_map(replaced).collect();
        Ok(Self { before, after, views })
    }

    pub(super) fn compare(&self, metadata: &LogMetadata, batch: &RecordBatch, part: &mut Replay) -> Result<()> {
        let run = |set: &FeatureSet, views: &mut dyn Iterator<Item = usize>| -> Result<Vec<(Output, Duration)>> {
            let (rows, asked) = (logged_views(set, metadata, batch)?, logged_request(set, batch)?);
            views
                .map(|view| {
                    let view = &set.on_demand[view];
                    let inputs = inputs(view, &[asked.rows(&rows)])?;
                    let start = Instant::now();
                    Ok((compute(&view.component, &inputs, Limits::BATCH)?, start.elapsed()))
                })
                .collect()
        };
        let before = run(&self.before, &mut self.views.iter().map(|(before, _)| *before))?;
        let after = run(&self.after, &mut self.views.iter().map(|(_, after)| *after))?;
        for (((place, other), before), after) in self.views.iter().zip(&before).zip(&after) {
            let (old, new) = (&self.before.on_demand[*place], &self.after.on_demand[*other]);
            let transform = metadata.components.iter().find(|component| component.view == old.name);
            let transform = transform.map_or("", |component| &component.transform);
            let digest = new.component.transform.digest().to_string();
            part.candidate(&old.name, transform, &digest).add(before, after)?;
        }
        Ok(())
    }
}

impl CandidateChange {
    pub(super) fn new(view: &str, transform: &str, digest: &str) -> Self {
        Self { view: view.to_owned(), transform: transform.to_owned(), digest: digest.to_owned(), ..Self::default() }
    }

    fn add(
        &mut self,
        (before, took_before): &(Output, Duration),
        (after, took_after): &(Output, Duration),
    ) -> Result<()> {
        let rows = before.batch.num_rows();
        self.rows += rows as u64;
        self.failures_before += before.failures.len() as u64;
        self.failures_after += after.failures.len() as u64;
        self.nanos_before += nanos(*took_before);
        self.nanos_after += nanos(*took_after);
        let mut changed = vec![false; rows];
        for (field, old) in before.batch.schema().fields().iter().zip(before.batch.columns()) {
            let feature = format!("{}:{}", self.view, field.name());
            let change = self.feature(&feature);
            match after.batch.column_by_name(field.name()) {
                None => change.gone = Some("the candidate has no such output".to_owned()),
                Some(new) if new.data_type() != old.data_type() => {
                    change.gone = Some(format!("{} becomes {}", old.data_type(), new.data_type()));
                }
                Some(new) => {
                    let rows = differing(old, new)?;
                    change.add(old, new, &rows);
                    rows.iter().for_each(|row| changed[*row] = true);
                }
            }
        }
        self.rows_changed += changed.iter().filter(|changed| **changed).count() as u64;
        Ok(())
    }

    fn feature(&mut self, feature: &str) -> &mut FeatureChange {
        let place = self.features.iter().position(|known| known.feature == feature).unwrap_or_else(|| {
            self.features.push(FeatureChange { feature: feature.to_owned(), ..FeatureChange::default() });
            self.features.len() - 1
        });
        &mut self.features[place]
    }

    pub(super) fn merge(&mut self, part: &Self) {
        self.rows += part.rows;
        self.rows_changed += part.rows_changed;
        self.failures_before += part.failures_before;
        self.failures_after += part.failures_after;
        self.nanos_before += part.nanos_before;
        self.nanos_after += part.nanos_after;
        for feature in &part.features {
            self.feature(&feature.feature).merge(feature);
        }
    }
}

impl FeatureChange {
    fn add(&mut self, old: &ArrayRef, new: &ArrayRef, rows: &[usize]) {
        if rows.is_empty() {
            return;
        }
        self.changed += rows.len() as u64;
        self.appeared += rows.iter().filter(|row| old.is_null(**row)).count() as u64;
        self.vanished += rows.iter().filter(|row| new.is_null(**row)).count() as u64;
        if let (Some(old), Some(new)) = (numbers(old), numbers(new)) {
            for (old, new) in rows.iter().filter_map(|row| old[*row].zip(new[*row])) {
                let size = (new - old).abs();
                self.absolute_sizes.add(size);
                let largest = old.abs().max(new.abs());
                self.relative_sizes.add(if largest > 0.0 { size / largest } else { 0.0 });
            }
        }
        self.summarize();
    }

    fn merge(&mut self, part: &Self) {
        self.gone = self.gone.take().or_else(|| part.gone.clone());
        self.changed += part.changed;
        self.appeared += part.appeared;
        self.vanished += part.vanished;
        self.absolute_sizes.merge(&part.absolute_sizes);
        self.relative_sizes.merge(&part.relative_sizes);
        self.summarize();
    }

    fn summarize(&mut self) {
        self.absolute = self.absolute_sizes.quantiles();
        self.relative = self.relative_sizes.quantiles();
        self.histogram = self.absolute_sizes.counted();
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The transforms that `candidates` replace, checked against what is applied.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a transform that no on-demand view of the project has.
pub(crate) fn check(
    candidates: &BTreeMap<String, Transform>,
    definitions: &crate::definitions::Definitions,
) -> Result<()> {
    for name in candidates.keys() {
        if !definitions.on_demand_feature_views.iter().any(|view| view.transform == *name) {
            return Err(Error::not_found(format!(
                "no on-demand feature view has transform `{name}`: the log holds the inputs of those only"
            )));
        }
    }
    Ok(())
}
