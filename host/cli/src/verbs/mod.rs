//! The verbs: what each takes, and what it does with the library.

pub(crate) mod apply;
pub(crate) mod build;
pub(crate) mod check_parity;
pub(crate) mod delete_values;
pub(crate) mod describe;
pub(crate) mod get_historical_features;
pub(crate) mod get_online_features;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod materialize;
pub(crate) mod materialize_incremental;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod replay;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod skew;
pub(crate) mod teardown;
pub(crate) mod test;
pub(crate) mod verify;
pub(crate) mod version;
