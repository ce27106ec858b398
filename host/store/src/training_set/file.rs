//! A training set on its way into a file.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::csv;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::parquet_file::ParquetFile;
use super::{OutFormat, PROVENANCE_KEY, Provenance};
use crate::storage::{self, OutFile, unwritten};
use crate::{Error, Result};

/// Rows and bytes that are encoded at a time; of Parquet, a row group.
const ROWS_AT_ONCE: usize = 1 << 18;
const BYTES_AT_ONCE: usize = 1 << 28;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A training set that is being written. Batches are gathered; while some are encoded, the next are computed.
pub(crate) struct TrainingSetFile {
    shown: String,
    waiting: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    encoder: Encoding,
}

enum Encoding {
    Idle(Encoder),
    Busy(JoinHandle<Result<Encoder, Cause>>),
    Failed,
}

enum Encoder {
    Parquet(Box<ParquetFile>),
    Csv(Box<csv::Writer<OutFile>>),
    Arrow(Box<FileWriter<OutFile>>),
}

impl TrainingSetFile {
    /// Begins the file at `path`, a path or a URL, for rows of `schema`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a name that says no format, or columns it has no place for;
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where the file can't be made.
    pub(crate) async fn create(path: &str, format: Option<OutFormat>, schema: &SchemaRef) -> Result<Self> {
        let format = format.map_or_else(|| OutFormat::of(path), Ok)?;
        if format == OutFormat::Csv
            && let Some(nested) = schema.fields().iter().find(|field| field.data_type().is_nested())
        {
            let name = nested.name();
            return Err(Error::invalid_input(format!(
                "`{name}` is a list, which CSV has no place for: write Parquet or Arrow"
            )));
        }
        let place = storage::open(path, Path::new("")).map_err(|error| Error::invalid_input(error.to_string()))?;
        let file = OutFile::create(&place).await?;
        let shown = file.shown().to_owned();
        let encoder = Encoder::new(format, file, schema);
        let encoder = encoder.map_err(|error| Error::unavailable(unwritten(&shown)).because(error))?;
        Ok(Self { shown, waiting: Vec::new(), rows: 0, bytes: 0, encoder: Encoding::Idle(encoder) })
    }

    /// Adds the rows of `batch`.
    pub(crate) async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows();
        self.bytes += batch.get_array_memory_size();
        self.waiting.push(batch);
        if self.rows >= ROWS_AT_ONCE || self.bytes >= BYTES_AT_ONCE { self.encode().await } else { Ok(()) }
    }

    /// Completes the file and gives it its name.
    pub(crate) async fn finish(mut self, provenance: &Provenance) -> Result<()> {
        if !self.waiting.is_empty() {
            self.encode().await?;
        }
        let encoder = self.idle().await?;
        let provenance = provenance.clone();
        let finished = spawn_blocking(move || encoder.finish(&provenance)).await;
        let file = flatten(finished).map_err(|error| self.failed(error))?;
        file.finish().await
    }

    /// Ends it without a file.
    pub(crate) async fn abort(mut self) {
        if let Ok(encoder) = self.idle().await
            && let Some(file) = encoder.abort()
        {
            file.abort().await;
        }
    }

    async fn encode(&mut self) -> Result<()> {
        let mut encoder = self.idle().await?;
        let batches = std::mem::take(&mut self.waiting);
        (self.rows, self.bytes) = (0, 0);
        self.encoder = Encoding::Busy(spawn_blocking(move || {
            encoder.write(&batches)?;
            Ok(encoder)
        }));
        Ok(())
    }

    /// The encoder, once it has done what it was given.
    async fn idle(&mut self) -> Result<Encoder> {
        match std::mem::replace(&mut self.encoder, Encoding::Failed) {
            Encoding::Idle(encoder) => Ok(encoder),
            Encoding::Busy(task) => flatten(task.await).map_err(|error| self.failed(error)),
            Encoding::Failed => Err(Error::unavailable(unwritten(&self.shown))),
        }
    }

    fn failed(&self, error: Cause) -> Error {
        Error::unavailable(unwritten(&self.shown)).because(error)
    }
}

fn flatten<T>(result: Result<Result<T, Cause>, JoinError>) -> Result<T, Cause> {
    result.unwrap_or_else(|error| Err(error.into()))
}

impl Encoder {
    fn new(format: OutFormat, file: OutFile, schema: &SchemaRef) -> Result<Self, Cause> {
        Ok(match format {
            OutFormat::Parquet => Self::Parquet(Box::new(ParquetFile::new(file, schema)?)),
            OutFormat::Csv => {
                let mut file = csv::WriterBuilder::new().with_header(true).build(file);
                // The names are there even where no row is.
                file.write(&RecordBatch::new_empty(SchemaRef::clone(schema)))?;
                Self::Csv(Box::new(file))
            }
            OutFormat::Arrow => Self::Arrow(Box::new(FileWriter::try_new(file, schema)?)),
        })
    }

    fn write(&mut self, batches: &[RecordBatch]) -> Result<(), Cause> {
        match self {
            Self::Parquet(file) => file.write(batches)?,
            Self::Csv(file) => batches.iter().try_for_each(|batch| file.write(batch))?,
            Self::Arrow(file) => batches.iter().try_for_each(|batch| file.write(batch))?,
        }
        Ok(())
    }

    fn finish(self, provenance: &Provenance) -> Result<OutFile, Cause> {
        match self {
            Self::Parquet(file) => Ok(file.finish(provenance)?),
            Self::Csv(file) => Ok(file.into_inner()),
            Self::Arrow(mut file) => {
                file.write_metadata(PROVENANCE_KEY, provenance.to_json());
                Ok(file.into_inner()?)
            }
        }
    }

    fn abort(self) -> Option<OutFile> {
        match self {
            Self::Parquet(file) => file.abort(),
            Self::Csv(file) => Some(file.into_inner()),
            Self::Arrow(file) => file.into_inner().ok(),
        }
    }
}
