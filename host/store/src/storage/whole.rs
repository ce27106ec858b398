//! Files that are read and written as a whole.

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::{Place, failure};
use crate::Result;

/// A file below a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundFile {
    pub(crate) path: Path,
    /// how people should read its name
    pub(crate) shown: String,
    pub(crate) bytes: u64,
}

impl Place {
    /// The files at and below this place, by name.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where the store does not answer.
    pub(crate) async fn files(&self) -> Result<Vec<FoundFile>> {
        let doing = format!("list `{}`", self.shown);
        let found = self.store.list(Some(&self.path)).map_ok(|object| FoundFile {
            shown: self.show(&object.location),
            path: object.location,
            bytes: object.size,
        });
        let mut files: Vec<FoundFile> = found.try_collect().await.map_err(|error| failure(&doing, error))?;
        if files.is_empty()
            && let Ok(object) = self.store.head(&self.path).await
        {
            files.push(FoundFile { shown: self.shown.clone(), path: object.location, bytes: object.size });
        }
        files.sort_by(|a, b| a.path.as_ref().cmp(b.path.as_ref()));
        Ok(files)
    }

    /// All bytes of a file.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where it can't be read.
    pub(crate) async fn read(&self, file: &FoundFile) -> Result<Bytes> {
        let failed = |error| failure(&format!("read `{}`", file.shown), error);
        self.store.get(&file.path).await.map_err(failed)?.bytes().await.map_err(failed)
    }

    /// Writes the file `name` below this place; it appears when it is complete.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where it can't be written; then it can be tried again.
    pub(crate) async fn write(&self, name: &str, bytes: Bytes) -> Result<()> {
        let path = name.split('/').fold(self.path.clone(), |path, part| path.join(part));
        let doing = format!("write `{}`", self.show(&path));
        let put = self.store.put(&path, PutPayload::from(bytes)).await;
        put.map(drop).map_err(|error| failure(&doing, error))
    }
}
