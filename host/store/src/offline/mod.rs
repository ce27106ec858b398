//! The offline store: files, read as columns of the definitions' names and types.
//!
//! ```text
//! files ─► table (found, pinned, in order) ─► source (projected, pruned by time, converted) ─┬─► point_in_time
//!                                                                                             └─► latest
//!                                    point_in_time: newest row for each entity row; latest: newest row of each entity
//! ```
//!
//! The only home of DataFusion, which reads and prunes the files and sorts, on disk where memory is short. The rule of which row
//! counts is ours: of the rows of an entity up to an instant, the greatest by event timestamp, created timestamp, and
//! place in the files.

pub(crate) mod conversion;
pub(crate) mod entity_rows;
mod files;
pub(crate) mod latest;
pub(crate) mod point_in_time;
pub(crate) mod source;
pub(crate) mod sql;
pub(crate) mod table;
