//! One pass over the rows, with the newest of each entity at hand.
//!
//! Batches are kept as they come, as long as one of their rows is the newest of its entity; now and then the newest rows
//! are copied together and all else is dropped. So memory follows the entities, however many rows go by.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, LargeBinaryArray, TimestampMicrosecondArray};
use arrow::compute::interleave;

use super::LatestRows;
use crate::Result;
use crate::offline::source::SourceRows;
use crate::view_rows::arrow_error;

/// How many rows may be kept for each entity, beside a few: the more, the less often they are copied.
const ROWS_AN_ENTITY: usize = 4;
const ROWS_AT_LEAST: usize = 65_536;

/// What an entity takes beside its key and its row, in bytes: an entry of the map, its allocation, a [`Newest`].
const ENTITY_BYTES: usize = 120;

/// The newest row so far of every entity.
pub(super) struct NewestTable {
    entities: HashMap<Box<[u8]>, usize>,
    newest: Vec<Newest>,
    columns: usize,
    batches: Vec<Batch>,
    rows_kept: usize,
    key_bytes: usize,
    memory_bytes_max: usize,
}

/// Rows as they came.
struct Batch {
    columns: Vec<ArrayRef>,
    rows: usize,
    /// how many of them are the newest of their entities; without any, the columns are gone
    alive: usize,
}

/// The newest row of an entity, and where it is.
#[derive(Clone, Copy)]
struct Newest {
    event_timestamp: i64,
    created_timestamp: Option<i64>,
    batch: usize,
    row: usize,
}

impl NewestTable {
    /// A table of rows with that many columns.
    pub(super) fn new(columns: usize, memory_bytes_max: usize) -> Self {
        Self {
            entities: HashMap::new(),
            newest: Vec::new(),
            columns,
            batches: Vec::new(),
            rows_kept: 0,
            key_bytes: 0,
            memory_bytes_max,
        }
    }

    /// Adds rows that come later in the files than all before.
    pub(super) fn add(&mut self, rows: SourceRows) -> Result<()> {
        let batch = self.batches.len();
        let mut alive = 0;
        for (row, key) in rows.keys.iter().enumerate() {
            let key = key.unwrap_or_default();
            let new = Newest {
                event_timestamp: rows.event_timestamps[row],
                created_timestamp: rows.created_timestamps[row],
                batch,
                row,
            };
            let Some(entity) = self.entities.get(key) else {
                self.entities.insert(key.into(), self.newest.len());
                self.key_bytes += key.len();
                self.newest.push(new);
                alive += 1;
                continue;
            };
            let known = &mut self.newest[*entity];
            // Of rows of the same time, the later counts.
            if (new.event_timestamp, new.created_timestamp) < (known.event_timestamp, known.created_timestamp) {
                continue;
            }
            let old = std::mem::replace(known, new);
            if old.batch != batch {
                self.forget(old.batch);
                alive += 1;
            }
        }
        let (columns, rows) = if alive > 0 { (rows.columns, rows.event_timestamps.len()) } else { (Vec::new(), 0) };
        self.rows_kept += rows;
        self.batches.push(Batch { columns, rows, alive });
        if self.rows_kept > ROWS_AN_ENTITY * self.newest.len() + ROWS_AT_LEAST { self.compact() } else { Ok(()) }
    }

    /// One row of a batch is the newest no more; without any, the batch goes.
    fn forget(&mut self, batch: usize) {
        let batch = &mut self.batches[batch];
        batch.alive -= 1;
        if batch.alive == 0 {
            self.rows_kept -= std::mem::take(&mut batch.rows);
            batch.columns.clear();
        }
    }

    /// Whether it takes more memory than it may, even after what it can do without is dropped.
    pub(super) fn is_full(&mut self) -> Result<bool> {
        if self.memory_bytes() > self.memory_bytes_max && self.rows_kept > self.newest.len() {
            self.compact()?;
        }
        // Not more than half, so that it is not compacted over and over before it is full.
        Ok(self.rows_kept == self.newest.len() && self.memory_bytes() > self.memory_bytes_max / 2)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let columns = self.batches.iter().flat_map(|batch| &batch.columns);
        let rows: usize = columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum();
        rows + self.key_bytes + self.newest.len() * ENTITY_BYTES
    }

    /// Copies the newest rows into one batch, and drops all others.
    fn compact(&mut self) -> Result<()> {
        let places: Vec<usize> = (0..self.newest.len()).collect();
        let columns = self.rows_at(&places)?;
        for (row, newest) in self.newest.iter_mut().enumerate() {
            (newest.batch, newest.row) = (0, row);
        }
        self.rows_kept = self.newest.len();
        self.batches = vec![Batch { columns, rows: self.newest.len(), alive: self.newest.len() }];
        Ok(())
    }

    /// The columns of the newest rows of some entities.
    fn rows_at(&self, entities: &[usize]) -> Result<Vec<ArrayRef>> {
        let kept: Vec<usize> = (0..self.batches.len()).filter(|batch| self.batches[*batch].alive > 0).collect();
        let mut position = vec![0; self.batches.len()];
        kept.iter().enumerate().for_each(|(index, batch)| position[*batch] = index);
        let newest = entities.iter().map(|entity| &self.newest[*entity]);
        let places: Vec<(usize, usize)> = newest.map(|newest| (position[newest.batch], newest.row)).collect();
        let column = |column: usize| {
            let arrays: Vec<_> = kept.iter().map(|batch| self.batches[*batch].columns[column].as_ref()).collect();
            interleave(&arrays, &places).map_err(arrow_error)
        };
        if kept.is_empty() { Ok(Vec::new()) } else { (0..self.columns).map(column).collect() }
    }

    /// The newest rows so far as rows of a source, in no order, in batches, each with memory of its own.
    pub(super) fn into_rows(self, rows_a_batch: usize) -> impl Iterator<Item = Result<SourceRows>> + Send + 'static {
        let rows = |latest: LatestRows| SourceRows {
            keys: latest.keys,
            event_timestamps: latest.event_timestamps.values().to_vec(),
            created_timestamps: latest.created_timestamps.iter().collect(),
            columns: latest.columns,
            left_out: 0,
        };
        self.into_latest_rows(rows_a_batch).map(move |latest| latest.map(rows))
    }

    /// The newest rows, by key, in batches.
    pub(super) fn into_latest_rows(
        mut self,
        rows_a_batch: usize,
    ) -> impl Iterator<Item = Result<LatestRows>> + Send + 'static {
        let entities = std::mem::take(&mut self.entities);
        let mut keys: Vec<(Box<[u8]>, usize)> = entities.into_iter().collect();
        keys.sort_unstable();
        let batches = keys.len().div_ceil(rows_a_batch);
        (0..batches).map(move |batch| {
            let end = keys.len().min((batch + 1) * rows_a_batch);
            self.latest_rows(&keys[batch * rows_a_batch..end])
        })
    }

    fn latest_rows(&self, keys: &[(Box<[u8]>, usize)]) -> Result<LatestRows> {
        let entities: Vec<usize> = keys.iter().map(|(_, entity)| *entity).collect();
        let newest = || entities.iter().map(|entity| &self.newest[*entity]);
        Ok(LatestRows {
            keys: LargeBinaryArray::from_iter_values(keys.iter().map(|(key, _)| key)),
            event_timestamps: TimestampMicrosecondArray::from_iter_values(newest().map(|row| row.event_timestamp)),
            created_timestamps: newest().map(|row| row.created_timestamp).collect(),
            columns: self.rows_at(&entities)?,
        })
    }
}
