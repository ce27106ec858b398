//! The bytes of values, and the columns they are read into.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, NullBufferBuilder, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType as ArrowType;
use skewless_runtime::{DataType, ScalarType};

use super::RowDamage;

/// What is left of a row.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], RowDamage> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(RowDamage::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RowDamage> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(RowDamage::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// `count` numbers of `N` bytes each.
    fn numbers<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]], RowDamage> {
        let bytes = count.checked_mul(N).ok_or(RowDamage::Truncated)?;
        Ok(self.take(bytes)?.as_chunks().0)
    }

    fn bit(&mut self) -> Result<bool, RowDamage> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(RowDamage::NotABit(other)),
        }
    }

    fn length(&mut self) -> Result<usize, RowDamage> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| RowDamage::TooLong)
    }

    fn string_bytes(&mut self) -> Result<&'a [u8], RowDamage> {
        let length = self.length()?;
        self.take(length)
    }

    /// How many elements follow, and their validity where some are null. Each element has at least one byte, so a
    /// count that the rest of the row can't hold is refused before anything is made of it.
    fn list(&mut self) -> Result<(usize, Option<&'a [u8]>), RowDamage> {
        let count = self.length()?;
        let bitmap = if self.bit()? { Some(self.take(count.div_ceil(8))?) } else { None };
        if count > self.0.len() {
            return Err(RowDamage::Truncated);
        }
        Ok((count, bitmap))
    }

    /// Passes over a value nobody asked for.
    pub(super) fn skip(&mut self, data_type: DataType) -> Result<(), RowDamage> {
        let (count, scalar) = match data_type {
            DataType::Scalar(scalar) => (1, scalar),
            DataType::List(scalar) => (self.list()?.0, scalar),
        };
        match width(scalar) {
            Some(width) => self.take(count.checked_mul(width).ok_or(RowDamage::Truncated)?).map(drop),
            None => (0..count).try_for_each(|_| self.string_bytes().map(drop)),
        }
    }
}

/// The bytes of a value, where all have as many.
pub(super) const fn width(scalar: ScalarType) -> Option<usize> {
    match scalar {
        ScalarType::Bool => Some(1),
        ScalarType::Int32 | ScalarType::Float32 => Some(4),
        ScalarType::Int64 | ScalarType::Float64 | ScalarType::Timestamp => Some(8),
        ScalarType::String | ScalarType::Bytes => None,
    }
}

/// Whether bit `index` is set.
pub(super) fn is_set(bitmap: &[u8], index: usize) -> bool {
    bitmap[index / 8] >> (index % 8) & 1 == 1
}

/// One column in the making.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    values: Values,
    nulls: NullBufferBuilder,
}

/// The values of a column, with whatever stands below a null.
#[derive(Debug)]
enum Values {
    Bool(BooleanBufferBuilder),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Timestamp(Vec<i64>),
    String(Runs<Vec<u8>>),
    Bytes(Runs<Vec<u8>>),
    List(Box<Runs<ColumnBuilder>>),
}

/// Values of any length, one after the other.
#[derive(Debug)]
struct Runs<T> {
    items: T,
    /// where each value begins, and where the last one ends
    offsets: Vec<i32>,
}

impl ColumnBuilder {
    pub(super) fn new(data_type: DataType, rows: usize) -> Self {
        let values = match data_type {
            DataType::Scalar(scalar) => Values::new(scalar, rows),
            DataType::List(scalar) => Values::List(Box::new(Runs::new(Self::new(scalar.into(), 0), rows))),
        };
        Self { values, nulls: NullBufferBuilder::new(rows) }
    }

    pub(super) fn len(&self) -> usize {
        self.nulls.len()
    }

    pub(super) fn append_null(&mut self) {
        self.values.append_default();
        self.nulls.append_null();
    }

    /// Appends the value that stands at `cursor`; after an error nothing.
    pub(super) fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), RowDamage> {
        self.values.append(1, cursor)?;
        self.nulls.append_non_null();
        Ok(())
    }

    /// Appends `count` elements of a list, null where `validity` says so; after an error nothing.
    fn append_all(&mut self, count: usize, validity: Option<&[u8]>, cursor: &mut Cursor<'_>) -> Result<(), RowDamage> {
        self.values.append(count, cursor)?;
        match validity {
            None => self.nulls.append_n_non_nulls(count),
            Some(validity) => (0..count).for_each(|index| self.nulls.append(is_set(validity, index))),
        }
        Ok(())
    }

    /// The column, of the Arrow type that carries this builder's.
    pub(super) fn finish(mut self, arrow: &ArrowType) -> ArrayRef {
        let nulls = self.nulls.finish();
        match self.values {
            Values::Bool(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int32(values) => Arc::new(Int32Array::new(values.into(), nulls)),
            Values::Int64(values) => Arc::new(Int64Array::new(values.into(), nulls)),
            Values::Float32(values) => Arc::new(Float32Array::new(values.into(), nulls)),
            Values::Float64(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Values::Timestamp(values) => {
                Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_data_type(arrow.clone()))
            }
            Values::String(Runs { items, offsets }) => {
                // Panics on what is not UTF-8, which no value appended was.
                Arc::new(StringArray::new(offset_buffer(offsets), Buffer::from_vec(items), nulls))
            }
            Values::Bytes(Runs { items, offsets }) => {
                Arc::new(BinaryArray::new(offset_buffer(offsets), Buffer::from_vec(items), nulls))
            }
            Values::List(runs) => {
                let ArrowType::List(field) = arrow else { unreachable!("a list is carried by a list") };
                let elements = runs.items.finish(field.data_type());
                Arc::new(ListArray::new(Arc::clone(field), offset_buffer(runs.offsets), elements, nulls))
            }
        }
    }
}

fn offset_buffer(offsets: Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(offsets))
}

impl Values {
    fn new(scalar: ScalarType, rows: usize) -> Self {
        match scalar {
            ScalarType::Bool => Self::Bool(BooleanBufferBuilder::new(rows)),
            ScalarType::Int32 => Self::Int32(Vec::with_capacity(rows)),
            ScalarType::Int64 => Self::Int64(Vec::with_capacity(rows)),
            ScalarType::Float32 => Self::Float32(Vec::with_capacity(rows)),
            ScalarType::Float64 => Self::Float64(Vec::with_capacity(rows)),
            ScalarType::String => Self::String(Runs::new(Vec::new(), rows)),
            ScalarType::Bytes => Self::Bytes(Runs::new(Vec::new(), rows)),
            ScalarType::Timestamp => Self::Timestamp(Vec::with_capacity(rows)),
        }
    }

    fn append_default(&mut self) {
        match self {
            Self::Bool(values) => values.append(false),
            Self::Int32(values) => values.push(0),
            Self::Int64(values) | Self::Timestamp(values) => values.push(0),
            Self::Float32(values) => values.push(0.0),
            Self::Float64(values) => values.push(0.0),
            Self::String(runs) | Self::Bytes(runs) => runs.append_empty(),
            Self::List(runs) => runs.append_empty(),
        }
    }

    /// Appends the `count` values that stand at `cursor`; after an error none.
    fn append(&mut self, count: usize, cursor: &mut Cursor<'_>) -> Result<(), RowDamage> {
        match self {
            Self::Bool(values) => {
                let bytes = cursor.take(count)?;
                if let Some(other) = bytes.iter().find(|byte| **byte > 1) {
                    return Err(RowDamage::NotABit(*other));
                }
                bytes.iter().for_each(|byte| values.append(*byte == 1));
            }
            Self::Int32(values) => values.extend(cursor.numbers(count)?.iter().copied().map(i32::from_le_bytes)),
            Self::Int64(values) | Self::Timestamp(values) => {
                values.extend(cursor.numbers(count)?.iter().copied().map(i64::from_le_bytes));
            }
            Self::Float32(values) => values.extend(cursor.numbers(count)?.iter().copied().map(f32::from_le_bytes)),
            Self::Float64(values) => values.extend(cursor.numbers(count)?.iter().copied().map(f64::from_le_bytes)),
            Self::String(runs) => runs.append(count, cursor, |value| std::str::from_utf8(value).is_ok())?,
            Self::Bytes(runs) => runs.append(count, cursor, |_| true)?,
            Self::List(runs) => return (0..count).try_for_each(|_| runs.append_list(cursor)),
        }
        Ok(())
    }
}

impl<T> Runs<T> {
    fn new(items: T, rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { items, offsets }
    }

    fn append_empty(&mut self) {
        self.offsets.extend_from_within(self.offsets.len() - 1..);
    }

    /// Ends a value at `end`, unless the column outgrows Arrow's offsets.
    fn end_at(&mut self, end: usize) -> Result<(), RowDamage> {
        self.offsets.push(i32::try_from(end).map_err(|_| RowDamage::TooLong)?);
        Ok(())
    }
}

impl Runs<Vec<u8>> {
    fn append(&mut self, count: usize, cursor: &mut Cursor<'_>, is_valid: fn(&[u8]) -> bool) -> Result<(), RowDamage> {
        let (values, bytes) = (self.offsets.len(), self.items.len());
        let result = (0..count).try_for_each(|_| {
            let value = cursor.string_bytes()?;
            if !is_valid(value) {
                return Err(RowDamage::NotUtf8);
            }
            self.end_at(self.items.len() + value.len())?;
            self.items.extend_from_slice(value);
            Ok(())
        });
        if result.is_err() {
            self.offsets.truncate(values);
            self.items.truncate(bytes);
        }
        result
    }
}

impl Runs<ColumnBuilder> {
    fn append_list(&mut self, cursor: &mut Cursor<'_>) -> Result<(), RowDamage> {
        let (count, validity) = cursor.list()?;
        i32::try_from(self.items.len() + count).map_err(|_| RowDamage::TooLong)?;
        self.items.append_all(count, validity, cursor)?;
        self.end_at(self.items.len())
    }
}
