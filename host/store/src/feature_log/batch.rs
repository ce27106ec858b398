//! Rows of a log in columns, of which those that repeat are not spread out.

use arrow::array::{Array, ArrayRef, AsArray as _, TimestampMicrosecondArray, UInt32Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::layout::LOG_TIMESTAMP;

/// Where a row has no value, in place of the number of one.
pub(super) const NO_ROW: u32 = u32::MAX;

/// Some rows of a log.
pub(super) struct LoggedBatch {
    schema: SchemaRef,
    columns: Vec<LoggedColumn>,
    rows: usize,
}

/// A column of them.
pub(super) enum LoggedColumn {
    /// a value for each row
    Plain(ArrayRef),
    /// for each row the place of its value, or [`NO_ROW`]
    Repeated { rows: ScalarBuffer<u32>, values: ArrayRef },
}

impl LoggedBatch {
    /// Columns of `schema`'s types, each with so many rows.
    pub(super) fn new(schema: SchemaRef, columns: Vec<LoggedColumn>, rows: usize) -> Self {
        Self { schema, columns, rows }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn columns(&self) -> &[LoggedColumn] {
        &self.columns
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Some of the rows, without copying them.
    pub(super) fn slice(&self, first: usize, rows: usize) -> Self {
        let columns = self.columns.iter().map(|column| column.slice(first, rows)).collect();
        Self { schema: SchemaRef::clone(&self.schema), columns, rows }
    }

    /// When each row was served.
    pub(super) fn served_at(&self) -> &TimestampMicrosecondArray {
        let place = self.schema.index_of(LOG_TIMESTAMP).expect("every log says when its rows were served");
        match &self.columns[place] {
            LoggedColumn::Plain(column) => column.as_primitive::<TimestampMicrosecondType>(),
            LoggedColumn::Repeated { .. } => unreachable!("each row was served at its own time"),
        }
    }
}

impl LoggedColumn {
    /// The same rows of other values.
    ///
    /// # Errors
    /// Those of `change`.
    pub(super) fn map<E>(self, change: impl FnOnce(&ArrayRef) -> Result<ArrayRef, E>) -> Result<Self, E> {
        Ok(match self {
            Self::Plain(values) => Self::Plain(change(&values)?),
            Self::Repeated { rows, values } => Self::Repeated { rows, values: change(&values)? },
        })
    }

    /// A value for each row.
    ///
    /// # Errors
    /// Where they can't be put together: texts of more than 2 GiB.
    pub(super) fn plain(&self) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Plain(values) => Ok(ArrayRef::clone(values)),
            Self::Repeated { rows, values } => repeated(rows, values),
        }
    }

    fn slice(&self, first: usize, rows: usize) -> Self {
        match self {
            Self::Plain(values) => Self::Plain(values.slice(first, rows)),
            Self::Repeated { rows: places, values } => {
                Self::Repeated { rows: places.slice(first, rows), values: ArrayRef::clone(values) }
            }
        }
    }
}

/// The value of each row.
///
/// # Errors
/// As [`LoggedColumn::plain`].
pub(super) fn repeated(rows: &ScalarBuffer<u32>, values: &dyn Array) -> Result<ArrayRef, ArrowError> {
    let nulls = rows.contains(&NO_ROW).then(|| NullBuffer::from_iter(rows.iter().map(|row| *row != NO_ROW)));
    take(values, &UInt32Array::new(rows.clone(), nulls), None)
}
