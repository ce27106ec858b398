//! Arrays of every type, with every value a type can hold.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use skewless_runtime::{DataType, ScalarType};

/// Types of some columns, the columns, and how many rows each has.
pub(super) fn any_columns() -> impl Strategy<Value = (Vec<DataType>, Vec<ArrayRef>, usize)> {
    let scalar = proptest::sample::select(&ScalarType::ALL[..]);
    let data_type = (scalar, any::<bool>())
        .prop_map(|(scalar, list)| if list { DataType::List(scalar) } else { DataType::Scalar(scalar) });
    (vec(data_type, 0..20), 0usize..8).prop_flat_map(|(types, rows)| {
        let arrays: Vec<_> = types.iter().map(|data_type| any_array(*data_type, rows)).collect();
        (Just(types), arrays, Just(rows))
    })
}

pub(super) fn any_array(data_type: DataType, rows: usize) -> BoxedStrategy<ArrayRef> {
    match data_type {
        DataType::Scalar(scalar) => match scalar {
            ScalarType::Bool => values(any::<bool>(), rows, boolean),
            ScalarType::Int32 => values(any::<i32>(), rows, int32),
            ScalarType::Int64 => values(any::<i64>(), rows, int64),
            ScalarType::Float32 => values(any_f32(), rows, float32),
            ScalarType::Float64 => values(any_f64(), rows, float64),
            ScalarType::String => values(any::<String>(), rows, string),
            ScalarType::Bytes => values(vec(any::<u8>(), 0..9), rows, bytes),
            ScalarType::Timestamp => values(any::<i64>(), rows, timestamp),
        },
        DataType::List(scalar) => match scalar {
            ScalarType::Bool => any_lists(scalar, any::<bool>(), rows, boolean),
            ScalarType::Int32 => any_lists(scalar, any::<i32>(), rows, int32),
            ScalarType::Int64 => any_lists(scalar, any::<i64>(), rows, int64),
            ScalarType::Float32 => any_lists(scalar, any_f32(), rows, float32),
            ScalarType::Float64 => any_lists(scalar, any_f64(), rows, float64),
            ScalarType::String => any_lists(scalar, any::<String>(), rows, string),
            ScalarType::Bytes => any_lists(scalar, vec(any::<u8>(), 0..9), rows, bytes),
            ScalarType::Timestamp => any_lists(scalar, any::<i64>(), rows, timestamp),
        },
    }
}

/// Any bits at all: every NaN too.
fn any_f32() -> impl Strategy<Value = f32> + Clone {
    any::<u32>().prop_map(f32::from_bits)
}

fn any_f64() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![any::<u64>().prop_map(f64::from_bits), Just(-0.0), Just(f64::from_bits(0x7ff0_0000_0000_0001))]
}

fn values<T: std::fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T> + 'static,
    rows: usize,
    array: fn(Vec<Option<T>>) -> ArrayRef,
) -> BoxedStrategy<ArrayRef> {
    vec(option::of(value), rows).prop_map(array).boxed()
}

fn any_lists<T: std::fmt::Debug + Clone + 'static>(
    scalar: ScalarType,
    value: impl Strategy<Value = T> + 'static,
    rows: usize,
    array: fn(Vec<Option<T>>) -> ArrayRef,
) -> BoxedStrategy<ArrayRef> {
    // Lists without a null element are written differently from those with one.
    let list = vec(option::weighted(0.9, value), 0..6);
    vec(option::of(list), rows).prop_map(move |rows| lists(scalar, &rows, array)).boxed()
}

pub(super) fn lists<T: Clone>(
    scalar: ScalarType,
    rows: &[Option<Vec<Option<T>>>],
    array: fn(Vec<Option<T>>) -> ArrayRef,
) -> ArrayRef {
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)));
    let nulls: NullBuffer = rows.iter().map(Option::is_some).collect();
    let elements = array(rows.iter().flatten().flatten().cloned().collect());
    let field = Arc::new(Field::new_list_field(scalar.to_arrow(), true));
    Arc::new(ListArray::new(field, offsets, elements, Some(nulls).filter(|nulls| nulls.null_count() > 0)))
}

pub(super) fn boolean(values: Vec<Option<bool>>) -> ArrayRef {
    Arc::new(BooleanArray::from(values))
}

pub(super) fn int32(values: Vec<Option<i32>>) -> ArrayRef {
    Arc::new(Int32Array::from(values))
}

pub(super) fn int64(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

pub(super) fn float32(values: Vec<Option<f32>>) -> ArrayRef {
    Arc::new(Float32Array::from(values))
}

pub(super) fn float64(values: Vec<Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

pub(super) fn string(values: Vec<Option<String>>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

pub(super) fn bytes(values: Vec<Option<Vec<u8>>>) -> ArrayRef {
    Arc::new(values.iter().map(Option::as_deref).collect::<BinaryArray>())
}

pub(super) fn timestamp(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}
