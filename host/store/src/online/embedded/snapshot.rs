//! A file that is open to be read, and the snapshot of it that the last read began with.
//!
//! To begin a snapshot takes the database some eight system calls, and it waits for a writer that is just about to commit. One call
//! tells whether there is a newer one: every commit writes the file's header anew, and no two headers are the same, for transactions
//! are numbered. So as long as the header is what it was before a snapshot began, that snapshot is the newest.
//!
//! A snapshot keeps its pages from being written to. It is given up with the first read after a commit, or else when nobody has
//! read for a second, so that it never makes the file grow for longer.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use hashbrown::HashMap;
use redb::{ReadOnlyDatabase, ReadOnlyTable, ReadTransaction, ReadableDatabase as _, TableDefinition, TableError};

use super::file::{Failure, guarded};

/// A snapshot that nobody has read for so long is given up, or at most twice as long.
const IDLE: Duration = Duration::from_secs(1);

/// The first of them says which commit is the newest: 64 bytes on the file, 128 on each of its last two commits.
type Header = [u8; 320];

/// A file that is open to be read.
pub(super) struct Reader {
    /// the same file, to look at its header
    file: File,
    database: ReadOnlyDatabase,
    newest: Mutex<Newest>,
}

#[derive(Default)]
struct Newest {
    snapshot: Option<(Header, Arc<Snapshot>)>,
    /// whether it was read since the watch looked last
    is_used: bool,
    /// whether somebody looks if it is used
    is_watched: bool,
}

/// What is stored, as it was at one instant.
pub(super) struct Snapshot {
    pub(super) transaction: ReadTransaction,
    /// by name, those that were asked for
    tables: RwLock<HashMap<String, Option<Arc<RowsTable>>>>,
}

pub(super) type RowsTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

impl Reader {
    /// Reads the file at `path`, of which `database` is open.
    pub(super) fn new(path: &Path, database: ReadOnlyDatabase) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, database, newest: Mutex::default() })
    }

    /// All that was committed by now.
    pub(super) fn snapshot(self: &Arc<Self>) -> Result<Arc<Snapshot>, Failure> {
        // Read first: what is committed meanwhile is in the snapshot, and the next read finds another header.
        let header = self.header()?;
        if let Some(snapshot) = self.known(&header) {
            return Ok(snapshot);
        }
        let transaction = guarded(|| Ok(self.database.begin_read()?))?;
        let snapshot = Arc::new(Snapshot { transaction, tables: RwLock::default() });
        self.keep(header, &snapshot);
        Ok(snapshot)
    }

    fn known(&self, header: &Header) -> Option<Arc<Snapshot>> {
        let mut newest = self.newest();
        let (known, snapshot) = newest.snapshot.as_ref()?;
        let snapshot = (known == header).then(|| Arc::clone(snapshot))?;
        newest.is_used = true;
        Some(snapshot)
    }

    /// Keeps a snapshot for the next read, unless nobody can watch whether there is one.
    fn keep(self: &Arc<Self>, header: Header, snapshot: &Arc<Snapshot>) {
        let mut newest = self.newest();
        newest.is_watched = newest.is_watched || watch(Arc::downgrade(self));
        newest.is_used = true;
        // The one before is given up without the lock, for that takes a system call.
        let before = newest.is_watched.then(|| newest.snapshot.replace((header, Arc::clone(snapshot))));
        drop(newest);
        drop(before);
    }

    /// Gives up the snapshot if it was not read since the last call, and is no longer watched then. Whether it is.
    fn give_up_unused(&self) -> bool {
        let mut newest = self.newest();
        let is_used = std::mem::take(&mut newest.is_used);
        newest.is_watched = is_used;
        let unused = if is_used { None } else { newest.snapshot.take() };
        drop(newest);
        drop(unused);
        is_used
    }

    fn header(&self) -> io::Result<Header> {
        let mut header = [0; _];
        read_exact_at(&self.file, &mut header)?;
        Ok(header)
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        // A panic can't leave half of a value behind.
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches that a snapshot which nobody reads is given up, until there is none. Whether somebody watches.
fn watch(reader: Weak<Reader>) -> bool {
    let watch = move || {
        loop {
            std::thread::sleep(IDLE);
            if !reader.upgrade().is_some_and(|reader| reader.give_up_unused()) {
                return;
            }
        }
    };
    std::thread::Builder::new().name("online-store-watch".to_owned()).spawn(watch).is_ok()
}

impl Snapshot {
    /// The table of this name, if anything was ever written to it.
    pub(super) fn table(&self, name: &str) -> Result<Option<Arc<RowsTable>>, Failure> {
        if let Some(table) = self.tables.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(table.clone());
        }
        let table = guarded(|| self.open_table(name))?.map(Arc::new);
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.insert(name.to_owned(), table.clone());
        Ok(table)
    }

    fn open_table(&self, name: &str) -> Result<Option<RowsTable>, Failure> {
        match self.transaction.open_table(TableDefinition::new(name)) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, 0)
}

#[cfg(windows)]
fn read_exact_at(file: &File, bytes: &mut [u8]) -> io::Result<()> {
    let read = std::os::windows::fs::FileExt::seek_read(file, bytes, 0)?;
    if read == bytes.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use redb::Database;
    use tempfile::TempDir;

    use super::super::file::builder;
    use super::*;

    const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

    fn opened() -> (TempDir, Database, Arc<Reader>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("online.redb");
        let database = builder().create(&path).unwrap();
        let reader = Reader::new(&path, builder().open_read_only(&path).unwrap()).unwrap();
        (folder, database, Arc::new(reader))
    }

    fn put(database: &Database, value: &[u8]) {
        let transaction = database.begin_write().unwrap();
        transaction.open_table(ROWS).unwrap().insert(&b"key"[..], value).unwrap();
        transaction.commit().unwrap();
    }

    fn get(snapshot: &Snapshot) -> Option<Vec<u8>> {
        let table = snapshot.table("rows").unwrap()?;
        table.get(&b"key"[..]).unwrap().map(|value| value.value().to_vec())
    }

    #[test]
    fn a_snapshot_serves_until_the_next_commit_and_not_a_read_longer() {
        let (_folder, database, reader) = opened();
        let empty = reader.snapshot().unwrap();
        assert_eq!(get(&empty), None);
        for value in 0..100_u8 {
            put(&database, &[value]);
            let snapshot = reader.snapshot().unwrap();
            assert_eq!(get(&snapshot), Some(vec![value]));
            assert!(Arc::ptr_eq(&snapshot, &reader.snapshot().unwrap()), "nothing was committed meanwhile");
        }
        assert_eq!(get(&empty), None, "whoever still reads the first reads what was there then");
    }

    #[test]
    fn what_is_written_and_not_committed_ends_no_snapshot() {
        let (_folder, database, reader) = opened();
        put(&database, b"before");
        let snapshot = reader.snapshot().unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(ROWS).unwrap().insert(&b"key"[..], &b"after"[..]).unwrap();
        assert_eq!(get(&reader.snapshot().unwrap()), Some(b"before".to_vec()));
        transaction.abort().unwrap();
        assert_eq!(get(&snapshot), Some(b"before".to_vec()));
    }

    #[test]
    fn a_snapshot_that_nobody_reads_is_given_up() {
        let (_folder, database, reader) = opened();
        put(&database, b"value");
        drop(reader.snapshot().unwrap());
        assert!(reader.newest().snapshot.is_some());
        let until = Instant::now() + 30 * IDLE;
        while reader.newest().snapshot.is_some() {
            assert!(Instant::now() < until, "it is still kept");
            std::thread::sleep(IDLE / 20);
        }
        assert_eq!(get(&reader.snapshot().unwrap()), Some(b"value".to_vec()));
    }
}
