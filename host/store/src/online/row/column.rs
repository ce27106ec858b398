//! The bytes of values, and the columns they are read into.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, Int64Builder,
    ListArray, NullBufferBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field;
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

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RowDamage> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(RowDamage::Truncated)?;
        self.0 = rest;
        Ok(*taken)
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
const fn width(scalar: ScalarType) -> Option<usize> {
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
pub(super) enum ColumnBuilder {
    Scalar(Values),
    List { scalar: ScalarType, ends: Vec<i32>, nulls: NullBufferBuilder, elements: Values },
}

impl ColumnBuilder {
    pub(super) fn new(data_type: DataType, rows: usize) -> Self {
        match data_type {
            DataType::Scalar(scalar) => Self::Scalar(Values::new(scalar, rows)),
            DataType::List(scalar) => {
                let mut ends = Vec::with_capacity(rows + 1);
                ends.push(0);
                Self::List { scalar, ends, nulls: NullBufferBuilder::new(rows), elements: Values::new(scalar, 0) }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Scalar(values) => values.len(),
            Self::List { nulls, .. } => nulls.len(),
        }
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::Scalar(values) => values.append_null(),
            Self::List { ends, nulls, elements, .. } => {
                // Takes in what a damaged list left behind, so that the next row begins after it.
                ends.push(end(elements));
                nulls.append_null();
            }
        }
    }

    /// Appends the value that stands at `cursor`; after an error no row, though elements of a damaged list may stay
    /// behind.
    pub(super) fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), RowDamage> {
        match self {
            Self::Scalar(values) => values.append(cursor),
            Self::List { ends, nulls, elements, .. } => {
                let (count, bitmap) = cursor.list()?;
                check_room(elements.len(), count)?;
                elements.append_all(count, bitmap, cursor)?;
                ends.push(end(elements));
                nulls.append_non_null();
                Ok(())
            }
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Scalar(mut values) => values.finish(),
            Self::List { scalar, ends, mut nulls, mut elements } => {
                let field = Arc::new(Field::new_list_field(scalar.to_arrow(), true));
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                Arc::new(ListArray::new(field, offsets, elements.finish(), nulls.finish()))
            }
        }
    }
}

/// The values of a column, or the elements of its lists.
#[derive(Debug)]
pub(super) enum Values {
    Bool(BooleanBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    String(StringBuilder),
    Bytes(BinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

/// Does the same to the builder of whichever type.
macro_rules! for_each_type {
    ($values:expr, $builder:ident => $body:expr) => {
        match $values {
            Values::Bool($builder) => $body,
            Values::Int32($builder) => $body,
            Values::Int64($builder) => $body,
            Values::Float32($builder) => $body,
            Values::Float64($builder) => $body,
            Values::String($builder) => $body,
            Values::Bytes($builder) => $body,
            Values::Timestamp($builder) => $body,
        }
    };
}

impl Values {
    fn new(scalar: ScalarType, rows: usize) -> Self {
        match scalar {
            ScalarType::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            ScalarType::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            ScalarType::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            ScalarType::Float32 => Self::Float32(Float32Builder::with_capacity(rows)),
            ScalarType::Float64 => Self::Float64(Float64Builder::with_capacity(rows)),
            ScalarType::String => Self::String(StringBuilder::with_capacity(rows, 0)),
            ScalarType::Bytes => Self::Bytes(BinaryBuilder::with_capacity(rows, 0)),
            ScalarType::Timestamp => {
                Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(scalar.to_arrow()))
            }
        }
    }

    fn len(&self) -> usize {
        for_each_type!(self, builder => builder.len())
    }

    fn append_null(&mut self) {
        for_each_type!(self, builder => builder.append_null());
    }

    fn finish(&mut self) -> ArrayRef {
        for_each_type!(self, builder => ArrayBuilder::finish(builder))
    }

    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), RowDamage> {
        match self {
            Self::Bool(builder) => builder.append_value(cursor.bit()?),
            Self::Int32(builder) => builder.append_value(i32::from_le_bytes(cursor.array()?)),
            Self::Int64(builder) => builder.append_value(i64::from_le_bytes(cursor.array()?)),
            Self::Float32(builder) => builder.append_value(f32::from_le_bytes(cursor.array()?)),
            Self::Float64(builder) => builder.append_value(f64::from_le_bytes(cursor.array()?)),
            Self::Timestamp(builder) => builder.append_value(i64::from_le_bytes(cursor.array()?)),
            Self::String(builder) => {
                let value = cursor.string_bytes()?;
                check_room(builder.values_slice().len(), value.len())?;
                builder.append_value(std::str::from_utf8(value).map_err(|_| RowDamage::NotUtf8)?);
            }
            Self::Bytes(builder) => {
                let value = cursor.string_bytes()?;
                check_room(builder.values_slice().len(), value.len())?;
                builder.append_value(value);
            }
        }
        Ok(())
    }

    /// Appends `count` elements, null where `bitmap` says so.
    fn append_all(&mut self, count: usize, bitmap: Option<&[u8]>, cursor: &mut Cursor<'_>) -> Result<(), RowDamage> {
        let Some(bitmap) = bitmap else {
            return (0..count).try_for_each(|_| self.append(cursor));
        };
        for index in 0..count {
            if is_set(bitmap, index) {
                self.append(cursor)?;
            } else {
                cursor.skip(DataType::Scalar(self.scalar()))?;
                self.append_null();
            }
        }
        Ok(())
    }

    const fn scalar(&self) -> ScalarType {
        match self {
            Self::Bool(_) => ScalarType::Bool,
            Self::Int32(_) => ScalarType::Int32,
            Self::Int64(_) => ScalarType::Int64,
            Self::Float32(_) => ScalarType::Float32,
            Self::Float64(_) => ScalarType::Float64,
            Self::String(_) => ScalarType::String,
            Self::Bytes(_) => ScalarType::Bytes,
            Self::Timestamp(_) => ScalarType::Timestamp,
        }
    }
}

fn end(elements: &Values) -> i32 {
    i32::try_from(elements.len()).expect("`check_room` has been asked before elements were appended")
}

/// Arrow's builders panic where a column outgrows its 32-bit offsets.
fn check_room(filled: usize, more: usize) -> Result<(), RowDamage> {
    i32::try_from(filled + more).map(drop).map_err(|_| RowDamage::TooLong)
}
