//! Where the newest row of every entity waits for requests.
//!
//! Enters: batches of feature rows, as Arrow columns. Leaves: the stored row of each entity asked for, as Arrow
//! columns again, with the same bits. On the way a row is two byte strings, one codec each, the same for every store:
//!
//! * the entity's [key](encode_keys), made of its join keys, and
//! * the packed [`row`]: when it happened, by which schema and transform, and its values.
//!
//! A store keeps at most one row for a project, feature view and key: the newest by [`RowTime`], whatever the order
//! in which rows arrive and however often they are written. Whether that row is still within its feature view's ttl is
//! the caller's question, not the store's.

mod embedded;
mod key;
pub mod row;

pub use embedded::{KeyedRow, OnlineStore, ReadRequest, WriteSummary};
pub use key::{KeyError, encode_keys};
pub use row::{RowBatch, RowDecoder, RowEncoder, RowPlan, RowTime};
