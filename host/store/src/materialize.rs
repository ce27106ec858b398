//! From the sources to the online store: the newest row of each entity in an interval.
//!
//! ```text
//! source ─► newest row of each entity ─► features (the view's transform, if it has one) ─► packed rows ─► online store
//! ```
//!
//! Rows stream through; a write is a transaction of at most `ROWS_A_WRITE` or so. A row is stored only where it is not older than
//! what is stored, so a job that died, ran twice or ran beside another does no harm: run it again. The interval is recorded in
//! the registry once all of it is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arrow::array::{Array, BooleanArray, LargeBinaryArray, RecordBatch};
use arrow::datatypes::{DataType as ArrowType, Field, Schema};
use futures::{Stream, TryStreamExt};
use jiff::Timestamp;
use serde::Serialize;

use crate::definitions::{FeatureView, unknown};
use crate::feature_store::FeatureStore;
use crate::offline::latest::{LatestRows, latest_rows};
use crate::offline::source::{ScanRequest, SourceRows, SourceTable};
use crate::online::{KeyedRow, OnlineStore, RowEncoder, WriteSummary};
use crate::registry::{Action, Interval, State};
use crate::row_schema::RowSchema;
use crate::stored_content::StoredContent;
use crate::view_features::ViewFeatures;
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// Rows gathered before they are written in one transaction.
const ROWS_A_WRITE: usize = 50_000;

/// What to materialize.
#[derive(Debug, Clone)]
pub struct MaterializeRequest {
    /// the feature views; empty: all that are kept online
    pub views: Vec<String>,
    /// from when, in UTC
    pub start: Start,
    /// up to and including this instant
    pub end: Timestamp,
    /// the clock's time, recorded with the commit; an end after it is not recorded as done
    pub now: Timestamp,
}

/// Where an interval starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At this instant, included.
    At(Timestamp),
    /// Where the last run of the view ended, less the look-back for rows that came late; from the first row on where
    /// there was none.
    Watermark {
        /// how far back of the watermark to look, in µs
        look_back_micros: i64,
    },
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// the feature view
    pub feature_view: &'a str,
    /// source rows read so far
    pub rows_read: u64,
    /// entities written so far
    pub entities: u64,
}

/// What became of a feature view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ViewSummary {
    /// the feature view
    pub feature_view: String,
    /// the first instant, included; absent: from the first row on
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// the last instant, included
    pub end: Timestamp,
    /// source rows in the interval
    pub rows_read: u64,
    /// source rows left out because a join key or the event timestamp is null
    pub rows_without_key: u64,
    /// entities found in the interval
    pub entities: u64,
    /// entities whose stored row was replaced or added
    pub written: u64,
    /// entities left alone because a newer row was stored
    pub skipped_older: u64,
    /// rows on which the view's transform failed: stored as nulls
    pub failed_rows: u64,
}

/// Materializes; calls `progress` now and then.
///
/// # Errors
/// Where a source can't be read, a transform fails, or the online store can't be written: what was written so far stays
/// and does no harm, and the interval of that view is not recorded.
pub async fn materialize(
    store: &FeatureStore,
    request: &MaterializeRequest,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Vec<ViewSummary>> {
    check_interval(request)?;
    let mut summaries = Vec::new();
    for view in views(store, &request.views)? {
        let start = start(store, view, request.start);
        if start.map(instant).is_some_and(|start| start > request.end) {
            // Materialized beyond the end already: nothing to do.
            summaries.push(summary(view, start, request.end, &Seen::default(), &Done::default()));
            continue;
        }
        summaries.push(materialize_view(store, view, start, request, progress).await?);
    }
    Ok(summaries)
}

/// The views asked for; all that are kept online where none is named.
fn views<'a>(store: &'a FeatureStore, names: &[String]) -> Result<Vec<&'a FeatureView>> {
    let all = &store.definitions().feature_views;
    if names.is_empty() {
        return Ok(all.iter().filter(|view| view.online).collect());
    }
    let view = |name: &String| match store.definitions().feature_view(name) {
        Some(view) if view.online => Ok(view),
        Some(_) => Err(Error::invalid_input(format!("feature view `{name}` is not kept online (`online: false`)"))),
        None => Err(Error::not_found(unknown("feature view", name, all.iter().map(|view| view.name.as_str())))),
    };
    names.iter().map(view).collect()
}

fn start(store: &FeatureStore, view: &FeatureView, start: Start) -> Option<i64> {
    match start {
        Start::At(start) => Some(start.as_microsecond()),
        Start::Watermark { look_back_micros } => {
            let state = store.commit().state.views.get(&view.name);
            let watermark = state.and_then(crate::registry::ViewState::watermark);
            watermark.map(|watermark| watermark.saturating_sub(look_back_micros))
        }
    }
}

fn check_interval(request: &MaterializeRequest) -> Result<()> {
    match (request.start, request.end) {
        (Start::At(start), end) if start > end => {
            Err(Error::invalid_input(format!("the interval starts at {start}, after its end at {end}")))
        }
        _ => Ok(()),
    }
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

async fn materialize_view(
    store: &FeatureStore,
    view: &FeatureView,
    start: Option<i64>,
    request: &MaterializeRequest,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<ViewSummary> {
    let source = store.definitions().source(&view.source).expect("definitions were checked when they were applied");
    let schema = row_schema(view);
    let features = ViewFeatures::new(view, &schema.fields, store.components())?;
    let scan = ScanRequest {
        join_keys: store.definitions().join_keys(view).into_iter().map(|key| (key.name, key.data_type)).collect(),
        columns: features.columns.clone(),
        from: start,
        to: Some(request.end.as_microsecond()),
    };
    let seen = Arc::new(Seen::default());
    let rows = Arc::clone(&seen).watch(SourceTable::open(source, store.root()).await?.scan(&scan).await?);
    let types: Vec<ArrowType> = features.columns.iter().map(|(_, data_type)| data_type.to_arrow()).collect();
    let mut writer = Writer {
        view,
        schema,
        features,
        online: Arc::clone(store.online()),
        waiting: Vec::new(),
        done: Done::default(),
    };
    let mut latest = std::pin::pin!(latest_rows(rows, &types).await?);
    while let Some(latest) = latest.try_next().await? {
        writer.take(latest).await?;
        let (rows_read, entities) = (seen.rows.load(Ordering::Relaxed), writer.done.entities);
        progress(Progress { feature_view: &view.name, rows_read, entities });
    }
    writer.flush().await?;
    let end = request.end.min(request.now).as_microsecond();
    let interval = Interval { start: start.unwrap_or_else(|| seen.first().min(end)), end };
    record(store, view, interval, writer.features.component().map(ToString::to_string), request.now).await?;
    Ok(summary(view, start, request.end, &seen, &writer.done))
}

/// The layout of a view's stored rows: its features, in the order of its schema.
pub(crate) fn row_schema(view: &FeatureView) -> RowSchema {
    RowSchema::new(view.schema.iter().map(|field| (field.name.clone(), field.data_type)).collect())
}

/// What went by of a source.
#[derive(Debug)]
struct Seen {
    rows: AtomicU64,
    left_out: AtomicU64,
    first_event_timestamp: AtomicI64,
}

impl Default for Seen {
    fn default() -> Self {
        Self { rows: AtomicU64::new(0), left_out: AtomicU64::new(0), first_event_timestamp: AtomicI64::new(i64::MAX) }
    }
}

impl Seen {
    fn watch(
        self: Arc<Self>,
        rows: impl Stream<Item = Result<SourceRows>> + Send + 'static,
    ) -> impl Stream<Item = Result<SourceRows>> + Send + 'static {
        rows.inspect_ok(move |rows| {
            self.rows.fetch_add(rows.event_timestamps.len() as u64 + rows.left_out, Ordering::Relaxed);
            self.left_out.fetch_add(rows.left_out, Ordering::Relaxed);
            let first = rows.event_timestamps.iter().min().copied().unwrap_or(i64::MAX);
            self.first_event_timestamp.fetch_min(first, Ordering::Relaxed);
        })
    }

    fn first(&self) -> i64 {
        self.first_event_timestamp.load(Ordering::Relaxed)
    }
}

/// What was written.
#[derive(Debug, Default)]
struct Done {
    entities: u64,
    failed_rows: u64,
    writes: WriteSummary,
}

/// Turns newest rows into packed rows, and writes them in transactions of some size.
struct Writer<'a> {
    view: &'a FeatureView,
    schema: RowSchema,
    features: ViewFeatures,
    online: Arc<OnlineStore>,
    waiting: Vec<Packed>,
    done: Done,
}

struct Packed {
    keys: LargeBinaryArray,
    rows: LargeBinaryArray,
}

impl Writer<'_> {
    async fn take(&mut self, latest: LatestRows) -> Result<()> {
        let count = latest.keys.len();
        let all = BooleanArray::from(vec![true; count]);
        let (columns, failed) = self.features.of(latest.columns, &all)?;
        let fields = self.schema.fields.iter().map(|(name, data_type)| Field::new(name, data_type.to_arrow(), true));
        let batch =
            RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns).map_err(arrow_error)?;
        let encoder =
            RowEncoder::new(&self.schema, &batch, &latest.event_timestamps, Some(&latest.created_timestamps))?;
        let encoder = match self.features.component() {
            Some(digest) => encoder.made_by(digest.prefix()),
            None => encoder,
        };
        self.waiting.push(Packed { keys: latest.keys, rows: encoder.encode() });
        self.done.entities += count as u64;
        self.done.failed_rows += failed;
        if self.waiting.iter().map(|packed| packed.keys.len()).sum::<usize>() >= ROWS_A_WRITE {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes what is waiting in one transaction.
    async fn flush(&mut self) -> Result<()> {
        let (waiting, online, view) =
            (std::mem::take(&mut self.waiting), Arc::clone(&self.online), self.view.name.clone());
        let write = move || {
            let rows = waiting.iter().flat_map(|packed| packed.keys.iter().zip(&packed.rows));
            let rows = rows.filter_map(|(key, row)| Some(KeyedRow { key: key?, row: row? }));
            online.write(&view, rows)
        };
        let written = tokio::task::spawn_blocking(write).await.map_err(|error| {
            Error::unavailable(format!("writing feature view `{}` was cut off", self.view.name)).because(error)
        })??;
        self.done.writes.written += written.written;
        self.done.writes.skipped_older += written.skipped_older;
        Ok(())
    }
}

/// Records that the view is materialized in the interval, for `materialize-incremental` to go on from there.
async fn record(
    store: &FeatureStore,
    view: &FeatureView,
    interval: Interval,
    digest: Option<String>,
    now: Timestamp,
) -> Result<()> {
    let (start, end) = (instant(interval.start), instant(interval.end));
    let action = Action::Materialize { feature_view: view.name.clone(), start, end };
    let change = |state: &mut State| {
        if StoredContent::of(state, &view.name) != StoredContent::of(&store.commit().state, &view.name) {
            return Err(Error::conflict(format!(
                "feature view `{}` was changed while it was materialized; materialize it again",
                view.name
            )));
        }
        let state = state.views.entry(view.name.clone()).or_default();
        interval.merge_into(&mut state.materialized);
        state.digest.clone_from(&digest);
        Ok(())
    };
    store.registry().update(now, action, change).await.map(drop)
}

fn summary(view: &FeatureView, start: Option<i64>, end: Timestamp, seen: &Seen, done: &Done) -> ViewSummary {
    ViewSummary {
        feature_view: view.name.clone(),
        start: start.map(instant),
        end,
        rows_read: seen.rows.load(Ordering::Relaxed),
        rows_without_key: seen.left_out.load(Ordering::Relaxed),
        entities: done.entities,
        written: done.writes.written,
        skipped_older: done.writes.skipped_older,
        failed_rows: done.failed_rows,
    }
}
