//! `skewless.yaml`: the project, its registry and its online store.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Ttl;
use super::feature_server::FeatureServerSettings;
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
    /// Who may ask the feature server.
    #[serde(default, skip_serializing_if = "FeatureServerSettings::is_default")]
    pub feature_server: FeatureServerSettings,
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
    /// Redis, or what speaks its protocol, such as Valkey.
    Redis {
        /// The server: `redis://user:password@host:6379/0`, `rediss://…` for TLS, or as Feast writes it,
        /// `host:6379,password=…,ssl=true`; several nodes of a cluster separated by commas.
        connection_string: ConnectionString,
        /// One server, or a cluster.
        #[serde(default)]
        redis_type: RedisType,
        /// How much longer than their ttl values are kept, where every view of an entity has one.
        #[serde(default = "one_day")]
        key_ttl_margin: Ttl,
    },
}

/// What Redis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedisType {
    /// One server, perhaps with replicas.
    #[default]
    Redis,
    /// A cluster, whose nodes share the keys.
    RedisCluster,
}

/// Where a server is and how to get in. It may have a password in it, so it is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ConnectionString(String);

impl ConnectionString {
    /// The text as it was written, variables filled in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ConnectionString {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionString(…)")
    }
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

fn one_day() -> Ttl {
    Ttl::from_micros(86_400_000_000)
}
