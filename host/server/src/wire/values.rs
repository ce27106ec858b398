//! Values of a request → the values of one Arrow column.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, Int64Builder, ListArray,
    NullBufferBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use skewless_runtime::ScalarType;

use super::instant;
use super::scalar::Scalar;

/// A column of scalars that grows.
pub(super) enum ValuesBuilder {
    Bool(BooleanBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    String(StringBuilder),
    Bytes(BinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

/// What a value and its comma take in JSON, where nobody knows.
const BYTES_A_VALUE: usize = 8;

/// The value does not fit the column's type.
pub(super) struct Unfit;

impl ValuesBuilder {
    /// With room for about as many values as there are in `text_bytes` of text.
    pub(super) fn new(scalar_type: ScalarType, text_bytes: usize) -> Self {
        let rows = text_bytes / BYTES_A_VALUE + 1;
        match scalar_type {
            ScalarType::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            ScalarType::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            ScalarType::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            ScalarType::Float32 => Self::Float32(Float32Builder::with_capacity(rows)),
            ScalarType::Float64 => Self::Float64(Float64Builder::with_capacity(rows)),
            ScalarType::String => Self::String(StringBuilder::with_capacity(rows, text_bytes)),
            ScalarType::Bytes => Self::Bytes(BinaryBuilder::with_capacity(rows, text_bytes)),
            ScalarType::Timestamp => {
                Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC"))
            }
        }
    }

    /// Appends a value, or a null.
    pub(super) fn append(&mut self, scalar: &Scalar<'_>) -> Result<(), Unfit> {
        if *scalar == Scalar::Null {
            self.append_null();
            return Ok(());
        }
        match self {
            Self::Bool(values) => values.append_value(boolean(scalar)?),
            Self::Int32(values) => values.append_value(int32(scalar)?),
            Self::Int64(values) => values.append_value(scalar.whole_number().ok_or(Unfit)?),
            Self::Float32(values) => values.append_value(float32(scalar)?),
            Self::Float64(values) => values.append_value(scalar.double().ok_or(Unfit)?),
            Self::String(values) => values.append_value(text(scalar)?),
            Self::Bytes(values) => values.append_value(bytes(scalar)?),
            Self::Timestamp(values) => values.append_value(instant::read(scalar).ok_or(Unfit)?),
        }
        Ok(())
    }

    fn append_null(&mut self) {
        match self {
            Self::Bool(values) => values.append_null(),
            Self::Int32(values) => values.append_null(),
            Self::Int64(values) => values.append_null(),
            Self::Float32(values) => values.append_null(),
            Self::Float64(values) => values.append_null(),
            Self::String(values) => values.append_null(),
            Self::Bytes(values) => values.append_null(),
            Self::Timestamp(values) => values.append_null(),
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Bool(mut values) => Arc::new(values.finish()),
            Self::Int32(mut values) => Arc::new(values.finish()),
            Self::Int64(mut values) => Arc::new(values.finish()),
            Self::Float32(mut values) => Arc::new(values.finish()),
            Self::Float64(mut values) => Arc::new(values.finish()),
            Self::String(mut values) => Arc::new(values.finish()),
            Self::Bytes(mut values) => Arc::new(values.finish()),
            Self::Timestamp(mut values) => Arc::new(values.finish()),
        }
    }
}

/// A column of lists that grows.
pub(super) struct ListsBuilder {
    elements: ValuesBuilder,
    lengths: Vec<usize>,
    valid: NullBufferBuilder,
}

impl ListsBuilder {
    pub(super) fn new(element_type: ScalarType, text_bytes: usize) -> Self {
        Self {
            elements: ValuesBuilder::new(element_type, text_bytes),
            lengths: Vec::new(),
            valid: NullBufferBuilder::new(0),
        }
    }

    /// Appends a list; `fill` appends its elements and says how many they are.
    pub(super) fn append<E>(&mut self, fill: impl FnOnce(&mut ValuesBuilder) -> Result<usize, E>) -> Result<(), E> {
        self.lengths.push(fill(&mut self.elements)?);
        self.valid.append_non_null();
        Ok(())
    }

    pub(super) fn append_null(&mut self) {
        self.lengths.push(0);
        self.valid.append_null();
    }

    pub(super) fn finish(mut self, element_type: ScalarType) -> ArrayRef {
        let item = Arc::new(Field::new_list_field(element_type.to_arrow(), true));
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        Arc::new(ListArray::new(item, offsets, self.elements.finish(), self.valid.finish()))
    }
}

/// What fits a type, for messages.
pub(super) const fn expected(scalar_type: ScalarType) -> &'static str {
    match scalar_type {
        ScalarType::Bool => "true or false",
        ScalarType::Int32 => "a whole number from -2147483648 to 2147483647",
        ScalarType::Int64 => "a whole number from -9223372036854775808 to 9223372036854775807",
        ScalarType::Float32 | ScalarType::Float64 => r#"a number in its range, "NaN", "Infinity" or "-Infinity""#,
        ScalarType::String => "a string",
        ScalarType::Bytes => "a string of base64",
        ScalarType::Timestamp => instant::EXPECTED,
    }
}

fn boolean(scalar: &Scalar<'_>) -> Result<bool, Unfit> {
    match scalar {
        Scalar::Bool(value) => Ok(*value),
        _ => Err(Unfit),
    }
}

fn int32(scalar: &Scalar<'_>) -> Result<i32, Unfit> {
    scalar.whole_number().and_then(|value| i32::try_from(value).ok()).ok_or(Unfit)
}

/// The nearest single, unless that is an infinity nobody sent.
fn float32(scalar: &Scalar<'_>) -> Result<f32, Unfit> {
    let double = scalar.double().ok_or(Unfit)?;
    let single = double as f32;
    if single.is_infinite() && double.is_finite() { Err(Unfit) } else { Ok(single) }
}

/// As they are, or from base64.
fn bytes<'s>(scalar: &'s Scalar<'_>) -> Result<Cow<'s, [u8]>, Unfit> {
    match scalar {
        Scalar::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        _ => BASE64.decode(text(scalar)?).map(Cow::Owned).map_err(|_| Unfit),
    }
}

fn text<'s>(scalar: &'s Scalar<'_>) -> Result<&'s str, Unfit> {
    match scalar {
        Scalar::Text(text) => Ok(text),
        _ => Err(Unfit),
    }
}
