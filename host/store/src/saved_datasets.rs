//! Training sets that have a name: where they are and what made them.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definitions::{NAME_RULE, is_name, unknown};
use crate::registry::{Action, Commit, Registry};
use crate::training_set::Provenance;
use crate::{Error, Result};

/// A training set that the registry knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedDataset {
    /// where it is: an absolute path, or a URL
    pub path: String,
    /// when it was saved
    pub created_at: Timestamp,
    /// its rows
    pub rows: u64,
    /// the feature service it was made with, if it was one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_service: Option<String>,
    /// its features, as `view:feature`
    pub features: Vec<String>,
    /// the registry's commit it was made from
    pub registry_commit: u64,
}

/// How to save a training set.
#[derive(Debug, Clone, Copy)]
pub struct Save<'a> {
    /// the name
    pub name: &'a str,
    /// where the file is: a path or a URL
    pub path: &'a str,
    /// whether it takes the place of another of that name
    pub overwrite: bool,
    /// the clock's time
    pub at: Timestamp,
}

/// The training set saved as `name`.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) with the nearest name.
pub fn saved_dataset<'a>(commit: &'a Commit, name: &str) -> Result<&'a SavedDataset> {
    let all = &commit.state.saved_datasets;
    all.get(name).ok_or_else(|| Error::not_found(unknown("saved data set", name, all.keys().map(String::as_str))))
}

/// Checks that a training set can be saved as `name`, before it is made.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for what is no name, or where another has it.
pub fn check_name(commit: &Commit, name: &str, overwrite: bool) -> Result<()> {
    if !is_name(name) {
        return Err(Error::invalid_input(format!("a saved data set can't be called `{name}`: {NAME_RULE}")));
    }
    match commit.state.saved_datasets.get(name) {
        Some(other) if !overwrite => Err(Error::invalid_input(format!(
            "saved data set `{name}` is there already, in `{}`: take another name, or --overwrite it",
            other.path
        ))),
        _ => Ok(()),
    }
}

/// Registers the training set that `provenance` describes.
///
/// # Errors
/// As [`check_name`], if somebody took the name meanwhile; what hinders writing the registry.
pub async fn save(registry: &Registry, save: &Save<'_>, provenance: &Provenance) -> Result<()> {
    let Save { name, path, overwrite, at } = *save;
    let dataset = SavedDataset {
        path: absolute(path),
        created_at: at,
        rows: provenance.summary.rows,
        feature_service: provenance.feature_service.clone(),
        features: provenance.features.clone(),
        registry_commit: provenance.registry_commit,
    };
    let action = Action::SaveDataset { name: name.to_owned() };
    let add = |state: &mut crate::registry::State| {
        let taken = state.saved_datasets.get(name).filter(|_| !overwrite);
        if let Some(other) = taken {
            let path = &other.path;
            return Err(Error::conflict(format!(
                "saved data set `{name}` was made by somebody else meanwhile, in `{path}`"
            )));
        }
        state.saved_datasets.insert(name.to_owned(), dataset.clone());
        Ok(())
    };
    registry.update(at, action, add).await.map(|_| ())
}

fn absolute(path: &str) -> String {
    if path.contains("://") {
        return path.to_owned();
    }
    std::path::absolute(Path::new(path)).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}
