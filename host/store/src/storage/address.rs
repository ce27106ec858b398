//! What an address says, before anything is opened.

use std::io;
use std::path::{Component, Path as FilePath, PathBuf};

use object_store::ObjectStoreScheme;
use object_store::path::Path;
use url::Url;

use crate::{Error, Result};

/// An address, taken apart.
#[derive(Debug)]
pub(super) enum Address {
    /// a place on the local disk
    Local {
        /// from the root of the file system
        path: Path,
        /// as people should read it
        shown: String,
    },
    /// a place behind a URL
    Remote {
        /// the URL as it was given
        url: Url,
        /// whose store it is
        scheme: ObjectStoreScheme,
        /// the place in the store
        path: Path,
    },
}

/// Takes `address` apart: a URL, or a path relative to `base`.
///
/// # Errors
/// `InvalidDefinition` where it is neither.
pub(super) fn parse(address: &str, base: &FilePath) -> Result<Address> {
    if !address.contains("://") {
        return local(&base.join(address), address);
    }
    let url = Url::parse(address).map_err(|error| bad(address, error))?;
    if url.scheme() == "file" {
        let path = url.to_file_path().map_err(|()| bad(address, "a file has no host"))?;
        return local(&path, address);
    }
    let (scheme, path) = ObjectStoreScheme::parse(&url).map_err(|error| bad(address, error))?;
    Ok(Address::Remote { url, scheme, path })
}

fn local(full: &FilePath, address: &str) -> Result<Address> {
    let path = absolute(full).map_err(|error| bad(address, error))?;
    let path = Path::from_absolute_path(path).map_err(|error| bad(address, error))?;
    Ok(Address::Local { path, shown: full.display().to_string().trim_end_matches('/').to_owned() })
}

pub(super) fn bad(address: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let message = format!("`{address}` is no address: give a path, or a URL such as s3://bucket/folder");
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

/// An address and the pattern below it: `data/*/x.parquet` is `data` and `*/x.parquet`. Without `*`, `?` and `[` there is no
/// pattern.
pub(crate) fn split_pattern(address: &str) -> (&str, Option<&str>) {
    let path_start = address.find("://").map_or(0, |place| place + 3);
    let Some(magic) = address[path_start..].find(['*', '?', '[']) else { return (address, None) };
    match address[..path_start + magic].rfind('/') {
        Some(slash) if slash >= path_start => (&address[..=slash], Some(&address[slash + 1..])),
        _ => (&address[..path_start], Some(&address[path_start..])),
    }
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
        assert!(parse("a b#c%41é/registry", base.path()).is_ok());
    }

    #[test]
    fn a_url_names_a_store_and_a_place_in_it() {
        let place = |address: &str| match parse(address, FilePath::new("/base")).unwrap() {
            Address::Local { path, shown } => format!("{path} shown as {shown}"),
            Address::Remote { scheme, path, .. } => format!("{scheme:?} {path}"),
        };
        assert_eq!(place("data/x"), "base/data/x shown as /base/data/x");
        assert_eq!(place("/data/"), "data shown as /data");
        assert_eq!(place("file:///data/a%20b"), "data/a b shown as /data/a b");
        assert_eq!(place("s3://bucket/data/x.parquet"), "AmazonS3 data/x.parquet");
        assert_eq!(place("gs://bucket"), "GoogleCloudStorage ");
        assert_eq!(place("abfss://container@account.dfs.core.windows.net/data"), "MicrosoftAzure data");
        assert_eq!(place("https://account.blob.core.windows.net/container/data"), "MicrosoftAzure data");
    }

    #[test]
    fn what_is_no_address_is_refused_by_its_name() {
        let refuse = |address| parse(address, FilePath::new("/")).unwrap_err().to_string();
        insta::assert_snapshot!(refuse("ftp://host/folder"), @r#"`ftp://host/folder` is no address: give a path, or a URL such as s3://bucket/folder: Unable to recognise URL "ftp://host/folder""#);
        insta::assert_snapshot!(refuse("file://host/folder"), @"`file://host/folder` is no address: give a path, or a URL such as s3://bucket/folder: a file has no host");
        insta::assert_snapshot!(refuse("://"), @"`://` is no address: give a path, or a URL such as s3://bucket/folder: relative URL without a base");
    }

    #[test]
    fn a_pattern_starts_with_the_first_name_that_has_a_wildcard() {
        assert_eq!(split_pattern("data/x.parquet"), ("data/x.parquet", None));
        assert_eq!(split_pattern("data/2013/*/b?.parquet"), ("data/2013/", Some("*/b?.parquet")));
        assert_eq!(split_pattern("*.parquet"), ("", Some("*.parquet")));
        assert_eq!(split_pattern("/*.parquet"), ("/", Some("*.parquet")));
        assert_eq!(split_pattern("s3://bucket/**/[ab].csv"), ("s3://bucket/", Some("**/[ab].csv")));
        assert_eq!(split_pattern("s3://bucket/year=2013/x*"), ("s3://bucket/year=2013/", Some("x*")));
    }
}
