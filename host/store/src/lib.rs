//! Definitions, registry, offline store and online store of Skewless, and the three ways a feature is computed.
//!
//! | way | the data's journey |
//! |---|---|
//! | [`materialize`] | source → newest row per entity → **compute** → online store → interval recorded |
//! | [`historical`] | entity rows → point-in-time join with each view → **compute** → training set |
//! | [`online_features`] | request → online store → **compute** → answer |
//!
//! What somebody sends, [`online_writes`] takes the last steps of materialization with.
//!
//! All three go through one function, `compute::compute`, and what an answer is made of is put together by one module,
//! [`features`], for training sets and requests alike. Three more things could let the two drift apart; each has one
//! home that both use: the ttl rule ([`definitions::Ttl::is_live`]), the entity key ([`online::encode_keys`]) and the
//! conversion of values to a feature's type (`offline::conversion`).

pub mod apply;
pub mod certification;
mod compute;
pub mod definitions;
mod entity_rows;
pub mod error;
pub mod feature_log;
mod feature_set;
mod feature_store;
pub mod features;
pub mod historical;
pub mod materialize;
mod offline;
pub mod online;
pub mod online_counters;
pub mod online_features;
pub mod online_writes;
pub mod registry;
pub mod row_schema;
pub mod samples;
pub mod saved_datasets;
pub mod statistics;
mod status;
mod storage;
mod stored_content;
pub mod stored_values;
mod stored_views;
mod training_set;
mod view_features;
mod view_rows;

pub use compute::AppliedComponent;
pub use entity_rows::EVENT_TIMESTAMP;
pub use error::{Error, ErrorKind, Location, Result};
pub use feature_set::{FeatureSet, OutputFeature, Selection};
pub use feature_store::FeatureStore;
pub use features::Features;
pub use online::open_online_store;
pub use online_features::{OnlineFeatures, ReadRows, StoredRows};
pub use status::Status;
pub use training_set::{PROVENANCE_KEY, Provenance, ProvenanceComponent};
