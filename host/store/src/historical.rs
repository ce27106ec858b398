//! From entity rows to a training set.
//!
//! ```text
//! entity rows ─┬─► point-in-time join, view by view ─► ViewRows ─► Features ─► entity columns + features ─► Parquet
//!              └─► request fields, instants ─────────────────────────┘
//! ```
//!
//! The training set has exactly the entity rows, in their order: what has no feature value has nulls.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use futures::TryStreamExt;
use serde::Serialize;
use skewless_runtime::Limits;

use crate::entity_rows::EntityRows;
use crate::feature_set::{FeatureSet, Selection, StoredView};
use crate::feature_store::FeatureStore;
use crate::features::{Asked, Features};
use crate::offline::point_in_time::{Joined, PointInTimeJoin};
use crate::offline::source::{ScanRequest, SourceTable};
use crate::online_features::view_keys;
use crate::status::Status;
use crate::training_set::TrainingSetFile;
use crate::view_features::ViewFeatures;
use crate::view_rows::{ViewRows, arrow_error};
use crate::{Error, Result};

/// Rows that are computed and written at a time.
const ROWS_AT_ONCE: usize = 1 << 16;

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
}

/// How far a training set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// what is going on: `join <view>` or `write`
    pub stage: &'a str,
    /// rows so far
    pub rows: u64,
}

/// What a training set came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrainingSetSummary {
    /// rows written: as many as the entity rows
    pub rows: u64,
    /// for each feature, in order
    pub features: Vec<FeatureSummary>,
}

/// What became of a feature in a training set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FeatureSummary {
    /// its column
    pub name: String,
    /// rows with a value
    pub present: u64,
    /// rows whose value is null in the source, or computed as null
    pub null_value: u64,
    /// rows whose entity has no row in the view, or none that is young enough for its ttl (what is too old for all
    /// entity rows isn't even read, so the two can't be told apart)
    pub no_live_row: u64,
    /// rows on which a transform failed
    pub invalid: u64,
}

/// Reads the Parquet file `entities`, adds the features, and writes the Parquet file `out`: the same rows, in the same order.
///
/// `out` appears only when it is complete; what made it is written into its metadata.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for entity rows that are no Parquet file, lack a column,
/// or hold a null join key or instant; whatever hinders reading the sources, computing, or writing `out`.
pub async fn write_training_set(
    store: &FeatureStore,
    request: &HistoricalRequest,
    entities: &Path,
    out: &Path,
    command_line: &str,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<TrainingSetSummary> {
    let set = store.feature_set(&request.selection)?;
    let entity_rows = EntityRows::read(entities, &set, request.event_timestamp).await?;
    let training_set = TrainingSet::join(store, request, set, entity_rows, progress).await?;
    let mut file = TrainingSetFile::create(out, &training_set.schema, store, &training_set.set, command_line)?;
    let mut summary = training_set.empty_summary();
    for start in (0..training_set.rows().max(1)).step_by(ROWS_AT_ONCE) {
        let (batch, features) = training_set.rows_from(start)?;
        file.write(&batch)?;
        count(&mut summary, &features, batch.num_rows());
        progress(Progress { stage: "write", rows: summary.rows });
    }
    file.finish()?;
    Ok(summary)
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
    let set = store.feature_set(&request.selection)?;
    let entity_rows = EntityRows::new(entity_rows, &set, request.event_timestamp)?;
    let training_set = TrainingSet::join(store, request, set, entity_rows, &|_| {}).await?;
    let starts = (0..training_set.rows().max(1)).step_by(ROWS_AT_ONCE);
    let batches = starts.map(|start| Ok(training_set.rows_from(start)?.0)).collect::<Result<Vec<_>>>()?;
    arrow::compute::concat_batches(&training_set.schema, &batches).map_err(arrow_error)
}

/// Entity rows and what was found for them, not yet computed.
struct TrainingSet {
    set: FeatureSet,
    schema: SchemaRef,
    names: Vec<String>,
    entity_rows: EntityRows,
    views: Vec<ViewRows>,
}

impl TrainingSet {
    async fn join(
        store: &FeatureStore,
        request: &HistoricalRequest,
        set: FeatureSet,
        entity_rows: EntityRows,
        progress: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<Self> {
        let names = set.output_names(request.full_feature_names)?;
        let schema = output_schema(&set, &names, &entity_rows.batch.schema())?;
        let mut views = Vec::with_capacity(set.views.len());
        for stored in &set.views {
            views.push(join_view(store, stored, &entity_rows.asked, request.known_at, progress).await?);
        }
        Ok(Self { set, schema, names, entity_rows, views })
    }

    fn rows(&self) -> usize {
        self.entity_rows.batch.num_rows()
    }

    /// The next rows from `start` on, whole.
    fn rows_from(&self, start: usize) -> Result<(RecordBatch, Features)> {
        let length = ROWS_AT_ONCE.min(self.rows() - start);
        let EntityRows { batch, asked } = &self.entity_rows;
        let asked = Asked {
            request: asked.request.slice(start, length),
            event_timestamps: asked.event_timestamps[start..start + length].to_vec(),
        };
        let views = self.views.iter().map(|view| view.slice(start, length)).collect();
        let features = Features::compute(&self.set, views, &asked, Limits::BATCH)?;
        let mut columns = batch.slice(start, length).columns().to_vec();
        columns.extend((0..features.len()).map(|feature| Arc::clone(features.values(feature))));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(arrow_error)?;
        Ok((batch, features))
    }

    fn empty_summary(&self) -> TrainingSetSummary {
        let feature = |name: &String| FeatureSummary { name: name.clone(), ..FeatureSummary::default() };
        TrainingSetSummary { rows: 0, features: self.names.iter().map(feature).collect() }
    }
}

/// The newest row of a view for each entity row at its instant.
async fn join_view(
    store: &FeatureStore,
    stored: &StoredView,
    asked: &Asked,
    known_at: bool,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<ViewRows> {
    let view = &stored.view;
    let source = store.definitions().source(&view.source).expect("definitions were checked when they were applied");
    let features = ViewFeatures::new(view, &stored.features, store.components())?;
    let table = SourceTable::open(source, store.root()).await?;
    let first = asked.event_timestamps.iter().min().copied();
    let scan = ScanRequest {
        join_keys: stored.join_keys.iter().map(|key| (key.name.clone(), key.data_type)).collect(),
        columns: features.columns.clone(),
        from: first.zip(view.ttl).map(|(first, ttl)| ttl.oldest_live(first)),
        to: asked.event_timestamps.iter().max().copied(),
    };
    let mut join = PointInTimeJoin::new(&view_keys(stored, &asked.request)?, &asked.event_timestamps, known_at);
    let mut rows_read = 0;
    let stage = format!("join {}", view.name);
    let mut rows = std::pin::pin!(table.scan(&scan).await?);
    while let Some(rows) = rows.try_next().await? {
        join.offer(&rows)?;
        rows_read += rows.event_timestamps.len() as u64;
        progress(Progress { stage: &stage, rows: rows_read });
    }
    let types: Vec<ArrowType> = features.columns.iter().map(|(_, data_type)| data_type.to_arrow()).collect();
    let Joined { columns, event_timestamps } = join.finish(&types)?;
    let rows = ViewRows::at(view, columns, event_timestamps, &asked.event_timestamps)?;
    let (columns, _) = features.of(rows.columns.clone(), &rows.present())?;
    Ok(ViewRows { columns, ..rows })
}

/// The columns of the entity rows, then the features.
fn output_schema(set: &FeatureSet, names: &[String], entity_schema: &Schema) -> Result<SchemaRef> {
    let mut fields: Vec<Arc<Field>> = entity_schema.fields().iter().map(Arc::clone).collect();
    for (name, output) in names.iter().zip(set.outputs()) {
        if entity_schema.field_with_name(name).is_ok() {
            return Err(Error::invalid_input(format!(
                "the entity rows already have a column `{name}`, like the feature of view `{}`: rename it, or ask for full feature names",
                output.view
            )));
        }
        fields.push(Arc::new(Field::new(name, output.data_type.to_arrow(), true)));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn count(summary: &mut TrainingSetSummary, features: &Features, rows: usize) {
    summary.rows += rows as u64;
    for (feature, counts) in summary.features.iter_mut().enumerate() {
        for row in 0..rows {
            let count = match features.status(feature, row) {
                Status::Present => &mut counts.present,
                Status::NullValue => &mut counts.null_value,
                Status::NotFound | Status::OutsideMaxAge => &mut counts.no_live_row,
                Status::Invalid => &mut counts.invalid,
            };
            *count += 1;
        }
    }
}
