//! Which files a path means.

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt};

use super::table::{Owner, TablePath};
use crate::definitions::Format;
use crate::storage::{self, Place, failure, split_pattern};
use crate::{Error, Result};

/// What was found behind a path.
#[derive(Debug)]
pub(crate) struct Found {
    /// the file, the folder, or the folder in which a pattern starts; names of folders below it may say values
    pub(crate) place: Place,
    /// the files, in the order in which they count: sorted by name; none for a Delta table, whose log knows them
    pub(crate) files: Vec<ObjectMeta>,
    /// how they are written
    pub(crate) format: Format,
}

/// Finds the files behind a path: a file, a folder (every file below it whose name ends like the format's) or a pattern
/// with `*`, `?`, `[…]`, `**`. Files and folders whose name starts with `_` or `.` are not looked at, unless the path says
/// them, since writers leave there what is not finished.
///
/// # Errors
/// As the owner has it for a wrong path where there are none or their names don't tell one format;
/// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where the store does not answer or refuses.
pub(crate) async fn find(owner: &Owner, path: &TablePath<'_>) -> Result<Found> {
    let TablePath { path: address, format, root } = *path;
    let named = |files: Vec<ObjectMeta>, place: Place| -> Result<Found> {
        let format = format.map_or_else(|| format_of_all(owner, address, &place, &files), Ok)?;
        Ok(Found { files, format, place })
    };
    // A name may have wildcards in it without meaning them.
    let place = storage::open(address, root).map_err(|error| owner.wrong_path(error))?;
    if let Some(file) = head(&place).await? {
        return named(vec![file], place);
    }
    let (start, pattern) = match split_pattern(address) {
        (_, None) => (place.clone(), None),
        (start, Some(pattern)) => (storage::open(start, root).map_err(|error| owner.wrong_path(error))?, Some(pattern)),
    };
    let Some(pattern) = pattern else { return folder(owner, path, start).await };
    let pattern =
        Pattern::new(pattern).map_err(|error| owner.wrong(format!("`{address}` is no pattern")).because(error))?;
    let files = list(&start).await?.into_iter().filter(|file| {
        // A bucket may have an object that stands for the folder itself.
        let name = below(&start.path, &file.location);
        !name.is_empty() && pattern.matches(name)
    });
    let files: Vec<ObjectMeta> = files.collect();
    if files.is_empty() {
        return Err(none(owner, path, format));
    }
    named(files, start)
}

/// The files below a folder.
async fn folder(owner: &Owner, path: &TablePath<'_>, place: Place) -> Result<Found> {
    let TablePath { path: address, format, .. } = *path;
    let is_delta = match format {
        Some(format) => format == Format::Delta,
        None => has_delta_log(&place).await?,
    };
    if is_delta {
        return Ok(Found { place, files: Vec::new(), format: Format::Delta });
    }
    let mut files = list(&place).await?;
    files.retain(|file| {
        let name = below(&place.path, &file.location);
        let ours = format.map_or_else(|| format_of(name).is_some(), |format| format_of(name) == Some(format));
        ours && !name.split('/').any(|part| part.starts_with(['_', '.']))
    });
    if files.is_empty() {
        return Err(none(owner, path, format));
    }
    let format = format.map_or_else(|| format_of_all(owner, address, &place, &files), Ok)?;
    Ok(Found { place, files, format })
}

fn none(owner: &Owner, path: &TablePath<'_>, format: Option<Format>) -> Error {
    let kind = format.map_or("", |format| match format {
        Format::Parquet => "Parquet ",
        Format::Csv => "CSV ",
        Format::Arrow => "Arrow ",
        Format::Delta => "Delta ",
    });
    let TablePath { path, root, .. } = path;
    match path.contains("://") {
        true => owner.wrong(format!("`{path}` leads to no {kind}file")),
        false => owner.wrong(format!("`{path}` leads to no {kind}file (looked in `{}`)", root.display())),
    }
}

/// The file at `place`, if there is one.
async fn head(place: &Place) -> Result<Option<ObjectMeta>> {
    if place.path.is_root() {
        return Ok(None);
    }
    match place.store.head(&place.path).await {
        Ok(file) => Ok(Some(file)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) if is_no_folder(&error) => Ok(None),
        Err(error) => Err(failure(&format!("read `{}`", place.shown), error)),
    }
}

/// The disk says of `file/more` that `file` is no folder, which is to say that there is nothing.
fn is_no_folder(error: &StoreError) -> bool {
    storage::causes(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::NotADirectory)
}

async fn has_delta_log(place: &Place) -> Result<bool> {
    match place.store.list(Some(&place.path.clone().join("_delta_log"))).next().await.transpose() {
        Ok(first) => Ok(first.is_some()),
        Err(error) if is_no_folder(&error) => Ok(false),
        Err(error) => Err(failure(&format!("list `{}`", place.shown), error)),
    }
}

/// All files at or below a place, sorted by name.
async fn list(place: &Place) -> Result<Vec<ObjectMeta>> {
    match place.store.list(Some(&place.path)).try_collect::<Vec<_>>().await {
        Ok(mut files) => {
            files.sort_by(|a, b| a.location.cmp(&b.location));
            Ok(files)
        }
        Err(error) if is_no_folder(&error) => Ok(Vec::new()),
        Err(error) => Err(failure(&format!("list `{}`", place.shown), error)),
    }
}

/// The name of `file` in `folder`, with the folders between.
pub(crate) fn below<'a>(folder: &Path, file: &'a Path) -> &'a str {
    file.as_ref().strip_prefix(folder.as_ref()).unwrap_or(file.as_ref()).trim_start_matches('/')
}

/// What the end of a name says about the format.
fn format_of(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    Some(match () {
        () if ends(&[".parquet"]) => Format::Parquet,
        () if ends(&[".csv", ".csv.gz"]) => Format::Csv,
        () if ends(&[".arrow", ".arrows", ".feather"]) => Format::Arrow,
        () => return None,
    })
}

/// How the caller can tell the format.
fn mend(owner: &Owner) -> &'static str {
    match owner {
        Owner::Source(_) => "say which with `format`",
        Owner::EntityRows | Owner::Table => "rename them",
    }
}

/// The one format that the names of `files` end with.
fn format_of_all(owner: &Owner, path: &str, place: &Place, files: &[ObjectMeta]) -> Result<Format> {
    let shown = |file: &ObjectMeta| place.show(&file.location);
    let known = |file: &ObjectMeta| {
        format_of(file.location.as_ref()).ok_or_else(|| {
            owner.wrong(format!(
                "the name of `{}` tells no format: it ends neither with .parquet nor .csv, .csv.gz, .arrow: {}",
                shown(file),
                mend(owner)
            ))
        })
    };
    let first = known(&files[0])?;
    for file in &files[1..] {
        if known(file)? != first {
            return Err(owner.wrong(format!(
                "`{path}` leads to files of different formats, such as `{}` and `{}`: {}",
                shown(&files[0]),
                shown(file),
                mend(owner)
            )));
        }
    }
    Ok(first)
}

/// A pattern of names: `*` and `?` stay within a name, `**` goes into folders.
struct Pattern(glob::Pattern);

impl Pattern {
    fn new(text: &str) -> Result<Self, glob::PatternError> {
        glob::Pattern::new(text).map(Self)
    }

    fn matches(&self, name: &str) -> bool {
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
        self.0.matches_with(name, options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::create_dir_all(root.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(root.path().join(name), "").unwrap();
        }
        root
    }

    async fn found(root: &std::path::Path, path: &str, format: Option<Format>) -> Result<(Format, Vec<String>)> {
        let path = TablePath { path, format, root };
        let found = find(&Owner::Source("flights".into()), &path).await?;
        let base = Path::from_filesystem_path(root).unwrap();
        Ok((found.format, found.files.iter().map(|file| below(&base, &file.location).to_owned()).collect()))
    }

    #[tokio::test]
    async fn a_file_a_folder_and_a_pattern_are_expanded_in_the_order_of_names() {
        let root = folder_with(&[
            "flights/2013/b.parquet",
            "flights/2013/a.parquet",
            "flights/readme.txt",
            "flights/_temporary/c.parquet",
            "flights/2013/.d.parquet",
            "x.parquet",
        ]);
        let names = async |path: &str| found(root.path(), path, None).await.unwrap().1;
        assert_eq!(names("x.parquet").await, ["x.parquet"]);
        assert_eq!(names("flights").await, ["flights/2013/a.parquet", "flights/2013/b.parquet"]);
        assert_eq!(names("flights/*/b*.parquet").await, ["flights/2013/b.parquet"]);
        assert_eq!(names("flights/**/[ab].parquet").await, ["flights/2013/a.parquet", "flights/2013/b.parquet"]);
        assert_eq!(names("*.parquet").await, ["x.parquet"]);
        let url = format!("file://{}/flights", root.path().display());
        assert_eq!(names(&url).await.len(), 2);
    }

    #[tokio::test]
    async fn the_end_of_a_name_tells_the_format_unless_the_definition_does() {
        let root =
            folder_with(&["a/x.csv", "a/y.csv.gz", "b/x.arrow", "c/x.dat", "d/_delta_log/0.json", "d/x.parquet"]);
        let format = async |path: &str| found(root.path(), path, None).await.unwrap().0;
        assert_eq!(format("a").await, Format::Csv);
        assert_eq!(format("b/x.arrow").await, Format::Arrow);
        assert_eq!(format("d").await, Format::Delta);
        let (format, files) = found(root.path(), "c/x.dat", Some(Format::Parquet)).await.unwrap();
        assert_eq!((format, files.as_slice()), (Format::Parquet, ["c/x.dat".to_owned()].as_slice()));
    }

    #[tokio::test]
    async fn a_name_with_wildcards_in_it_is_that_file() {
        let root = folder_with(&["a[1]/x*.parquet", "a1/xy.parquet"]);
        assert_eq!(found(root.path(), "a[1]/x*.parquet", None).await.unwrap().1, ["a[1]/x*.parquet"]);
    }

    #[tokio::test]
    async fn a_path_that_leads_nowhere_or_to_several_formats_is_refused() {
        let root = folder_with(&["a/x.csv", "a/y.parquet", "b/x.dat", "c/x.csv"]);
        let refusal = async |path: &str, format| {
            let text = found(root.path(), path, format).await.unwrap_err().to_string();
            text.replace(root.path().to_str().unwrap(), "ROOT")
        };
        insta::assert_snapshot!(refusal("flihgts", None).await, @"`flihgts` leads to no file (looked in `ROOT`)");
        insta::assert_snapshot!(refusal("c", Some(Format::Parquet)).await, @"`c` leads to no Parquet file (looked in `ROOT`)");
        insta::assert_snapshot!(refusal("c/*.parquet", None).await, @"`c/*.parquet` leads to no file (looked in `ROOT`)");
        insta::assert_snapshot!(refusal("a", None).await, @"`a` leads to files of different formats, such as `ROOT/a/x.csv` and `ROOT/a/y.parquet`: say which with `format`");
        insta::assert_snapshot!(refusal("b/x.dat", None).await, @"the name of `ROOT/b/x.dat` tells no format: it ends neither with .parquet nor .csv, .csv.gz, .arrow: say which with `format`");
        insta::assert_snapshot!(refusal("c/x.csv/y.csv", None).await, @"`c/x.csv/y.csv` leads to no file (looked in `ROOT`)");
        insta::assert_snapshot!(refusal("c/[.csv", None).await, @"`c/[.csv` is no pattern: Pattern syntax error near position 0: invalid range pattern");
    }
}
