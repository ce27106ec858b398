//! The values of one Arrow column → JSON.

use std::io::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, ListArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowNativeType as _, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use skewless_runtime::{DataType, ScalarType};

use super::append_list;
use crate::wire::instant;

/// A column, looked at once so that a cell costs one branch.
pub(in crate::wire) struct Cells<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Bool(&'a BooleanArray),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    String(&'a StringArray),
    Bytes(&'a BinaryArray),
    Timestamp(&'a [i64]),
    List(&'a ListArray, Box<Cells<'a>>),
}

impl<'a> Cells<'a> {
    /// The cells of `array`; `None` where no feature has its type.
    pub(super) fn new(array: &'a ArrayRef) -> Option<Self> {
        let values = match DataType::from_arrow(array.data_type())? {
            DataType::Scalar(scalar_type) => Values::new(array, scalar_type),
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                Values::List(lists, Box::new(Self::new(lists.values())?))
            }
        };
        Some(Self { nulls: array.nulls(), values })
    }

    /// Appends the value in `row`.
    pub(in crate::wire) fn append(&self, out: &mut Vec<u8>, row: usize) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(b"null");
            return;
        }
        match &self.values {
            Values::Bool(values) => out.extend_from_slice(if values.value(row) { b"true" } else { b"false" }),
            Values::Int32(values) => append_json(out, &values[row]),
            Values::Int64(values) => append_json(out, &values[row]),
            Values::Float32(values) => append_double(out, f64::from(values[row])),
            Values::Float64(values) => append_double(out, values[row]),
            Values::String(values) => append_json(out, values.value(row)),
            Values::Bytes(values) => append_base64(out, values.value(row)),
            Values::Timestamp(values) => instant::append(out, values[row]),
            Values::List(lists, elements) => {
                let start = lists.value_offsets()[row].as_usize();
                let length = lists.value_length(row).as_usize();
                append_list(out, length, |out, position| elements.append(out, start + position));
            }
        }
    }
}

impl<'a> Values<'a> {
    fn new(array: &'a ArrayRef, scalar_type: ScalarType) -> Self {
        match scalar_type {
            ScalarType::Bool => Self::Bool(array.as_boolean()),
            ScalarType::Int32 => Self::Int32(array.as_primitive::<Int32Type>().values()),
            ScalarType::Int64 => Self::Int64(array.as_primitive::<Int64Type>().values()),
            ScalarType::Float32 => Self::Float32(array.as_primitive::<Float32Type>().values()),
            ScalarType::Float64 => Self::Float64(array.as_primitive::<Float64Type>().values()),
            ScalarType::String => Self::String(array.as_string()),
            ScalarType::Bytes => Self::Bytes(array.as_binary()),
            ScalarType::Timestamp => Self::Timestamp(array.as_primitive::<TimestampMicrosecondType>().values()),
        }
    }
}

/// Appends a text, a number, a boolean, or a list of texts.
pub(in crate::wire) fn append_json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("texts and numbers are JSON, and a vector takes all bytes");
}

fn append_double(out: &mut Vec<u8>, value: f64) {
    match value {
        _ if value.is_nan() => out.extend_from_slice(br#""NaN""#),
        f64::INFINITY => out.extend_from_slice(br#""Infinity""#),
        f64::NEG_INFINITY => out.extend_from_slice(br#""-Infinity""#),
        _ => append_json(out, &value),
    }
}

fn append_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    write!(out, "\"{}\"", Base64Display::new(bytes, &BASE64)).expect("a vector takes all bytes");
}
