//! `feature_server` in `skewless.yaml`: what the server does besides answering.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the server does besides answering.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureServerSettings {
    /// The log of what was served.
    #[serde(default)]
    pub feature_logging: FeatureLoggingSettings,
}

impl FeatureServerSettings {
    /// Whether nothing is said of the server.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether and where the server logs what it serves, for `skewless replay` and `skewless skew`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureLoggingSettings {
    /// Whether requests are logged.
    pub enabled: bool,
    /// Where the log goes: a folder relative to the repository, or a URL.
    pub path: String,
    /// The share of the entities whose requests are logged, from 0 to 1; an entity is always in or always out.
    #[schemars(range(min = 0, max = 1))]
    pub sample_rate: f64,
    /// After how many seconds a file is completed, however small it is.
    #[schemars(range(min = 1))]
    pub flush_interval_secs: u64,
    /// How many rows may wait to be written; what comes beyond is dropped, and counted.
    #[schemars(range(min = 1))]
    pub queue_capacity: usize,
    /// How large a file may become, in bytes, before the next is begun.
    #[schemars(range(min = 1))]
    pub file_bytes: usize,
    /// Columns whose values are logged as their HMAC-SHA-256: a join key, a request field, or `view:feature`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hash: Vec<String>,
    /// Columns that are not logged: a join key, a request field, or `view:feature`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omit: Vec<String>,
    /// The key of the hashes: the same key gives one value the same hash. Take it from the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_key: Option<HashKey>,
}

impl Default for FeatureLoggingSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            path: "feature_log".to_owned(),
            sample_rate: 1.0,
            flush_interval_secs: 60,
            queue_capacity: 100_000,
            file_bytes: 32 << 20,
            hash: Vec::new(),
            omit: Vec::new(),
            hash_key: None,
        }
    }
}

/// A secret, which is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct HashKey(String);

impl HashKey {
    /// The text as it was written, variables filled in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for HashKey {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(…)")
    }
}
