//! The part of `skewless.yaml` that is about the feature server: who may ask it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `skewless.yaml` says of the feature server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureServerSettings {
    /// Who may ask it, and how they prove it.
    #[serde(default)]
    pub auth: AuthSettings,
    /// Whether `/metrics` can be read without proof.
    #[serde(default)]
    pub open_metrics: bool,
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
