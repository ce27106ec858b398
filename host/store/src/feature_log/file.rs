//! A log file that grows in memory.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use bytes::Bytes;
use jiff::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::layout::{LOG_TIMESTAMP, LoggedRows};
use super::metadata::LOG_KEY;
use super::question::Question;
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// Rows that are encoded at a time: each time costs something for every column, however few the rows.
const ENCODED_ROWS: usize = 1 << 12;

/// Rows of a row group: what one thread reads at a time.
const ROW_GROUP_ROWS: usize = 1 << 16;

/// A file that is being filled.
pub(super) struct OpenFile {
    question: Arc<Question>,
    /// the day of its rows, such as 2013-01-31
    date: String,
    opened_at: Timestamp,
    waiting: Vec<LoggedRows>,
    /// columns that are not encoded yet
    batches: Vec<RecordBatch>,
    writer: ArrowWriter<Vec<u8>>,
    rows: usize,
}

/// A file that is complete and has to be put where it belongs.
pub(super) struct FinishedFile {
    pub(super) name: String,
    pub(super) bytes: Bytes,
    pub(super) rows: usize,
}

impl OpenFile {
    pub(super) fn new(question: &Arc<Question>, date: String, opened_at: Timestamp) -> Result<Self> {
        let json = question.metadata.to_json();
        let properties = WriterProperties::builder()
            // Values that repeat are in dictionaries: Zstandard would save a tenth of the bytes, and cost a fifth of the time more.
            .set_compression(Compression::LZ4_RAW)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            // They are for searches, which are by time; others cost the server more than they would save.
            .set_statistics_enabled(EnabledStatistics::None)
            .set_column_statistics_enabled(ColumnPath::from(EVENT_TIMESTAMP), EnabledStatistics::Chunk)
            .set_column_statistics_enabled(ColumnPath::from(LOG_TIMESTAMP), EnabledStatistics::Chunk)
            .set_key_value_metadata(Some(vec![KeyValue::new(LOG_KEY.to_owned(), json)]))
            .build();
        let schema = Arc::clone(question.layout.schema());
        let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(unencoded)?;
        let question = Arc::clone(question);
        Ok(Self { question, date, opened_at, waiting: Vec::new(), batches: Vec::new(), writer, rows: 0 })
    }

    /// Whether rows of `question` that were served on `date` belong here.
    pub(super) fn takes(&self, question: &Arc<Question>, date: &str) -> bool {
        Arc::ptr_eq(&self.question, question) && self.date == date
    }

    pub(super) fn add(&mut self, rows: LoggedRows) {
        self.waiting.push(rows);
    }

    /// Makes columns of what was added since the last time, so that the requests' memory is free, and encodes them when they are many.
    ///
    /// # Errors
    /// Says how many rows could not be encoded.
    pub(super) fn encode(&mut self) -> Result<(), (usize, Error)> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let batch = self.question.layout.batch(&waiting, self.question.hidden.hider.as_ref());
        let batch = batch.map_err(|error| (waiting.iter().map(LoggedRows::picked_rows).sum(), error))?;
        self.batches.push(batch);
        if self.waiting_rows() < ENCODED_ROWS { Ok(()) } else { self.write() }
    }

    /// Encodes the columns there are.
    fn write(&mut self) -> Result<(), (usize, Error)> {
        let rows = self.waiting_rows();
        if rows == 0 {
            return Ok(());
        }
        let batches = std::mem::take(&mut self.batches);
        let batch = concat_batches(self.question.layout.schema(), &batches).map_err(arrow_error);
        let written = batch.and_then(|batch| self.writer.write(&batch).map_err(unencoded));
        written.map_err(|error| (rows, error))?;
        self.rows += rows;
        Ok(())
    }

    fn waiting_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn waiting_bytes(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }

    /// How many bytes it has in memory.
    pub(super) fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.memory_size() + self.waiting_bytes()
    }

    /// How large it would be if it were finished now, more or less.
    pub(super) fn size(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size() + self.waiting_bytes()
    }

    /// For how many seconds it has been open.
    pub(super) fn age_secs(&self, now: Timestamp) -> i64 {
        now.as_second().saturating_sub(self.opened_at.as_second())
    }

    /// Ends it, under a name made of its first instant and `unique`; `None` where it has no rows.
    ///
    /// # Errors
    /// Says how many rows are lost.
    pub(super) fn finish(mut self, unique: &str) -> Result<Option<FinishedFile>, (usize, Error)> {
        let written_before = self.rows;
        self.write().map_err(|(rows, error)| (rows + written_before, error))?;
        if self.rows == 0 {
            return Ok(None);
        }
        let instant = self.opened_at.strftime("%Y%m%dT%H%M%SZ");
        let name = format!("{}/date={}/{instant}-{unique}.parquet", self.question.folder, self.date);
        let bytes = self.writer.into_inner().map_err(|error| (self.rows, unencoded(error)))?;
        Ok(Some(FinishedFile { name, bytes: bytes.into(), rows: self.rows }))
    }
}

fn unencoded(error: ParquetError) -> Error {
    Error::corrupt("rows of the feature log can't be encoded").because(error)
}
