//! A store in which files stay as they were when they were listed, or say that they don't.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
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

    /// These bytes of a local file, read by this thread: who waits for them has nothing else to do, and decodes them next. `None` where it
    /// is not the version that was listed, or something hinders reading it: the store says what.
    fn read_local(&self, location: &Path, ranges: &[Range<u64>]) -> Option<Vec<Bytes>> {
        let path = LocalFileSystem::new().path_to_filesystem(location).ok()?;
        let mut file = File::open(&path).ok()?;
        let bytes = ranges.iter().map(|range| read(&mut file, range)).collect::<io::Result<_>>().ok()?;
        // Afterwards, since a change before or while reading shows afterwards too.
        let found = tag(&std::fs::metadata(path).ok()?)?;
        (self.files.get(location)?.e_tag.as_ref() == Some(&found)).then_some(bytes)
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

/// These bytes, in memory that is not cleared before.
fn read(file: &mut File, range: &Range<u64>) -> io::Result<Bytes> {
    // Before there is memory for them, of which a damaged footer may claim any amount.
    if range.end > file.metadata()?.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let length = range.end - range.start;
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    file.seek(SeekFrom::Start(range.start))?;
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The tag that the local store gives to a version of a file. If it gave another, files would be read by it, more slowly.
#[cfg(unix)]
fn tag(found: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let changed = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!("{:x}-{:x}-{:x}", found.ino(), changed.as_micros(), found.len()))
}

#[cfg(not(unix))]
fn tag(_: &Metadata) -> Option<String> {
    None
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

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if !self.is_local {
            let get = |range| self.get_range(location, range);
            return coalesce_ranges(ranges, get, OBJECT_STORE_COALESCE_DEFAULT).await;
        }
        if let Some(bytes) = self.read_local(location, ranges) {
            return Ok(bytes);
        }
        if let Some(listed) = self.files.get(location)
            && ranges.iter().any(|range| range.end > listed.size)
        {
            self.check_now(location).await?;
            let what = format!("something should lie beyond the end of `{}`", self.shown.show(location));
            return Err(Error::Generic { store: "local", source: what.into() });
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::open;

    /// A file that is listed, and the store that reads it.
    async fn listed(folder: &std::path::Path) -> (PinnedStore, ObjectMeta) {
        std::fs::write(folder.join("file"), b"0123456789").unwrap();
        let place = open(folder.to_str().unwrap(), folder).unwrap();
        let file = place.store.head(&place.path.clone().join("file")).await.unwrap();
        (PinnedStore::new(&place, [file.clone()]), file)
    }

    #[tokio::test]
    async fn a_local_file_is_read_without_the_store_while_it_is_the_listed_version() {
        let folder = tempfile::tempdir().unwrap();
        let (store, file) = listed(folder.path()).await;
        let read = |range: Range<u64>| store.read_local(&file.location, &[range.clone(), 0..1]);
        assert_eq!(read(3..6).unwrap(), [&b"345"[..], b"0"]);
        assert_eq!(read(0..10).unwrap()[0], &b"0123456789"[..]);
        assert!(read(9..11).is_none());
        // What a damaged footer may ask for.
        let error = store.get_ranges(&file.location, &[0..1, 5..u64::MAX / 2]).await.unwrap_err();
        assert!(matches!(error, Error::Generic { .. }), "{error}");
        // Of the same length, at another time or in another place.
        std::fs::write(folder.path().join("other"), b"9876543210").unwrap();
        std::fs::rename(folder.path().join("other"), folder.path().join("file")).unwrap();
        assert!(read(3..6).is_none());
        let error = store.get_ranges(&file.location, &[3..6, 0..1]).await.unwrap_err();
        assert!(matches!(error, Error::Precondition { .. }), "{error}");
        std::fs::remove_file(folder.path().join("file")).unwrap();
        assert!(read(3..6).is_none());
    }
}
