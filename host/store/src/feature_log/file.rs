//! A log file that grows in memory.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::batch::LoggedBatch;
use super::layout::{LOG_TIMESTAMP, REQUEST_ID, REQUEST_ROW};
use super::metadata::LOG_KEY;
use super::question::Question;
use super::repeating::ROWS_AT_ONCE;
use super::row_group::RowGroup;
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::{Error, Result};

/// Rows of a row group: what one thread reads at a time.
const ROW_GROUP_ROWS: usize = 1 << 16;

/// Columns that are counted up from request to request, so that each value is little more than the last.
const COUNTED_UP: [(&str, Encoding); 4] = [
    (REQUEST_ID, Encoding::DELTA_BYTE_ARRAY),
    (REQUEST_ROW, Encoding::DELTA_BINARY_PACKED),
    (EVENT_TIMESTAMP, Encoding::DELTA_BINARY_PACKED),
    (LOG_TIMESTAMP, Encoding::DELTA_BINARY_PACKED),
];

/// A file that is being filled.
pub(super) struct OpenFile {
    question: Arc<Question>,
    /// the day of its rows, such as 2013-01-31
    date: String,
    /// when the first of them was served
    first_served_at: Timestamp,
    file: SerializedFileWriter<Vec<u8>>,
    factory: ArrowRowGroupWriterFactory,
    group: RowGroup,
    rows: usize,
}

/// A file that is complete and has to be put where it belongs.
pub(super) struct FinishedFile {
    pub(super) name: String,
    pub(super) bytes: Bytes,
    pub(super) rows: usize,
}

impl OpenFile {
    pub(super) fn new(question: &Arc<Question>, date: String, first_served_at: Timestamp) -> Result<Self> {
        let schema = Arc::clone(question.layout.schema());
        let properties = properties(question.metadata.to_json());
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties)).map_err(unencoded)?;
        let (file, factory) = writer.into_serialized_writer().map_err(unencoded)?;
        let may_repeat = |name: &str| COUNTED_UP.iter().all(|(counted, _)| *counted != name);
        let group = RowGroup::new(&file, &factory, &schema, may_repeat).map_err(unencoded)?;
        Ok(Self { question: Arc::clone(question), date, first_served_at, file, factory, group, rows: 0 })
    }

    /// Whether rows of `question` that were served on `date` belong here.
    pub(super) fn takes(&self, question: &Arc<Question>, date: &str) -> bool {
        Arc::ptr_eq(&self.question, question) && self.date == date
    }

    /// Encodes rows. Each time costs something for every column, however few they are.
    ///
    /// # Errors
    /// Where they can't be encoded.
    pub(super) fn write(&mut self, rows: &LoggedBatch) -> Result<()> {
        for first in (0..rows.rows()).step_by(ROWS_AT_ONCE) {
            let rows = rows.slice(first, ROWS_AT_ONCE.min(rows.rows() - first));
            self.append(&rows).map_err(unencoded)?;
            self.rows += rows.rows();
        }
        Ok(())
    }

    fn append(&mut self, rows: &LoggedBatch) -> Result<(), ParquetError> {
        self.group.append(rows)?;
        if self.group.rows() < ROW_GROUP_ROWS && self.group.repeats() {
            return Ok(());
        }
        self.group.finish(&mut self.file, &self.factory)
    }

    /// How many bytes it has in memory.
    pub(super) fn bytes(&self) -> usize {
        self.file.bytes_written() + self.group.bytes()
    }

    /// How large it would be if it were finished now, more or less.
    pub(super) fn size(&self) -> usize {
        self.file.bytes_written() + self.group.size()
    }

    /// For how many seconds its first row has waited.
    pub(super) fn age_secs(&self, now: Timestamp) -> i64 {
        now.as_second().saturating_sub(self.first_served_at.as_second())
    }

    /// Ends it, under a name made of its first instant and `unique`; `None` where it has no rows.
    ///
    /// # Errors
    /// Says how many rows are lost.
    pub(super) fn finish(mut self, unique: &str) -> Result<Option<FinishedFile>, (usize, Error)> {
        if self.rows == 0 {
            return Ok(None);
        }
        let instant = self.first_served_at.strftime("%Y%m%dT%H%M%SZ");
        let name = format!("{}/date={}/{instant}-{unique}.parquet", self.question.folder, self.date);
        let lost = |error| (self.rows, unencoded(error));
        if self.group.rows() > 0 {
            self.group.finish(&mut self.file, &self.factory).map_err(lost)?;
        }
        let bytes = self.file.into_inner().map_err(lost)?;
        Ok(Some(FinishedFile { name, bytes: bytes.into(), rows: self.rows }))
    }
}

/// How columns are encoded that no [`RepeatingColumn`](super::repeating::RepeatingColumn) encodes: quickly too.
fn properties(metadata: String) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        // Zstandard would save a tenth of the bytes, and cost a fifth of the time more.
        .set_compression(Compression::LZ4_RAW)
        .set_dictionary_page_size_limit(1 << 18)
        // They are for searches, which are by time; others cost the server more than they would save.
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(vec![KeyValue::new(LOG_KEY.to_owned(), metadata)]));
    for instants in [EVENT_TIMESTAMP, LOG_TIMESTAMP] {
        properties = properties.set_column_statistics_enabled(ColumnPath::from(instants), EnabledStatistics::Chunk);
    }
    for (column, encoding) in COUNTED_UP {
        let path = ColumnPath::from(column);
        properties = properties.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, encoding);
    }
    properties.build()
}

fn unencoded(error: ParquetError) -> Error {
    Error::corrupt("rows of the feature log can't be encoded").because(error)
}
