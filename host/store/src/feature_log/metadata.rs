//! What the footer of a log file says of its rows.

use parquet::file::metadata::ParquetMetaData;
use serde::{Deserialize, Serialize};
use skewless_runtime::DataType;

use crate::{Error, Result};

/// The key of the metadata that says what a log file holds.
pub const LOG_KEY: &str = "skewless.feature_log";

/// The format that this version writes, and the newest it reads. In format 1, a row that was there has the word `PRESENT` for its status,
/// where it has a null since.
pub const LOG_FORMAT: u32 = 2;

/// What is the same for all rows of a log file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogMetadata {
    /// the version of the format
    pub format: u32,
    /// the project
    pub project: String,
    /// the registry's commit that was served
    pub registry_commit: u64,
    /// the feature service, if one was asked for
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_service: Option<String>,
    /// the features of the answer, as `view:feature`, in order
    pub features: Vec<String>,
    /// name and type of each join key
    pub join_keys: Vec<(String, DataType)>,
    /// name and type of each request field
    pub request_fields: Vec<(String, DataType)>,
    /// the components behind the features
    pub components: Vec<LoggedComponent>,
    /// the columns that are hashed or left out
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<(String, Hiding)>,
    /// the share of the entities that are logged
    pub sample_rate: f64,
    /// the program that served, such as `skewless 0.1.0`
    pub server: String,
}

/// A component that computes features of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedComponent {
    /// the feature view or on-demand feature view
    pub view: String,
    /// the transform's name
    pub transform: String,
    /// `sha256:` and 64 hexadecimal digits
    pub digest: String,
}

/// What is done with a column that must not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hiding {
    /// the HMAC-SHA-256 of each value, as hexadecimal digits
    Hash,
    /// no column at all
    Omit,
}

/// What every format will have, however much else changes.
#[derive(Deserialize)]
struct Header {
    format: u32,
    server: String,
}

impl LogMetadata {
    /// As the footer has it.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("metadata is plain data with texts as keys")
    }

    /// What the footer of the file `shown` says.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a file that is no log;
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where a newer version wrote it, or it is damaged.
    pub(super) fn of(file: &ParquetMetaData, shown: &str) -> Result<Self> {
        let pairs = file.file_metadata().key_value_metadata();
        let json = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == LOG_KEY)?.value.as_deref());
        let json = json.ok_or_else(|| {
            Error::invalid_input(format!(
                "`{shown}` is no feature log: `skewless serve` writes them, see feature_logging"
            ))
        })?;
        let damaged = |error: serde_json::Error| {
            Error::corrupt(format!("`{shown}` says of itself what can't be read")).because(error)
        };
        let Header { format, server } = serde_json::from_str(json).map_err(damaged)?;
        if format > LOG_FORMAT {
            return Err(Error::corrupt(format!(
                "`{shown}` was written by a newer skewless ({server}, log format {format}); this one reads formats up to \
                 {LOG_FORMAT}: use a newer one"
            )));
        }
        if format == 0 {
            return Err(Error::corrupt(format!(
                "`{shown}` was written by {server} in log format 0, which lacks what a replay needs: use the skewless that \
                 wrote it"
            )));
        }
        serde_json::from_str(json).map_err(damaged)
    }

    /// The columns of the log that hold something else than what was read or computed.
    pub(super) fn hiding(&self, column: &str) -> Option<Hiding> {
        self.hidden.iter().find(|(hidden, _)| hidden == column).map(|(_, hiding)| *hiding)
    }

    /// The digest of the component that computes the features of `view`, if one does.
    pub(super) fn digest(&self, view: &str) -> Option<&str> {
        self.components.iter().find(|component| component.view == view).map(|component| component.digest.as_str())
    }
}
