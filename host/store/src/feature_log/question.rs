//! One question, prepared to be logged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use sha2::{Digest as _, Sha256};

use super::batch::LoggedBatch;
use super::growth::Growth;
use super::kept::KeptRows;
use super::layout::{Instants, Layout, LoggedRows, feature_column};
use super::metadata::{LOG_FORMAT, LogMetadata, LoggedComponent};
use super::sampling::{Sampler, request_hash};
use super::sensitive::Hidden;
use super::waiting::Waiting;
use super::writer::FeatureLog;
use crate::feature_set::{FeatureSet, Selection};
use crate::feature_store::FeatureStore;
use crate::features::Features;
use crate::online::RowPlan;
use crate::{Error, Result};

/// A question whose answers are logged.
pub struct LoggedQuestion {
    log: Arc<FeatureLog>,
    question: Arc<Question>,
    sampler: Sampler,
    /// whether it was said that rows can't be logged
    told: AtomicBool,
}

/// What is the same for all rows of a question, and those of its rows that wait to be encoded.
pub(super) struct Question {
    pub(super) layout: Layout,
    /// how what is stored of each view is read
    plans: Arc<[RowPlan]>,
    hidden: Hidden,
    pub(super) metadata: LogMetadata,
    /// the folder of its files
    pub(super) folder: String,
    pub(super) waiting: Waiting,
}

impl LoggedQuestion {
    /// Prepares to log what `selection` comes to in `store`, where `plans` read what is stored of each view.
    ///
    /// # Errors
    /// As [`Hidden::new`] and [`Layout::new`].
    pub(crate) fn new(
        log: &Arc<FeatureLog>,
        store: &FeatureStore,
        set: &FeatureSet,
        selection: &Selection,
        plans: Arc<[RowPlan]>,
    ) -> Result<Self> {
        let settings = log.settings();
        let hidden = Hidden::new(settings, store.definitions(), &store.output_columns())?;
        let layout = Layout::new(set, |column| hidden.hiding(column))?;
        let metadata = metadata(store, set, selection, &hidden, settings.sample_rate);
        let folder = folder(&metadata);
        let sampler = Sampler::new(settings.sample_rate, metadata.join_keys.clone());
        let question = Arc::new(Question { layout, plans, hidden, metadata, folder, waiting: Waiting::default() });
        Ok(Self { log: Arc::clone(log), question, sampler, told: AtomicBool::new(false) })
    }

    /// What is read for `asked`, the entity rows of a request, is to be put here, so that it can be logged; `None` where none of them
    /// belongs to the sample.
    pub(crate) fn keep(&self, asked: &RecordBatch) -> Option<KeptRows> {
        let request = self.log.next_request();
        let sample = self.sampler.sample(asked, || request_hash(self.log.instance_hash(), request));
        if sample.is_none() {
            self.tell(&Error::invalid_input("join keys are missing from the entity rows"));
            self.log.drop_rows(asked.num_rows());
        }
        KeptRows::new(request, sample?, asked.num_rows(), self.question.layout.views())
    }

    /// Logs the rows of a request that belong to the sample, for which `kept` was read: copies them, and never waits until they are
    /// written, nor fails.
    ///
    /// `asked` are the entity rows, all at the instant `at`, served at the instant `now`, both in µs.
    pub(crate) fn log(&self, asked: &RecordBatch, at: i64, now: i64, features: &Features, kept: &KeptRows) {
        let rows = LoggedRows {
            request_id: &self.log.request_id(kept.request),
            event_timestamps: Instants::One(at),
            served_at: now,
            asked,
            features,
            picked: kept.picked(),
        };
        if let Err(error) = self.log.offer(&self.question, &rows, kept) {
            self.tell(&error);
        }
    }

    /// Says once that rows can't be logged.
    fn tell(&self, error: &Error) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "rows can't be logged");
        }
    }
}

impl Question {
    /// Columns for rows that will wait.
    pub(super) fn growth(&self) -> Growth {
        self.layout.growth(self.waiting.expected_rows())
    }

    /// The rows that waited as the log has them.
    ///
    /// # Errors
    /// As [`Layout::batch`].
    pub(super) fn batch(&self, growth: Growth) -> Result<LoggedBatch> {
        self.layout.batch(growth, &self.plans, self.hidden.hider.as_ref())
    }
}

/// The footer of the files of a question.
fn metadata(
    store: &FeatureStore,
    set: &FeatureSet,
    selection: &Selection,
    hidden: &Hidden,
    sample_rate: f64,
) -> LogMetadata {
    let outputs: Vec<String> =
        set.outputs().iter().map(|output| feature_column(&output.view, &output.feature)).collect();
    let join_keys: Vec<_> = set.join_keys().iter().map(|key| (key.name.clone(), key.data_type)).collect();
    let read = set
        .views
        .iter()
        .flat_map(|stored| stored.features.iter().map(|(feature, _)| feature_column(&stored.view.name, feature)));
    let mut columns: Vec<String> = join_keys.iter().map(|(name, _)| name.clone()).collect();
    columns.extend(set.request_fields().iter().map(|(name, _)| name.clone()));
    columns.extend(read);
    columns.extend(outputs.iter().cloned());
    columns.sort_unstable();
    columns.dedup();
    LogMetadata {
        format: LOG_FORMAT,
        project: store.commit().state.project.clone(),
        registry_commit: store.commit().number,
        feature_service: match selection {
            Selection::Service(name) => Some(name.clone()),
            Selection::Features(_) => None,
        },
        hidden: hidden.among(columns.iter().map(String::as_str)),
        features: outputs,
        join_keys,
        request_fields: set.request_fields().to_vec(),
        components: components(store, set),
        sample_rate,
        server: concat!("skewless ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

/// The components behind the features of `set`, by view.
fn components(store: &FeatureStore, set: &FeatureSet) -> Vec<LoggedComponent> {
    let on_write = set.views.iter().filter_map(|stored| {
        let transform = stored.view.transform.as_ref()?.name.clone();
        let digest = store.components().get(&transform)?.transform.digest().to_string();
        Some(LoggedComponent { view: stored.view.name.clone(), transform, digest })
    });
    let on_demand = set.on_demand.iter().filter_map(|view| {
        let transform = store.definitions().on_demand_feature_view(&view.name)?.transform.clone();
        let digest = view.component.transform.digest().to_string();
        Some(LoggedComponent { view: view.name.clone(), transform, digest })
    });
    on_write.chain(on_demand).collect()
}

/// `service=<name>`, where a question without a service is known by its features.
fn folder(metadata: &LogMetadata) -> String {
    match &metadata.feature_service {
        Some(service) => format!("service={service}"),
        None => {
            let digest = Sha256::digest(metadata.features.join(",").as_bytes());
            let hex: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
            format!("service=features-{hex}")
        }
    }
}
