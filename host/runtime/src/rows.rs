//! The rows of a call: which of a batch are shown to the transform, in how many calls, and back into their places.
//!
//! Rows are independent, so nobody can tell. In goes a batch; each piece that fits a call goes out; the outputs come
//! back as one.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::compute::{concat_batches, filter, take_record_batch};
use arrow::error::ArrowError;

use crate::data_type::{DataType, Field, ScalarType};
use crate::limits::Limits;
use crate::output::{Output, RowFailure};

/// The declared inputs of some rows, in the declared order.
#[derive(Clone)]
pub(crate) struct Rows {
    pub(crate) count: usize,
    pub(crate) columns: Vec<ArrayRef>,
}

/// One row alone is over the limit.
pub(crate) struct RowTooLarge {
    pub(crate) bytes: usize,
}

impl Rows {
    /// Which of them the transform may see: those without a null in an input that is not nullable. `None`: all.
    pub(crate) fn shown(&self, fields: &[Field]) -> Option<BooleanBuffer> {
        let not_nullable = fields.iter().zip(&self.columns).filter(|(field, _)| !field.nullable);
        let nulls = not_nullable.map(|(_, array)| array.nulls());
        let valid = nulls.fold(None, |all, nulls| NullBuffer::union(all.as_ref(), nulls));
        valid.filter(|valid| valid.null_count() > 0).map(NullBuffer::into_inner)
    }

    /// Those that are set in `shown`.
    pub(crate) fn only(&self, shown: &BooleanBuffer) -> Result<Self, ArrowError> {
        let chosen = BooleanArray::new(shown.clone(), None);
        let columns = self.columns.iter().map(|array| filter(array, &chosen)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { count: shown.count_set_bits(), columns })
    }

    /// Whether they fit one call.
    pub(crate) fn fit(&self, fields: &[Field], limits: &Limits) -> bool {
        self.count <= limits.rows_max.max(1) && self.bytes(fields) <= limits.input_bytes_max
    }

    /// Halves what is too large for one call until it fits.
    pub(crate) fn pieces(self, fields: &[Field], limits: &Limits) -> Result<Vec<Self>, RowTooLarge> {
        let mut pending = vec![self];
        let mut pieces = Vec::new();
        while let Some(piece) = pending.pop() {
            if piece.fit(fields, limits) {
                pieces.push(piece);
            } else if piece.count <= 1 {
                return Err(RowTooLarge { bytes: piece.bytes(fields) });
            } else {
                let half = piece.count / 2;
                pending.push(piece.slice(half, piece.count - half));
                pending.push(piece.slice(0, half));
            }
        }
        Ok(pieces)
    }

    fn slice(&self, first: usize, count: usize) -> Self {
        Self { count, columns: self.columns.iter().map(|array| array.slice(first, count)).collect() }
    }

    /// The bytes of the rows themselves, however large the buffers behind them are.
    fn bytes(&self, fields: &[Field]) -> usize {
        self.columns.iter().zip(fields).map(|(array, field)| bytes(array, field.data_type)).sum()
    }
}

fn bytes(array: &ArrayRef, data_type: DataType) -> usize {
    match data_type {
        DataType::Scalar(scalar) => scalar_bytes(array, scalar, 0, array.len()),
        DataType::List(element) => {
            let lists = array.as_list::<i32>();
            let (first, end) = ends(lists.offsets(), 0, lists.len());
            let offsets = size_of_val(lists.value_offsets());
            validity_bytes(array, lists.len()) + offsets + scalar_bytes(lists.values(), element, first, end - first)
        }
    }
}

fn scalar_bytes(array: &ArrayRef, scalar: ScalarType, first: usize, count: usize) -> usize {
    let variable = |offsets: &OffsetBuffer<i32>| {
        let (start, end) = ends(offsets, first, count);
        (count + 1) * size_of::<i32>() + (end - start)
    };
    let values = match scalar {
        ScalarType::Bool => count.div_ceil(8),
        ScalarType::Int32 | ScalarType::Float32 => count * 4,
        ScalarType::Int64 | ScalarType::Float64 | ScalarType::Timestamp => count * 8,
        ScalarType::String => variable(array.as_string::<i32>().offsets()),
        ScalarType::Bytes => variable(array.as_binary::<i32>().offsets()),
    };
    validity_bytes(array, count) + values
}

fn validity_bytes(array: &ArrayRef, count: usize) -> usize {
    if array.nulls().is_some() { count.div_ceil(8) } else { 0 }
}

/// Where the `count` values from the `first` on begin and end.
fn ends(offsets: &OffsetBuffer<i32>, first: usize, count: usize) -> (usize, usize) {
    // Offsets are not negative.
    (offsets[first] as usize, offsets[first + count] as usize)
}

/// The outputs of consecutive pieces as one.
pub(crate) fn join(outputs: Vec<Output>) -> Result<Output, ArrowError> {
    let schema = outputs[0].batch.schema();
    let batch = concat_batches(&schema, outputs.iter().map(|output| &output.batch))?;
    let mut failures = Vec::new();
    let mut first_row = 0;
    for output in outputs {
        failures
            .extend(output.failures.into_iter().map(|failure| RowFailure { row: failure.row + first_row, ..failure }));
        first_row += output.batch.num_rows();
    }
    Ok(Output { batch, failures })
}

/// Puts computed rows back where they came from; the rows between are null.
pub(crate) fn scatter(output: &Output, shown: &BooleanBuffer) -> Result<Output, ArrowError> {
    let mut next = 0_u32..;
    let from: UInt32Array = shown.iter().map(|shown| if shown { next.next() } else { None }).collect();
    let batch = take_record_batch(&output.batch, &from)?;
    let places: Vec<usize> = shown.set_indices().collect();
    let place = |failure: &RowFailure| RowFailure { row: places[failure.row], reason: failure.reason.clone() };
    Ok(Output { batch, failures: output.failures.iter().map(place).collect() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int64Type;

    #[test]
    fn the_bytes_of_a_slice_are_its_own() {
        let strings: ArrayRef = Arc::new(StringArray::from(vec!["a", "bcd", "ef"]));
        assert_eq!(bytes(&strings.slice(1, 2), ScalarType::String.into()), 3 * 4 + 5);
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
        assert_eq!(bytes(&numbers.slice(0, 2), ScalarType::Int64.into()), 2 * 8 + 1);
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1)]),
            Some(vec![Some(2), None, Some(4)]),
        ]);
        let lists: ArrayRef = Arc::new(lists);
        assert_eq!(bytes(&lists.slice(1, 1), DataType::List(ScalarType::Int64)), 2 * 4 + 3 * 8 + 1);
    }
}
