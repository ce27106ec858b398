//! A part of the entities, for workers that share one job.

use std::fmt;
use std::str::FromStr;

use arrow::array::{Array as _, AsArray as _, BooleanArray};
use arrow::compute::filter;
use serde::{Serialize, Serializer};

use crate::Result;
use crate::offline::source::SourceRows;
use crate::view_rows::arrow_error;

/// Workers that one job may have.
const SHARDS_MAX: u32 = 1_024;

/// One of several parts of the entities, by their keys: written `2/4`. Every entity is in exactly one of them, on every
/// machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// which one, from 1
    pub number: u32,
    /// of how many
    pub of: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) && of <= SHARDS_MAX => Ok(Self { number, of }),
            _ => Err(format!("write a shard and how many there are, such as 1/4 to 4/4; {SHARDS_MAX} at most")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Serialize for Shard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Shard {
    /// Whether the entity with this key is in it.
    fn has(self, key: &[u8]) -> bool {
        crc32fast::hash(key) % self.of == self.number - 1
    }

    /// The rows of its entities.
    pub(super) fn of_rows(self, rows: SourceRows) -> Result<SourceRows> {
        let mine: BooleanArray = rows.keys.iter().map(|key| Some(key.is_some_and(|key| self.has(key)))).collect();
        let columns = rows.columns.iter().map(|column| filter(column, &mine)).collect::<Result<_, _>>();
        let is_mine = |row: &usize| mine.value(*row);
        let places: Vec<usize> = (0..rows.keys.len()).filter(is_mine).collect();
        Ok(SourceRows {
            keys: filter(&rows.keys, &mine).map_err(arrow_error)?.as_binary::<i64>().clone(),
            event_timestamps: places.iter().map(|row| rows.event_timestamps[*row]).collect(),
            created_timestamps: places.iter().map(|row| rows.created_timestamps[*row]).collect(),
            columns: columns.map_err(arrow_error)?,
            left_out: rows.left_out,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_written_as_a_part_of_a_whole() {
        assert_eq!("2/4".parse(), Ok(Shard { number: 2, of: 4 }));
        assert_eq!(Shard { number: 2, of: 4 }.to_string(), "2/4");
        for wrong in ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "1/1025", "a/b"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        insta::assert_snapshot!("0/4".parse::<Shard>().unwrap_err(), @"write a shard and how many there are, such as 1/4 to 4/4; 1024 at most");
    }

    #[test]
    fn every_entity_is_in_one_shard_and_the_same_everywhere() {
        for of in [1, 2, 3, 7] {
            for key in 0..1_000_u32 {
                let key = key.to_be_bytes();
                assert_eq!((1..=of).filter(|number| Shard { number: *number, of }.has(&key)).count(), 1);
            }
        }
        // Workers of two versions may share a job.
        let shards = ["EWR", "JFK", "LGA", ""].map(|key| crc32fast::hash(key.as_bytes()) % 4 + 1);
        insta::assert_snapshot!(format!("{shards:?}"), @"[3, 4, 3, 1]");
    }
}
