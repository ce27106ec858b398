//! From an address in the settings to an object store and a folder in it.

use std::io;
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use url::Url;

use crate::{Error, Result};

/// The store and folder of `address`: a URL, or a folder relative to `base`.
pub(super) fn resolve(address: &str, base: &FilePath) -> Result<(Arc<dyn ObjectStore>, Path)> {
    if address.contains("://") {
        let url = Url::parse(address).map_err(|error| bad(address, error))?;
        let (store, folder) = object_store::parse_url(&url).map_err(|error| bad(address, error))?;
        return Ok((Arc::from(store), folder));
    }
    let folder = absolute(&base.join(address)).map_err(|error| bad(address, error))?;
    let folder = Path::from_absolute_path(folder).map_err(|error| bad(address, error))?;
    Ok((Arc::new(LocalFileSystem::new()), folder))
}

fn bad(address: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let message = format!("`{address}` can't be a registry: give a folder or a URL such as file:///srv/registry");
    Error::invalid_definition(message).because(error)
}

/// The path without `.`, `..` and links, although its end need not exist yet.
fn absolute(path: &FilePath) -> io::Result<PathBuf> {
    let mut absolute = PathBuf::new();
    for component in std::path::absolute(path)?.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                absolute.pop();
            }
            step => absolute.push(step),
        }
        if let Ok(real) = absolute.canonicalize() {
            absolute = real;
        }
    }
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_need_not_exist_and_can_be_called_anything() {
        let base = tempfile::tempdir().unwrap();
        let real = base.path().canonicalize().unwrap();
        let expected = real.join("a b#c%41é/registry");
        assert_eq!(absolute(&base.path().join("x/.././a b#c%41é/registry")).unwrap(), expected);
        assert!(resolve("a b#c%41é/registry", base.path()).is_ok());
    }

    #[test]
    fn what_is_no_address_is_refused_by_its_name() {
        let refuse = |address| resolve(address, FilePath::new("/")).unwrap_err().to_string();
        insta::assert_snapshot!(refuse("ftp://host/folder"), @r#"`ftp://host/folder` can't be a registry: give a folder or a URL such as file:///srv/registry: Generic URL error: Unable to recognise URL "ftp://host/folder""#);
        insta::assert_snapshot!(refuse("s3://bucket/registry"), @"`s3://bucket/registry` can't be a registry: give a folder or a URL such as file:///srv/registry: Generic parse_url error: feature for AmazonS3 not enabled");
        insta::assert_snapshot!(refuse("://"), @"`://` can't be a registry: give a folder or a URL such as file:///srv/registry: relative URL without a base");
    }
}
