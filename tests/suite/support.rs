//! Repositories in temporary folders, components built once, and short ways to write tables.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use jiff::Timestamp;
use parquet::arrow::ArrowWriter;
use skewless_runtime::{CompiledCache, Runtime, RuntimeOptions};
use skewless_store::apply::Certification;
use skewless_store::definitions::{FeatureRef, Repository};
use skewless_store::historical::{HistoricalRequest, get_historical_features};
use skewless_store::materialize::{MaterializeRequest, Start, ViewSummary, materialize};
use skewless_store::{Error, FeatureStore, Features, OnlineFeatures, Selection, apply};
use tempfile::TempDir;

/// Every test's clock: later than all data.
pub(crate) const NOW: &str = "2030-01-01T00:00:00Z";

/// One engine for all tests, with the compiled code kept between runs.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let cache = CompiledCache::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"));
        Runtime::new(RuntimeOptions { cache: Some(cache), ..RuntimeOptions::default() }).unwrap()
    });
    &RUNTIME
}

/// The project's folder.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).unwrap()
}

/// The component of a transform, built by `skewless build` once for all tests.
pub(crate) fn component(name: &str) -> PathBuf {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("components");
        std::fs::create_dir_all(&folder).unwrap();
        let mut crates: Vec<PathBuf> = std::fs::read_dir(project().join("examples/transforms"))
            .unwrap()
            .map(|entry| entry.unwrap().path().join("rust"))
            .collect();
        let guests = std::fs::read_dir(project().join("tests/guests")).unwrap();
        crates.extend(guests.map(|entry| entry.unwrap().path()));
        crates.push(project().join("tests/evil"));
        for folder_of_crate in crates {
            let folder_in_project = folder_of_crate.strip_prefix(project()).unwrap();
            let name = folder_in_project.iter().nth(2).or_else(|| folder_in_project.iter().nth(1)).unwrap();
            let out = folder.join(name).with_added_extension("wasm");
            let built = skewless(project()).arg("build").arg(&folder_of_crate).arg("--out").arg(out).output().unwrap();
            assert!(built.status.success(), "{}", printed(&built));
        }
        // Not the evil one, which has no parity, and need not.
        let honest = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let honest = honest.filter(|path| path.extension() == Some("wasm".as_ref()) && !path.ends_with("evil.wasm"));
        let verified = skewless(project()).arg("verify").args(honest).output().unwrap();
        assert!(verified.status.success(), "{}", printed(&verified));
        folder
    });
    FOLDER.join(format!("{name}.wasm"))
}

/// The command, in `folder`, with nothing of the user's settings.
pub(crate) fn skewless(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skewless"));
    command.current_dir(folder).env("SKEWLESS_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR"))).env("NO_COLOR", "1");
    command
}

/// What the command printed, as one text: standard output, then standard error.
pub(crate) fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn micros(text: &str) -> i64 {
    at(text).as_microsecond()
}

pub(crate) fn timestamps(texts: &[&str]) -> ArrayRef {
    micros_array(texts.iter().map(|text| micros(text)))
}

pub(crate) fn micros_array(micros: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

pub(crate) fn int64s(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

pub(crate) fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub(crate) fn bytes_column(values: &[&[u8]]) -> ArrayRef {
    Arc::new(arrow::array::BinaryArray::from(values.to_vec()))
}

pub(crate) fn table(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(name, array)| (*name, Arc::clone(array), true)))
        .unwrap()
}

pub(crate) fn write_parquet(path: &Path, batch: &RecordBatch) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// A feature repository in a folder of its own.
pub(crate) struct TestRepository {
    folder: TempDir,
}

impl TestRepository {
    /// A repository with the definitions `yaml`.
    pub(crate) fn new(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("skewless.yaml"), "project: test\n").unwrap();
        std::fs::write(folder.path().join("features.yaml"), yaml).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a data file, replacing what was there.
    pub(crate) fn data(self, name: &str, batch: &RecordBatch) -> Self {
        write_parquet(&self.path().join(name), batch);
        self
    }

    pub(crate) async fn apply(&self) -> Result<FeatureStore, Error> {
        let repository = Repository::load(self.path(), &|_| None)?;
        let plan = apply::plan(&repository, runtime()).await?;
        apply::apply(&repository, &plan, Certification::Required, at(NOW)).await?;
        FeatureStore::open(self.path(), &repository.settings, runtime()).await
    }
}

/// `view`, or `view:feature` each.
pub(crate) fn features(references: &[&str]) -> Selection {
    Selection::Features(references.iter().map(|reference| reference.parse::<FeatureRef>().unwrap()).collect())
}

pub(crate) async fn historical(
    store: &FeatureStore,
    selection: &[&str],
    entity_rows: RecordBatch,
) -> Result<RecordBatch, Error> {
    let request = HistoricalRequest::new(features(selection));
    get_historical_features(store, &request, entity_rows).await
}

pub(crate) async fn materialize_all(store: &FeatureStore) -> Vec<ViewSummary> {
    let start = Start::At(Timestamp::MIN);
    let request = MaterializeRequest { views: Vec::new(), start, end: at(NOW), now: at(NOW), shard: None };
    materialize(store, &request, &|_| {}).await.unwrap()
}

pub(crate) fn online(
    store: &FeatureStore,
    selection: &[&str],
    entity_rows: &RecordBatch,
    at: i64,
) -> Result<Features, Error> {
    OnlineFeatures::prepare(store, &features(selection))?.get(entity_rows, at)
}
