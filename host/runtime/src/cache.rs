//! Compiled components on disk.
//!
//! Compiling takes tens of milliseconds to seconds, loading what was compiled takes a fraction of one. An entry is named by the
//! component's digest and a hash of everything the compiled code depends on: engine, settings, processor features, our
//! version. Compiled code is code: the folder belongs to its owner alone, an entry is written under a temporary name and
//! renamed, and nothing from elsewhere is ever accepted. A bad entry costs a recompilation, never a failure.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wasmtime::component::Component;

use crate::digest::Digest;
use crate::engine::Engine;

/// How many bytes a cache may have, unless it is told otherwise.
const BYTES_MAX: u64 = 2 << 30;

/// A folder of compiled components.
#[derive(Debug, Clone)]
pub struct CompiledCache {
    folder: PathBuf,
    bytes_max: u64,
}

impl CompiledCache {
    /// The cache in `folder`, which is created when first needed, for its owner only. It keeps 2 GiB.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), bytes_max: BYTES_MAX }
    }

    /// The same, keeping at most `bytes_max` bytes: what was not used for longest goes first.
    #[must_use]
    pub fn bounded(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// The compiled component `digest`, or `None` where it has to be compiled.
    #[expect(unsafe_code, reason = "to take compiled code is to load code; the checks before are what makes it ours")]
    pub(crate) fn get(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let path = self.path(engine, digest);
        if !is_ours(&self.folder) || !is_ours(&path) {
            return None;
        }
        let compiled = fs::read(&path).ok()?;
        let (checksum, code) = compiled.split_at_checked(32)?;
        if Digest::of(code).hex().as_bytes()[..32] != *checksum {
            tracing::warn!(entry = %path.display(), "a damaged entry of the compiled-code cache is compiled again");
            return None;
        }
        touch(&path);
        // SAFETY: `put` of this version wrote it for an engine like this (both are in the file's name), into a folder that
        // only this user can write, and its checksum holds.
        unsafe { engine.component(code) }.ok()
    }

    /// Keeps what was compiled. A failure is logged, since the next load only takes longer.
    pub(crate) fn put(&self, engine: &Engine, digest: &Digest, code: &[u8]) {
        if let Err(error) = self.write(&self.path(engine, digest), code) {
            tracing::warn!(folder = %self.folder.display(), %error, "the compiled-code cache can't be written");
        }
    }

    fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        create_private_folder(&self.folder)?;
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = create_private_file(&temporary).and_then(|mut file| {
            file.write_all(&Digest::of(code).hex().as_bytes()[..32])?;
            file.write_all(code)
        });
        let renamed = written.and_then(|()| fs::rename(&temporary, path));
        if renamed.is_err() {
            // Nothing half-written stays behind; if this fails too, the name still says that it is temporary.
            let _ = fs::remove_file(&temporary);
        }
        renamed.and_then(|()| self.make_room(path))
    }

    /// Removes the entries that were not used for longest until the rest is within bounds; never the one just written.
    /// Another process may do the same at the same time, so an entry that is gone is no error.
    fn make_room(&self, written: &Path) -> io::Result<()> {
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        };
        let mut entries: Vec<_> = fs::read_dir(&self.folder)?.filter_map(entry).collect();
        entries.sort();
        let mut bytes: u64 = entries.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in entries {
            if bytes <= self.bytes_max {
                break;
            }
            if path != written && fs::remove_file(&path).is_ok() {
                bytes -= length;
            }
        }
        Ok(())
    }

    fn path(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.wasmtime().precompile_compatibility_hash().hash(&mut hasher);
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        self.folder.join(format!("{}-{:016x}.compiled", digest.hex(), hasher.finish()))
    }
}

/// Whether a file or folder belongs to this user, and nobody else can write it.
#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).is_ok_and(|metadata| {
        let private = metadata.mode() & 0o022 == 0 && !metadata.is_symlink();
        private && metadata.uid() == rustix::process::geteuid().as_raw()
    })
}

#[cfg(not(unix))]
fn is_ours(path: &Path) -> bool {
    path.exists()
}

/// Marks an entry as used now. Where that fails, it only counts as older than it is.
fn touch(path: &Path) {
    #[cfg(unix)]
    if let Ok(file) = fs::File::open(path) {
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let _ = rustix::fs::futimens(file, &rustix::fs::Timestamps { last_access: now, last_modification: now });
    }
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn create_private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
