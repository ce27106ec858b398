//! The file under the online store: when it is opened, by whom, and what its failures mean.
//!
//! Two handles, each opened when first needed: one reads, and leaves nothing behind when its process is killed; one
//! writes. Any number of processes may have both. A handle that has failed is closed, and the next call opens another.

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::{Builder, ConcurrencyMode, Database, DatabaseError, ReadOnlyDatabase, StorageError, WriteTransaction};

use super::snapshot::{Reader, Snapshot};
use crate::{Error, Result};

/// Enough for the pages a batch changes, and for the branches above the rows requests ask for; the rows themselves the
/// operating system keeps.
const CACHE_BYTES: usize = 256 << 20;

/// A database in a file that others may read, write, create and replace meanwhile.
#[derive(Debug)]
pub(super) struct SharedFile {
    path: PathBuf,
    reader: RwLock<Option<Opened<Arc<Reader>>>>,
    writer: Mutex<Option<Opened<Database>>>,
}

/// What is open, and of which file.
struct Opened<H> {
    identity: Identity,
    handle: H,
}

/// Why an operation ended.
#[derive(Debug)]
pub(super) enum Failure {
    /// The caller's part of it failed.
    Ours(Error),
    /// The database failed.
    Database(Box<redb::Error>),
    /// The database met something it takes to be impossible: a damaged page.
    Panic(String),
}

/// What was being done when it failed: it decides what may have become of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Reading,
    Writing,
    Committing,
}

impl SharedFile {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = Self { path: path.to_owned(), reader: RwLock::default(), writer: Mutex::default() };
        file.reader().map_err(|failure| file.describe(failure, Doing::Reading))?;
        Ok(file)
    }

    /// Calls `read` with all that was committed by now; `None` where there is no file yet.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Snapshot) -> Result<T, Failure>) -> Result<Option<T>> {
        let result = self.reader().and_then(|reader| {
            let Some(reader) = reader else { return Ok(None) };
            read(&*reader.snapshot()?).map(Some)
        });
        result.map_err(|failure| {
            if !matches!(failure, Failure::Ours(_)) {
                *self.reader.write().unwrap_or_else(PoisonError::into_inner) = None;
            }
            self.describe(failure, Doing::Reading)
        })
    }

    /// Calls `write` within a transaction and commits it; what it yields is the default where there is no file.
    pub(super) fn write<T: Default>(&self, write: impl FnOnce(&WriteTransaction) -> Result<T, Failure>) -> Result<T> {
        if self.identity().map_err(|failure| self.describe(failure, Doing::Writing))?.is_none() {
            return Ok(T::default());
        }
        self.create_and_write(write)
    }

    /// Calls `write` within a transaction and commits it, in a new file if need be.
    pub(super) fn create_and_write<T>(&self, write: impl FnOnce(&WriteTransaction) -> Result<T, Failure>) -> Result<T> {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut doing = Doing::Writing;
        let result = guarded(|| {
            let transaction = self.writer(&mut slot)?.begin_write()?;
            let outcome = write(&transaction)?;
            doing = Doing::Committing;
            transaction.commit()?;
            Ok(outcome)
        });
        result.map_err(|failure| {
            if !matches!(failure, Failure::Ours(_)) {
                // Opening it once more undoes what the failed write has begun, so that nobody else has to.
                let _ = guarded(|| {
                    *slot = None;
                    self.identity()?.map(|_| self.writer(&mut slot).map(drop)).transpose()
                });
            }
            self.describe(failure, doing)
        })
    }

    /// The file that is at the path now, open for reading; `None` where there is none.
    fn reader(&self) -> Result<Option<Arc<Reader>>, Failure> {
        let Some(identity) = self.identity()? else { return Ok(None) };
        let current = |slot: &Option<Opened<Arc<Reader>>>| {
            slot.as_ref().filter(|opened| opened.identity == identity).map(|opened| Arc::clone(&opened.handle))
        };
        if let Some(opened) = current(&self.reader.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(Some(opened));
        }
        let mut slot = self.reader.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = current(&slot) {
            return Ok(Some(opened));
        }
        *slot = None;
        let reader = Arc::new(Reader::new(&self.path, guarded(|| self.open_read_only())?)?);
        *slot = Some(Opened { identity, handle: Arc::clone(&reader) });
        Ok(Some(reader))
    }

    fn open_read_only(&self) -> Result<ReadOnlyDatabase, Failure> {
        match builder().open_read_only(&self.path) {
            Err(DatabaseError::RepairAborted) => {}
            other => return Ok(other?),
        }
        // A writer died, and what it had begun is still to be undone, which only a writer can. It stays until the reader
        // is there: on a disk without space it can't leave the file in order, but its presence is as good.
        let _writer = match builder().open(&self.path) {
            Err(DatabaseError::Storage(StorageError::Io(error))) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(DatabaseError::RepairAborted.into());
            }
            other => other?,
        };
        Ok(builder().open_read_only(&self.path)?)
    }

    /// The file that is at the path now, open for writing; made where there is none.
    fn writer<'a>(&self, slot: &'a mut Option<Opened<Database>>) -> Result<&'a Database, Failure> {
        let identity = match self.identity()? {
            Some(identity) => identity,
            None => {
                self.create()?;
                self.identity()?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?
            }
        };
        if slot.as_ref().is_none_or(|opened| opened.identity != identity) {
            *slot = None;
            *slot = Some(Opened { identity, handle: builder().open(&self.path)? });
        }
        Ok(&slot.as_ref().expect("it was just filled").handle)
    }

    /// Makes the file whole before it appears under its name, so that nobody ever meets half of it, not even after
    /// this process was killed.
    fn create(&self) -> Result<(), Failure> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let draft = self.claim_draft()?;
        let made = builder().create(&draft).map(drop);
        // Somebody else may have been faster, and where links are not supported the file is made in its place.
        let _ = made.is_ok().then(|| fs::hard_link(&draft, &self.path));
        fs::remove_file(&draft)?;
        made?;
        drop(builder().create(&self.path)?);
        sync_folder(folder)?;
        Ok(())
    }

    /// An empty file beside the path that nobody else uses.
    fn claim_draft(&self) -> io::Result<PathBuf> {
        let mut number = 0_u32;
        loop {
            let mut draft = self.path.clone().into_os_string();
            draft.push(format!(".new-{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&draft) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
                Ok(_) => return Ok(draft.into()),
            }
        }
    }

    /// Which file is at the path; `None` where there is none, or one that nobody has filled yet.
    fn identity(&self) -> Result<Option<Identity>, Failure> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.len() == 0 => Ok(None),
            Ok(metadata) => Ok(Some(identity(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn describe(&self, failure: Failure, doing: Doing) -> Error {
        let store = format!("online store {}", self.path.display());
        match failure {
            Failure::Ours(error) => error,
            Failure::Panic(message) => damaged(&store).because(message),
            Failure::Database(error) => describe(&store, *error, doing),
        }
    }
}

fn describe(store: &str, error: redb::Error, doing: Doing) -> Error {
    use io::ErrorKind::{FileTooLarge, InvalidData, QuotaExceeded, StorageFull, UnexpectedEof};
    match &error {
        redb::Error::Io(io) if matches!(io.kind(), UnexpectedEof | InvalidData) => damaged(store),
        redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. } => damaged(store),
        redb::Error::Io(io) if matches!(io.kind(), StorageFull | QuotaExceeded | FileTooLarge) => {
            // What makes a batch visible overwrites bytes that are there, after all others have found their place.
            let undone = if doing == Doing::Reading { "" } else { "nothing of this batch was written: " };
            Error::unavailable(format!("no space left for {store}: {undone}free some and run again"))
        }
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Error::unavailable(format!(
            "{store} is held by a program that does not share it, or by another version of skewless: stop it"
        )),
        redb::Error::RepairAborted => Error::unavailable(format!(
            "{store} was left unfinished by a process that died, and this one may not write to it: \
             run `skewless materialize`, which mends it"
        )),
        _ => Error::unavailable(match doing {
            Doing::Reading => format!("{store} can't be read"),
            Doing::Writing => format!("{store} can't be written: nothing of this batch was"),
            Doing::Committing => format!(
                "{store} can't be written: all of this batch or nothing was: run again, which does no harm either way"
            ),
        }),
    }
    .because(error)
}

fn damaged(store: &str) -> Error {
    Error::corrupt(format!(
        "{store} is damaged or is not an online store: remove it and run `skewless materialize` to build it again"
    ))
}

/// Runs what touches the file. The database checks its pages only when it mends itself; at any other time it panics on
/// a damaged one, which must not end a server.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(Failure::Panic(text.or_else(|| panic.downcast_ref().copied()).unwrap_or("unknown").to_owned()))
    })
}

pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_concurrency_mode(ConcurrencyMode::MultiWriter).set_cache_size(CACHE_BYTES);
    builder
}

#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Elsewhere an open file can't be replaced.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

/// Makes the file's name as durable as its content.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

impl<H> std::fmt::Debug for Opened<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

macro_rules! from_database_errors {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        })*
    };
}

from_database_errors!(
    io::Error,
    redb::CommitError,
    DatabaseError,
    StorageError,
    redb::TableError,
    redb::TransactionError
);
