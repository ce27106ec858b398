//! The offline store: files, read as columns of the definitions' names and types, and joined or reduced to the newest rows.
//!
//! ```text
//! files ─► table ─► source (projected, pruned by time) ─► rows (typed, keyed) ─┬─► point_in_time   newest for each entity row
//!                                                                             └─► latest          newest of each entity
//! ```
//!
//! The only home of DataFusion, which reads and prunes the files and sorts, on disk where memory is short. The rule of which row
//! counts is ours: of the rows of an entity up to an instant, the greatest by event timestamp, created timestamp, and
//! place in the files.

pub(crate) mod conversion;
pub(crate) mod failure;
mod files;
pub(crate) mod keys;
pub(crate) mod latest;
pub(crate) mod map;
mod plan_table;
pub(crate) mod point_in_time;
mod pruning;
pub(crate) mod rows;
pub(crate) mod session;
pub(crate) mod source;
pub(crate) mod sql;
pub(crate) mod statistics;
pub(crate) mod table;
