//! Which files belong to a repository.

use std::fs;
use std::path::{Path, PathBuf};

use super::repository::SETTINGS_FILE;
use crate::{Error, Result};

/// All definition files below `root`, in sorted order: every `*.yaml` and `*.yml` but the settings, except in
/// folders that are hidden or called `target`. Links to folders are not followed, links to files are.
pub(crate) fn definition_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let unreadable = |error| unreadable(&folder, error);
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            if entry.file_type().map_err(unreadable)?.is_dir() {
                folders.extend(is_searched(&path).then_some(path));
            } else if is_definition_file(&path) && path != root.join(SETTINGS_FILE) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_searched(folder: &Path) -> bool {
    folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| !name.starts_with('.') && name != "target")
}

fn is_definition_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") && path.is_file()
}

/// The file's text.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => {
            Error::invalid_definition(format!("`{}` is not UTF-8 text", path.display())).because(error)
        }
        _ => unreadable(path, error),
    })
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!("can't read `{}`", path.display())).because(error)
}
