//! A store that logs what it serves, for the tests of the log and of those who read it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::compute::concat_batches;
use jiff::Timestamp;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use skewless_store::definitions::FeatureLoggingSettings;
use skewless_store::feature_log::{FeatureLog, LogCounts};
use skewless_store::materialize::{MaterializeRequest, Start, materialize};
use skewless_store::{FeatureStore, OnlineFeatures, Selection};

use crate::support::{TestRepository, at, component, int64s, micros_array, table};

/// When requests are served: after everything that was applied and materialized.
pub(crate) const SERVED_AT: &str = "2031-01-01T12:00:00Z";

/// A view with a ttl and created timestamps, and an on-demand view over it and the request.
pub(crate) const YAML: &str = "
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: users, path: users.parquet, timestamp_field: seen_at, created_timestamp_column: written_at}
transforms:
  - {name: purchases_per_dollar, path: component.wasm, limits: {deadline_ms: 20000}}
feature_views:
  - name: stats
    entities: [user]
    source: users
    ttl: 10d
    schema: [{name: purchases, type: int64}, {name: spent, type: float64}]
on_demand_feature_views:
  - {name: efficiency, transform: purchases_per_dollar, sources: [stats], request: [{name: spend, type: float64}]}
feature_services:
  - {name: stats_model, features: [stats]}
  - {name: ratio_model, features: [efficiency, 'stats:purchases']}
";

/// Rows of the source: user, purchases, when they were seen and when they were written.
pub(crate) fn users(rows: &[(i64, i64, &str, &str)]) -> RecordBatch {
    let spent = rows.iter().map(|(_, purchases, ..)| *purchases as f64 / 3.0);
    table(&[
        ("user_id", int64s(&rows.iter().map(|(user, ..)| *user).collect::<Vec<_>>())),
        ("purchases", int64s(&rows.iter().map(|(_, purchases, ..)| *purchases).collect::<Vec<_>>())),
        ("spent", Arc::new(Float64Array::from_iter_values(spent))),
        ("seen_at", micros_array(rows.iter().map(|(.., seen, _)| at(seen).as_microsecond()))),
        ("written_at", micros_array(rows.iter().map(|(.., written)| at(written).as_microsecond()))),
    ])
}

/// A repository of these rows.
pub(crate) fn repository(rows: &[(i64, i64, &str, &str)]) -> TestRepository {
    let repository = TestRepository::new(YAML).data("users.parquet", &users(rows));
    let built = component("purchases_per_dollar");
    std::fs::copy(&built, repository.path().join("component.wasm")).unwrap();
    std::fs::copy(built.with_extension("certificate.json"), repository.path().join("component.certificate.json"))
        .unwrap();
    repository
}

/// Materializes up to `end`.
pub(crate) async fn materialize_to(store: &FeatureStore, end: &str) {
    let (start, now) = (Start::At(Timestamp::MIN), at("2030-01-01T00:00:00Z"));
    let request = MaterializeRequest { views: Vec::new(), start, end: at(end), now, shard: None };
    materialize(store, &request, &|_| {}).await.unwrap();
}

/// A store with its log.
pub(crate) struct Logging {
    pub(crate) store: FeatureStore,
    pub(crate) log: Arc<FeatureLog>,
}

pub(crate) fn settings(folder: &Path) -> FeatureLoggingSettings {
    FeatureLoggingSettings { enabled: true, path: folder.display().to_string(), ..FeatureLoggingSettings::default() }
}

impl Logging {
    pub(crate) fn new(store: FeatureStore, settings: FeatureLoggingSettings) -> Self {
        let log = FeatureLog::start(settings, &store, Arc::new(|| at(SERVED_AT)), "test".to_owned()).unwrap();
        Self { store: store.with_feature_log(Some(Arc::clone(&log))), log }
    }

    /// Serves the rows in requests of `rows_each`, all about the instant `about`.
    pub(crate) fn serve(&self, service: &str, rows: &RecordBatch, about: &str, rows_each: usize) {
        let selection = Selection::Service(service.to_owned());
        let features = OnlineFeatures::prepare(&self.store, &selection).unwrap();
        let about = at(about).as_microsecond();
        for start in (0..rows.num_rows()).step_by(rows_each) {
            let request = rows.slice(start, rows_each.min(rows.num_rows() - start));
            let answer = features.get(&request, about).unwrap();
            features.log(&request, about, at(SERVED_AT), &answer);
        }
    }

    /// Writes what is left.
    pub(crate) fn close(&self) -> LogCounts {
        self.log.close(Duration::from_secs(30))
    }
}

/// Rows that ask for users, and bring what the on-demand view needs.
pub(crate) fn asking(users: impl IntoIterator<Item = i64>) -> RecordBatch {
    let users: Vec<i64> = users.into_iter().collect();
    let spend = users.iter().map(|user| (*user % 4 != 0).then_some(*user as f64 / 7.0));
    table(&[("user_id", int64s(&users)), ("spend", Arc::new(spend.collect::<Float64Array>()))])
}

/// Users alone.
pub(crate) fn asking_users(users: impl IntoIterator<Item = i64>) -> RecordBatch {
    asking(users).project(&[0]).unwrap()
}

/// The files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

pub(crate) fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(reader.schema());
    concat_batches(&schema, &reader.build().unwrap().map(Result::unwrap).collect::<Vec<_>>()).unwrap()
}

/// The texts of a column, of all files one after the other; nulls are empty.
pub(crate) fn texts(folder: &Path, column: &str) -> Vec<String> {
    let values =
        files(folder).iter().map(|path| Arc::clone(read(path).column_by_name(column).unwrap())).collect::<Vec<_>>();
    let text = |values: &arrow::array::ArrayRef| {
        let texts = arrow::compute::cast(values, &arrow::datatypes::DataType::Utf8).unwrap();
        let texts = texts.as_string::<i32>();
        (0..texts.len())
            .map(|row| if texts.is_null(row) { String::new() } else { texts.value(row).to_owned() })
            .collect::<Vec<_>>()
    };
    values.iter().flat_map(text).collect()
}
