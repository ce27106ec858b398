//! The point-in-time join of one feature view.
//!
//! For each entity row: of the source rows with the same entity key that happened at or before the entity row's
//! instant, the greatest by (event timestamp, created timestamp, place in the files). With `known_at`, only rows
//! that were also created by then.
//!
//! The entity rows are held, sorted by key and instant; the source streams by once, in the order of its files, and is not
//! sorted. A source row can first be seen by the earliest entity row of its key that is not before it, its *slot*; there it
//! competes with the other rows of that slot. In the end each slot takes over the winner of the slot before where that is the
//! greater. So each source row costs one look-up and one binary search, whatever the number of entity rows behind it,
//! and memory is bounded by the entity rows. (`known_at` only moves a row's slot: it is seen from the later of its two
//! timestamps on.)
//!
//! The ttl is not looked at here: it would only look at the winner, which is what [`ViewRows::at`](crate::view_rows::ViewRows::at) does.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, LargeBinaryArray, UInt32Array, new_null_array};
use arrow::compute::{interleave, take};

use super::source::SourceRows;
use crate::Result;
use crate::view_rows::arrow_error;

/// Rows retained beyond the winners before the losers among them are dropped.
const SPARE_ROWS: usize = 1 << 16;

/// The join, while the source streams by.
pub(crate) struct PointInTimeJoin {
    /// entity key → its slots
    groups: HashMap<Box<[u8]>, Range<usize>>,
    /// sorted by group, then instant
    slots: Vec<Slot>,
    known_at: bool,
    retained: Retained,
}

/// An entity row, and the best source row that is first seen there.
struct Slot {
    at: i64,
    entity_row: usize,
    best: Option<Candidate>,
}

#[derive(Clone, Copy)]
struct Candidate {
    event_timestamp: i64,
    created_timestamp: Option<i64>,
    place: Place,
}

impl Candidate {
    /// Among rows of one time the later in the files wins, and rows are offered in that order.
    fn beats(&self, other: &Self) -> bool {
        (self.event_timestamp, self.created_timestamp) >= (other.event_timestamp, other.created_timestamp)
    }
}

/// What the join found.
pub(crate) struct Joined {
    /// the source columns, one row for each entity row, null where none was found
    pub(crate) columns: Vec<ArrayRef>,
    /// the event timestamp of each row found
    pub(crate) event_timestamps: Vec<Option<i64>>,
}

impl PointInTimeJoin {
    /// A join for entity rows with these keys and instants, in µs.
    pub(crate) fn new(keys: &LargeBinaryArray, at: &[i64], known_at: bool) -> Self {
        let mut order: Vec<usize> = (0..at.len()).collect();
        order.sort_unstable_by_key(|row| (keys.value(*row), at[*row], *row));
        let slots: Vec<Slot> = order.iter().map(|row| Slot { at: at[*row], entity_row: *row, best: None }).collect();
        let mut groups = HashMap::new();
        let mut start = 0;
        for group in order.chunk_by(|a, b| keys.value(*a) == keys.value(*b)) {
            groups.insert(keys.value(group[0]).into(), start..start + group.len());
            start += group.len();
        }
        Self { groups, slots, known_at, retained: Retained::default() }
    }

    /// Shows the join the next rows of the source.
    pub(crate) fn offer(&mut self, rows: &SourceRows) -> Result<()> {
        let mut kept = Vec::new();
        for row in 0..rows.event_timestamps.len() {
            let Some(group) = self.groups.get(rows.keys.value(row)) else { continue };
            let (event_timestamp, created_timestamp) = (rows.event_timestamps[row], rows.created_timestamps[row]);
            let seen_from = match created_timestamp {
                Some(created) if self.known_at => created.max(event_timestamp),
                _ => event_timestamp,
            };
            let group = &mut self.slots[group.clone()];
            let slot = group.partition_point(|slot| slot.at < seen_from);
            let Some(slot) = group.get_mut(slot) else { continue };
            let candidate = Candidate { event_timestamp, created_timestamp, place: self.retained.next(kept.len()) };
            if slot.best.is_none_or(|best| candidate.beats(&best)) {
                slot.best = Some(candidate);
                kept.push(u32::try_from(row).expect("a batch has far less than 2^32 rows"));
            }
        }
        self.retained.add(&rows.columns, kept)?;
        if self.retained.rows > 2 * self.slots.len() + SPARE_ROWS {
            self.retained
                .compact(self.slots.iter_mut().filter_map(|slot| slot.best.as_mut()).map(|best| &mut best.place))?;
        }
        Ok(())
    }

    /// Ends the join. `types` are the Arrow types of the source columns, for the case that no row was ever offered.
    pub(crate) fn finish(mut self, types: &[arrow::datatypes::DataType]) -> Result<Joined> {
        let mut found: Vec<Option<Candidate>> = vec![None; self.slots.len()];
        for group in self.groups.values() {
            let mut best: Option<Candidate> = None;
            for slot in &self.slots[group.clone()] {
                best = match (slot.best, best) {
                    (Some(own), Some(before)) => Some(if own.beats(&before) { own } else { before }),
                    (own, before) => own.or(before),
                };
                found[slot.entity_row] = best;
            }
        }
        self.slots.clear();
        let places: Vec<Option<Place>> = found.iter().map(|found| found.map(|found| found.place)).collect();
        let columns = self.retained.gather(&places, types)?;
        Ok(Joined {
            columns,
            event_timestamps: found.iter().map(|found| found.map(|found| found.event_timestamp)).collect(),
        })
    }
}

/// Where a retained row lies: chunk and row.
type Place = (usize, usize);

/// Source rows that are, or were, the best of a slot.
#[derive(Default)]
struct Retained {
    chunks: Vec<Vec<ArrayRef>>,
    rows: usize,
}

impl Retained {
    /// The place of the row that will be number `row` of the next chunk.
    fn next(&self, row: usize) -> Place {
        (self.chunks.len(), row)
    }

    fn add(&mut self, columns: &[ArrayRef], rows: Vec<u32>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.rows += rows.len();
        let rows = UInt32Array::from(rows);
        let chunk = columns.iter().map(|column| take(column, &rows, None)).collect::<Result<_, _>>();
        self.chunks.push(chunk.map_err(arrow_error)?);
        Ok(())
    }

    /// Keeps the rows at `places` alone, and says where they are now.
    fn compact<'a>(&mut self, places: impl Iterator<Item = &'a mut Place>) -> Result<()> {
        let places: Vec<&mut Place> = places.collect();
        let kept: Vec<Place> = places.iter().map(|place| **place).collect();
        let columns = self.chunks.first().map_or(0, Vec::len);
        let column = |column: usize| {
            let chunks: Vec<&dyn Array> = self.chunks.iter().map(|chunk| &*chunk[column]).collect();
            interleave(&chunks, &kept)
        };
        let chunk = (0..columns).map(column).collect::<Result<Vec<_>, _>>().map_err(arrow_error)?;
        places.into_iter().enumerate().for_each(|(row, place)| *place = (0, row));
        self.rows = kept.len();
        self.chunks = vec![chunk];
        Ok(())
    }

    /// The rows at `places`, and nulls where there is none.
    fn gather(mut self, places: &[Option<Place>], types: &[arrow::datatypes::DataType]) -> Result<Vec<ArrayRef>> {
        let nothing = (self.chunks.len(), 0);
        self.chunks.push(types.iter().map(|data_type| new_null_array(data_type, 1)).collect());
        let places: Vec<Place> = places.iter().map(|place| place.unwrap_or(nothing)).collect();
        let column = |column: usize| {
            let chunks: Vec<&dyn Array> = self.chunks.iter().map(|chunk| &*chunk[column]).collect();
            interleave(&chunks, &places)
        };
        (0..types.len()).map(column).collect::<Result<_, _>>().map_err(arrow_error)
    }
}
