//! A store in which files stay as they were when they were listed, or say that they don't.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, coalesce_ranges,
};

use super::Place;

/// The listed files of a store. Whatever is read of one is of the version that was listed; where that is gone, the answer is
/// [`Error::Precondition`]. It takes the version from each answer instead of asking for it (`If-Match`), which not every store
/// understands.
pub(crate) struct PinnedStore {
    inner: Arc<dyn ObjectStore>,
    is_local: bool,
    shown: Place,
    files: HashMap<Path, ObjectMeta>,
}

impl PinnedStore {
    /// Reads `files` of the store at `place`, as they were listed.
    pub(crate) fn new(place: &Place, files: impl IntoIterator<Item = ObjectMeta>) -> Self {
        let files = files.into_iter().map(|file| (file.location.clone(), file)).collect();
        Self { inner: Arc::clone(&place.store), is_local: place.is_local(), shown: place.clone(), files }
    }

    /// Checks that `found` is the version that was listed; what was never listed is as good as it is.
    fn check(&self, found: &ObjectMeta) -> Result<()> {
        match self.files.get(&found.location) {
            Some(listed) if !is_same_version(listed, found) => Err(self.changed(&found.location)),
            _ => Ok(()),
        }
    }

    fn changed(&self, location: &Path) -> Error {
        Error::Precondition { path: self.shown.show(location), source: "it is not the version that was listed".into() }
    }

    /// Reading beyond the end, or a missing file, is the sign of a change as well.
    async fn check_now(&self, location: &Path) -> Result<()> {
        match self.inner.head(location).await {
            Ok(found) => self.check(&found),
            Err(Error::NotFound { .. }) => Err(self.changed(location)),
            Err(error) => Err(error),
        }
    }
}

/// Stores quote the tag of a version in one answer and not in another.
fn is_same_version(listed: &ObjectMeta, found: &ObjectMeta) -> bool {
    let bare = |tag: &str| tag.trim_start_matches("W/").trim_matches('"').to_owned();
    match (&listed.e_tag, &found.e_tag) {
        (Some(listed), Some(found)) => bare(listed) == bare(found),
        _ => (listed.size, listed.last_modified) == (found.size, found.last_modified),
    }
}

impl fmt::Debug for PinnedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinnedStore({} files of {:?})", self.files.len(), self.inner)
    }
}

impl fmt::Display for PinnedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)
    }
}

#[async_trait::async_trait]
impl ObjectStore for PinnedStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.inner.get_opts(location, options).await {
            Ok(result) => self.check(&result.meta).map(|()| result),
            Err(error) => {
                self.check_now(location).await?;
                Err(error)
            }
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        if !self.is_local {
            let get = |range| self.get_range(location, range);
            return coalesce_ranges(ranges, get, OBJECT_STORE_COALESCE_DEFAULT).await;
        }
        // One pass over an open file is faster than a request for each range. Afterwards, since a change before or while
        // reading shows afterwards too.
        let bytes = self.inner.get_ranges(location, ranges).await;
        self.check_now(location).await?;
        bytes
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
