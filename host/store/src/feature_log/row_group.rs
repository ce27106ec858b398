//! The row group of a log file that is being filled, and after it the next.

use arrow::datatypes::Schema;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::Result;
use parquet::file::writer::SerializedFileWriter;

use super::batch::{LoggedBatch, LoggedColumn};
use super::repeating::RepeatingColumn;

/// The columns, each with one leaf of Parquet's.
pub(super) struct RowGroup {
    columns: Vec<Column>,
    rows: usize,
}

#[expect(clippy::large_enum_variant, reason = "a row group has some dozens of them")]
enum Column {
    Repeating(RepeatingColumn),
    Other(ArrowColumnWriter),
}

impl RowGroup {
    /// The first row group of `file`, without rows; `may_repeat` says so of the values of a column.
    ///
    /// # Errors
    /// For types that Parquet does not have.
    pub(super) fn new(
        file: &SerializedFileWriter<Vec<u8>>,
        factory: &ArrowRowGroupWriterFactory,
        schema: &Schema,
        may_repeat: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let column = |(place, writer): (usize, ArrowColumnWriter)| {
            let (field, parquet) = (schema.field(place), file.schema_descr().column(place));
            let repeating = may_repeat(field.name()).then(|| RepeatingColumn::new(field.data_type(), parquet));
            repeating.flatten().map_or(Column::Other(writer), Column::Repeating)
        };
        let writers = factory.create_column_writers(0)?;
        Ok(Self { columns: writers.into_iter().enumerate().map(column).collect(), rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Where they can't be encoded.
    pub(super) fn append(&mut self, rows: &LoggedBatch) -> Result<()> {
        for ((column, added), field) in self.columns.iter_mut().zip(rows.columns()).zip(rows.schema().fields()) {
            match (column, added) {
                (Column::Repeating(column), LoggedColumn::Plain(values)) => column.append(values),
                (Column::Repeating(column), LoggedColumn::Repeated { rows, values }) => {
                    column.append_repeated(rows, values)?;
                }
                (Column::Other(writer), added) => {
                    for leaf in compute_leaves(field, &added.plain()?)? {
                        writer.write(&leaf)?;
                    }
                }
            }
        }
        self.rows += rows.rows();
        Ok(())
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the values repeat of all columns of which they may. Else it is to be finished: the column is left to parquet's writer then.
    pub(super) fn repeats(&self) -> bool {
        self.columns.iter().all(|column| !matches!(column, Column::Repeating(column) if !column.repeats()))
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let bytes = |column: &Column| match column {
            Column::Repeating(column) => column.bytes(),
            Column::Other(writer) => writer.memory_size(),
        };
        self.columns.iter().map(bytes).sum()
    }

    /// Bytes that it will have, more or less.
    pub(super) fn size(&self) -> usize {
        let size = |column: &Column| match column {
            Column::Repeating(column) => column.size(),
            Column::Other(writer) => writer.get_estimated_total_bytes(),
        };
        self.columns.iter().map(size).sum()
    }

    /// Adds it to `file`, and is the next row group then.
    ///
    /// # Errors
    /// Where a column can't be encoded.
    pub(super) fn finish(
        &mut self,
        file: &mut SerializedFileWriter<Vec<u8>>,
        factory: &ArrowRowGroupWriterFactory,
    ) -> Result<()> {
        let writers = factory.create_column_writers(file.flushed_row_groups().len() + 1)?;
        let mut group = file.next_row_group()?;
        for (column, next) in self.columns.iter_mut().zip(writers) {
            match column {
                Column::Repeating(repeating) => {
                    let repeats = repeating.repeats();
                    let (bytes, close) = repeating.finish()?;
                    group.append_column(&bytes, close)?;
                    if !repeats {
                        *column = Column::Other(next);
                    }
                }
                Column::Other(writer) => {
                    std::mem::replace(writer, next).close()?.append_to_row_group(&mut group)?;
                }
            }
        }
        self.rows = 0;
        group.close().map(drop)
    }
}
