//! From the columns of a source's files to rows that can be joined: typed, keyed, inside a window of time.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::filter;
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use skewless_runtime::DataType;

use super::conversion::convert_column;
use super::keys::JoinKeys;
use super::map::Position;
use super::point_in_time::{NEVER_CREATED, SourceLayout, place};
use crate::Result;
use crate::view_rows::arrow_error;

/// A stretch of event timestamps in µs, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Window {
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
}

impl Window {
    fn contains(self, time: i64) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time <= to)
    }
}

/// Columns of the definitions, and where the files have them.
pub(crate) struct FileColumns {
    /// names and types
    pub(crate) wanted: Vec<(String, DataType)>,
    /// the files' fields behind them
    pub(crate) fields: Vec<Field>,
    /// where each of them is among the columns that are read
    pub(crate) places: Vec<usize>,
}

impl FileColumns {
    /// The wanted columns in their types, from those that were read.
    ///
    /// # Errors
    /// Names the column, and says why a value doesn't convert.
    pub(super) fn typed(&self, read: &[ArrayRef]) -> Result<Vec<ArrayRef>, String> {
        let typed = self.wanted.iter().zip(&self.fields).zip(&self.places).map(|(((name, to), field), place)| {
            convert_column(field, &read[*place], *to).map_err(|reason| format!("column `{name}`: {reason}"))
        });
        typed.collect()
    }
}

/// How a batch of a source's files becomes rows that can be joined.
pub(crate) struct KeyedRows {
    /// join keys, event timestamp, created timestamp if there is one, the rest
    pub(crate) columns: FileColumns,
    pub(crate) join_keys: JoinKeys,
    pub(crate) layout: SourceLayout,
    pub(crate) window: Window,
}

impl KeyedRows {
    /// The schema of what comes out.
    pub(crate) fn schema(&self) -> SchemaRef {
        let mut fields = self.layout.fields(self.join_keys.arrow_type());
        let columns = self.columns.wanted[self.first_column()..].iter();
        fields.extend(columns.map(|(name, data_type)| Field::new(name, data_type.to_arrow(), true)));
        Arc::new(Schema::new(fields))
    }

    fn keys(&self) -> usize {
        self.join_keys.columns().len()
    }

    fn first_column(&self) -> usize {
        self.keys() + 1 + usize::from(self.layout.has_created)
    }

    /// The rows of `batch` in the window that have their join keys and their event timestamp.
    pub(crate) fn of(&self, batch: &RecordBatch, position: Position, schema: &SchemaRef) -> Result<RecordBatch> {
        let columns = self.columns.typed(batch.columns()).map_err(crate::Error::corrupt)?;
        let count = batch.num_rows() as u64;
        let first = place(position.partition, position.rows_before);
        let places: ArrayRef = Arc::new(UInt64Array::from_iter_values(first..first + count));
        let (columns, places) = self.usable(columns, places)?;
        let time = |column: usize| columns[column].as_primitive::<TimestampMicrosecondType>();
        let event = time(self.keys()).reinterpret_cast::<Int64Type>();
        let mut rows: Vec<ArrayRef> =
            vec![self.join_keys.encode(&columns[..self.keys()])?, Arc::new(event.clone()), places];
        if self.layout.has_created {
            let created = time(self.keys() + 1);
            let created = Int64Array::from_iter_values(created.iter().map(|time| time.unwrap_or(NEVER_CREATED)));
            rows.push(Arc::new(created.clone()));
            if self.layout.known_at {
                let later = event.values().iter().zip(created.values()).map(|(event, created)| *event.max(created));
                rows.push(Arc::new(Int64Array::from_iter_values(later)));
            }
        }
        rows.extend_from_slice(&columns[self.first_column()..]);
        RecordBatch::try_new(Arc::clone(schema), rows).map_err(arrow_error)
    }

    fn usable(&self, columns: Vec<ArrayRef>, places: ArrayRef) -> Result<(Vec<ArrayRef>, ArrayRef)> {
        let Usable { rows, .. } = usable(&columns[..=self.keys()], self.window);
        if rows.true_count() == rows.len() {
            return Ok((columns, places));
        }
        let keep = |column: &ArrayRef| filter(column, &rows).map_err(arrow_error);
        Ok((columns.iter().map(keep).collect::<Result<_>>()?, keep(&places)?))
    }
}

/// Which rows can be used.
pub(super) struct Usable {
    pub(super) rows: BooleanArray,
    /// rows that are, or may be, in the window, but lack something
    pub(super) left_out: u64,
}

/// The rows that have all of `columns`, the last of which, the event timestamp, is in `window`.
pub(super) fn usable(columns: &[ArrayRef], window: Window) -> Usable {
    let (event, _) = columns.split_last().expect("a source has an event timestamp");
    let event = event.as_primitive::<TimestampMicrosecondType>();
    let inside: BooleanArray = event.iter().map(|time| Some(time.is_none_or(|time| window.contains(time)))).collect();
    let whole = columns
        .iter()
        .fold(None, |all: Option<NullBuffer>, column| NullBuffer::union(all.as_ref(), column.logical_nulls().as_ref()));
    let Some(whole) = whole else { return Usable { rows: inside, left_out: 0 } };
    let rows = BooleanArray::new(inside.values() & whole.inner(), None);
    let left_out = (inside.true_count() - rows.true_count()) as u64;
    Usable { rows, left_out }
}
