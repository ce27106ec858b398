//! The registry: what is applied, what is materialized, and the components that compute it.
//!
//! A log of numbered commits on any object store, each a file of its own that is written once and never changed.
//! Every commit holds the whole state, so to read is to find the highest number and get one object. Two writers that
//! build upon the same commit ask for the same number, and the store lets only one have it; the other reads again and
//! repeats. Components lie beside the log under their SHA-256 and are checked against it whenever they are read.
//!
//! ```text
//! <registry>/<project>/log/00000000000000000001.json
//! <registry>/<project>/components/sha256/ba/ba78….wasm
//! <registry>/<project>/components/sha256/ba/ba78….certificate.json
//! ```
//!
//! What must stay true: a number belongs to one commit for ever, and a commit only refers to components that were
//! stored before it.

mod commit;
mod components;
mod interval;
mod log;
mod sharded;

use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use object_store::ObjectStore;
use object_store::path::Path;

use crate::storage::{self, Place};
use crate::{Error, Result};

pub use commit::{Action, AppliedTransform, Commit, CommitSummary, State, ViewState};
pub use interval::Interval;
pub use sharded::{ShardedJob, ShardedRange};

/// One project's part of a registry. Clones share what they know.
#[derive(Debug, Clone)]
pub struct Registry {
    store: Arc<dyn ObjectStore>,
    /// `<registry>/<project>` in the store
    folder: Path,
    /// the address as it was given, for messages
    address: String,
    project: String,
    /// the highest number seen so far, where the next search starts
    newest: Arc<AtomicU64>,
}

impl Registry {
    /// Opens the registry at `address`: a folder relative to `base`, or a URL (`file://`, `s3://`, `gs://`, `az://`, and
    /// `memory://` for tests). Nothing is read, and no folder made, before it is used.
    ///
    /// # Errors
    /// `InvalidDefinition` where the address is no folder and no URL of a known kind.
    pub fn open(address: &str, base: &FilePath, project: &str) -> Result<Self> {
        let Place { store, path, .. } = storage::open(address, base)?;
        Ok(Self {
            store,
            folder: path.join(project),
            address: address.to_owned(),
            project: project.to_owned(),
            newest: Arc::default(),
        })
    }

    /// The project whose state this is.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// An error of a store that does not answer, or refuses.
    fn unavailable(&self, doing: &str, error: object_store::Error) -> Error {
        storage::failure(&format!("{doing} in the registry `{}`", self.address), error)
    }
}

#[cfg(test)]
mod tests;
