//! A core module enters, a component that the runtime takes leaves, and is put where it belongs.

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
    /// Makes a component of the module that cargo built.
    pub(crate) fn from_module(module: &Path, runtime: &Runtime) -> Result<Self> {
        let bytes = fs::read(module).map_err(|error| Failure::file("read", module, &error))?;
        let encoded = ComponentEncoder::default().validate(true).module(&bytes).and_then(|mut module| module.encode());
        let bytes = encoded.map_err(|error| {
            Failure::impossible(format!("`{}` can't become a component: {error:#}", module.display()))
        })?;
        let transform = runtime
            .load(&bytes)
            .map_err(|error| Failure::impossible(format!("`{}` makes no transform: {error}", module.display())))?;
        Ok(Self { bytes, transform })
    }

    /// Writes it to `path`, whole or not at all. Returns whether another one, or none, was there.
    pub(crate) fn write(&self, path: &Path) -> Result<bool> {
        write_whole(path, &self.bytes)
    }
}

/// Writes `bytes` to `path`, whole or not at all. Returns whether other ones, or none, were there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| Failure::file("make the folder", folder, &error))?;
    let temporary = temporary(path);
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        // What is half written is of no use; if this fails too, its name says so.
        let _ = fs::remove_file(&temporary);
        Failure::file("write", path, &error)
    })?;
    Ok(true)
}

fn temporary(path: &Path) -> PathBuf {
    path.with_added_extension(format!("{}.tmp", std::process::id()))
}
