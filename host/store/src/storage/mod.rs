//! Where bytes lie: from an address to an object store and a place in it.
//!
//! ```text
//! `data/flights`, `/srv/data`, `file:///srv/data` ─► the local disk
//! `s3://bucket/data`, `gs://…`, `az://…`, …       ─► a bucket, with credentials from the environment
//! ```
//!
//! The registry, the sources and the entity rows all come through [`open`], so that one address means one thing and one
//! bucket has one client in the process. Credentials, region and endpoint are read from the environment under the names
//! that the clouds' own tools use; everything else that a client needs is set in [`client`].

mod address;
mod client;
mod failure;
mod output;
mod pinned;
mod whole;

use std::path::Path as FilePath;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

pub(crate) use address::split_pattern;
pub(crate) use failure::{causes, explain, failure, store_error};
pub(crate) use output::{OutFile, unwritten};
pub(crate) use pinned::PinnedStore;
pub(crate) use whole::FoundFile;

use crate::Result;

/// A place in an object store; there need be nothing yet.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// the store: the local disk, or one bucket
    pub(crate) store: Arc<dyn ObjectStore>,
    /// the place in the store, without a slash at either end; empty for the whole bucket
    pub(crate) path: Path,
    /// what the store's paths start from, such as `file:///` or `s3://bucket`
    pub(crate) root: Url,
    /// the address as people should read it, without a slash at the end
    pub(crate) shown: String,
}

impl Place {
    /// The name of an object at or below this place, as people should read it.
    pub(crate) fn show(&self, object: &Path) -> String {
        let below = object.as_ref().strip_prefix(self.path.as_ref()).unwrap_or(object.as_ref());
        match below.trim_start_matches('/') {
            "" => self.shown.clone(),
            below => format!("{}/{below}", self.shown),
        }
    }

    /// Whether it is on this machine's disk.
    pub(crate) fn is_local(&self) -> bool {
        self.root.scheme() == "file"
    }
}

/// The place at `address`: a URL, or a path relative to `base`. Nothing is read and nothing is made.
///
/// # Errors
/// [`ErrorKind::InvalidDefinition`](crate::ErrorKind::InvalidDefinition) where it is no path and no URL of a known kind, or
/// the environment has settings that make no client.
pub(crate) fn open(address: &str, base: &FilePath) -> Result<Place> {
    match address::parse(address, base)? {
        address::Address::Local { path, shown } => Ok(client::local(path, shown)),
        address::Address::Remote { url, scheme, path } => client::remote(&url, scheme, path),
    }
}
