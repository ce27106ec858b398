//! The point-in-time join.
//!
//! For each entity row and feature view: of the source rows with the same entity key that happened at or before the entity
//! row's instant, the greatest by (event timestamp, created timestamp, place in the files), its *rank*. With `known_at`, only rows that
//! were also created by then: a source row is *seen from* the later of its two timestamps on.
//!
//! The ttl is not looked at here: it would only look at the winner, which is what
//! [`ViewRows::at`](crate::view_rows::ViewRows::at) does, for training sets and requests alike. What is too old for every entity row is
//! not read in the first place.
//!
//! Two operators find the same rows:
//!
//! | | [`hash`] | [`merge`] |
//! |---|---|---|
//! | holds | the entity rows, and what was found for them | one batch of each input |
//! | source | streams by unsorted, all cores; its features are read in a second pass, where they won | sorted |
//! | for | entity rows that fit into memory | everything else |
//!
//! Both get batches of the same [`EntityLayout`] and [`SourceLayout`], and leave the entity rows' columns followed by each
//! view's: its source columns, then when the row happened, null where there is none.

mod hash;
mod index;
mod merge;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType as ArrowType, Field, Int64Type, Schema, SchemaRef, UInt64Type};

pub(crate) use hash::{ColumnsInput, HashInput, PointInTimeHashExec};
pub(crate) use merge::{MergeInput, PointInTimeMergeExec, ascending};

/// Where things are in a batch of entity rows.
///
/// The user's columns come first, then the row's number, its instant in µs, and its entity keys, one column for each set of
/// join keys that the views have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntityLayout {
    /// columns that the user gave
    pub(crate) user_columns: usize,
    /// sets of join keys
    pub(crate) key_sets: usize,
}

impl EntityLayout {
    /// The number of the row, from 0.
    pub(crate) const fn row(self) -> usize {
        self.user_columns
    }

    /// The instant that is asked about, in µs.
    pub(crate) const fn at(self) -> usize {
        self.user_columns + 1
    }

    /// The key by set `key_set` of join keys.
    pub(crate) const fn key(self, key_set: usize) -> usize {
        self.user_columns + 2 + key_set
    }

    /// The first column of the first view, once it is joined.
    pub(crate) const fn joined(self) -> usize {
        self.key(self.key_sets)
    }
}

/// Where things are in a batch of source rows: key, event timestamp, place, created timestamp if there is one, from when
/// the row is seen if that isn't the event timestamp, then the columns asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceLayout {
    /// whether the source has created timestamps
    pub(crate) has_created: bool,
    /// whether a row is seen only once it was created
    pub(crate) known_at: bool,
}

impl SourceLayout {
    pub(crate) const KEY: usize = 0;
    pub(crate) const EVENT_TIMESTAMP: usize = 1;
    pub(crate) const PLACE: usize = 2;
    const CREATED_TIMESTAMP: usize = 3;

    /// The column that says from when on a row is seen.
    pub(crate) const fn seen_from(self) -> usize {
        if self.has_created && self.known_at { 4 } else { Self::EVENT_TIMESTAMP }
    }

    /// The first of the columns asked for.
    pub(crate) const fn first_column(self) -> usize {
        3 + self.has_created as usize + (self.has_created && self.known_at) as usize
    }

    /// The fields before the columns asked for.
    pub(crate) fn fields(self, key: ArrowType) -> Vec<Field> {
        let mut fields = vec![
            Field::new("key", key, false),
            Field::new("event_timestamp", ArrowType::Int64, false),
            Field::new("place", ArrowType::UInt64, false),
        ];
        if self.has_created {
            fields.push(Field::new("created_timestamp", ArrowType::Int64, false));
        }
        if self.has_created && self.known_at {
            fields.push(Field::new("seen_from", ArrowType::Int64, false));
        }
        fields
    }
}

/// A created timestamp that isn't there: before every other.
pub(crate) const NEVER_CREATED: i64 = i64::MIN;

/// Where a source row lies: partitions of the scan are in the order of the files, and so are the rows of each. From 1 on.
pub(crate) const fn place(partition: usize, row: u64) -> u64 {
    ((partition as u64) << PLACE_BITS) + row + 1
}

/// Which partition `place` is in, and which row of it.
const fn partition_and_row(place: u64) -> (usize, u64) {
    let place = place - 1;
    ((place >> PLACE_BITS) as usize, place & ((1 << PLACE_BITS) - 1))
}

/// Rows of a partition: up to 2^44, of up to a million partitions.
const PLACE_BITS: u32 = 44;

/// What decides between source rows that are seen; the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    event_timestamp: i64,
    created_timestamp: i64,
    place: u64,
}

impl Rank {
    /// No row: less than every row's.
    const NONE: Self = Self { event_timestamp: i64::MIN, created_timestamp: i64::MIN, place: 0 };

    fn is_some(&self) -> bool {
        self.place != 0
    }
}

/// The columns of a batch of source rows that decide.
struct Ranks {
    event_timestamps: arrow::array::Int64Array,
    created_timestamps: Option<arrow::array::Int64Array>,
    places: arrow::array::UInt64Array,
    seen_from: arrow::array::Int64Array,
}

impl Ranks {
    fn of(batch: &RecordBatch, layout: SourceLayout) -> Self {
        let integers = |column: usize| batch.column(column).as_primitive::<Int64Type>().clone();
        Self {
            event_timestamps: integers(SourceLayout::EVENT_TIMESTAMP),
            created_timestamps: layout.has_created.then(|| integers(SourceLayout::CREATED_TIMESTAMP)),
            places: batch.column(SourceLayout::PLACE).as_primitive::<UInt64Type>().clone(),
            seen_from: integers(layout.seen_from()),
        }
    }

    fn rank(&self, row: usize) -> Rank {
        let created = self.created_timestamps.as_ref().map_or(NEVER_CREATED, |created| created.value(row));
        Rank {
            event_timestamp: self.event_timestamps.value(row),
            created_timestamp: created,
            place: self.places.value(row),
        }
    }
}

/// The schema after a join: the entity rows' columns, then for each view its columns and when the row happened.
fn joined_schema<'a>(entity_rows: &SchemaRef, views: impl Iterator<Item = &'a [ArrowType]>) -> SchemaRef {
    let mut fields: Vec<_> = entity_rows.fields().iter().map(Arc::clone).collect();
    for types in views {
        let columns = types.iter().map(|data_type| Field::new("column", data_type.clone(), true));
        let happened = Field::new("event_timestamp", ArrowType::Int64, true);
        fields.extend(columns.chain([happened]).map(Arc::new));
    }
    Arc::new(Schema::new(fields))
}
