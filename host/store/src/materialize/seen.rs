//! What went by of a source.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use futures::{Stream, TryStreamExt as _};

use crate::Result;
use crate::offline::source::SourceRows;

/// Counts rows while others use them.
#[derive(Debug)]
pub(super) struct Seen {
    rows: AtomicU64,
    left_out: AtomicU64,
    first_event_timestamp: AtomicI64,
}

impl Default for Seen {
    fn default() -> Self {
        Self { rows: AtomicU64::new(0), left_out: AtomicU64::new(0), first_event_timestamp: AtomicI64::new(i64::MAX) }
    }
}

impl Seen {
    /// The same rows, counted as they go by.
    pub(super) fn watch(
        self: Arc<Self>,
        rows: impl Stream<Item = Result<SourceRows>> + Send + 'static,
    ) -> impl Stream<Item = Result<SourceRows>> + Send + 'static {
        rows.inspect_ok(move |rows| {
            self.rows.fetch_add(rows.event_timestamps.len() as u64 + rows.left_out, Ordering::Relaxed);
            self.left_out.fetch_add(rows.left_out, Ordering::Relaxed);
            let first = rows.event_timestamps.iter().min().copied().unwrap_or(i64::MAX);
            self.first_event_timestamp.fetch_min(first, Ordering::Relaxed);
        })
    }

    /// All rows, and among them those without a join key or an event timestamp.
    pub(super) fn rows(&self) -> (u64, u64) {
        (self.rows.load(Ordering::Relaxed), self.left_out.load(Ordering::Relaxed))
    }

    /// The first event timestamp, in µs; the end of time where there was none.
    pub(super) fn first(&self) -> i64 {
        self.first_event_timestamp.load(Ordering::Relaxed)
    }
}
