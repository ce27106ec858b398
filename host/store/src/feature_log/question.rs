//! One question, prepared to be logged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use sha2::{Digest as _, Sha256};

use super::layout::{Layout, LoggedRows, feature_column};
use super::metadata::{LOG_FORMAT, LogMetadata, LoggedComponent};
use super::sensitive::Hidden;
use super::writer::FeatureLog;
use crate::Result;
use crate::feature_set::{FeatureSet, Selection};
use crate::feature_store::FeatureStore;
use crate::features::Features;
use crate::online::encode_keys;

/// A question whose answers are logged.
pub struct LoggedQuestion {
    log: Arc<FeatureLog>,
    question: Arc<Question>,
    join_keys: Vec<String>,
    /// whether it was said that rows can't be logged
    told: AtomicBool,
}

/// What is the same for all rows of a question.
pub(super) struct Question {
    pub(super) layout: Layout,
    pub(super) hidden: Hidden,
    pub(super) metadata: LogMetadata,
    /// the folder of its files
    pub(super) folder: String,
}

impl LoggedQuestion {
    /// Prepares to log what `selection` comes to in `store`.
    ///
    /// # Errors
    /// As [`Hidden::new`] and [`Layout::new`].
    pub(crate) fn new(
        log: &Arc<FeatureLog>,
        store: &FeatureStore,
        set: &FeatureSet,
        selection: &Selection,
    ) -> Result<Self> {
        let settings = log.settings();
        let hidden = Hidden::new(settings, store.definitions(), &store.output_columns())?;
        let layout = Layout::new(set, |column| hidden.hiding(column))?;
        let metadata = metadata(store, set, selection, &hidden, settings.sample_rate);
        let folder = folder(&metadata);
        let question = Arc::new(Question { layout, hidden, metadata, folder });
        let join_keys = set.join_keys().iter().map(|key| key.name.clone()).collect();
        Ok(Self { log: Arc::clone(log), question, join_keys, told: AtomicBool::new(false) })
    }

    /// Logs the rows of a request that belong to the sample: hands them over, and never waits or fails.
    ///
    /// `asked` are the entity rows, all at the instant `at`, served at the instant `now`, both in µs.
    pub fn log(&self, asked: &RecordBatch, at: i64, now: i64, features: &Features) {
        let request = self.log.next_request();
        let picked = match self.sample(asked, request) {
            Ok(Sample::All) => None,
            Ok(Sample::None) => return,
            Ok(Sample::Some(picked)) => Some(picked),
            Err(error) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "rows can't be logged");
                }
                return self.log.drop_rows(asked.num_rows());
            }
        };
        let rows = LoggedRows {
            request_id: self.log.request_id(request),
            event_timestamps: vec![at; asked.num_rows()],
            served_at: now,
            asked: asked.clone(),
            features: features.clone(),
            picked,
        };
        self.log.offer(&self.question, rows);
    }

    fn sample(&self, asked: &RecordBatch, request: u64) -> Result<Sample> {
        let rate = self.question.metadata.sample_rate;
        if rate >= 1.0 {
            return Ok(Sample::All);
        }
        if rate <= 0.0 {
            return Ok(Sample::None);
        }
        if self.join_keys.is_empty() {
            // Where no entity is asked about, each request is in or out.
            let request_id = self.log.request_id(request);
            return Ok(if is_sampled(request_id.as_bytes(), rate) { Sample::All } else { Sample::None });
        }
        let mut columns: Vec<(&str, ArrayRef)> = Vec::with_capacity(self.join_keys.len());
        for name in &self.join_keys {
            columns.extend(asked.column_by_name(name).map(|column| (name.as_str(), Arc::clone(column))));
        }
        let keys = encode_keys(&columns)?;
        let picked: Vec<usize> = (0..keys.len()).filter(|row| is_sampled(keys.value(*row), rate)).collect();
        Ok(match picked.len() {
            0 => Sample::None,
            all if all == keys.len() => Sample::All,
            _ => Sample::Some(picked),
        })
    }
}

enum Sample {
    All,
    None,
    Some(Vec<usize>),
}

/// Whether an entity belongs to the sample: the same on every server, and in every larger sample too.
fn is_sampled(key: &[u8], rate: f64) -> bool {
    let digest = Sha256::digest(key);
    let number = digest[..8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    (number as f64) < rate * 2_f64.powi(64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_share_of_the_entities_and_a_larger_one_has_all_of_a_smaller() {
        let keys: Vec<[u8; 4]> = (0..20_000_u32).map(u32::to_be_bytes).collect();
        let sampled = |rate| keys.iter().filter(|key| is_sampled(&key[..], rate)).collect::<Vec<_>>();
        let (one, ten) = (sampled(0.01), sampled(0.1));
        assert!((150..250).contains(&one.len()), "{}", one.len());
        assert!((1_850..2_150).contains(&ten.len()), "{}", ten.len());
        assert!(one.iter().all(|key| ten.contains(key)));
        assert_eq!((sampled(0.0).len(), sampled(1.0).len()), (0, 20_000));
    }
}
