//! Requests and answers in protobuf, in Feast's messages (`proto/feast/`); nothing here knows of gRPC.
//!
//! A value has the type that the registry says, whatever kind it comes as, as long as nothing is lost: an `int32_val` is
//! good for an int64. Two types say less than JSON does: `unix_timestamp_val` has whole seconds, so that the fraction of a
//! timestamp is cut, and lists can't hold nulls.

pub mod request;
pub mod response;
mod value;

use std::collections::BTreeMap;

use prost_types::Timestamp;

pub use value::{Kind, Value};

/// The descriptors of all messages, for reflection: made of the `.proto` files, as `scripts/protobuf_descriptors.sh` does.
pub const DESCRIPTORS: &[u8] = include_bytes!("../../proto/descriptors.binpb");

/// Asks who is there.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct GetFeastServingInfoRequest {}

/// Who is there.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct GetFeastServingInfoResponse {
    /// the version of the server
    #[prost(string, tag = "1")]
    pub version: String,
}

/// Names, or references.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct FeatureList {
    /// the names
    #[prost(string, repeated, tag = "1")]
    pub val: Vec<String>,
}

/// A column: one value for each row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RepeatedValue {
    /// the values
    #[prost(message, repeated, tag = "1")]
    pub val: Vec<Value>,
}

/// Asks for the features of some rows.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetOnlineFeaturesRequest {
    /// which features
    #[prost(oneof = "Selected", tags = "1, 2")]
    pub kind: Option<Selected>,
    /// for each join key and each request field a column of values
    #[prost(btree_map = "string, message", tag = "3")]
    pub entities: BTreeMap<String, RepeatedValue>,
    /// whether features are called `view__feature` in the answer
    #[prost(bool, tag = "4")]
    pub full_feature_names: bool,
    /// request fields, for those who keep them apart
    #[prost(btree_map = "string, message", tag = "5")]
    pub request_context: BTreeMap<String, RepeatedValue>,
    /// read and ignored
    #[prost(bool, tag = "6")]
    pub include_feature_view_version_metadata: bool,
}

/// Which features are asked for.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum Selected {
    /// All of a feature service.
    #[prost(string, tag = "1")]
    FeatureService(String),
    /// These: `view:feature`, or `view`.
    #[prost(message, tag = "2")]
    Features(FeatureList),
}

/// The features of some rows.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetOnlineFeaturesResponse {
    /// the names of the columns
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<ResponseMetadata>,
    /// a column for each join key, then for each feature
    #[prost(message, repeated, tag = "2")]
    pub results: Vec<FeatureVector>,
    /// always true
    #[prost(bool, tag = "3")]
    pub status: bool,
}

/// What is said of all columns.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ResponseMetadata {
    /// their names
    #[prost(message, optional, tag = "1")]
    pub feature_names: Option<FeatureList>,
}

/// A column of an answer, one entry a row in each of its lists.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FeatureVector {
    /// the values
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
    /// why each is there or isn't, by Feast's numbers
    #[prost(enumeration = "FieldStatus", repeated, tag = "2")]
    pub statuses: Vec<i32>,
    /// when the stored row behind each value happened; 1970 where there is none
    #[prost(message, repeated, tag = "3")]
    pub event_timestamps: Vec<Timestamp>,
}

/// Feast's numbers of the statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum FieldStatus {
    /// The transform failed on this row.
    Invalid = 0,
    /// There is a value.
    Present = 1,
    /// A null was stored or computed.
    NullValue = 2,
    /// There is no row.
    NotFound = 3,
    /// The row is past its ttl.
    OutsideMaxAge = 4,
}
