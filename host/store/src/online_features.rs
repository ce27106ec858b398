//! Features for requests: read the newest rows, compute what is on demand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arrow::array::{Array, ArrayRef, LargeBinaryArray, RecordBatch};
use jiff::Timestamp;
use skewless_runtime::Limits;
use tracing::{Instrument as _, Span};

use crate::feature_log::{KeptRows, LoggedQuestion};
use crate::feature_set::{FeatureSet, Selection, StoredView};
use crate::feature_store::FeatureStore;
use crate::features::{Asked, Computed, Features, Rows, StatusCounts};
use crate::online::{OnlineStore, ReadRequest, RowDecoder, RowPlan, encode_keys};
use crate::online_counters::{OnlineCounters, ViewCounters};
use crate::view_rows::ViewRows;
use crate::{Error, Result};

/// A selection of features, prepared to answer requests. What can be done once is done in [`OnlineFeatures::prepare`].
pub struct OnlineFeatures {
    set: FeatureSet,
    plans: Arc<[RowPlan]>,
    /// for each view the first that has the same join keys, maybe itself
    same_keys: Vec<usize>,
    /// for each view the component that computes its rows, as they are marked; `None` where none does
    components: Vec<Option<u64>>,
    online: Arc<dyn OnlineStore>,
    log: Option<LoggedQuestion>,
    counters: Arc<OnlineCounters>,
    /// what is counted of each view that has outputs, and which they are
    counted_outputs: Vec<(Arc<ViewCounters>, Vec<usize>)>,
    /// the same for each view that is read
    counted_views: Vec<Arc<ViewCounters>>,
    /// whether it was said that rows of another version are served
    told: AtomicBool,
}

/// What is stored of some entities, as it was at an instant.
pub struct StoredRows {
    views: Vec<ViewRows>,
    other_versions: Vec<String>,
    /// the instant of each row, in µs
    at: Vec<i64>,
    /// what was read for the rows that are to be logged
    kept: Option<KeptRows>,
}

/// Rows on their way from the online store.
struct Reading<'a> {
    decoders: Vec<RowDecoder<'a>>,
    kept: Option<KeptRows>,
}

/// Entity rows, and what was read for them.
pub type ReadRows = (RecordBatch, StoredRows);

impl OnlineFeatures {
    /// Resolves `selection`, and plans how to read its views from the online store.
    ///
    /// # Errors
    /// As [`FeatureSet::resolve`]; [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where a view is not kept online.
    pub fn prepare(store: &FeatureStore, selection: &Selection) -> Result<Self> {
        let set = store.feature_set(selection)?;
        if let Some(stored) = set.views.iter().find(|stored| !stored.view.online) {
            let name = &stored.view.name;
            return Err(Error::invalid_input(format!(
                "feature view `{name}` is not kept online (`online: false`), so no request can be answered from it"
            )));
        }
        let views = &store.commit().state.views;
        let plan = |stored: &StoredView| {
            let known = views.get(&stored.view.name).map(|state| state.schemas.as_slice()).unwrap_or_default();
            RowPlan::new(&stored.view.name, known, &stored.features)
        };
        let component = |stored: &StoredView| {
            let by = stored.view.transform.as_ref()?;
            Some(store.components().get(&by.name)?.transform.digest().prefix())
        };
        let plans: Arc<[RowPlan]> = set.views.iter().map(plan).collect();
        Ok(Self {
            same_keys: same_keys(&set),
            counters: Arc::clone(store.counters()),
            counted_outputs: counted_outputs(store, &set),
            counted_views: set.views.iter().map(|stored| store.counters().view(&stored.view.name)).collect(),
            components: set.views.iter().map(component).collect(),
            log: logged(store, &set, selection, &plans),
            plans,
            set,
            online: Arc::clone(store.online()),
            told: AtomicBool::new(false),
        })
    }

    /// What the selection comes to: the names and types to ask with and of the answer.
    #[must_use]
    pub fn set(&self) -> &FeatureSet {
        &self.set
    }

    /// The features of each row of `entity_rows` at the instant `at`, in µs.
    ///
    /// `entity_rows` has the columns [`FeatureSet::join_keys`] and [`FeatureSet::request_fields`], each of its type.
    /// Blocks for a read of the online store and the calls of the transforms.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a missing column, a wrong type or a null join key;
    /// [`ErrorKind::Transform`](crate::ErrorKind::Transform) where a transform fails as a whole; errors of the store.
    pub fn get(&self, entity_rows: &RecordBatch, at: i64) -> Result<Features> {
        check_columns(&self.set, entity_rows)?;
        let keys = self.keys(entity_rows)?;
        let mut reading = self.reading(entity_rows);
        let start = Instant::now();
        let read = read_span(entity_rows)
            .in_scope(|| self.online.read(&self.requests(&keys), &mut |view, row| reading.push(view, row)));
        self.counted(start, read)?;
        self.compute(entity_rows, self.found(reading, entity_rows.num_rows(), at)?)
    }

    /// The stored rows that [`OnlineFeatures::compute`] makes the features of `entity_rows` of, for the instant `at`, in µs. Nothing
    /// blocks. `None` where the online store has to be waited for by a thread: [`OnlineFeatures::get`] does that.
    ///
    /// # Errors
    /// As [`OnlineFeatures::get`], but for transforms.
    pub async fn read(&self, entity_rows: &RecordBatch, at: i64) -> Result<Option<StoredRows>> {
        check_columns(&self.set, entity_rows)?;
        let keys = self.keys(entity_rows)?;
        let mut found = self.reading(entity_rows);
        {
            let requests = self.requests(&keys);
            let mut visit = |view: usize, row: Option<&[u8]>| found.push(view, row);
            let Some(reading) = self.online.read_without_blocking(&requests, &mut visit) else { return Ok(None) };
            let start = Instant::now();
            let read = reading.instrument(read_span(entity_rows)).await;
            self.counted(start, read)?;
        }
        self.found(found, entity_rows.num_rows(), at).map(Some)
    }

    /// The features of each row of `entity_rows`, for which `stored` was read. Blocks for the calls of the transforms.
    ///
    /// # Errors
    /// [`ErrorKind::Transform`](crate::ErrorKind::Transform) where a transform fails as a whole.
    pub fn compute(&self, entity_rows: &RecordBatch, stored: StoredRows) -> Result<Features> {
        let StoredRows { views, other_versions, at, kept } = stored;
        self.count_ages(&views, &at);
        let asked = Asked { request: entity_rows.clone(), event_timestamps: at };
        let features = Features::compute(&self.set, views, &asked, Limits::SERVING)?;
        Ok(self.counted_features(features, other_versions).with_kept(kept))
    }

    /// Whether requests may share the calls of the transforms: where there are any, and each has shown that what it computes for a row
    /// depends on nothing else, so that its instances may be used again too.
    #[must_use]
    pub fn may_share_calls(&self) -> bool {
        let on_demand = &self.set.on_demand;
        !on_demand.is_empty() && on_demand.iter().all(|view| view.component.transform.reuses_instances())
    }

    /// The features of several requests, in their order, as [`OnlineFeatures::compute`] has them for each; the transforms are called
    /// once for all of them. Blocks for that.
    ///
    /// # Errors
    /// The requests where a transform fails as a whole for all together: to be computed each by itself then, for it may be the fault of one.
    pub fn compute_together(&self, requests: Vec<ReadRows>) -> Result<Vec<Features>, Vec<ReadRows>> {
        let mut shared = Vec::with_capacity(requests.len());
        for (entity_rows, stored) in &requests {
            shared.push(Rows { views: &stored.views, request: entity_rows, event_timestamps: &stored.at });
        }
        let computed = Features::compute_together(&self.set, &shared, Limits::SERVING);
        drop(shared);
        let Ok(computed) = computed else { return Err(requests) };
        let features = |((_, stored), computed): (ReadRows, Computed)| {
            self.count_ages(&stored.views, &stored.at);
            let StoredRows { views, other_versions, kept, .. } = stored;
            self.counted_features(Features::of(&self.set, views, computed), other_versions).with_kept(kept)
        };
        Ok(requests.into_iter().zip(computed).map(features).collect())
    }

    fn count_ages(&self, views: &[ViewRows], at: &[i64]) {
        for (rows, counters) in views.iter().zip(&self.counted_views) {
            let ages = rows.event_timestamps.iter().zip(at).filter_map(|(happened, at)| Some(at - (*happened)?));
            counters.ages(ages);
        }
    }

    /// Counts the statuses of the values, and tells where rows are another version's.
    fn counted_features(&self, features: Features, other_versions: Vec<String>) -> Features {
        self.tell(&other_versions);
        for (counters, outputs) in &self.counted_outputs {
            let mut counts = StatusCounts::default();
            outputs.iter().for_each(|feature| counts += features.counts(*feature));
            counters.statuses(&counts);
        }
        features.with_other_versions(other_versions)
    }

    /// Logs what was answered for `entity_rows` at the instant `at`, in µs, where the store has a log; `now` is the clock's. Never waits,
    /// never fails.
    pub fn log(&self, entity_rows: &RecordBatch, at: i64, now: Timestamp, features: &Features) {
        if let (Some(log), Some(kept)) = (&self.log, features.kept()) {
            log.log(entity_rows, at, now.as_microsecond(), features, kept);
        }
    }

    /// Logs, once for each question, that rows of another version are served.
    fn tell(&self, other_versions: &[String]) {
        if !other_versions.is_empty() && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                feature_views = other_versions.join(", "),
                "stored rows were computed by another version of their transform than the one that is applied: \
                 materialize the feature views, or start the server anew if it is older"
            );
        }
    }

    /// A read that began at `start`, counted.
    fn counted<T>(&self, start: Instant, read: Result<T>) -> Result<T> {
        if !self.set.views.is_empty() {
            self.counters.read(start.elapsed(), read.is_ok());
        }
        read
    }

    /// The entity keys of each view; `None` where they are those of an earlier one.
    fn keys(&self, entity_rows: &RecordBatch) -> Result<Vec<Option<LargeBinaryArray>>> {
        let keys = |(view, stored)| (self.same_keys[view] == view).then(|| view_keys(stored, entity_rows)).transpose();
        self.set.views.iter().enumerate().map(keys).collect()
    }

    fn requests<'a>(&'a self, keys: &'a [Option<LargeBinaryArray>]) -> Vec<ReadRequest<'a>> {
        let views = self.set.views.iter().zip(&self.same_keys);
        let request = |(stored, first): (&'a StoredView, &usize)| {
            let keys = keys[*first].as_ref().expect("the first view with these join keys has its entity keys");
            ReadRequest { feature_view: view_name(stored), keys }
        };
        views.map(request).collect()
    }

    fn reading(&self, entity_rows: &RecordBatch) -> Reading<'_> {
        let rows = entity_rows.num_rows();
        Reading {
            decoders: self.plans.iter().map(|plan| RowDecoder::new(plan, rows)).collect(),
            kept: self.log.as_ref().and_then(|log| log.keep(entity_rows)),
        }
    }

    /// The newest rows of all views at the instant `at`, and the views of which some are another version's.
    fn found(&self, reading: Reading<'_>, rows: usize, at: i64) -> Result<StoredRows> {
        let Reading { decoders, kept } = reading;
        let mut other_versions = Vec::new();
        let at_each_row = vec![at; rows];
        let rows = self.set.views.iter().zip(&self.components).zip(decoders).map(|((stored, component), decoder)| {
            let rows = decoder.finish();
            let mut stored_rows = rows.times.iter().zip(&rows.components).filter(|(time, _)| time.is_some());
            if stored_rows.any(|(_, by)| by != component) {
                other_versions.push(stored.view.name.clone());
            }
            let times = rows.times.iter().map(|time| time.map(|time| time.event_timestamp)).collect();
            ViewRows::at(&stored.view, rows.columns, times, &at_each_row)
        });
        let views = rows.collect::<Result<Vec<_>>>()?;
        Ok(StoredRows { views, other_versions, at: at_each_row, kept })
    }
}

impl Reading<'_> {
    fn push(&mut self, view: usize, row: Option<&[u8]>) -> Result<()> {
        if let Some(kept) = &mut self.kept {
            kept.push(view, row);
        }
        self.decoders[view].push(row)
    }
}

/// The question's log, where the store has one. What can't be logged is answered all the same.
fn logged(
    store: &FeatureStore,
    set: &FeatureSet,
    selection: &Selection,
    plans: &Arc<[RowPlan]>,
) -> Option<LoggedQuestion> {
    let question = LoggedQuestion::new(store.feature_log()?, store, set, selection, Arc::clone(plans));
    question.inspect_err(|error| tracing::warn!(%error, "a question is answered, and can't be logged")).ok()
}

/// The counters of each view that has outputs in `set`, and which these are.
fn counted_outputs(store: &FeatureStore, set: &FeatureSet) -> Vec<(Arc<ViewCounters>, Vec<usize>)> {
    let mut by_view: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, output) in set.outputs.iter().enumerate() {
        by_view.entry(&output.view).or_default().push(number);
    }
    by_view.into_iter().map(|(view, outputs)| (store.counters().view(view), outputs)).collect()
}

/// For each view of `set` the first that has the same join keys.
fn same_keys(set: &FeatureSet) -> Vec<usize> {
    let first = |stored: &StoredView| set.views.iter().position(|other| other.join_keys == stored.join_keys);
    set.views.iter().map(|stored| first(stored).expect("a view has its own join keys")).collect()
}

/// The span of a read of all views.
fn read_span(entity_rows: &RecordBatch) -> Span {
    tracing::info_span!("online_store_read", rows = entity_rows.num_rows())
}

fn view_name(stored: &StoredView) -> &str {
    &stored.view.name
}

/// The entity keys of a view, from the columns of the entity rows.
pub(crate) fn view_keys(stored: &StoredView, entity_rows: &RecordBatch) -> Result<LargeBinaryArray> {
    let column = |name: &str| -> ArrayRef {
        Arc::clone(entity_rows.column_by_name(name).expect("the entity rows were checked to have their join keys"))
    };
    let columns = stored.join_keys.iter().map(|key| (key.name.as_str(), column(&key.name))).collect::<Vec<_>>();
    Ok(encode_keys(&columns)?)
}

/// Checks that `entity_rows` has every column that `set` needs, in its type, and no null among the join keys.
pub(crate) fn check_columns(set: &FeatureSet, entity_rows: &RecordBatch) -> Result<()> {
    let join_keys = set.join_keys().iter().map(|key| ("join key", &key.name, key.data_type));
    let request = set.request_fields().iter().map(|(name, data_type)| ("request field", name, *data_type));
    for (what, name, data_type) in join_keys.chain(request) {
        let Some(column) = entity_rows.column_by_name(name) else {
            return Err(Error::invalid_input(format!("{what} `{name}` ({data_type}) is missing from the entity rows")));
        };
        if *column.data_type() != data_type.to_arrow() {
            let found = column.data_type();
            return Err(Error::invalid_input(format!("{what} `{name}` is {data_type}, the entity rows have {found}")));
        }
    }
    check_join_keys(set, entity_rows, 0)
}

/// Checks that no join key is null in `entity_rows`, which start `rows_before` rows from the first.
pub(crate) fn check_join_keys(set: &FeatureSet, entity_rows: &RecordBatch, rows_before: u64) -> Result<()> {
    for key in set.join_keys() {
        let column = entity_rows.column_by_name(&key.name).expect("the columns were checked to be there");
        if let Some(row) = (0..column.len()).find(|row| column.null_count() > 0 && column.is_null(*row)) {
            let (name, row) = (&key.name, row as u64 + rows_before);
            return Err(Error::invalid_input(format!(
                "join key `{name}` is null in row {row} of the entity rows: every row needs a value for it"
            )));
        }
    }
    Ok(())
}
