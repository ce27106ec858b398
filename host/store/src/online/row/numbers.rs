//! Columns of numbers, all in one piece of memory.
//!
//! Most features are numbers, and a request reads dozens of columns for a few rows: to allocate each by itself, and to ask of each
//! value what its column is, would take longer than to copy the values.

use std::sync::Arc;

use arrow::array::{ArrayRef, PrimitiveArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType as ArrowType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use skewless_runtime::ScalarType;

/// The place of a column among those whose values have as many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Four(usize),
    Eight(usize),
}

/// How many columns there are of each width.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slots {
    fours: usize,
    eights: usize,
}

impl Slots {
    /// A place for another column; `None` where its values are no numbers.
    pub(super) fn add(&mut self, scalar: ScalarType) -> Option<Slot> {
        let (count, slot): (_, fn(usize) -> Slot) = match scalar {
            ScalarType::Int32 | ScalarType::Float32 => (&mut self.fours, Slot::Four),
            ScalarType::Int64 | ScalarType::Float64 | ScalarType::Timestamp => (&mut self.eights, Slot::Eight),
            ScalarType::Bool | ScalarType::String | ScalarType::Bytes => return None,
        };
        *count += 1;
        Some(slot(*count - 1))
    }
}

/// The values of the columns, one column after the other; 0 where none was set.
#[derive(Debug)]
pub(super) struct Numbers {
    slots: Slots,
    /// how many rows there is room for
    room: usize,
    fours: Vec<u32>,
    eights: Vec<u64>,
}

/// The same, to make columns of.
pub(super) struct Finished {
    room: usize,
    fours: Buffer,
    eights: Buffer,
}

impl Numbers {
    pub(super) fn new(slots: Slots, rows: usize) -> Self {
        Self { slots, room: rows, fours: vec![0; slots.fours * rows], eights: vec![0; slots.eights * rows] }
    }

    /// Makes room for a row of this number.
    pub(super) fn reserve(&mut self, row: usize) {
        if row < self.room {
            return;
        }
        let mut larger = Self::new(self.slots, (row + 1).next_power_of_two());
        spread(&self.fours, self.room, &mut larger.fours, larger.room);
        spread(&self.eights, self.room, &mut larger.eights, larger.room);
        *self = larger;
    }

    /// Sets a value of four bytes. There must be room for the row.
    pub(super) fn set_four(&mut self, slot: usize, row: usize, value: [u8; 4]) {
        self.fours[slot * self.room + row] = u32::from_le_bytes(value);
    }

    /// Sets a value of eight bytes. There must be room for the row.
    pub(super) fn set_eight(&mut self, slot: usize, row: usize, value: [u8; 8]) {
        self.eights[slot * self.room + row] = u64::from_le_bytes(value);
    }

    pub(super) fn finish(self) -> Finished {
        let Self { room, fours, eights, .. } = self;
        Finished { room, fours: Buffer::from_vec(fours), eights: Buffer::from_vec(eights) }
    }
}

/// Copies columns to where there is more room for each.
fn spread<T: Copy>(columns: &[T], room: usize, larger: &mut [T], larger_room: usize) {
    if room > 0 {
        let places = columns.chunks_exact(room).zip(larger.chunks_exact_mut(larger_room));
        places.for_each(|(column, place)| place[..room].copy_from_slice(column));
    }
}

impl Finished {
    /// The first `rows` values of a column, in the Arrow type that carries its own.
    pub(super) fn column(&self, slot: Slot, arrow: &ArrowType, rows: usize, nulls: Option<NullBuffer>) -> ArrayRef {
        let (values, start) = match slot {
            Slot::Four(slot) => (&self.fours, slot * self.room),
            Slot::Eight(slot) => (&self.eights, slot * self.room),
        };
        match arrow {
            ArrowType::Int32 => array::<Int32Type>(values, start, arrow, rows, nulls),
            ArrowType::Int64 => array::<Int64Type>(values, start, arrow, rows, nulls),
            ArrowType::Float32 => array::<Float32Type>(values, start, arrow, rows, nulls),
            ArrowType::Float64 => array::<Float64Type>(values, start, arrow, rows, nulls),
            ArrowType::Timestamp(..) => array::<TimestampMicrosecondType>(values, start, arrow, rows, nulls),
            other => unreachable!("no number is carried by {other}"),
        }
    }
}

fn array<T: ArrowPrimitiveType>(
    values: &Buffer,
    start: usize,
    arrow: &ArrowType,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let array = PrimitiveArray::<T>::new(ScalarBuffer::new(values.clone(), start, rows), nulls);
    Arc::new(if *arrow == T::DATA_TYPE { array } else { array.with_data_type(arrow.clone()) })
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;

    use super::*;

    #[test]
    fn values_stay_where_they_are_when_there_are_more_rows_than_expected() {
        let mut slots = Slots::default();
        let four = slots.add(ScalarType::Int32).unwrap();
        let eights = [ScalarType::Int64, ScalarType::Float64].map(|scalar| slots.add(scalar).unwrap());
        assert_eq!((four, eights), (Slot::Four(0), [Slot::Eight(0), Slot::Eight(1)]));
        for room in [0, 1, 7, 100] {
            let mut numbers = Numbers::new(slots, room);
            for row in 0..100 {
                numbers.reserve(row);
                numbers.set_four(0, row, (row as i32).to_le_bytes());
                numbers.set_eight(0, row, (-(row as i64)).to_le_bytes());
                numbers.set_eight(1, row, (row as f64 / 2.0).to_le_bytes());
            }
            let finished = numbers.finish();
            let column = |slot, arrow: &ArrowType| finished.column(slot, arrow, 100, None);
            let ints = column(four, &ArrowType::Int32);
            assert!(ints.as_primitive::<Int32Type>().values().iter().copied().eq(0..100));
            let longs = column(eights[0], &ArrowType::Int64);
            assert!(longs.as_primitive::<Int64Type>().values().iter().copied().eq((0..100).map(|row| -row)));
            let halves = column(eights[1], &ArrowType::Float64);
            assert!(
                halves
                    .as_primitive::<Float64Type>()
                    .values()
                    .iter()
                    .copied()
                    .eq((0..100).map(|row| f64::from(row) / 2.0))
            );
        }
    }

    #[test]
    fn what_is_no_number_has_no_place() {
        let mut slots = Slots::default();
        assert!(
            [ScalarType::Bool, ScalarType::String, ScalarType::Bytes].iter().all(|scalar| slots.add(*scalar).is_none())
        );
    }
}
