//! Log files, found and read.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::metadata::LogMetadata;
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::status::Status;
use crate::storage::{self, FoundFile, Place};
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// Rows that are read at a time.
const BATCH_ROWS: usize = 8_192;

/// Which rows of a log to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// from this `event_timestamp` on, in µs
    pub since: Option<i64>,
    /// up to this `event_timestamp`, in µs, included
    pub until: Option<i64>,
    /// of this feature service alone
    pub service: Option<String>,
}

/// The files of a log, by name.
pub(super) struct LogFiles {
    place: Place,
    pub(super) files: Vec<FoundFile>,
}

/// A file in memory, of which any number of threads read.
#[derive(Clone)]
pub(super) struct LogFile {
    pub(super) shown: String,
    pub(super) metadata: Arc<LogMetadata>,
    bytes: Bytes,
    parquet: ArrowReaderMetadata,
}

impl LogFilter {
    /// The rows that are asked for.
    fn of(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.since.is_none() && self.until.is_none() {
            return Ok(batch);
        }
        let instants = instants(&batch, EVENT_TIMESTAMP)?;
        let wanted = |instant: i64| {
            self.since.is_none_or(|since| since <= instant) && self.until.is_none_or(|until| instant <= until)
        };
        let wanted: BooleanArray = instants.iter().map(|instant| Some(instant.is_some_and(wanted))).collect();
        filter_record_batch(&batch, &wanted).map_err(arrow_error)
    }

    fn takes(&self, metadata: &LogMetadata) -> bool {
        self.service.is_none() || self.service == metadata.feature_service
    }
}

impl LogFiles {
    /// Finds the files at `address`: a folder, one file, or a URL; a relative path starts from the current folder.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is none; where the store does not answer.
    pub(super) async fn find(address: &str) -> Result<Self> {
        let place = storage::open(address, Path::new("")).map_err(|error| Error::invalid_input(error.to_string()))?;
        let mut files = place.files().await?;
        files.retain(|file| file.path.filename().is_some_and(|name| name.ends_with(".parquet")));
        if files.is_empty() {
            return Err(Error::not_found(format!(
                "`{}` has no log files: name the path of feature_logging, and note that a server completes a file when it \
                 is old enough or the server ends",
                place.shown
            )));
        }
        Ok(Self { place, files })
    }

    /// Reads a file; `None` where `filter` wants none of it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for one that is damaged or newer than this program;
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for something else.
    pub(super) async fn open(&self, file: &FoundFile, filter: &LogFilter) -> Result<Option<LogFile>> {
        let bytes = self.place.read(file).await?;
        let parquet = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new()).map_err(|error| {
            let message = format!("`{}` is damaged, or no Parquet file: remove it to go on without it", file.shown);
            Error::corrupt(message).because(error)
        })?;
        let metadata = LogMetadata::of(parquet.metadata(), &file.shown)?;
        let log = LogFile { shown: file.shown.clone(), metadata: Arc::new(metadata), bytes, parquet };
        Ok(filter.takes(&log.metadata).then_some(log))
    }
}

impl LogFile {
    pub(super) fn row_groups(&self) -> usize {
        self.parquet.metadata().num_row_groups()
    }

    /// The schema of its rows.
    pub(super) fn schema(&self) -> &arrow::datatypes::SchemaRef {
        self.parquet.schema()
    }

    /// The rows of a row group that `filter` wants, in batches. Decodes as it goes.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where it can't be decoded.
    pub(super) fn read(
        &self,
        row_group: usize,
        filter: &LogFilter,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        let shown = self.shown.clone();
        let damaged = move |error: &dyn std::fmt::Display| {
            Error::corrupt(format!("`{shown}` is damaged ({error}): remove it to go on without it"))
        };
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.parquet.clone())
            .with_row_groups(vec![row_group])
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| damaged(&error))?;
        let filter = filter.clone();
        Ok(reader.map(move |batch| filter.of(batch.map_err(|error| damaged(&error))?)))
    }
}

/// The instants of a column of a log.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where there is none.
pub(super) fn instants(batch: &RecordBatch, name: &str) -> Result<arrow::array::TimestampMicrosecondArray> {
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    column.cloned().ok_or_else(|| missing(name))
}

/// The texts of a column of a log.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where there is none.
pub(super) fn texts(batch: &RecordBatch, name: &str) -> Result<arrow::array::StringArray> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.cloned().ok_or_else(|| missing(name))
}

/// The text of a row, empty where there is none.
pub(super) fn text(texts: &arrow::array::StringArray, row: usize) -> &str {
    if texts.is_null(row) { "" } else { texts.value(row) }
}

/// The status of a row, of the column that says it of a view: of most rows nothing is said.
pub(super) fn status(statuses: &arrow::array::StringArray, row: usize) -> &str {
    if statuses.is_null(row) { Status::Present.as_str() } else { statuses.value(row) }
}

fn missing(name: &str) -> Error {
    Error::corrupt(format!("the log has no column `{name}` of the type it must have"))
}
