//! The file of a training set, and where it comes from.
//!
//! The file grows under another name, or as an upload that nobody sees, and gets its own name when it is complete: whoever finds it
//! finds all of it.

mod file;
mod parquet_file;
mod provenance;

use std::path::Path;
use std::str::FromStr;

pub(crate) use file::TrainingSetFile;
pub use provenance::{PROVENANCE_KEY, Provenance, ProvenanceComponent};

use crate::{Error, Result};

/// How a training set is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutFormat {
    /// Parquet, compressed with zstd, with the provenance in its metadata.
    Parquet,
    /// CSV with a first line of names; no provenance, and no lists.
    Csv,
    /// An Arrow IPC file, with the provenance in its footer.
    Arrow,
}

impl OutFormat {
    /// What the end of `path` says.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where it says nothing known.
    pub(crate) fn of(path: &str) -> Result<Self> {
        let extension = Path::new(path).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        extension.parse().map_err(|()| {
            Error::invalid_input(format!(
                "`{path}` doesn't say how it is to be written: end it with .parquet, .csv or .arrow, or name the format"
            ))
        })
    }
}

impl FromStr for OutFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "parquet" | "pq" => Ok(Self::Parquet),
            "csv" => Ok(Self::Csv),
            "arrow" | "feather" | "ipc" => Ok(Self::Arrow),
            _ => Err(()),
        }
    }
}
