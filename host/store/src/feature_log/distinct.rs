//! Stored rows of a view that wait to be encoded, each once.

use arrow::buffer::ScalarBuffer;

use super::batch::NO_ROW;
use super::slots::{Slots, folded};
use crate::Result;
use crate::online::{RowDecoder, RowPlan, stored_checksum};
use crate::status::Status;
use crate::view_rows::ViewRows;

/// The stored rows of a view, and which of them each logged row has. Rows are the same where all of their bytes are, and what their
/// values were withheld for, if they were.
#[derive(Default)]
pub(super) struct DistinctRows {
    /// one row behind the other
    bytes: Vec<u8>,
    /// where each ends
    ends: Vec<usize>,
    statuses: Vec<Status>,
    slots: Slots,
    /// for each logged row the place of its own, or [`NO_ROW`]
    rows: Vec<u32>,
}

impl DistinctRows {
    /// No rows yet, and room for some.
    pub(super) fn with_room(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), ..Self::default() }
    }

    /// Adds a logged row, which has this stored row and this status.
    pub(super) fn push(&mut self, stored: Option<&[u8]>, status: Status) {
        let row = stored.filter(|_| status != Status::NotFound).map_or(NO_ROW, |stored| self.place(stored, status));
        self.rows.push(row);
    }

    fn place(&mut self, stored: &[u8], status: Status) -> u32 {
        let (bytes, ends, statuses) = (&mut self.bytes, &mut self.ends, &mut self.statuses);
        let is = |row: u32| statuses[row as usize] == status && row_at(bytes, ends, row as usize) == stored;
        match self.slots.find(hash(stored), is) {
            Ok(row) => row,
            Err(slot) => {
                bytes.extend_from_slice(stored);
                ends.push(bytes.len());
                statuses.push(status);
                self.slots.take(slot, ends.len(), |row| hash(row_at(bytes, ends, row)))
            }
        }
    }

    /// The rows in columns, each once, and for each logged row the place of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for rows that `plan` can't read, which none is that was answered from.
    pub(super) fn finish(self, plan: &RowPlan) -> Result<(ScalarBuffer<u32>, ViewRows)> {
        let mut decoder = RowDecoder::new(plan, self.ends.len());
        (0..self.ends.len()).try_for_each(|row| decoder.push(Some(row_at(&self.bytes, &self.ends, row))))?;
        let stored = decoder.finish();
        let happened = stored.times.iter().map(|time| time.map(|time| time.event_timestamp)).collect();
        let created = stored.times.iter().map(|time| time.and_then(|time| time.created_timestamp)).collect();
        let rows = ViewRows::with_statuses(stored.columns, happened, self.statuses)?;
        Ok((self.rows.into(), rows.with_origins(created, stored.components)))
    }
}

fn row_at<'a>(bytes: &'a [u8], ends: &[usize], row: usize) -> &'a [u8] {
    let start = if row == 0 { 0 } else { ends[row - 1] };
    &bytes[start..ends[row]]
}

/// A row's own checksum is of all of its bytes.
fn hash(stored: &[u8]) -> u64 {
    folded(u64::from(stored_checksum(stored)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Array as _, ArrayRef, AsArray as _, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    };
    use arrow::datatypes::Float64Type;
    use proptest::prelude::*;
    use skewless_runtime::ScalarType;

    use super::super::batch::repeated;
    use super::*;
    use crate::online::RowEncoder;
    use crate::row_schema::RowSchema;

    const STATUSES: [Status; 3] = [Status::Present, Status::NotFound, Status::OutsideMaxAge];

    /// The stored rows of `values`, which have a number, and a text where that is even; and what reads them.
    fn stored(values: &[u8]) -> (Vec<Vec<u8>>, RowPlan) {
        let fields =
            vec![("number".to_owned(), ScalarType::Float64.into()), ("text".to_owned(), ScalarType::String.into())];
        let text = |value: &u8| value.is_multiple_of(2).then(|| "é".repeat(usize::from(*value)));
        let numbers: ArrayRef = Arc::new(Float64Array::from_iter_values(values.iter().map(|value| -f64::from(*value))));
        let texts: ArrayRef = Arc::new(StringArray::from_iter(values.iter().map(text)));
        let columns =
            RecordBatch::try_from_iter_with_nullable([("number", numbers, true), ("text", texts, true)]).unwrap();
        let happened = TimestampMicrosecondArray::from_iter_values(values.iter().map(|value| i64::from(*value)));
        let schema = RowSchema::new(fields.clone());
        let rows = RowEncoder::new(&schema, &columns, &happened, None).unwrap().made_by(7).encode();
        (rows.iter().flatten().map(<[u8]>::to_vec).collect(), RowPlan::new("view", &[schema], &fields))
    }

    proptest! {
        #[test]
        fn each_row_has_what_was_read_for_it(
            logged in prop::collection::vec((prop::option::weighted(0.9, 0..40_u8), 0..3_usize), 0..200),
        ) {
            let (rows, plan) = stored(&(0..40).collect::<Vec<_>>());
            let mut distinct = DistinctRows::default();
            for (value, status) in &logged {
                distinct.push(value.map(|value| rows[usize::from(value)].as_slice()), STATUSES[*status]);
            }
            let (places, found) = distinct.finish(&plan).unwrap();
            let mut different: Vec<_> = logged.iter().filter(|row| row.0.is_some() && row.1 != 1).collect();
            different.sort_unstable();
            different.dedup();
            prop_assert_eq!(found.statuses.len(), different.len());
            let numbers = repeated(&places, &found.columns[0]).unwrap();
            let texts = repeated(&places, &found.columns[1]).unwrap();
            for (row, (value, status)) in logged.iter().enumerate() {
                let value = value.filter(|_| *status != 1);
                // Past its ttl, a row has its time and no values.
                let seen = value.filter(|_| *status == 0);
                let number = numbers.is_valid(row).then(|| numbers.as_primitive::<Float64Type>().value(row));
                prop_assert_eq!(number.map(f64::to_bits), seen.map(|value| (-f64::from(value)).to_bits()));
                let text = texts.is_valid(row).then(|| texts.as_string::<i32>().value(row).chars().count());
                prop_assert_eq!(text, seen.filter(|value| value.is_multiple_of(2)).map(usize::from));
                match value {
                    None => prop_assert_eq!(places[row], NO_ROW),
                    Some(value) => {
                        let place = places[row] as usize;
                        prop_assert_eq!(found.event_timestamps[place], Some(i64::from(value)));
                        prop_assert_eq!((found.created_timestamps[place], found.components[place]), (None, Some(7)));
                    }
                }
            }
        }
    }

    #[test]
    fn rows_of_one_checksum_are_told_apart_by_their_bytes() {
        let (rows, plan) = stored(&[1, 2]);
        let mut forged = rows[0].clone();
        forged[34..38].copy_from_slice(&rows[1][34..38]);
        let mut distinct = DistinctRows::default();
        [&rows[1], &forged, &rows[1], &forged].into_iter().for_each(|row| distinct.push(Some(row), Status::Present));
        assert_eq!(distinct.rows, [0, 1, 0, 1]);
        // And what does not fit its checksum is not read.
        insta::assert_snapshot!(distinct.finish(&plan).err().unwrap(), @"row 1 of feature view `view` can't be read: its checksum does not fit its bytes: run `skewless materialize` for `view`");
    }
}
