//! What was served, written down; and what is found out from it later.
//!
//! ```text
//! request ─► KeptRows (as stored) ─┐
//!         └► Features ─────────────┴► Waiting ─► writer thread ─► Parquet: service=…/date=…/….parquet
//!                                                                  │
//!   replay: the logged inputs, computed again ◄────────────────────┤
//!   skew:   the logged rows, asked of the offline store ◄──────────┤
//!   training_set: the logged rows as they are ◄────────────────────┘
//! ```
//!
//! Enter: the entity rows of a request and its [`Features`](crate::Features). Leave: files that say all of it, each with its
//! [`LogMetadata`] in the footer, and the reports of those who read them. `layout` is the one place that knows which column holds what;
//! the log, [`replay`] and [`skew`] use it. The log never holds up or fails a request: where too many rows wait, more are dropped
//! and counted, and what can't be written is tried again while there is room for it.

mod batch;
mod cells;
mod columns;
mod compare;
mod distinct;
mod file;
mod growth;
mod kept;
mod layout;
mod logged_set;
mod metadata;
mod pending;
mod question;
mod reader;
mod repeating;
pub mod replay;
mod row_group;
mod sampling;
mod sensitive;
pub mod skew;
mod slots;
pub mod training_set;
mod waiting;
mod writer;

pub(crate) use kept::KeptRows;
pub(crate) use layout::Layout;
pub use metadata::{Hiding, LOG_FORMAT, LOG_KEY, LogMetadata, LoggedComponent};
pub use question::LoggedQuestion;
pub use reader::LogFilter;
pub use writer::{FeatureLog, LogClock, LogCounts};

use serde::Serialize;

/// Rows of a log that could not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// why, as a sentence without its end
    pub reason: String,
    /// how many rows
    pub rows: u64,
}

/// Counts rows that were left out, by reason.
fn leave_out(left_out: &mut Vec<LeftOut>, reason: &str, rows: u64) {
    match left_out.iter_mut().find(|known| known.reason == reason) {
        Some(known) => known.rows += rows,
        None => left_out.push(LeftOut { reason: reason.to_owned(), rows }),
    }
}
