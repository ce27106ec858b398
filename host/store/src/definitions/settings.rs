//! `skewless.yaml`: the project, its registry and its online store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::NAME_PATTERN;

/// What `skewless.yaml` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The project's name; projects can share a registry and an online store.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub project: String,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where applied definitions and components are kept: a folder relative to the repository, or a URL.
    #[serde(default = "registry_folder")]
    pub registry: String,
    /// Where the newest feature values are kept for requests.
    #[serde(default)]
    pub online_store: OnlineStoreSettings,
}

/// Where the newest feature values are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum OnlineStoreSettings {
    /// One file, for one machine.
    Embedded {
        /// The file, relative to the repository.
        #[serde(default = "online_store_file")]
        path: String,
    },
}

impl Default for OnlineStoreSettings {
    fn default() -> Self {
        Self::Embedded { path: online_store_file() }
    }
}

fn registry_folder() -> String {
    "registry".to_owned()
}

fn online_store_file() -> String {
    "online.redb".to_owned()
}
