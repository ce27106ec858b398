//! Of the rows of one batch, those worth writing.

use super::KeyedRow;
use super::row::time_bytes;
use crate::{Error, Result};

/// A row and the bytes it is compared by.
pub(super) type TimedRow<'a> = (KeyedRow<'a>, &'a [u8; 17]);

/// The row to store for each entity, in the order of their keys.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) where a row is not a packed row.
pub(super) fn newest_of_each_entity<'a>(rows: &[KeyedRow<'a>]) -> Result<Vec<TimedRow<'a>>> {
    let with_time = |(index, row): (usize, &KeyedRow<'a>)| match time_bytes(row.row) {
        Ok(time) => Ok((*row, time)),
        Err(damage) => Err(Error::invalid_input(format!("row {index} to store is not a packed row: {damage}"))),
    };
    let mut rows: Vec<_> = rows.iter().enumerate().map(with_time).collect::<Result<_>>()?;
    rows.sort_by(|(left, left_time), (right, right_time)| (left.key, left_time).cmp(&(right.key, right_time)));
    // Keeps the first of each key, and the newest is the last: so from behind.
    rows.reverse();
    rows.dedup_by_key(|(row, _)| row.key);
    rows.reverse();
    Ok(rows)
}
