//! Which files a source's path means.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The Parquet files behind `path`, in the order in which they count: sorted by name.
///
/// `path` is a file, a folder (every `.parquet` file below it) or a pattern with `*`, `?`, `[…]`, `**`; relative to
/// `root`. A `file://` URL is a path.
///
/// # Errors
/// [`ErrorKind::InvalidDefinition`](crate::ErrorKind::InvalidDefinition) where there are none;
/// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where a folder can't be read.
pub(crate) fn expand(path: &str, root: &Path) -> Result<Vec<PathBuf>> {
    let full = root.join(path.strip_prefix("file://").unwrap_or(path));
    let mut files = if full.is_file() {
        vec![full]
    } else if full.is_dir() {
        matches(&format!("{}/**/*.parquet", glob::Pattern::escape(&full.to_string_lossy())), path)?
    } else {
        matches(&full.to_string_lossy(), path)?
    };
    if files.is_empty() {
        return Err(Error::invalid_definition(format!(
            "`{path}` leads to no Parquet file (looked in `{}`)",
            root.display()
        )));
    }
    files.sort();
    Ok(files)
}

fn matches(pattern: &str, path: &str) -> Result<Vec<PathBuf>> {
    let found = glob::glob(pattern)
        .map_err(|error| Error::invalid_definition(format!("`{path}` is no path or pattern")).because(error))?;
    let files = found.filter(|found| found.as_ref().map_or(true, |path| path.is_file()));
    files
        .collect::<Result<_, _>>()
        .map_err(|error| Error::unavailable(format!("`{path}` can't be read")).because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_a_folder_and_a_pattern_are_expanded_in_the_order_of_names() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("flights/2013")).unwrap();
        for name in ["flights/2013/b.parquet", "flights/2013/a.parquet", "flights/readme.txt", "x.parquet"] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let names = |path: &str| -> Vec<String> {
            let files = expand(path, root.path()).unwrap();
            files.iter().map(|file| file.strip_prefix(root.path()).unwrap().display().to_string()).collect()
        };
        assert_eq!(names("x.parquet"), ["x.parquet"]);
        assert_eq!(names("flights"), ["flights/2013/a.parquet", "flights/2013/b.parquet"]);
        assert_eq!(names("flights/*/b*.parquet"), ["flights/2013/b.parquet"]);
        let missing = expand("flihgts", root.path()).unwrap_err().to_string();
        assert!(missing.starts_with("`flihgts` leads to no Parquet file"), "{missing}");
    }
}
