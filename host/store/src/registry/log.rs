//! The log: find the newest commit, read one, add one.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore as _, ObjectStoreExt as _, PutMode, PutPayload};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::commit::{FORMAT, tool};
use super::{Action, Commit, CommitSummary, Registry, State};
use crate::{Error, ErrorKind, Result};

/// How often an update is tried. Each failure is somebody else's success, so that only a registry with more
/// writers than this at one instant can use them up.
const TRIES_MAX: usize = 100;

/// How many commits are read at once for the history.
const READS_AT_ONCE: usize = 8;

impl Registry {
    /// The newest commit; `None` before the first.
    ///
    /// # Errors
    /// `Unavailable` where the store does not answer, `Corrupt` where the commit can't be read.
    pub async fn current(&self) -> Result<Option<Commit>> {
        if let Some(commit) = self.read(self.newest().await?).await? {
            return Ok(Some(commit));
        }
        // There is none, or the log was replaced by a shorter one since it was last read.
        self.newest.store(0, Ordering::Relaxed);
        self.read(self.newest().await?).await
    }

    /// Adds the commit that follows `parent` (0: the first). Its components must be stored already.
    ///
    /// # Errors
    /// `Conflict` where `parent` is not the newest any more: read again, and repeat upon what is there now.
    /// `Unavailable` where the store does not answer or is full; nothing is half written then.
    pub async fn commit(&self, parent: u64, action: Action, state: State, at: Timestamp) -> Result<Commit> {
        let number = parent + 1;
        let commit = Commit { format: FORMAT, number, at, tool: tool(), action, state };
        let bytes = Bytes::from(serde_json::to_vec(&commit).expect("a commit is plain data with texts as keys"));
        let payload = PutPayload::from(bytes.clone());
        let put = self.store.put_opts(&self.commit_path(number), payload, PutMode::Create.into()).await;
        match put {
            Ok(_) => {}
            // Where the store's answer was lost, we may have been faster than ourselves.
            Err(_) if self.holds(number, &bytes).await => {}
            Err(error @ StoreError::AlreadyExists { .. }) => {
                let message = format!(
                    "commit {number} of the project `{}` was made by somebody else meanwhile: read the registry again \
                     and repeat",
                    self.project
                );
                return Err(Error::conflict(message).because(error));
            }
            Err(error) => return Err(self.unavailable(&format!("write commit {number}"), error)),
        }
        self.newest.fetch_max(number, Ordering::Relaxed);
        Ok(commit)
    }

    /// Whether commit `number` consists of these bytes.
    async fn holds(&self, number: u64, bytes: &Bytes) -> bool {
        let Ok(object) = self.store.get(&self.commit_path(number)).await else { return false };
        object.bytes().await.is_ok_and(|stored| stored == *bytes)
    }

    /// Changes the newest state with `change` and commits the result; starts from an empty state where there is none.
    /// Whenever somebody else commits first, `change` is called again with what they left.
    ///
    /// # Errors
    /// What `change` returns; otherwise as for [`Registry::commit`], with `Conflict` only after many tries.
    pub async fn update(
        &self,
        at: Timestamp,
        action: Action,
        mut change: impl FnMut(&mut State) -> Result<()>,
    ) -> Result<Commit> {
        let mut tries = 1;
        loop {
            let (parent, mut state) = match self.current().await? {
                Some(Commit { number, state, .. }) => (number, state),
                None => (0, State { project: self.project.clone(), ..State::default() }),
            };
            change(&mut state)?;
            match self.commit(parent, action.clone(), state, at).await {
                Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES_MAX => tries += 1,
                result => return result,
            }
        }
    }

    /// Commit number `number`.
    ///
    /// # Errors
    /// `NotFound` where there is none; as for [`Registry::current`].
    pub async fn commit_at(&self, number: u64) -> Result<Commit> {
        self.read(number).await?.ok_or_else(|| {
            let Self { project, address, .. } = self;
            Error::not_found(format!("project `{project}` has no commit {number} in the registry `{address}`"))
        })
    }

    /// The newest commit that was made by the instant `at`, `None` where the log is younger; and when the one after it was made.
    ///
    /// # Errors
    /// As for [`Registry::current`].
    pub async fn as_of(&self, at: Timestamp) -> Result<(Option<Commit>, Option<Timestamp>)> {
        let (mut made, mut later) = (0, self.newest().await? + 1);
        while later - made > 1 {
            let middle = made + (later - made) / 2;
            let by_then = self.read_as::<CommitSummary>(middle).await?.is_none_or(|commit| commit.at <= at);
            if by_then { made = middle } else { later = middle }
        }
        let next = self.read_as::<CommitSummary>(later).await?.map(|commit| commit.at);
        Ok((self.read(made).await?, next))
    }

    /// The newest `count` commits without their states, newest first.
    ///
    /// # Errors
    /// As for [`Registry::current`].
    pub async fn history(&self, count: usize) -> Result<Vec<CommitSummary>> {
        let mut numbers = self.numbers_after(0).await?;
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.truncate(count);
        let reads = futures::stream::iter(numbers).map(|number| self.read_as::<CommitSummary>(number));
        reads.buffered(READS_AT_ONCE).try_filter_map(async |summary| Ok(summary)).try_collect().await
    }

    /// The highest number in the log; 0 where it is empty.
    async fn newest(&self) -> Result<u64> {
        let known = self.newest.load(Ordering::Relaxed);
        let newest = self.numbers_after(known).await?.into_iter().fold(known, u64::max);
        self.newest.fetch_max(newest, Ordering::Relaxed);
        Ok(newest)
    }

    async fn numbers_after(&self, known: u64) -> Result<Vec<u64>> {
        let log = self.folder.clone().join("log");
        let objects = match known {
            0 => self.store.list(Some(&log)),
            _ => self.store.list_with_offset(Some(&log), &self.commit_path(known)),
        };
        let numbers = objects.try_filter_map(async |object| Ok(number(&object.location)));
        numbers.try_collect().await.map_err(|error| self.unavailable("list the log", error))
    }

    fn commit_path(&self, number: u64) -> Path {
        self.folder.clone().join("log").join(format!("{number:020}.json"))
    }

    async fn read(&self, number: u64) -> Result<Option<Commit>> {
        let Some(commit) = self.read_as::<Commit>(number).await? else { return Ok(None) };
        if commit.number == number && commit.state.project == self.project {
            return Ok(Some(commit));
        }
        Err(Error::corrupt(format!(
            "`{}` holds commit {} of the project `{}`: it was copied or renamed, restore what was there",
            self.commit_path(number),
            commit.number,
            commit.state.project
        )))
    }

    /// Reads a commit, or a part of it; `None` where there is none of that number.
    async fn read_as<T: DeserializeOwned>(&self, number: u64) -> Result<Option<T>> {
        let path = self.commit_path(number);
        let object = match self.store.get(&path).await {
            Err(StoreError::NotFound { .. }) => return Ok(None),
            object => object.map_err(|error| self.unavailable(&format!("read commit {number}"), error))?,
        };
        let bytes = object.bytes().await.map_err(|error| self.unavailable(&format!("read commit {number}"), error))?;
        parse(&path, &bytes).map(Some)
    }
}

/// The number of a commit's path; other files in the folder have none.
fn number(path: &Path) -> Option<u64> {
    let digits = path.filename()?.strip_suffix(".json")?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}

/// What every format will have, however much else changes.
#[derive(Deserialize)]
struct Header {
    format: u32,
    tool: String,
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    let damaged = |error: serde_json::Error| {
        let message =
            format!("the commit `{path}` is damaged: restore the file, or remove it to go back to the one before");
        Error::corrupt(message).because(error)
    };
    let Header { format, tool: written_by } = serde_json::from_slice(bytes).map_err(damaged)?;
    if format > FORMAT {
        return Err(Error::corrupt(format!(
            "the commit `{path}` was written by a newer skewless ({written_by}, format {format}); this is {} and reads \
             formats up to {FORMAT}: use a newer one",
            tool()
        )));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("the commit `{path}`, written by {written_by}, can't be read by {}", tool());
        Error::corrupt(message).because(error)
    })
}
