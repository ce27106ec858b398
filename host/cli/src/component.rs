//! What a language's tools made enters; a component that the runtime takes leaves, and is put where it belongs.

use std::fs;
use std::path::{Path, PathBuf};

use skewless_runtime::{Runtime, Transform};
use wit_component::ComponentEncoder;

use crate::failure::{Failure, Result};

/// A component, loaded: it follows the contract and asks for nothing it doesn't get.
pub(crate) struct Component {
    bytes: Vec<u8>,
    pub(crate) transform: Transform,
}

impl Component {
    /// Checks what was built from `folder`.
    pub(crate) fn load(bytes: Vec<u8>, folder: &Path, runtime: &Runtime) -> Result<Self> {
        let transform = runtime
            .load(&bytes)
            .map_err(|error| Failure::impossible(format!("`{}` makes no transform: {error}", folder.display())))?;
        Ok(Self { bytes, transform })
    }

    /// Writes it to `path`, whole or not at all. Returns whether another one, or none, was there.
    pub(crate) fn write(&self, path: &Path) -> Result<bool> {
        if fs::read(path).is_ok_and(|there| there == self.bytes) {
            return Ok(false);
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| Failure::file("make the folder", folder, &error))?;
        let temporary = temporary(path);
        let written = fs::write(&temporary, &self.bytes).and_then(|()| fs::rename(&temporary, path));
        written.map_err(|error| {
            // What is half written is of no use; if this fails too, its name says so.
            let _ = fs::remove_file(&temporary);
            Failure::file("write", path, &error)
        })?;
        Ok(true)
    }
}

/// The component of a core module that says itself what it exports, as those of `wit-bindgen` do.
///
/// # Errors
/// Why it can't become one.
pub(crate) fn of_module(module: &[u8]) -> Result<Vec<u8>, String> {
    let encoded = ComponentEncoder::default().validate(true).module(module).and_then(|mut module| module.encode());
    encoded.map_err(|error| format!("{error:#}"))
}

/// What was built from `folder` can't become a component.
pub(crate) fn refused(folder: &Path, reason: &str) -> Failure {
    Failure::impossible(format!("what `{}` was compiled to can't become a component: {reason}", folder.display()))
}

fn temporary(path: &Path) -> PathBuf {
    path.with_added_extension(format!("{}.tmp", std::process::id()))
}
