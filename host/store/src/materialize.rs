//! From the sources to the online store: the newest row of each entity in an interval.
//!
//! ```text
//! source ─► newest row of each entity ─► features (the view's transform, if it has one) ─► packed rows ─► online store
//! ```
//!
//! Rows stream through; a few writes are under way while the next is made ready. A row is stored only where it is not
//! older than what is stored, so a job that died, ran twice or ran beside another does no harm: run it again. The interval
//! is recorded in the registry once all of it is stored; where several workers share the job, each with a [`Shard`] of the
//! entities, once the last of them is done.

mod seen;
mod shard;
mod writer;

use std::future::poll_fn;
use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::Serialize;

use self::seen::Seen;
use self::writer::{Done, Writer};
use crate::definitions::{FeatureView, unknown};
use crate::feature_store::FeatureStore;
use crate::offline::latest::latest_rows;
use crate::offline::source::{ScanRequest, SourceRows, SourceTable};
use crate::online::in_background;
use crate::registry::{Action, Interval, ShardedRange, State};
use crate::row_schema::RowSchema;
use crate::stored_content::StoredContent;
use crate::stored_views::stored_views;
use crate::view_features::ViewFeatures;
use crate::{Error, Result};

pub use self::shard::Shard;
pub(crate) use self::writer::kept_for;

/// How often a view is written, where the online store may have lost rows meanwhile.
const ATTEMPTS_MAX: u32 = 3;

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
    /// the part of the entities, where several workers share the job; all are told the same interval
    pub shard: Option<Shard>,
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
    /// source rows that there are, where that is known; in the interval there may be fewer
    pub rows: Option<u64>,
    /// entities given to the online store so far; rows are read first, most of them before the first entity is written
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
    /// the part of the entities, where it was not all of them
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
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
    let state = newest_state(store, request.start).await?;
    for view in views(store, &request.views)? {
        let start = start(&state, &view, request.start);
        if start.map(instant).is_some_and(|start| start > request.end) {
            // Materialized beyond the end already: nothing to do.
            summaries.push(Job { store, view: &view, start, request }.summary(&Written::default()));
            continue;
        }
        summaries.push(materialize_view(store, &view, start, request, progress).await?);
    }
    Ok(summaries)
}

/// The names of the views that a request for `names` materializes.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) and [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a
/// view that there isn't, or that is not kept online.
pub fn view_names(store: &FeatureStore, names: &[String]) -> Result<Vec<String>> {
    Ok(views(store, names)?.into_iter().map(|view| view.name).collect())
}

/// The views asked for; all that are kept online where none is named.
fn views(store: &FeatureStore, names: &[String]) -> Result<Vec<FeatureView>> {
    let all = stored_views(&store.commit().state);
    if names.is_empty() {
        return Ok(all.into_iter().filter(|view| view.online).collect());
    }
    let view = |name: &String| match all.iter().find(|view| view.name == *name) {
        Some(view) if view.online => Ok(view.clone()),
        Some(_) => Err(Error::invalid_input(format!("feature view `{name}` is not kept online (`online: false`)"))),
        None if store.definitions().on_demand_feature_view(name).is_some() => Err(Error::invalid_input(format!(
            "on-demand feature view `{name}` is computed when somebody asks; `write_to_online_store: true` has it stored"
        ))),
        None => Err(Error::not_found(unknown("feature view", name, all.iter().map(|view| view.name.as_str())))),
    };
    names.iter().map(view).collect()
}

/// Where the watermarks are: others, and earlier jobs of this store, may have moved them since it was opened.
async fn newest_state(store: &FeatureStore, start: Start) -> Result<State> {
    let newest = match start {
        Start::At(_) => None,
        Start::Watermark { .. } => store.registry().current().await?,
    };
    Ok(newest.map_or_else(|| store.commit().state.clone(), |commit| commit.state))
}

fn start(state: &State, view: &FeatureView, start: Start) -> Option<i64> {
    match start {
        Start::At(start) => Some(start.as_microsecond()),
        Start::Watermark { look_back_micros } => {
            let state = state.views.get(&view.name);
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

/// Again, where the online store may have lost what was written before.
async fn materialize_view(
    store: &FeatureStore,
    view: &FeatureView,
    start: Option<i64>,
    request: &MaterializeRequest,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<ViewSummary> {
    let job = Job { store, view, start, request };
    for attempt in 1..=ATTEMPTS_MAX {
        let before = in_background(store.online(), |online| online.incarnation()).await?;
        let written = job.write(progress).await?;
        if in_background(store.online(), |online| online.incarnation()).await? == before {
            job.record(&written, &before).await?;
            return Ok(job.summary(&written));
        }
        let feature_view = &view.name;
        tracing::warn!(feature_view, attempt, "the online store was started anew: what was written is written again");
    }
    Err(Error::unavailable(format!(
        "the online store was started anew each of the {ATTEMPTS_MAX} times that feature view `{}` was written, which may \
         have lost rows: find out why, and run it again",
        view.name
    )))
}

/// One feature view to materialize.
struct Job<'a> {
    store: &'a FeatureStore,
    view: &'a FeatureView,
    /// the first instant in µs, where there is one
    start: Option<i64>,
    request: &'a MaterializeRequest,
}

/// What came of writing it.
#[derive(Default)]
struct Written {
    seen: Arc<Seen>,
    done: Done,
    digest: Option<String>,
}

impl Job<'_> {
    /// Writes the newest row of each entity.
    async fn write(&self, progress: &(dyn Fn(Progress<'_>) + Sync)) -> Result<Written> {
        let Self { store, view, .. } = self;
        let source = store.definitions().source(&view.source).expect("definitions were checked when they were applied");
        let schema = row_schema(view);
        let features = ViewFeatures::new(view, &schema.fields, store.components())?;
        let scan = ScanRequest {
            join_keys: store.definitions().join_keys(view).into_iter().map(|key| (key.name, key.data_type)).collect(),
            columns: features.columns.clone(),
            from: self.start,
            to: Some(self.request.end.as_microsecond()),
        };
        let seen = Arc::new(Seen::default());
        let table = SourceTable::open(source, store.root()).await?;
        let rows = shard_of(self.request.shard, Arc::clone(&seen).watch(table.scan(&scan).await?));
        let types: Vec<ArrowType> = features.columns.iter().map(|(_, data_type)| data_type.to_arrow()).collect();
        let kept_for = kept_for(&store.commit().state, view);
        let mut writer = Writer::new(view, schema, features, kept_for, Arc::clone(store.online()));
        let tell = |entities| {
            let rows = table.row_count();
            progress(Progress { feature_view: &view.name, rows_read: seen.rows().0, rows, entities });
        };
        let mut latest = telling(latest_rows(rows, &types), || tell(0)).await?;
        while let Some(some) = telling(latest.try_next(), || tell(writer.entities())).await? {
            writer.take(some).await?;
        }
        Ok(Written { done: writer.finish().await?, digest: writer.component(), seen })
    }

    /// Records that the view is materialized in the interval, for `materialize-incremental` to go on from there; it was
    /// written to the incarnation `online_store`.
    async fn record(&self, written: &Written, online_store: &str) -> Result<()> {
        let Self { store, view, start, request } = self;
        let end = request.end.min(request.now).as_microsecond();
        let interval = Interval { start: start.unwrap_or_else(|| written.seen.first().min(end)), end };
        let action = Action::Materialize {
            feature_view: view.name.clone(),
            start: instant(interval.start),
            end: instant(interval.end),
            shard: request.shard.map(|shard| shard.to_string()),
        };
        let change = |state: &mut State| {
            if StoredContent::of(state, &view.name) != StoredContent::of(&store.commit().state, &view.name) {
                return Err(Error::conflict(format!(
                    "feature view `{}` was changed while it was materialized; materialize it again",
                    view.name
                )));
            }
            let state = state.views.entry(view.name.clone()).or_default();
            match request.shard {
                None => state.interval_done(interval),
                Some(Shard { number, of }) => {
                    let range = ShardedRange { start: *start, end: request.end.as_microsecond(), shards: of };
                    state.shard_done(range, number, interval, online_store);
                }
            }
            state.digest.clone_from(&written.digest);
            Ok(())
        };
        store.registry().update(request.now, action, change).await.map(drop)
    }

    fn summary(&self, Written { seen, done, .. }: &Written) -> ViewSummary {
        let (rows_read, rows_without_key) = seen.rows();
        ViewSummary {
            feature_view: self.view.name.clone(),
            start: self.start.map(instant),
            end: self.request.end,
            shard: self.request.shard,
            rows_read,
            rows_without_key,
            entities: done.entities,
            written: done.writes.written,
            skipped_older: done.writes.skipped_older,
            failed_rows: done.failed_rows,
        }
    }
}

/// The rows of the shard, in their order.
fn shard_of(
    shard: Option<Shard>,
    rows: impl Stream<Item = Result<SourceRows>> + Send + 'static,
) -> impl Stream<Item = Result<SourceRows>> + Send + 'static {
    rows.map(move |rows| match shard {
        Some(shard) => rows.and_then(|rows| shard.of_rows(rows)),
        None => rows,
    })
}

/// What `work` comes to; calls `tell` whenever it goes on.
async fn telling<T>(work: impl Future<Output = T>, tell: impl Fn()) -> T {
    let mut work = std::pin::pin!(work);
    poll_fn(|context| {
        tell();
        work.as_mut().poll(context)
    })
    .await
}

/// The layout of a view's stored rows: its features, in the order of its schema.
pub(crate) fn row_schema(view: &FeatureView) -> RowSchema {
    RowSchema::new(view.schema.iter().map(|field| (field.name.clone(), field.data_type)).collect())
}
