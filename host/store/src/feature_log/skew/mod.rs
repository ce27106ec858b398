//! Each logged row asked of the offline store at its instant, as a training set would; and why what was served differs.
//!
//! ```text
//! logged rows ─┬─► join keys, request fields, instants ─► get-historical-features ─► rows of the same columns ─┐
//!              └─► values, times, components ──────────────────────────────────────────────────────────────────┴─► cause
//! ```
//!
//! A value is different where its bits are; a status alone is not. The first [`Cause`] that fits is the cause.

mod cause;
mod history;
mod report;
mod sides;

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::compute::concat_batches;

use super::compare::differing;
use super::layout::{Layout, feature_column};
use super::metadata::LogMetadata;
use super::reader::{LogFiles, LogFilter};
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::feature_set::FeatureSet;
use crate::feature_store::FeatureStore;
use crate::historical::{HistoricalRequest, Resources, get_historical_log};
use crate::view_rows::arrow_error;
use crate::{Error, ErrorKind, Result};

pub use cause::Cause;
pub use report::{FeatureCause, FeatureSkew, Skew, SkewedValue};

use super::logged_set::selection;
use history::History;
use report::Findings;
use sides::Sides;

/// Rows that are asked of the offline store at once: each time reads the sources.
const ROWS_AT_ONCE: usize = 200_000;

/// What to look at.
pub struct SkewRequest<'a> {
    /// the log: a folder, a file, or a URL
    pub log: &'a str,
    /// which of its rows
    pub filter: LogFilter,
    /// what the job may use
    pub resources: Resources,
}

/// Compares the rows of a log with what the offline store says now of the same instants; tells `progress` how many rows are done.
///
/// # Errors
/// [`ErrorKind::NotFound`] where there is no log; [`ErrorKind::Corrupt`] for a damaged file; whatever hinders reading the sources or computing.
pub async fn skew(store: &FeatureStore, request: &SkewRequest<'_>, progress: &(dyn Fn(u64) + Sync)) -> Result<Skew> {
    let files = LogFiles::find(request.log).await?;
    let mut job = Job { store, request, history: History::new(store.registry()), findings: Findings::default() };
    let mut waiting: Option<Rows> = None;
    for file in &files.files {
        let Some(file) = files.open(file, &request.filter).await? else { continue };
        for row_group in 0..file.row_groups() {
            for batch in file.read(row_group, &request.filter)? {
                let batch = batch?;
                if waiting.as_mut().is_some_and(|rows| rows.take(&file.metadata, &batch)) {
                    continue;
                }
                job.explain(waiting.replace(Rows::new(&file.metadata, batch))).await?;
                progress(job.findings.rows());
            }
        }
    }
    job.explain(waiting).await?;
    progress(job.findings.rows());
    Ok(job.findings.skew())
}

/// Rows of one question, asked at once.
struct Rows {
    metadata: Arc<LogMetadata>,
    batches: Vec<RecordBatch>,
    count: usize,
}

impl Rows {
    fn new(metadata: &Arc<LogMetadata>, batch: RecordBatch) -> Self {
        Self { metadata: Arc::clone(metadata), count: batch.num_rows(), batches: vec![batch] }
    }

    /// Adds the rows if they are of the same question and there is room.
    fn take(&mut self, metadata: &LogMetadata, batch: &RecordBatch) -> bool {
        let same = LogMetadata { registry_commit: self.metadata.registry_commit, ..metadata.clone() } == *self.metadata
            && self.batches[0].schema() == batch.schema();
        let fits = self.count + batch.num_rows() <= ROWS_AT_ONCE;
        if same && fits {
            self.count += batch.num_rows();
            self.batches.push(batch.clone());
        }
        same && fits
    }
}

struct Job<'a> {
    store: &'a FeatureStore,
    request: &'a SkewRequest<'a>,
    history: History<'a>,
    findings: Findings,
}

impl Job<'_> {
    async fn explain(&mut self, rows: Option<Rows>) -> Result<()> {
        let Some(Rows { metadata, batches, count }) = rows.filter(|rows| rows.count > 0) else { return Ok(()) };
        let schema = batches[0].schema();
        let logged = concat_batches(&schema, &batches).map_err(arrow_error)?;
        drop(batches);
        match self.recompute(&metadata, &logged).await? {
            Ok((set, recomputed)) => self.compare(&metadata, &set, &logged, &recomputed).await,
            Err(reason) => {
                self.findings.leave_out(&reason, count as u64);
                Ok(())
            }
        }
    }

    /// The rows as the offline store has them.
    ///
    /// # Errors
    /// An inner reason where they can't be asked for any more.
    async fn recompute(
        &self,
        metadata: &LogMetadata,
        logged: &RecordBatch,
    ) -> Result<Result<(FeatureSet, RecordBatch), String>> {
        if *metadata.project != self.store.commit().state.project {
            return Ok(Err(format!("they are of project `{}`", metadata.project)));
        }
        let asked = metadata.join_keys.iter().chain(&metadata.request_fields);
        if let Some((name, _)) = asked.clone().find(|(name, _)| metadata.hiding(name).is_some()) {
            return Ok(Err(format!("`{name}` is hashed or left out, and without it nothing can be asked")));
        }
        let selection = selection(metadata)?;
        let set = match self.store.feature_set(&selection) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Err(format!("what was served is not applied any more: {error}")));
            }
            set => set?,
        };
        let names: Vec<&str> = asked.map(|(name, _)| name.as_str()).collect();
        let needed =
            set.join_keys().iter().map(|key| &key.name).chain(set.request_fields().iter().map(|(name, _)| name));
        if let Some(missing) = needed.into_iter().find(|name| !names.contains(&name.as_str())) {
            return Ok(Err(format!("`{missing}` is needed now, and the log does not have it")));
        }
        let mut columns = names;
        columns.push(EVENT_TIMESTAMP);
        columns.sort_unstable();
        columns.dedup();
        let schema = logged.schema();
        let places: Result<Vec<usize>, _> = columns.iter().map(|name| schema.index_of(name)).collect();
        let entity_rows = logged.project(&places.map_err(arrow_error)?).map_err(arrow_error)?;
        let layout = Arc::new(Layout::new(&set, |_| None)?);
        let request = HistoricalRequest {
            full_feature_names: true,
            exact_causes: true,
            resources: self.request.resources.clone(),
            ..HistoricalRequest::new(selection)
        };
        let recomputed = get_historical_log(self.store, &request, entity_rows, &layout).await?;
        if recomputed.num_rows() != logged.num_rows() {
            return Err(Error::corrupt("the offline store answers for another number of rows than it was asked for"));
        }
        Ok(Ok((set, recomputed)))
    }

    async fn compare(
        &mut self,
        metadata: &LogMetadata,
        set: &FeatureSet,
        logged: &RecordBatch,
        recomputed: &RecordBatch,
    ) -> Result<()> {
        let mut sides = Sides::new(metadata, set, logged, recomputed)?;
        self.history.learn(&sides).await?;
        self.findings.add_rows(logged.num_rows() as u64);
        for feature in &metadata.features {
            let Some((left, right)) = values(metadata, feature, logged, recomputed) else { continue };
            let rows = differing(&left, &right)?;
            self.findings.compared(feature, logged.num_rows() as u64);
            for row in rows {
                let explained = sides.explain(feature, (&left, &right), row, &self.history)?;
                self.findings.differ(feature, &explained, sides.value(row, (&left, &right), &explained));
            }
        }
        Ok(())
    }
}

/// The values of a feature as they were served and as they are recomputed; `None` where the log has none.
fn values(
    metadata: &LogMetadata,
    feature: &str,
    logged: &RecordBatch,
    recomputed: &RecordBatch,
) -> Option<(ArrayRef, ArrayRef)> {
    if metadata.hiding(feature).is_some() {
        return None;
    }
    let column = |batch: &RecordBatch| batch.column_by_name(feature).map(Arc::clone);
    column(logged).zip(column(recomputed)).filter(|(left, right)| left.len() == right.len())
}

/// The column of a feature that a view reads.
fn input_column(set: &FeatureSet, view: usize, column: usize) -> String {
    let stored = &set.views[view];
    feature_column(&stored.view.name, &stored.features[column].0)
}
