//! The entity rows, found by key and instant.

use hashbrown::HashMap;

use super::{Rank, Ranks};
use crate::offline::keys::Keys;

/// Entity rows sorted by key and instant. A place in this order is a *slot*.
///
/// A source row can first be seen by the earliest entity row of its key that is not before it: its slot. There it competes with
/// the other rows of that slot; in the end each slot takes over the winner of the slot before where that is the greater. So each
/// source row costs one look-up and one binary search, whatever the number of entity rows behind it.
pub(super) struct EntityIndex {
    groups: Groups,
    /// the first slot of each group, and the end of the last
    starts: Vec<u32>,
    /// the instant of each slot, in µs
    at: Vec<i64>,
    /// the entity row of each slot
    entity_rows: Vec<u32>,
}

/// Entity key → group.
enum Groups {
    Integers(HashMap<i64, u32>),
    Bytes(HashMap<Vec<u8>, u32>),
}

impl EntityIndex {
    /// An index of entity rows with these keys and instants, in µs.
    pub(super) fn new(keys: &Keys, at: &[i64]) -> Self {
        let (groups, group_of_row) = match keys {
            Keys::Integers(keys) => {
                let (groups, rows) = group_integers(keys.values());
                (Groups::Integers(groups), rows)
            }
            Keys::Bytes(keys) => {
                let (groups, rows) = group_bytes(keys.iter().map(Option::unwrap_or_default));
                (Groups::Bytes(groups), rows)
            }
        };
        let count = match &groups {
            Groups::Integers(groups) => groups.len(),
            Groups::Bytes(groups) => groups.len(),
        };
        let (starts, mut entity_rows) = sorted_by_group(&group_of_row, count);
        for bounds in starts.windows(2) {
            let group = &mut entity_rows[bounds[0] as usize..bounds[1] as usize];
            group.sort_unstable_by_key(|row| (at[*row as usize], *row));
        }
        let at = entity_rows.iter().map(|row| at[*row as usize]).collect();
        Self { groups, starts, at, entity_rows }
    }

    /// How many slots there are: one for each entity row.
    pub(super) fn len(&self) -> usize {
        self.at.len()
    }

    /// The source rows that some entity row sees: slot and row.
    pub(super) fn seen(&self, keys: &Keys, ranks: &Ranks) -> Vec<(u32, u32)> {
        let seen_from = ranks.seen_from.values();
        match (&self.groups, keys) {
            (Groups::Integers(groups), Keys::Integers(keys)) => {
                self.slots(keys.values().iter().map(|key| groups.get(key)), seen_from)
            }
            (Groups::Bytes(groups), Keys::Bytes(keys)) => {
                self.slots(keys.iter().map(|key| groups.get(key.unwrap_or_default())), seen_from)
            }
            _ => unreachable!("both sides of a join have keys of one type"),
        }
    }

    fn slots<'a>(&self, groups: impl Iterator<Item = Option<&'a u32>>, seen_from: &[i64]) -> Vec<(u32, u32)> {
        let mut slots = Vec::with_capacity(seen_from.len());
        for ((row, group), seen_from) in (0_u32..).zip(groups).zip(seen_from) {
            let Some(group) = group else { continue };
            let (start, end) = (self.starts[*group as usize], self.starts[*group as usize + 1]);
            let instants = &self.at[start as usize..end as usize];
            let slot = instants.partition_point(|at| at < seen_from);
            if slot < instants.len() {
                slots.push((start + slot as u32, row));
            }
        }
        slots
    }

    /// From the best row that is first seen in each slot: the best row of each entity row.
    pub(super) fn best_of_entity_rows(&self, first_seen: &[Rank]) -> Vec<Rank> {
        let mut best_of_rows = vec![Rank::NONE; self.len()];
        for bounds in self.starts.windows(2) {
            let mut best = Rank::NONE;
            for slot in bounds[0] as usize..bounds[1] as usize {
                best = best.max(first_seen[slot]);
                best_of_rows[self.entity_rows[slot] as usize] = best;
            }
        }
        best_of_rows
    }
}

/// Numbers the different keys, and says the number of each row's.
fn group_integers(keys: &[i64]) -> (HashMap<i64, u32>, Vec<u32>) {
    let mut groups = HashMap::new();
    let number = |key: &i64| {
        let next = groups.len() as u32;
        *groups.entry(*key).or_insert(next)
    };
    let rows = keys.iter().map(number).collect();
    (groups, rows)
}

fn group_bytes<'a>(keys: impl Iterator<Item = &'a [u8]>) -> (HashMap<Vec<u8>, u32>, Vec<u32>) {
    let mut groups: HashMap<Vec<u8>, u32> = HashMap::new();
    let number = |key: &[u8]| {
        let next = groups.len() as u32;
        *groups.entry_ref(key).or_insert(next)
    };
    let rows = keys.map(number).collect();
    (groups, rows)
}

/// The rows of each group, one group behind the other, and where each starts.
fn sorted_by_group(group_of_row: &[u32], groups: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; groups + 1];
    group_of_row.iter().for_each(|group| starts[*group as usize + 1] += 1);
    (0..groups).for_each(|group| starts[group + 1] += starts[group]);
    let mut next = starts.clone();
    let mut rows = vec![0_u32; group_of_row.len()];
    for (row, group) in (0_u32..).zip(group_of_row) {
        let place = &mut next[*group as usize];
        rows[*place as usize] = row;
        *place += 1;
    }
    (starts, rows)
}
