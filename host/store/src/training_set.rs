//! The file of a training set: Parquet, with what made it in its metadata.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde::Serialize;

use crate::feature_set::FeatureSet;
use crate::feature_store::FeatureStore;
use crate::{Error, Result};

/// The key of the metadata that says where a training set comes from.
pub const PROVENANCE_KEY: &str = "skewless.provenance";

/// Where a training set comes from.
#[derive(Debug, Serialize)]
struct Provenance<'a> {
    project: &'a str,
    registry_commit: u64,
    features: Vec<String>,
    components: Vec<Component<'a>>,
    ttl: Vec<(&'a str, String)>,
    engine: &'static str,
    command_line: &'a str,
}

/// A component that computed features of the set.
#[derive(Debug, Serialize)]
struct Component<'a> {
    transform: &'a str,
    digest: String,
}

/// A training set that is being written, under a temporary name beside its own.
pub(crate) struct TrainingSetFile {
    writer: Option<ArrowWriter<File>>,
    temporary: PathBuf,
    out: PathBuf,
}

impl TrainingSetFile {
    pub(crate) fn create(
        out: &Path,
        schema: &SchemaRef,
        store: &FeatureStore,
        set: &FeatureSet,
        command_line: &str,
    ) -> Result<Self> {
        let temporary = out.with_added_extension(format!("{}.tmp", std::process::id()));
        let failed =
            |error: std::io::Error| Error::unavailable(format!("`{}` can't be created", out.display())).because(error);
        let file = File::create(&temporary).map_err(failed)?;
        let provenance = serde_json::to_string(&provenance(store, set, command_line)).expect("plain data becomes JSON");
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![KeyValue::new(PROVENANCE_KEY.to_owned(), provenance)]));
        let mut this = Self { writer: None, temporary, out: out.to_owned() };
        let writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties.build()));
        this.writer = Some(writer.map_err(|error| this.write_error(error))?);
        Ok(this)
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let writer = self.writer.as_mut().expect("it is there until `finish`");
        writer.write(batch).map_err(|error| Error::unavailable(unwritten(&self.out)).because(error))
    }

    /// Completes the file and gives it its name.
    pub(crate) fn finish(mut self) -> Result<()> {
        let writer = self.writer.take().expect("it is there until `finish`");
        let file = writer.into_inner().map_err(|error| self.write_error(error))?;
        file.sync_all().map_err(|error| self.write_error(error))?;
        std::fs::rename(&self.temporary, &self.out).map_err(|error| self.write_error(error))
    }

    fn write_error(&self, error: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::unavailable(unwritten(&self.out)).because(error)
    }
}

impl Drop for TrainingSetFile {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name any more; before it, nobody should take it for a training set.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

fn unwritten(out: &Path) -> String {
    format!("`{}` could not be written; nothing is left of it", out.display())
}

fn provenance<'a>(store: &'a FeatureStore, set: &'a FeatureSet, command_line: &'a str) -> Provenance<'a> {
    let state = &store.commit().state;
    let on_demand = set.on_demand.iter().map(|view| &view.component.transform);
    let on_write = set.views.iter().filter_map(|stored| stored.view.transform.as_ref());
    let on_write = on_write.filter_map(|by| store.components().get(&by.name)).map(|component| &component.transform);
    let component = |transform: &'a skewless_runtime::Transform| Component {
        transform: &transform.signature().name,
        digest: transform.digest().to_string(),
    };
    let ttl = set.views.iter().filter_map(|stored| Some((stored.view.name.as_str(), stored.view.ttl?.to_string())));
    Provenance {
        project: &state.project,
        registry_commit: store.commit().number,
        features: set.outputs().iter().map(|output| format!("{}:{}", output.view, output.feature)).collect(),
        components: on_demand.chain(on_write).map(component).collect(),
        ttl: ttl.collect(),
        engine: concat!("skewless ", env!("CARGO_PKG_VERSION")),
        command_line,
    }
}
