//! `feature_server` in `skewless.yaml`: who may ask the server, and what it does besides answering.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `skewless.yaml` says of the feature server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureServerSettings {
    /// Who may ask it, and how they prove it.
    #[serde(default)]
    pub auth: AuthSettings,
    /// Whether `/metrics` can be read without proof.
    #[serde(default)]
    pub open_metrics: bool,
    /// The log of what was served.
    #[serde(default)]
    pub feature_logging: FeatureLoggingSettings,
}

impl FeatureServerSettings {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How callers prove who they are. The words are Feast's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthSettings {
    /// Not at all: whoever reaches the server may ask.
    #[default]
    NoAuth,
    /// With a key of their own, of which the server knows the SHA-256.
    ApiKey {
        /// The JSON file of the keys, relative to the repository: a list of objects with `name`, `sha256` and `roles`.
        keys_file: String,
    },
    /// With a token that an identity provider signed.
    Oidc(OidcSettings),
}

/// Whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings {
    /// Who must have issued a token: its `iss`.
    pub issuer: String,
    /// Whom a token must be meant for: one of its `aud`.
    pub audience: String,
    /// Where the issuer's public keys are: a URL, asked again every few minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The same as a file, relative to the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<String>,
    /// Where in a token the roles are, with dots between the steps.
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
}

fn roles_claim() -> String {
    "roles".to_owned()
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
