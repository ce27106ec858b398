//! The online store in a file, shared by the process that materializes and the processes that serve.
//!
//! Each feature view has a table of its own, named `project/view`, from [entity key](super::encode_keys) to
//! [packed row](super::row). So a view is counted and deleted without touching the others, its keys are short, and a
//! job, which writes one view, changes few pages; a request for several views looks each key up in its view's table,
//! all in one snapshot. Several projects may share a file.
//!
//! A write is one durable transaction: all of it is stored or nothing, even if the process is
//! killed in the middle of it, and readers see all of it or nothing. Readers never wait for a writer; writers wait for
//! each other. The file holds nothing that can't be materialized again.

mod file;
mod snapshot;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use arrow::array::Array as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, TableHandle};

use self::file::{Failure, SharedFile, guarded};
use self::snapshot::Snapshot;
use super::newest::newest_of_each_entity;
use super::row::{FORMAT_VERSION, RowDamage, time_bytes};
use super::{KeyedRow, OnlineStore, ReadRequest, Visit, WriteSizes, WriteSummary};
use crate::Result;

/// Rows that are read on the caller's thread, whoever else needs it: some tenths of a millisecond.
const ROWS_AT_ONCE: usize = 256;

/// The online store of one project, in a file.
#[derive(Debug)]
pub(super) struct EmbeddedStore {
    project: String,
    file: SharedFile,
}

impl EmbeddedStore {
    /// The store of `project` in the file at `path`.
    ///
    /// The file need not exist: it is made by the first write, and until then, whoever makes it, nothing is found in
    /// it. A file put in its place later is noticed.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) where the file is damaged or something else,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) where it can't be read.
    pub(super) fn open(path: &Path, project: &str) -> Result<Self> {
        Ok(Self { project: project.to_owned(), file: SharedFile::open(path)? })
    }

    fn read_one(
        &self,
        snapshot: &Snapshot,
        request: &ReadRequest<'_>,
        mut visit: impl FnMut(Option<&[u8]>) -> Result<()>,
    ) -> Result<(), Failure> {
        let table = snapshot.table(&self.table_name(request.feature_view))?;
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

impl OnlineStore for EmbeddedStore {
    /// One durable transaction: all rows are stored or none. They are kept until they are deleted.
    fn write(&self, feature_view: &str, rows: &[KeyedRow<'_>], _: Option<Duration>) -> Result<WriteSummary> {
        // In the order of their keys, in which the pages of the file are visited once each.
        let newest = newest_of_each_entity(rows)?;
        if newest.is_empty() {
            return Ok(WriteSummary::default());
        }
        let name = self.table_name(feature_view);
        let written = self.file.create_and_write(|transaction| {
            let mut table = transaction.open_table(rows_table(&name))?;
            let mut written = 0;
            for (KeyedRow { key, row }, time) in &newest {
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
        Ok(WriteSummary { written, skipped_older: rows.len() as u64 - written })
    }

    /// All rows are of one instant: a batch that is being written meanwhile is in all of them or in none.
    fn read(&self, requests: &[ReadRequest<'_>], visit: &mut Visit<'_>) -> Result<()> {
        let read = self.file.read(|snapshot| {
            for (index, request) in requests.iter().enumerate() {
                self.read_one(snapshot, request, |row| visit(index, row))?;
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

    /// A few rows take microseconds, less than to wake another thread; readers wait for no writer.
    fn read_without_blocking<'a>(
        &'a self,
        requests: &'a [ReadRequest<'a>],
        visit: &'a mut Visit<'a>,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        let rows: usize = requests.iter().map(|request| request.keys.len()).sum();
        (rows <= ROWS_AT_ONCE).then(|| std::future::ready(self.read(requests, visit)).boxed())
    }

    fn counts(&self) -> Result<BTreeMap<String, u64>> {
        let prefix = self.table_name("");
        let counts = self.file.read(|snapshot| {
            guarded(|| {
                let mut counts = BTreeMap::new();
                for table in snapshot.transaction.list_tables()? {
                    let Some(view) = table.name().strip_prefix(&prefix) else { continue };
                    let rows = snapshot.table(table.name())?.map(|rows| rows.len()).transpose()?;
                    counts.extend(rows.filter(|rows| *rows > 0).map(|rows| (view.to_owned(), rows)));
                }
                Ok(counts)
            })
        })?;
        Ok(counts.unwrap_or_default())
    }

    /// All rows are deleted, or none.
    fn delete_view(&self, feature_view: &str) -> Result<u64> {
        let name = self.table_name(feature_view);
        self.file.write(|transaction| {
            let rows = transaction.open_table(rows_table(&name))?.len()?;
            transaction.delete_table(rows_table(&name))?;
            Ok(rows)
        })
    }

    /// All rows are deleted, or none.
    fn delete_entity(&self, key: &[u8]) -> Result<u64> {
        let prefix = self.table_name("");
        self.file.write(|transaction| {
            let mut deleted = 0;
            for table in transaction.list_tables()?.filter(|table| table.name().starts_with(&prefix)) {
                deleted += u64::from(transaction.open_table(rows_table(table.name()))?.remove(key)?.is_some());
            }
            Ok(deleted)
        })
    }

    /// What is in the file stays there.
    fn incarnation(&self) -> Result<String> {
        Ok(String::new())
    }

    /// A transaction costs a few waits for the disk, whatever its size; and only one at a time can write.
    fn write_sizes(&self) -> WriteSizes {
        WriteSizes { rows: 50_000, writes: 1 }
    }
}

fn rows_table(name: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}

fn is_older(time: &[u8; 17], stored: Option<&[u8]>) -> Result<bool, RowDamage> {
    match stored.map(time_bytes).transpose() {
        Ok(stored) => Ok(stored.is_some_and(|stored| time < stored)),
        Err(RowDamage::Format(newer)) if newer > FORMAT_VERSION => Err(RowDamage::Format(newer)),
        // Nobody can read it: its time is lost with it, and what replaces it can only mend it.
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests;
