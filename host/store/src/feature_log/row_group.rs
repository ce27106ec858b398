//! A row group of a log file that is being filled.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::Result;
use parquet::file::writer::SerializedFileWriter;

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
    /// The next row group of `file`, without rows; `repeats` says of which columns the values may repeat.
    ///
    /// # Errors
    /// For types that Parquet does not have.
    pub(super) fn new(
        file: &SerializedFileWriter<Vec<u8>>,
        factory: &ArrowRowGroupWriterFactory,
        schema: &Schema,
        repeats: &[bool],
    ) -> Result<Self> {
        let writers = factory.create_column_writers(file.flushed_row_groups().len())?;
        let column = |(place, writer): (usize, ArrowColumnWriter)| {
            let parquet = file.schema_descr().column(place);
            let repeating = repeats[place].then(|| RepeatingColumn::new(schema.field(place).data_type(), parquet));
            repeating.flatten().map_or(Column::Other(writer), Column::Repeating)
        };
        Ok(Self { columns: writers.into_iter().enumerate().map(column).collect(), rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Where they can't be encoded.
    pub(super) fn append(&mut self, rows: &RecordBatch) -> Result<()> {
        for ((column, values), field) in self.columns.iter_mut().zip(rows.columns()).zip(rows.schema_ref().fields()) {
            match column {
                Column::Repeating(column) => column.append(values),
                Column::Other(writer) => {
                    for leaf in compute_leaves(field, values)? {
                        writer.write(&leaf)?;
                    }
                }
            }
        }
        self.rows += rows.num_rows();
        Ok(())
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The columns of which the values were thought to repeat, and don't: after them, no rows can be added any more.
    pub(super) fn not_repeating(&self) -> impl Iterator<Item = usize> + '_ {
        let repeats = |column: &Column| !matches!(column, Column::Repeating(column) if !column.repeats());
        self.columns.iter().enumerate().filter(move |(_, column)| !repeats(column)).map(|(place, _)| place)
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

    /// Adds it to `file`.
    ///
    /// # Errors
    /// Where a column can't be encoded.
    pub(super) fn finish(self, file: &mut SerializedFileWriter<Vec<u8>>) -> Result<()> {
        let mut group = file.next_row_group()?;
        for column in self.columns {
            match column {
                Column::Repeating(column) => {
                    let (bytes, close) = column.finish()?;
                    group.append_column(&bytes, close)?;
                }
                Column::Other(writer) => writer.close()?.append_to_row_group(&mut group)?,
            }
        }
        group.close().map(drop)
    }
}
