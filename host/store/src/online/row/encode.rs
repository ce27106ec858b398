//! Arrow columns into packed rows.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, LargeBinaryArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use skewless_runtime::{DataType, ScalarType};

use super::{HEADER_BYTES, Header, RowTime, seal};
use crate::row_schema::RowSchema;
use crate::{Error, Result};

/// Packs the rows of one batch.
///
/// Everything that depends on the columns alone is decided once, in [`RowEncoder::new`]; a row then costs its bytes.
pub struct RowEncoder<'a> {
    schema_id: u64,
    component: Option<u64>,
    columns: Vec<Column<'a>>,
    event_timestamps: &'a [i64],
    created_timestamps: Option<&'a TimestampMicrosecondArray>,
}

impl<'a> RowEncoder<'a> {
    /// An encoder for `batch`, whose columns are found by the names in `schema`; it may have others.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where a feature of the schema has no column or one of another
    /// type, where an event timestamp is null, or where the timestamps are not one for each row.
    pub fn new(
        schema: &RowSchema,
        batch: &'a RecordBatch,
        event_timestamps: &'a TimestampMicrosecondArray,
        created_timestamps: Option<&'a TimestampMicrosecondArray>,
    ) -> Result<Self> {
        for timestamps in [Some(event_timestamps), created_timestamps].into_iter().flatten() {
            if timestamps.len() != batch.num_rows() {
                let (rows, times) = (batch.num_rows(), timestamps.len());
                return Err(Error::invalid_input(format!("{times} timestamps for {rows} rows: give one for each")));
            }
        }
        if let Some(row) = (0..event_timestamps.len()).find(|row| event_timestamps.is_null(*row)) {
            return Err(Error::invalid_input(format!("row {row} has no event timestamp: every stored row needs one")));
        }
        let columns = schema.fields.iter().map(|(name, data_type)| Column::find(batch, name, *data_type));
        Ok(Self {
            schema_id: schema.id,
            component: None,
            columns: columns.collect::<Result<_>>()?,
            event_timestamps: event_timestamps.values(),
            created_timestamps,
        })
    }

    /// Marks every row as made by the component whose digest begins with these 8 bytes, read big-endian.
    #[must_use]
    pub fn made_by(mut self, component: u64) -> Self {
        self.component = Some(component);
        self
    }

    /// The packed rows, in the batch's order.
    #[must_use]
    pub fn encode(&self) -> LargeBinaryArray {
        let rows = self.event_timestamps.len();
        let mut bytes = Vec::with_capacity(rows * (HEADER_BYTES + self.columns.len() * 9));
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        for row in 0..rows {
            self.append(row, &mut bytes);
            offsets.push(i64::try_from(bytes.len()).expect("memory holds less than 2^63 bytes"));
        }
        LargeBinaryArray::new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes), None)
    }

    fn append(&self, row: usize, bytes: &mut Vec<u8>) {
        let created = self.created_timestamps.filter(|created| created.is_valid(row));
        let time = RowTime {
            event_timestamp: self.event_timestamps[row],
            created_timestamp: created.map(|created| created.value(row)),
        };
        let start = bytes.len();
        Header { time, schema_id: self.schema_id, component: self.component }.append(bytes);
        let bitmap = bytes.len();
        bytes.resize(bitmap + self.columns.len().div_ceil(8), 0);
        for (index, column) in self.columns.iter().enumerate() {
            if column.nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                bytes[bitmap + index / 8] |= 1 << (index % 8);
                column.append(row, bytes);
            }
        }
        seal(&mut bytes[start..]);
    }
}

struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    /// where each row's elements begin, for a list
    offsets: Option<&'a OffsetBuffer<i32>>,
    /// the values, or the elements
    values: Values<'a>,
}

enum Values<'a> {
    Bool(&'a BooleanArray),
    Int32(&'a [i32], Option<&'a NullBuffer>),
    Int64(&'a [i64], Option<&'a NullBuffer>),
    Float32(&'a [f32], Option<&'a NullBuffer>),
    Float64(&'a [f64], Option<&'a NullBuffer>),
    String(&'a StringArray),
    Bytes(&'a BinaryArray),
}

impl<'a> Column<'a> {
    fn find(batch: &'a RecordBatch, name: &str, data_type: DataType) -> Result<Self> {
        let column = batch
            .column_by_name(name)
            .ok_or_else(|| Error::invalid_input(format!("feature `{name}` has no column in the rows to store")))?;
        if DataType::from_arrow(column.data_type()) != Some(data_type) {
            let found = column.data_type();
            return Err(Error::invalid_input(format!(
                "feature `{name}` is {data_type}, but its column in the rows to store is {found}: convert it first"
            )));
        }
        let nulls = column.nulls();
        Ok(match data_type {
            DataType::Scalar(scalar) => Self { nulls, offsets: None, values: Values::new(column, scalar) },
            DataType::List(scalar) => {
                let list = column.as_list::<i32>();
                Self { nulls, offsets: Some(list.offsets()), values: Values::new(list.values(), scalar) }
            }
        })
    }

    fn append(&self, row: usize, bytes: &mut Vec<u8>) {
        match self.offsets {
            None => self.values.append(row, bytes),
            Some(offsets) => {
                let [start, end] = [offsets[row], offsets[row + 1]]
                    .map(|offset| usize::try_from(offset).expect("Arrow's offsets are not negative"));
                self.values.append_list(start, end, bytes);
            }
        }
    }
}

impl<'a> Values<'a> {
    /// `array` has the type that carries `scalar`.
    fn new(array: &'a ArrayRef, scalar: ScalarType) -> Self {
        let nulls = array.nulls();
        match scalar {
            ScalarType::Bool => Self::Bool(array.as_boolean()),
            ScalarType::Int32 => Self::Int32(array.as_primitive::<Int32Type>().values(), nulls),
            ScalarType::Int64 => Self::Int64(array.as_primitive::<Int64Type>().values(), nulls),
            ScalarType::Float32 => Self::Float32(array.as_primitive::<Float32Type>().values(), nulls),
            ScalarType::Float64 => Self::Float64(array.as_primitive::<Float64Type>().values(), nulls),
            ScalarType::String => Self::String(array.as_string()),
            ScalarType::Bytes => Self::Bytes(array.as_binary()),
            ScalarType::Timestamp => Self::Int64(array.as_primitive::<TimestampMicrosecondType>().values(), nulls),
        }
    }

    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::Bool(values) => values.nulls(),
            Self::Int32(_, nulls) | Self::Int64(_, nulls) | Self::Float32(_, nulls) | Self::Float64(_, nulls) => *nulls,
            Self::String(values) => values.nulls(),
            Self::Bytes(values) => values.nulls(),
        }
    }

    fn append(&self, index: usize, bytes: &mut Vec<u8>) {
        match self {
            Self::Bool(values) => bytes.push(u8::from(values.value(index))),
            Self::Int32(values, _) => bytes.extend_from_slice(&values[index].to_le_bytes()),
            Self::Int64(values, _) => bytes.extend_from_slice(&values[index].to_le_bytes()),
            Self::Float32(values, _) => bytes.extend_from_slice(&values[index].to_le_bytes()),
            Self::Float64(values, _) => bytes.extend_from_slice(&values[index].to_le_bytes()),
            Self::String(values) => append_bytes(values.value(index).as_bytes(), bytes),
            Self::Bytes(values) => append_bytes(values.value(index), bytes),
        }
    }

    fn append_list(&self, start: usize, end: usize, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&length(end - start).to_le_bytes());
        let is_null = |index: usize| self.nulls().is_some_and(|nulls| nulls.is_null(index));
        let any_null = (start..end).any(is_null);
        bytes.push(u8::from(any_null));
        if !any_null {
            return (start..end).for_each(|index| self.append(index, bytes));
        }
        let bitmap = bytes.len();
        bytes.resize(bitmap + (end - start).div_ceil(8), 0);
        for (position, index) in (start..end).enumerate() {
            if is_null(index) {
                // Whatever an array keeps below a null must not reach the stored bytes.
                bytes.resize(bytes.len() + self.null_bytes(), 0);
            } else {
                bytes[bitmap + position / 8] |= 1 << (position % 8);
                self.append(index, bytes);
            }
        }
    }

    /// What a null element takes.
    const fn null_bytes(&self) -> usize {
        match self {
            Self::Bool(_) => 1,
            Self::Int32(..) | Self::Float32(..) | Self::String(_) | Self::Bytes(_) => 4,
            Self::Int64(..) | Self::Float64(..) => 8,
        }
    }
}

fn append_bytes(value: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&length(value.len()).to_le_bytes());
    bytes.extend_from_slice(value);
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("a column with 32-bit offsets holds fewer than 2^31 bytes or elements")
}
