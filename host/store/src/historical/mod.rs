//! From entity rows to a training set.
//!
//! ```text
//! entity rows ─┬─► point-in-time join with each view ─► ViewRows ─► Features ─► entity columns + features ─► file
//!              └─► request fields, instants ─────────────────────────┘
//! ```
//!
//! The training set has exactly the entity rows, in their order: what has no feature value has nulls. All of it is one plan of
//! DataFusion's (`plan.rs`) whose batches stream into the file; whatever is held is counted, and goes to disk or is refused beyond
//! the memory allowed.

mod entities;
mod feature_step;
mod how_far;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::definitions::Format;
use crate::feature_log::Layout;
use crate::feature_set::{FeatureSet, Selection};
use crate::feature_store::FeatureStore;
use crate::features::StatusCounts;
use crate::offline::failure::from_datafusion;
use crate::offline::session::session;
use crate::training_set::{Provenance, TrainingSetFile};
use crate::view_rows::arrow_error;
use crate::{ErrorKind, Result};

pub use crate::offline::session::Resources;
pub use crate::training_set::OutFormat;

use entities::Entities;
pub use how_far::Progress;
use plan::{Plan, plan};

/// How often [`Progress`] is told.
const TICK: Duration = Duration::from_millis(100);

/// Which features to add to which rows.
#[derive(Debug, Clone)]
pub struct HistoricalRequest {
    /// the features
    pub selection: Selection,
    /// whether features are called `view__feature` instead of `feature`
    pub full_feature_names: bool,
    /// whether a source row counts only from its created timestamp on
    pub known_at: bool,
    /// ask about this instant, in µs, in all rows, whatever they say; for scoring a batch
    pub event_timestamp: Option<i64>,
    /// whether sources are read from their first row on, so that an entity whose rows are all too old for any entity row
    /// counts as outside its ttl and not as not found
    pub exact_causes: bool,
    /// how views are joined
    pub join: JoinMode,
    /// what the job may use
    pub resources: Resources,
}

impl HistoricalRequest {
    /// A request for the features of `selection`, and nothing special.
    #[must_use]
    pub fn new(selection: Selection) -> Self {
        Self {
            selection,
            full_feature_names: false,
            known_at: false,
            event_timestamp: None,
            exact_causes: false,
            join: JoinMode::Auto,
            resources: Resources::default(),
        }
    }
}

/// How the point-in-time join works; the result is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinMode {
    /// Holds the entity rows where they fit into memory, and merges otherwise.
    Auto,
    /// Holds the entity rows, and streams each source by.
    Hash,
    /// Sorts both, on disk where memory is short, and reads them side by side.
    Merge,
}

/// Where entity rows come from.
#[derive(Debug, Clone)]
pub enum EntitySource {
    /// Files: a file, a folder or a pattern, local or a URL.
    Files {
        /// where they are
        path: String,
        /// how they are written; by default what their names end with says it
        format: Option<Format>,
    },
    /// The result of a SQL query over the sources.
    Query(String),
    /// Rows in memory.
    Rows(RecordBatch),
}

/// Where a training set goes.
#[derive(Debug, Clone)]
pub struct Output<'a> {
    /// the file: a path, or a URL
    pub path: &'a str,
    /// how it is written; by default what its name ends with says it
    pub format: Option<OutFormat>,
    /// the command that makes it, for its metadata
    pub command_line: &'a str,
}

/// What a training set came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingSetSummary {
    /// rows written: as many as the entity rows
    pub rows: u64,
    /// for each feature, in order
    pub features: Vec<FeatureSummary>,
}

/// What became of a feature in a training set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureSummary {
    /// its column
    pub name: String,
    /// how many of its values are there, or null for which reason
    #[serde(flatten)]
    pub counts: StatusCounts,
}

/// A training set that was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// its rows and features
    #[serde(flatten)]
    pub summary: TrainingSetSummary,
    /// how views were joined
    pub join: JoinMode,
    /// what made it, as the file's metadata says it
    #[serde(skip)]
    pub provenance: Provenance,
    /// the plan, with the rows and times of its operators
    #[serde(skip)]
    pub explained: String,
}

/// Adds the features to the entity rows and writes them, in their order.
///
/// The file appears only when it is complete; what made it is written into its metadata.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for entity rows that can't be read, lack a column,
/// or hold a null join key or instant; [`ErrorKind::OutOfMemory`] where the memory allowed is too
/// little even to sort on disk; whatever hinders reading the sources, computing, or writing.
pub async fn write_training_set(
    store: &FeatureStore,
    request: &HistoricalRequest,
    entities: &EntitySource,
    output: &Output<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Written> {
    let started = start(store, request, entities, Some(progress), None).await?;
    let Started { set, plan, schema, first, mut rest } = started;
    let mut file = TrainingSetFile::create(output.path, output.format, &schema).await?;
    let filled = async {
        if let Some(first) = first {
            file.write(first).await?;
        }
        while let Some(batch) = next(&mut rest, &plan, Some(progress)).await? {
            file.write(batch).await?;
        }
        let summary = plan.counts.summary();
        let provenance = Provenance::new(store, request, &set, &plan.read_from, &summary, output.command_line).await?;
        Ok((summary, provenance))
    };
    let (summary, provenance) = match filled.await {
        Ok(filled) => filled,
        Err(error) => {
            file.abort().await;
            return Err(error);
        }
    };
    file.finish(&provenance).await?;
    let explained = explain(&plan);
    Ok(Written { summary, join: plan.join, provenance, explained })
}

/// The features of `entity_rows` as one batch: its columns and then the features, the same rows in the same order.
///
/// For data that is in memory anyway; [`write_training_set`] is for files.
///
/// # Errors
/// As [`write_training_set`].
pub async fn get_historical_features(
    store: &FeatureStore,
    request: &HistoricalRequest,
    entity_rows: RecordBatch,
) -> Result<RecordBatch> {
    in_memory(start(store, request, &EntitySource::Rows(entity_rows), None, None).await?).await
}

/// The features of `entity_rows` as a log of `layout` would have them: with when and by which component each value was made.
///
/// # Errors
/// As [`write_training_set`].
pub(crate) async fn get_historical_log(
    store: &FeatureStore,
    request: &HistoricalRequest,
    entity_rows: RecordBatch,
    layout: &Arc<Layout>,
) -> Result<RecordBatch> {
    in_memory(start(store, request, &EntitySource::Rows(entity_rows), None, Some(layout)).await?).await
}

async fn in_memory(started: Started) -> Result<RecordBatch> {
    let Started { plan, schema, first, mut rest, .. } = started;
    let mut batches: Vec<RecordBatch> = first.into_iter().collect();
    while let Some(batch) = next(&mut rest, &plan, None).await? {
        batches.push(batch);
    }
    arrow::compute::concat_batches(&schema, &batches).map_err(arrow_error)
}

/// Whom to tell how far it is.
type Tell<'a> = Option<&'a (dyn Fn(Progress) + Sync)>;

/// A training set whose first batch is there: the join is done, or, where it goes on, has what it needs.
struct Started {
    set: FeatureSet,
    plan: Plan,
    schema: SchemaRef,
    first: Option<RecordBatch>,
    rest: SendableRecordBatchStream,
}

/// Starts to compute. Where nothing was said about the join, and the entity rows turn out not to fit into memory, it is merged.
async fn start(
    store: &FeatureStore,
    request: &HistoricalRequest,
    entities: &EntitySource,
    progress: Tell<'_>,
    log: Option<&Arc<Layout>>,
) -> Result<Started> {
    let session = session(&request.resources)?;
    let set = store.feature_set(&request.selection)?;
    let entities = Entities::open(entities, &set, store, &session).await?;
    let mut join = request.join;
    loop {
        let plan = plan(store, request, &set, &entities, &session, join, log).await?;
        let started = begin(set.clone(), plan, progress).await;
        match started {
            Err(error) if error.kind() == ErrorKind::OutOfMemory && join == JoinMode::Auto => {
                tracing::info!("the entity rows don't fit into memory: merging instead ({error})");
                join = JoinMode::Merge;
            }
            started => return started,
        }
    }
}

async fn begin(set: FeatureSet, plan: Plan, progress: Tell<'_>) -> Result<Started> {
    let rest = execute_stream(Arc::clone(&plan.root), Arc::clone(&plan.context));
    let mut rest = rest.map_err(|error| from_datafusion(error, DOING))?;
    let first = next(&mut rest, &plan, progress).await?;
    Ok(Started { set, schema: plan.root.schema(), plan, first, rest })
}

/// The plan with what its operators did: rows, time, and what went to disk.
fn explain(plan: &Plan) -> String {
    let told =
        ["output_rows", "elapsed_compute", "bytes_scanned", "row_groups_pruned_statistics", "page_index_pages_pruned"];
    let told = told.into_iter().chain(["bytes_held", "spill_count", "spilled_bytes", "time_elapsed_processing"]);
    DisplayableExecutionPlan::with_metrics(plan.root.as_ref())
        .set_metric_names(told.map(str::to_owned).collect())
        .indent(false)
        .to_string()
}

const DOING: &str = "the training set can't be computed";

/// The next batch; tells meanwhile how far it is.
async fn next(batches: &mut SendableRecordBatchStream, plan: &Plan, progress: Tell<'_>) -> Result<Option<RecordBatch>> {
    let failed = |error| from_datafusion(error, DOING);
    let Some(progress) = progress else { return batches.next().await.transpose().map_err(failed) };
    loop {
        match tokio::time::timeout(TICK, batches.next()).await {
            Ok(batch) => return batch.transpose().map_err(failed),
            Err(_) => progress(how_far::how_far(plan)),
        }
    }
}
