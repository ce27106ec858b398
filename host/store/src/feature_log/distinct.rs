//! Stored rows of a view that wait to be encoded, each once.

use arrow::buffer::ScalarBuffer;

use super::batch::NO_ROW;
use super::slots::{FREE, Slots, folded};
use crate::Result;
use crate::online::{RowDecoder, RowPlan, stored_checksum};
use crate::status::Status;
use crate::view_rows::ViewRows;

/// Logged rows that are looked up in one go.
const AT_ONCE: usize = 16;

/// The stored rows of a view, and which of them each logged row has. Rows are the same where all of their bytes are, and what their
/// values were withheld for, if they were.
#[derive(Default)]
pub(super) struct DistinctRows {
    /// one row behind the other
    bytes: Vec<u8>,
    places: Vec<Place>,
    slots: Slots,
    /// for each logged row the number of its own, or [`NO_ROW`]
    rows: Vec<u32>,
}

/// Where a row lies, and its status.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    bytes: u32,
    status: Status,
}

impl DistinctRows {
    /// No rows yet, and room for some.
    pub(super) fn with_room(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), ..Self::default() }
    }

    /// Adds logged rows, each of which has a stored row, or none, and a status.
    ///
    /// What is looked at lies all over memory. So each step is done for some rows before the next: a processor waits for many of them at a time
    /// then, and not for one after the other.
    pub(super) fn extend<'a>(&mut self, logged: impl Iterator<Item = (Option<&'a [u8]>, Status)>) {
        let mut logged = logged.map(|(stored, status)| (stored.filter(|_| status != Status::NotFound), status));
        let mut some: [(Option<&[u8]>, Status); AT_ONCE] = [(None, Status::NotFound); AT_ONCE];
        loop {
            let count = some.iter_mut().zip(&mut logged).map(|(place, row)| *place = row).count();
            self.extend_by(&some[..count]);
            if count < AT_ONCE {
                return;
            }
        }
    }

    fn extend_by(&mut self, logged: &[(Option<&[u8]>, Status)]) {
        let mut likely = [FREE; AT_ONCE];
        for (likely, (stored, _)) in likely.iter_mut().zip(logged) {
            *likely = stored.map_or(FREE, |stored| self.slots.first(hash(stored)));
        }
        let mut places = [None; AT_ONCE];
        for (place, likely) in places.iter_mut().zip(likely) {
            *place = self.places.get(likely as usize).copied();
        }
        for ((stored, status), (likely, place)) in logged.iter().zip(likely.into_iter().zip(places)) {
            let row = match (stored, place) {
                (None, _) => NO_ROW,
                (Some(stored), Some(place)) if place.is(&self.bytes, stored, *status) => likely,
                (Some(stored), _) => self.number(stored, *status),
            };
            self.rows.push(row);
        }
    }

    /// The number of a row, which gets one where it has none.
    fn number(&mut self, stored: &[u8], status: Status) -> u32 {
        let (bytes, places) = (&mut self.bytes, &mut self.places);
        match self.slots.find(hash(stored), |row| places[row as usize].is(bytes, stored, status)) {
            Ok(row) => row,
            Err(slot) => {
                places.push(Place { start: bytes.len(), bytes: stored.len() as u32, status });
                bytes.extend_from_slice(stored);
                self.slots.take(slot, places.len(), |row| hash(places[row].of(bytes)))
            }
        }
    }

    /// The rows in columns, each once, and for each logged row the place of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for rows that `plan` can't read, which none is that was answered from.
    pub(super) fn finish(self, plan: &RowPlan) -> Result<(ScalarBuffer<u32>, ViewRows)> {
        let mut decoder = RowDecoder::new(plan, self.places.len());
        self.places.iter().try_for_each(|place| decoder.push(Some(place.of(&self.bytes))))?;
        let stored = decoder.finish();
        let happened = stored.times.iter().map(|time| time.map(|time| time.event_timestamp)).collect();
        let created = stored.times.iter().map(|time| time.and_then(|time| time.created_timestamp)).collect();
        let statuses = self.places.iter().map(|place| place.status).collect();
        let rows = ViewRows::with_statuses(stored.columns, happened, statuses)?;
        Ok((self.rows.into(), rows.with_origins(created, stored.components)))
    }
}

impl Place {
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.start + self.bytes as usize]
    }

    /// Whether this row, of this status, lies there.
    fn is(self, bytes: &[u8], stored: &[u8], status: Status) -> bool {
        self.status == status && self.of(bytes) == stored
    }
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
            // As requests of 50 rows do.
            for request in logged.chunks(50) {
                let stored = |value: u8| rows[usize::from(value)].as_slice();
                distinct.extend(request.iter().map(|(value, status)| (value.map(stored), STATUSES[*status])));
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
        let logged = [&rows[1], &forged, &rows[1], &forged];
        distinct.extend(logged.into_iter().map(|row| (Some(row.as_slice()), Status::Present)));
        assert_eq!(distinct.rows, [0, 1, 0, 1]);
        // And what does not fit its checksum is not read.
        insta::assert_snapshot!(distinct.finish(&plan).err().unwrap(), @"row 1 of feature view `view` can't be read: its checksum does not fit its bytes: run `skewless materialize` for `view`");
    }
}
