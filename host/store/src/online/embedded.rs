//! The online store in a file, shared by the process that materializes and the processes that serve.
//!
//! Each feature view has a table of its own, named `project/view`, from [entity key](super::encode_keys) to
//! [packed row](super::row). So a view is counted and deleted without touching the others, its keys are short, and a
//! job, which writes one view, changes few pages; a request for several views looks each key up in its view's table,
//! all in one snapshot. Several projects may share a file.
//!
//! A [`write`](OnlineStore::write) is one durable transaction: all of it is stored or nothing, even if the process is
//! killed in the middle of it, and readers see all of it or nothing. Readers never wait for a writer; writers wait for
//! each other. The file holds nothing that can't be materialized again.

mod file;

use std::path::Path;

use arrow::array::LargeBinaryArray;
use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableError, TableHandle,
};

use self::file::{Failure, SharedFile, guarded};
use super::row::{RowDamage, time_bytes};
use crate::{Error, Result};

/// The online store of one project. Every call blocks until it is done.
#[derive(Debug)]
pub struct OnlineStore {
    project: String,
    file: SharedFile,
}

/// A packed row and the entity it is about.
#[derive(Debug, Clone, Copy)]
pub struct KeyedRow<'a> {
    /// made by [`encode_keys`](super::encode_keys)
    pub key: &'a [u8],
    /// made by a [`RowEncoder`](super::RowEncoder)
    pub row: &'a [u8],
}

/// The entities to read of one feature view.
#[derive(Debug, Clone, Copy)]
pub struct ReadRequest<'a> {
    /// the feature view
    pub feature_view: &'a str,
    /// made by [`encode_keys`](super::encode_keys); the same entity may be there twice
    pub keys: &'a LargeBinaryArray,
}

/// What became of the rows of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteSummary {
    /// rows that are now stored
    pub written: u64,
    /// rows left out because a newer one of their entity was stored, or was in the same batch
    pub skipped_older: u64,
}

impl OnlineStore {
    /// The store of `project` in the file at `path`.
    ///
    /// The file need not exist: it is made by the first write, and until then, whoever makes it, nothing is found in
    /// it. A file put in its place later is noticed.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) where the file is damaged or something else,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) where it can't be read.
    pub fn open(path: &Path, project: &str) -> Result<Self> {
        Ok(Self { project: project.to_owned(), file: SharedFile::open(path)? })
    }

    /// Stores each row that is not older than its entity's stored row, in one durable transaction.
    ///
    /// Of several rows of one entity, the newest is stored, and the last of those that are as new. So writing a batch
    /// again does no harm, and the order in which batches arrive does not matter.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) where the disk is full, and then no row of this batch is stored, or
    /// where it fails, and then the message says whether any may be: all or none.
    /// [`Corrupt`](crate::ErrorKind::Corrupt) where the file is damaged, or a newer version wrote to it.
    pub fn write<'a>(&self, feature_view: &str, rows: impl IntoIterator<Item = KeyedRow<'a>>) -> Result<WriteSummary> {
        let (rows, given) = newest_of_each_entity(rows)?;
        if rows.is_empty() {
            return Ok(WriteSummary::default());
        }
        let name = self.table_name(feature_view);
        let written = self.file.create_and_write(|transaction| {
            let mut table = transaction.open_table(rows_table(&name))?;
            let mut written = 0;
            for (KeyedRow { key, row }, time) in &rows {
                let stored = table.get(*key)?;
                let older = is_older(time, stored.as_ref().map(|stored| stored.value()))
                    .map_err(|damage| damage.describe(feature_view, "a stored row"))?;
                drop(stored);
                if !older {
                    table.insert(*key, *row)?;
                    written += 1;
                }
            }
            Ok(written)
        })?;
        Ok(WriteSummary { written, skipped_older: given - written })
    }

    /// Calls `visit` for each key of each request, in order, with the number of the request and the stored row.
    ///
    /// A null key finds nothing. All rows are of one instant: a batch that is being written meanwhile is in all of them or in none.
    ///
    /// # Errors
    ///
    /// The first error of `visit`; otherwise as [`OnlineStore::open`]. Some rows may have been visited before.
    pub fn read(
        &self,
        requests: &[ReadRequest<'_>],
        mut visit: impl FnMut(usize, Option<&[u8]>) -> Result<()>,
    ) -> Result<()> {
        let read = self.file.read(|transaction| {
            for (index, request) in requests.iter().enumerate() {
                self.read_one(transaction, request, |row| visit(index, row))?;
            }
            Ok(())
        })?;
        if read.is_none() {
            for (index, request) in requests.iter().enumerate() {
                request.keys.iter().try_for_each(|_| visit(index, None))?;
            }
        }
        Ok(())
    }

    /// How many entities of a feature view have a row.
    ///
    /// # Errors
    ///
    /// As [`OnlineStore::open`].
    pub fn count(&self, feature_view: &str) -> Result<u64> {
        let name = self.table_name(feature_view);
        let count = self.file.read(|transaction| {
            guarded(|| Ok(table_of(transaction, &name)?.map(|table| table.len()).transpose()?.unwrap_or(0)))
        })?;
        Ok(count.unwrap_or(0))
    }

    /// The feature views that have rows here, known to the registry or not, by name.
    ///
    /// # Errors
    ///
    /// As [`OnlineStore::open`].
    pub fn feature_views(&self) -> Result<Vec<String>> {
        let names = self.file.read(|transaction| {
            guarded(|| Ok(transaction.list_tables()?.map(|table| table.name().to_owned()).collect::<Vec<_>>()))
        })?;
        let prefix = self.table_name("");
        let of_project = |name: String| name.strip_prefix(&prefix).map(str::to_owned);
        Ok(names.unwrap_or_default().into_iter().filter_map(of_project).collect())
    }

    /// Deletes every row of a feature view, and says how many there were.
    ///
    /// # Errors
    ///
    /// As [`OnlineStore::write`]; then none is deleted.
    pub fn delete_view(&self, feature_view: &str) -> Result<u64> {
        let name = self.table_name(feature_view);
        self.file.write(|transaction| {
            let rows = transaction.open_table(rows_table(&name))?.len()?;
            transaction.delete_table(rows_table(&name))?;
            Ok(rows)
        })
    }

    /// Deletes the rows of an entity in every feature view, and says how many there were.
    ///
    /// # Errors
    ///
    /// As [`OnlineStore::write`]; then none is deleted.
    pub fn delete_entity(&self, key: &[u8]) -> Result<u64> {
        let prefix = self.table_name("");
        self.file.write(|transaction| {
            let mut deleted = 0;
            for table in transaction.list_tables()?.filter(|table| table.name().starts_with(&prefix)) {
                deleted += u64::from(transaction.open_table(rows_table(table.name()))?.remove(key)?.is_some());
            }
            Ok(deleted)
        })
    }

    fn read_one(
        &self,
        transaction: &ReadTransaction,
        request: &ReadRequest<'_>,
        mut visit: impl FnMut(Option<&[u8]>) -> Result<()>,
    ) -> Result<(), Failure> {
        let name = self.table_name(request.feature_view);
        let table = guarded(|| table_of(transaction, &name))?;
        for key in request.keys {
            let stored = guarded(|| {
                let stored = table.as_ref().zip(key).map(|(table, key)| table.get(key)).transpose()?.flatten();
                // Looked at here, so that a row whose place is damaged is found out here.
                stored.as_ref().map(|stored| stored.value());
                Ok(stored)
            })?;
            visit(stored.as_ref().map(|stored| stored.value()))?;
        }
        Ok(())
    }

    fn table_name(&self, feature_view: &str) -> String {
        format!("{}/{feature_view}", self.project)
    }
}

type RowsTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

fn rows_table(name: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}

/// The table, if anything was ever written to it.
fn table_of(transaction: &ReadTransaction, name: &str) -> Result<Option<RowsTable>, Failure> {
    match transaction.open_table(rows_table(name)) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A row and the bytes it is compared by.
type TimedRow<'a> = (KeyedRow<'a>, &'a [u8; 17]);

/// The row to store for each entity, and how many rows there were.
///
/// In the order of their keys, in which the pages of the file are visited once each.
fn newest_of_each_entity<'a>(rows: impl IntoIterator<Item = KeyedRow<'a>>) -> Result<(Vec<TimedRow<'a>>, u64)> {
    let with_time = |(index, row): (usize, KeyedRow<'a>)| match time_bytes(row.row) {
        Ok(time) => Ok((row, time)),
        Err(damage) => Err(Error::invalid_input(format!("row {index} to store is not a packed row: {damage}"))),
    };
    let mut rows: Vec<_> = rows.into_iter().enumerate().map(with_time).collect::<Result<_>>()?;
    let given = rows.len() as u64;
    rows.sort_by(|(left, left_time), (right, right_time)| (left.key, left_time).cmp(&(right.key, right_time)));
    // Keeps the first of each key, and the newest is the last: so from behind.
    rows.reverse();
    rows.dedup_by_key(|(row, _)| row.key);
    rows.reverse();
    Ok((rows, given))
}

fn is_older(time: &[u8; 17], stored: Option<&[u8]>) -> Result<bool, RowDamage> {
    match stored.map(time_bytes).transpose() {
        Ok(stored) => Ok(stored.is_some_and(|stored| time < stored)),
        // Its time is lost with it, and what replaces it can only mend it.
        Err(RowDamage::NoHeader(_)) => Ok(false),
        Err(damage) => Err(damage),
    }
}

#[cfg(test)]
mod tests;
