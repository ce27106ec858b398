//! One bit pattern for one value.
//!
//! Equal rows must reach a transform as equal bits, whether they come from a Parquet file, an online store or a
//! request, and leave it as equal bits. Arrow leaves three things open: which NaN a NaN is, what lies in the slot of a null, and
//! where a slice begins. [`canonical`] closes them: every NaN is the quiet one, nulls are 0, false or empty, offsets
//! start at 0, bitmaps end in zeroes. An array that is canonical already is returned as it is, without a copy.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, GenericByteArray, GenericByteBuilder, ListArray,
    MutableArrayData, PrimitiveArray, make_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, ArrowNativeTypeOp, ByteArrayType, Float32Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use crate::data_type::{DataType, ScalarType};

/// The same values in their one bit pattern. `array` must be of type `data_type`.
pub(crate) fn canonical(array: &ArrayRef, data_type: DataType) -> ArrayRef {
    match data_type {
        DataType::Scalar(scalar) => canonical_scalars(array, scalar),
        DataType::List(element) => Arc::new(canonical_lists(array.as_list::<i32>(), element)),
    }
}

/// A bitmap as the contract wants it: least significant bit first, zeroes behind the last bit.
pub(crate) fn bitmap_bytes(bits: &BooleanBuffer) -> Vec<u8> {
    let mut bytes = bits.sliced().as_slice()[..bits.len().div_ceil(8)].to_vec();
    if let (Some(last), used @ 1..) = (bytes.last_mut(), bits.len() % 8) {
        *last &= (1 << used) - 1;
    }
    bytes
}

fn canonical_scalars(array: &ArrayRef, scalar: ScalarType) -> ArrayRef {
    match scalar {
        ScalarType::Bool => Arc::new(canonical_booleans(array.as_boolean())),
        ScalarType::Int32 => canonical_numbers::<Int32Type>(array, |_| false, 0),
        ScalarType::Int64 => canonical_numbers::<Int64Type>(array, |_| false, 0),
        ScalarType::Timestamp => canonical_numbers::<TimestampMicrosecondType>(array, |_| false, 0),
        ScalarType::Float32 => {
            let odd = |value: f32| value.is_nan() & (value.to_bits() != QUIET_NAN_32.to_bits());
            canonical_numbers::<Float32Type>(array, odd, QUIET_NAN_32)
        }
        ScalarType::Float64 => {
            let odd = |value: f64| value.is_nan() & (value.to_bits() != QUIET_NAN_64.to_bits());
            canonical_numbers::<Float64Type>(array, odd, QUIET_NAN_64)
        }
        ScalarType::String => canonical_bytes(array, array.as_string::<i32>()),
        ScalarType::Bytes => canonical_bytes(array, array.as_binary::<i32>()),
    }
}

const QUIET_NAN_32: f32 = f32::from_bits(0x7fc0_0000);
const QUIET_NAN_64: f64 = f64::from_bits(0x7ff8_0000_0000_0000);

/// Zero under every null, and `replacement` for every odd value; `odd` has no early end either.
fn canonical_numbers<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    odd: impl Fn(T::Native) -> bool,
    replacement: T::Native,
) -> ArrayRef {
    let numbers = array.as_primitive::<T>();
    let is_zero = |row: usize| numbers.values()[row].is_eq(T::default_value());
    // Without an early end, so that the compiler can look at several values at once.
    let any_odd = numbers.values().iter().fold(false, |any, value| any | odd(*value));
    if !any_odd && is_canonical_under_nulls(numbers.nulls(), is_zero) {
        return Arc::clone(array);
    }
    let mend = |value: T::Native| if odd(value) { replacement } else { value };
    let values: ScalarBuffer<T::Native> = match numbers.nulls() {
        None => numbers.values().iter().map(|value| mend(*value)).collect(),
        Some(nulls) => {
            let value = |(value, valid): (&T::Native, bool)| if valid { mend(*value) } else { T::default_value() };
            numbers.values().iter().zip(nulls).map(value).collect()
        }
    };
    Arc::new(PrimitiveArray::<T>::new(values, present(numbers.nulls())).with_data_type(numbers.data_type().clone()))
}

/// Whether there are no nulls, or some and nothing under each; `is_nothing` looks at one row.
fn is_canonical_under_nulls(nulls: Option<&NullBuffer>, is_nothing: impl Fn(usize) -> bool) -> bool {
    nulls.is_none_or(|nulls| nulls.null_count() > 0 && (!nulls.inner()).set_indices().all(is_nothing))
}

fn canonical_booleans(booleans: &BooleanArray) -> BooleanArray {
    let nulls = present(booleans.nulls());
    let values = match &nulls {
        None => booleans.values().clone(),
        Some(nulls) => booleans.values() & nulls.inner(),
    };
    BooleanArray::new(values, nulls)
}

/// Offsets from 0, no byte that belongs to no value, nothing under a null.
fn canonical_bytes<T: ByteArrayType<Offset = i32>>(array: &ArrayRef, bytes: &GenericByteArray<T>) -> ArrayRef {
    let offsets = bytes.value_offsets();
    let tight = offsets[0] == 0 && offsets[offsets.len() - 1].as_usize() == bytes.value_data().len();
    if tight && is_canonical_under_nulls(bytes.nulls(), |row| offsets[row] == offsets[row + 1]) {
        return Arc::clone(array);
    }
    let data_bytes = offsets[offsets.len() - 1].as_usize() - offsets[0].as_usize();
    let mut builder = GenericByteBuilder::<T>::with_capacity(bytes.len(), data_bytes);
    bytes.iter().for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

/// The same for lists, and for their elements.
fn canonical_lists(lists: &ListArray, element: ScalarType) -> ListArray {
    let nulls = present(lists.nulls());
    let kept = lists.offsets().windows(2).enumerate().map(|(row, ends)| {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) { 0 } else { (ends[1] - ends[0]).as_usize() }
    });
    let lengths: Vec<usize> = kept.collect();
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let (first, last) = (lists.offsets()[0].as_usize(), lists.offsets()[lists.len()].as_usize());
    let elements = if last - first == offsets[lists.len()].as_usize() {
        lists.values().slice(first, last - first)
    } else {
        without_elements_of_nulls(lists)
    };
    let elements = canonical_scalars(&elements, element);
    let field = Arc::new(arrow::datatypes::Field::new_list_field(element.to_arrow(), true));
    ListArray::new(field, offsets, elements, nulls)
}

/// The elements of the lists that are not null, one after the other.
fn without_elements_of_nulls(lists: &ListArray) -> ArrayRef {
    let elements = lists.values().to_data();
    let mut data = MutableArrayData::new(vec![&elements], false, 0);
    for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
        let ends = &lists.value_offsets()[row..=row + 1];
        data.try_extend(0, ends[0].as_usize(), ends[1].as_usize()).expect("a part fits where the whole did");
    }
    make_array(data.freeze())
}

/// The null buffer, where it holds a null.
fn present(nulls: Option<&NullBuffer>) -> Option<NullBuffer> {
    nulls.filter(|nulls| nulls.null_count() > 0).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array, StringArray};
    use arrow::buffer::Buffer;

    fn f64_bits(array: &ArrayRef) -> Vec<u64> {
        array.as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn every_nan_becomes_the_quiet_one_and_minus_zero_stays() {
        let odd = f64::from_bits(0xfff8_0000_0000_0123);
        let array: ArrayRef = Arc::new(Float64Array::from(vec![odd, -0.0, 1.5]));
        let canonical = canonical(&array, ScalarType::Float64.into());
        assert_eq!(f64_bits(&canonical), [0x7ff8_0000_0000_0000, (-0.0_f64).to_bits(), 1.5_f64.to_bits()]);
    }

    #[test]
    fn a_canonical_array_is_not_copied() {
        let array: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN]));
        assert!(Arc::ptr_eq(&canonical(&array, ScalarType::Float64.into()), &array));
    }

    #[test]
    fn an_array_with_nulls_over_nothing_is_not_copied() {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None]));
        assert!(Arc::ptr_eq(&canonical(&numbers, ScalarType::Float64.into()), &numbers));
        let strings: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("")]));
        assert!(Arc::ptr_eq(&canonical(&strings, ScalarType::String.into()), &strings));
    }

    #[test]
    fn a_minus_zero_under_a_null_is_no_zero() {
        let nulls = Some(NullBuffer::from(vec![true, false]));
        let array: ArrayRef = Arc::new(Float64Array::new(vec![1.0, -0.0].into(), nulls));
        assert_eq!(f64_bits(&canonical(&array, ScalarType::Float64.into())), [1.0_f64.to_bits(), 0]);
    }

    #[test]
    fn a_bitmap_of_no_nulls_is_left_out() {
        let array: ArrayRef = Arc::new(Int64Array::new(vec![7].into(), Some(NullBuffer::from(vec![true]))));
        assert!(canonical(&array, ScalarType::Int64.into()).nulls().is_none());
    }

    #[test]
    fn nothing_is_left_under_a_null() {
        let nulls = Some(NullBuffer::from(vec![true, false]));
        let array: ArrayRef = Arc::new(Int64Array::new(vec![7, 9].into(), nulls.clone()));
        assert_eq!(canonical(&array, ScalarType::Int64.into()).as_primitive::<Int64Type>().values().as_ref(), [7, 0]);

        let offsets = OffsetBuffer::new(vec![0, 1, 3].into());
        let array: ArrayRef = Arc::new(StringArray::new(offsets, Buffer::from_slice_ref(b"abc"), nulls));
        assert_eq!(canonical(&array, ScalarType::String.into()).as_string::<i32>().value_data(), b"a");
    }

    #[test]
    fn a_slice_of_lists_keeps_only_its_own_elements() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1), Some(2)]),
            None,
            Some(vec![Some(3), None]),
        ]);
        let array: ArrayRef = Arc::new(lists.slice(1, 2));
        let canonical = canonical(&array, DataType::List(ScalarType::Int64));
        let canonical = canonical.as_list::<i32>();
        assert_eq!(canonical.value_offsets(), [0, 0, 2]);
        assert_eq!(canonical.values().len(), 2);
        assert_eq!(canonical, array.as_list::<i32>());
    }

    #[test]
    fn bitmaps_of_slices_start_at_bit_0_and_end_in_zeroes() {
        let bits = BooleanBuffer::from(vec![true; 12]).slice(3, 5);
        assert_eq!(bitmap_bytes(&bits), [0b0001_1111]);
        assert_eq!(bitmap_bytes(&BooleanBuffer::from(Vec::<bool>::new())), Vec::<u8>::new());
    }
}
