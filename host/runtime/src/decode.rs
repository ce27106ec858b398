//! The contract's columns → Arrow columns. Nothing here trusts the guest.
//!
//! Lengths, offsets, UTF-8, bitmaps and types are checked against the signature before an Arrow array is built;
//! then the array is made canonical, so that what is stored and compared later has one bit pattern.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field as ArrowField;

use crate::bindings::skewless::transform::types::{
    ColumnResult, ListValuesResult, ScalarValuesResult, ValuesResult, VariableValuesResult,
};
use crate::canonical::canonical;
use crate::data_type::{DataType, Field, ScalarType};

/// Why a column is not what its field says.
type Refusal = String;

/// Builds the output column `field` of `rows` rows; the rows that `computed` marks as null become null.
///
/// # Errors
/// Says what is wrong with the column, naming it.
pub(crate) fn column(
    column: ColumnResult,
    field: &Field,
    rows: usize,
    computed: Option<&NullBuffer>,
) -> Result<ArrayRef, Refusal> {
    let named = |refusal| format!("output `{}`: {refusal}", field.name);
    let nulls = bitmap(column.validity, rows).map_err(|refusal| named(format!("validity: {refusal}")))?;
    let all = NullBuffer::union(nulls.as_ref(), computed);
    let count = |nulls: Option<&NullBuffer>| nulls.map_or(0, NullBuffer::null_count);
    // A row that failed is null whatever the signature says.
    let returned = count(all.as_ref()) - count(computed);
    if !field.nullable && returned > 0 {
        return Err(named(format!("declared not nullable, returned {returned} nulls")));
    }
    let nulls = all;
    let array = match (column.values, field.data_type) {
        (ValuesResult::Scalars(values), DataType::Scalar(scalar)) => scalars(values, scalar, rows, nulls),
        (ValuesResult::Lists(values), DataType::List(element)) => lists(values, element, rows, nulls),
        (ValuesResult::Scalars(_), _) => Err(format!("declared {}, returned scalars", field.data_type)),
        (ValuesResult::Lists(_), _) => Err(format!("declared {}, returned lists", field.data_type)),
    };
    Ok(canonical(&array.map_err(named)?, field.data_type))
}

fn scalars(
    values: ScalarValuesResult,
    declared: ScalarType,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, Refusal> {
    let returned = scalar_type(&values);
    if returned != declared {
        return Err(format!("declared {declared}, returned {returned}"));
    }
    Ok(match values {
        ScalarValuesResult::Booleans(bits) => Arc::new(BooleanArray::new(bits_of(bits, rows)?, nulls)),
        ScalarValuesResult::Int32s(values) => Arc::new(Int32Array::new(numbers(values, rows)?, nulls)),
        ScalarValuesResult::Int64s(values) => Arc::new(Int64Array::new(numbers(values, rows)?, nulls)),
        ScalarValuesResult::Float32s(values) => Arc::new(Float32Array::new(numbers(values, rows)?, nulls)),
        ScalarValuesResult::Float64s(values) => Arc::new(Float64Array::new(numbers(values, rows)?, nulls)),
        ScalarValuesResult::Timestamps(values) => {
            Arc::new(TimestampMicrosecondArray::new(numbers(values, rows)?, nulls).with_timezone("UTC"))
        }
        ScalarValuesResult::Bytes(values) => {
            let (offsets, data) = variable(values, rows)?;
            Arc::new(BinaryArray::try_new(offsets, data, nulls).map_err(|error| error.to_string())?)
        }
        ScalarValuesResult::Strings(values) => {
            let (offsets, data) = variable(values, rows)?;
            // `try_new` checks that every string is valid UTF-8 by itself.
            Arc::new(StringArray::try_new(offsets, data, nulls).map_err(|error| error.to_string())?)
        }
    })
}

fn lists(
    values: ListValuesResult,
    element: ScalarType,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, Refusal> {
    let elements = length(&values.elements, &values.offsets);
    let offsets = offsets(values.offsets, rows, elements, "elements")?;
    let element_nulls =
        bitmap(values.element_validity, elements).map_err(|refusal| format!("elements' validity: {refusal}"))?;
    let elements = scalars(values.elements, element, elements, element_nulls)?;
    let field = Arc::new(ArrowField::new_list_field(element.to_arrow(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, elements, nulls).map_err(|error| error.to_string())?))
}

fn scalar_type(values: &ScalarValuesResult) -> ScalarType {
    match values {
        ScalarValuesResult::Booleans(_) => ScalarType::Bool,
        ScalarValuesResult::Int32s(_) => ScalarType::Int32,
        ScalarValuesResult::Int64s(_) => ScalarType::Int64,
        ScalarValuesResult::Float32s(_) => ScalarType::Float32,
        ScalarValuesResult::Float64s(_) => ScalarType::Float64,
        ScalarValuesResult::Strings(_) => ScalarType::String,
        ScalarValuesResult::Bytes(_) => ScalarType::Bytes,
        ScalarValuesResult::Timestamps(_) => ScalarType::Timestamp,
    }
}

/// How many elements a list column holds. Booleans come as bits without a count, so theirs is what the offsets
/// say, and [`bits_of`] checks that there are as many.
fn length(values: &ScalarValuesResult, offsets: &[i32]) -> usize {
    match values {
        ScalarValuesResult::Booleans(_) => offsets.last().and_then(|last| usize::try_from(*last).ok()).unwrap_or(0),
        ScalarValuesResult::Int32s(values) => values.len(),
        ScalarValuesResult::Int64s(values) | ScalarValuesResult::Timestamps(values) => values.len(),
        ScalarValuesResult::Float32s(values) => values.len(),
        ScalarValuesResult::Float64s(values) => values.len(),
        ScalarValuesResult::Strings(values) | ScalarValuesResult::Bytes(values) => {
            values.offsets.len().saturating_sub(1)
        }
    }
}

fn numbers<T: arrow::datatypes::ArrowNativeType>(values: Vec<T>, rows: usize) -> Result<ScalarBuffer<T>, Refusal> {
    if values.len() == rows { Ok(values.into()) } else { Err(format!("{} values for {rows} rows", values.len())) }
}

fn variable(values: VariableValuesResult, rows: usize) -> Result<(OffsetBuffer<i32>, Buffer), Refusal> {
    let offsets = offsets(values.offsets, rows, values.data.len(), "bytes")?;
    Ok((offsets, Buffer::from_vec(values.data)))
}

/// Offsets that start at 0, never go back, and end at `total`.
fn offsets(offsets: Vec<i32>, rows: usize, total: usize, unit: &str) -> Result<OffsetBuffer<i32>, Refusal> {
    if offsets.len() != rows + 1 {
        return Err(format!("{} offsets for {rows} rows, expected {}", offsets.len(), rows + 1));
    }
    if offsets[0] != 0 {
        return Err(format!("the first offset is {}, expected 0", offsets[0]));
    }
    // Without an early end, so that the compiler can look at several at once.
    let falls = offsets.windows(2).fold(false, |any, ends| any | (ends[1] < ends[0]));
    if let Some(row) = falls.then(|| offsets.windows(2).position(|ends| ends[1] < ends[0])).flatten() {
        return Err(format!("offset {} of row {row} is followed by {}", offsets[row], offsets[row + 1]));
    }
    let last = offsets[rows];
    if usize::try_from(last) != Ok(total) {
        return Err(format!("the last offset is {last}, but there are {total} {unit}"));
    }
    Ok(OffsetBuffer::new(offsets.into()))
}

fn bits_of(bits: Vec<u8>, rows: usize) -> Result<BooleanBuffer, Refusal> {
    if bits.len() != rows.div_ceil(8) {
        return Err(format!("a bitmap of {} bytes for {rows} bits, expected {}", bits.len(), rows.div_ceil(8)));
    }
    Ok(BooleanBuffer::new(Buffer::from_vec(bits), 0, rows))
}

fn bitmap(bits: Option<Vec<u8>>, rows: usize) -> Result<Option<NullBuffer>, Refusal> {
    bits.map(|bits| bits_of(bits, rows).map(NullBuffer::new)).transpose()
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;

    use super::*;
    use crate::random::Random;

    /// Offsets as a guest could return them: mostly those of `count` values in `total`, sometimes spoiled.
    fn any_offsets(count: usize, total: usize, random: &mut Random) -> Vec<i32> {
        let mut offsets: Vec<i32> = (0..count).map(|_| random.below(total + 1) as i32).collect();
        offsets.sort_unstable();
        offsets.insert(0, 0);
        *offsets.last_mut().unwrap() = total as i32;
        while random.chance(40) && !offsets.is_empty() {
            let place = random.below(offsets.len());
            match random.below(4) {
                0 => drop(offsets.remove(place)),
                1 => offsets.insert(place, 0),
                _ => offsets[place] = *random.pick(&[-1, 0, 1, total as i32, total as i32 + 1, i32::MAX, i32::MIN]),
            }
        }
        offsets
    }

    fn any_length(length: usize, random: &mut Random) -> usize {
        if random.chance(80) { length } else { random.below(2 * length + 3) }
    }

    fn any_bits(count: usize, random: &mut Random) -> Vec<u8> {
        (0..any_length(count.div_ceil(8), random)).map(|_| random.next() as u8).collect()
    }

    fn any_variable(count: usize, random: &mut Random) -> VariableValuesResult {
        let total = random.below(20);
        let byte = |random: &mut Random| if random.chance(90) { b'a' } else { random.next() as u8 };
        let data = (0..total).map(|_| byte(random)).collect();
        VariableValuesResult { offsets: any_offsets(count, total, random), data }
    }

    fn any_scalars(scalar: ScalarType, count: usize, random: &mut Random) -> ScalarValuesResult {
        let length = any_length(count, random);
        let mut numbers = (0..length).map(|_| random.next());
        match scalar {
            ScalarType::Bool => ScalarValuesResult::Booleans(any_bits(count, random)),
            ScalarType::Int32 => ScalarValuesResult::Int32s(numbers.map(|number| number as i32).collect()),
            ScalarType::Int64 => ScalarValuesResult::Int64s(numbers.map(|number| number as i64).collect()),
            ScalarType::Float32 => {
                ScalarValuesResult::Float32s(numbers.map(|number| f32::from_bits(number as u32)).collect())
            }
            ScalarType::Float64 => ScalarValuesResult::Float64s(numbers.by_ref().map(f64::from_bits).collect()),
            ScalarType::Timestamp => ScalarValuesResult::Timestamps(numbers.map(|number| number as i64).collect()),
            ScalarType::String => ScalarValuesResult::Strings(any_variable(count, random)),
            ScalarType::Bytes => ScalarValuesResult::Bytes(any_variable(count, random)),
        }
    }

    fn any_values(data_type: DataType, rows: usize, random: &mut Random) -> ValuesResult {
        let other =
            |scalar, random: &mut Random| if random.chance(95) { scalar } else { *random.pick(&ScalarType::ALL) };
        match data_type {
            DataType::Scalar(scalar) => {
                let scalar = other(scalar, random);
                ValuesResult::Scalars(any_scalars(scalar, rows, random))
            }
            DataType::List(element) => {
                let (count, element) = (random.below(30), other(element, random));
                ValuesResult::Lists(ListValuesResult {
                    offsets: any_offsets(rows, count, random),
                    elements: any_scalars(element, count, random),
                    element_validity: random.chance(50).then(|| any_bits(count, random)),
                })
            }
        }
    }

    #[test]
    fn whatever_a_guest_returns_is_refused_or_a_whole_arrow_array() {
        let mut random = Random::new(1);
        let (mut taken, mut refused) = (0, 0);
        for round in 0..40_000 {
            let scalar = ScalarType::ALL[round % 8];
            let data_type = if round % 16 < 8 { DataType::Scalar(scalar) } else { DataType::List(scalar) };
            let rows = 1 + random.below(20);
            let validity = random.chance(50).then(|| any_bits(rows, &mut random));
            let returned = ColumnResult { values: any_values(data_type, rows, &mut random), validity };
            let nullable = random.chance(80);
            let field =
                Field { name: "x".into(), data_type, nullable, logical_type: None, documentation: String::new() };
            match column(returned, &field, rows, None) {
                Ok(array) => {
                    array.to_data().validate_full().unwrap();
                    assert_eq!((array.len(), array.data_type()), (rows, &data_type.to_arrow()));
                    taken += 1;
                }
                Err(_) => refused += 1,
            }
        }
        assert!(taken > 2_000 && refused > 2_000, "{taken} were taken, {refused} refused");
    }
}
