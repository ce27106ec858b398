//! Arrow columns → the contract's columns, borrowed from the Arrow buffers.
//!
//! In goes a batch with the declared inputs in any order; out come canonical arrays ([`Inputs`]) and, from them,
//! the call's parameters. Numbers, strings and offsets are lent to wasmtime as they lie; only bitmaps are copied.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};

use crate::bindings::skewless::transform::types::{
    ColumnParam, ListValuesParam, ScalarValuesParam, ValuesParam, VariableValuesParam,
};
use crate::canonical::{bitmap_bytes, canonical};
use crate::data_type::{DataType, Field, ScalarType};
use crate::digest::Digest;
use crate::rows::Rows;

/// A call's input columns: exactly the declared ones, in the declared order, canonical.
pub(crate) struct Inputs {
    rows: usize,
    columns: Vec<Input>,
}

struct Input {
    data_type: DataType,
    array: ArrayRef,
    validity: Option<Vec<u8>>,
    /// the bitmaps among the values: those of booleans, and the validity of a list's elements
    booleans: Option<Vec<u8>>,
    element_validity: Option<Vec<u8>>,
}

impl Inputs {
    /// The columns of `rows`, which are the inputs `fields`.
    pub(crate) fn new(rows: &Rows, fields: &[Field]) -> Self {
        let columns = rows.columns.iter().zip(fields);
        let columns = columns.map(|(array, field)| Input::new(array, field.data_type)).collect();
        Self { rows: rows.count, columns }
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> u32 {
        u32::try_from(self.rows).expect("a call has at most Limits::rows_max rows")
    }

    /// The SHA-256 of all that the guest sees, in hexadecimal digits.
    pub(crate) fn sha256(&self) -> String {
        let mut seen = Vec::new();
        for column in &self.columns {
            append_column(&mut seen, &column.parameter());
        }
        Digest::of(&seen).hex()
    }

    /// The parameters of `apply`.
    pub(crate) fn parameters(&self) -> Vec<ColumnParam<'_>> {
        self.columns.iter().map(Input::parameter).collect()
    }
}

impl Input {
    fn new(array: &ArrayRef, data_type: DataType) -> Self {
        let array = canonical(array, data_type);
        let elements = match data_type {
            DataType::Scalar(_) => &array,
            DataType::List(_) => array.as_list::<i32>().values(),
        };
        let booleans = elements.as_boolean_opt().map(|array| bitmap_bytes(array.values()));
        let element_validity = match data_type {
            DataType::Scalar(_) => None,
            DataType::List(_) => validity(elements),
        };
        Self { data_type, validity: validity(&array), booleans, element_validity, array }
    }

    fn parameter(&self) -> ColumnParam<'_> {
        let values = match self.data_type {
            DataType::Scalar(scalar) => ValuesParam::Scalars(self.scalars(&self.array, scalar)),
            DataType::List(element) => {
                let lists = self.array.as_list::<i32>();
                ValuesParam::Lists(ListValuesParam {
                    offsets: lists.value_offsets(),
                    elements: self.scalars(lists.values(), element),
                    element_validity: self.element_validity.as_deref(),
                })
            }
        };
        ColumnParam { values, validity: self.validity.as_deref() }
    }

    fn scalars<'a>(&'a self, array: &'a ArrayRef, scalar: ScalarType) -> ScalarValuesParam<'a> {
        match scalar {
            ScalarType::Bool => ScalarValuesParam::Booleans(self.booleans.as_deref().unwrap_or_default()),
            ScalarType::Int32 => ScalarValuesParam::Int32s(array.as_primitive::<Int32Type>().values()),
            ScalarType::Int64 => ScalarValuesParam::Int64s(array.as_primitive::<Int64Type>().values()),
            ScalarType::Float32 => ScalarValuesParam::Float32s(array.as_primitive::<Float32Type>().values()),
            ScalarType::Float64 => ScalarValuesParam::Float64s(array.as_primitive::<Float64Type>().values()),
            ScalarType::Timestamp => {
                ScalarValuesParam::Timestamps(array.as_primitive::<TimestampMicrosecondType>().values())
            }
            ScalarType::String => {
                let strings = array.as_string::<i32>();
                ScalarValuesParam::Strings(variable(strings.value_offsets(), strings.value_data()))
            }
            ScalarType::Bytes => {
                let bytes = array.as_binary::<i32>();
                ScalarValuesParam::Bytes(variable(bytes.value_offsets(), bytes.value_data()))
            }
        }
    }
}

/// Appends everything that lies in a column, each part behind its length.
fn append_column(seen: &mut Vec<u8>, column: &ColumnParam<'_>) {
    match &column.values {
        ValuesParam::Scalars(values) => append_scalars(seen, values),
        ValuesParam::Lists(lists) => {
            append(seen, lists.offsets, |offset| offset.to_le_bytes());
            append_scalars(seen, &lists.elements);
            append(seen, lists.element_validity.unwrap_or_default(), |byte| [byte]);
        }
    }
    append(seen, column.validity.unwrap_or_default(), |byte| [byte]);
}

fn append_scalars(seen: &mut Vec<u8>, values: &ScalarValuesParam<'_>) {
    match values {
        ScalarValuesParam::Booleans(bits) => append(seen, bits, |byte| [byte]),
        ScalarValuesParam::Int32s(values) => append(seen, values, |value| value.to_le_bytes()),
        ScalarValuesParam::Int64s(values) | ScalarValuesParam::Timestamps(values) => {
            append(seen, values, |value| value.to_le_bytes());
        }
        ScalarValuesParam::Float32s(values) => append(seen, values, |value| value.to_le_bytes()),
        ScalarValuesParam::Float64s(values) => append(seen, values, |value| value.to_le_bytes()),
        ScalarValuesParam::Strings(values) | ScalarValuesParam::Bytes(values) => {
            append(seen, values.offsets, |offset| offset.to_le_bytes());
            append(seen, values.data, |byte| [byte]);
        }
    }
}

fn append<T: Copy, const BYTES: usize>(seen: &mut Vec<u8>, values: &[T], bytes: impl Fn(T) -> [u8; BYTES]) {
    seen.extend((values.len() as u64).to_le_bytes());
    seen.extend(values.iter().flat_map(|value| bytes(*value)));
}

fn variable<'a>(offsets: &'a [i32], data: &'a [u8]) -> VariableValuesParam<'a> {
    VariableValuesParam { offsets, data }
}

fn validity(array: &ArrayRef) -> Option<Vec<u8>> {
    let bits: &BooleanBuffer = array.nulls()?.inner();
    Some(bitmap_bytes(bits))
}
