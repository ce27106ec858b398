//! A file that is there when it is complete, and not before.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use object_store::local::LocalFileSystem;
use object_store::{ObjectStoreExt as _, WriteMultipart};
use tokio::runtime::Handle;

use super::{Place, failure};
use crate::{Error, Result};

/// Bytes that are written to an upload before it has to catch up.
const UNSETTLED_BYTES_MAX: usize = 32 << 20;

/// Parts of an upload that are under way at the same time.
const PARTS_AT_ONCE: usize = 8;

/// A file that is being written: on disk under a name of its own, elsewhere as an upload that nobody sees.
///
/// Writing may wait for an upload, so it belongs on a thread that may block.
pub(crate) struct OutFile {
    shown: String,
    target: Option<Target>,
}

enum Target {
    Local { file: BufWriter<File>, temporary: PathBuf, path: PathBuf },
    Remote { upload: WriteMultipart, unsettled_bytes: usize },
}

impl OutFile {
    /// Begins the file at `place`. What is there already stays until this one is finished.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where it can't be made.
    pub(crate) async fn create(place: &Place) -> Result<Self> {
        let shown = place.shown.clone();
        let doing = format!("create `{shown}`");
        let target = if place.is_local() {
            let path =
                LocalFileSystem::new().path_to_filesystem(&place.path).map_err(|error| failure(&doing, error))?;
            let created = create_beside(&path);
            let (file, temporary) =
                created.map_err(|error| Error::unavailable(format!("can't {doing}")).because(error))?;
            Target::Local { file: BufWriter::with_capacity(1 << 20, file), temporary, path }
        } else {
            let upload = place.store.put_multipart(&place.path).await.map_err(|error| failure(&doing, error))?;
            Target::Remote { upload: WriteMultipart::new(upload), unsettled_bytes: 0 }
        };
        Ok(Self { shown, target: Some(target) })
    }

    /// How people should read its name.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where the last bytes can't be written; nothing is left then.
    pub(crate) async fn finish(mut self) -> Result<()> {
        match self.target.take() {
            Some(Target::Local { file, temporary, path }) => complete(file, &temporary, &path).map_err(|error| {
                let _ = std::fs::remove_file(&temporary);
                Error::unavailable(unwritten(&self.shown)).because(error)
            }),
            Some(Target::Remote { upload, .. }) => {
                let doing = format!("write `{}`, of which nothing is left", self.shown);
                upload.finish().await.map(|_| ()).map_err(|error| failure(&doing, error))
            }
            None => Ok(()),
        }
    }

    /// Ends it without a file.
    pub(crate) async fn abort(mut self) {
        if let Some(Target::Remote { upload, .. }) = self.target.take() {
            // What can't be taken back now, the bucket's own rules for unfinished uploads remove.
            let _ = upload.abort().await;
        }
    }
}

/// What to say of a file that was not completed.
pub(crate) fn unwritten(shown: &str) -> String {
    format!("`{shown}` could not be written; nothing is left of it")
}

/// A new file beside `path` under a name that nobody has: jobs in containers may all be process 1, and write to one folder.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut number = 0_u32;
    loop {
        let temporary = path.with_added_extension(format!("{}.{number}.tmp", std::process::id()));
        match File::create_new(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            file => return file.map(|file| (file, temporary)),
        }
    }
}

fn complete(file: BufWriter<File>, temporary: &Path, path: &Path) -> io::Result<()> {
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(temporary, path)?;
    // The new name is a change of the folder; not every file system lets folders be synced.
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Some(Target::Local { file, .. }) => file.write(bytes),
            Some(Target::Remote { upload, unsettled_bytes }) => {
                upload.write(bytes);
                *unsettled_bytes += bytes.len();
                if *unsettled_bytes > UNSETTLED_BYTES_MAX {
                    *unsettled_bytes = 0;
                    Handle::current().block_on(upload.wait_for_capacity(PARTS_AT_ONCE))?;
                }
                Ok(bytes.len())
            }
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Some(Target::Local { file, .. }) => file.flush(),
            _ => Ok(()),
        }
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        // After `finish` there is no target any more; before it, nobody should take this for a file.
        if let Some(Target::Local { temporary, .. }) = &self.target {
            let _ = std::fs::remove_file(temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_files_of_one_name_are_written_apart_and_the_last_to_finish_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = super::super::open("out", folder.path()).unwrap();
        let (mut first, mut second) = (OutFile::create(&place).await.unwrap(), OutFile::create(&place).await.unwrap());
        first.write_all(b"first, and longer").unwrap();
        second.write_all(b"second").unwrap();
        second.finish().await.unwrap();
        first.finish().await.unwrap();
        assert_eq!(std::fs::read(folder.path().join("out")).unwrap(), b"first, and longer");
        drop(OutFile::create(&place).await.unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left");
    }
}
