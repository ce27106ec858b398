//! Rows of a question that were served and are not encoded yet, in columns.
//!
//! A request adds its rows itself: its columns are in its core's cache, and are no longer needed afterwards. To keep them for another
//! thread would cost more than to copy them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::layout::Growth;

/// How many requests can add rows at one time.
const PARTS: usize = 4;

/// The rows that wait, in a few parts, so that requests need not wait for each other.
#[derive(Default)]
pub(super) struct Waiting {
    /// none where no row waits
    parts: [Mutex<Option<Growth>>; PARTS],
    /// rows of the part that was taken last, which the next may come to
    rows_before: AtomicUsize,
}

impl Waiting {
    /// A part for a request to add its rows to: the first that nobody holds. Who is alone finds its rows in the order in which it
    /// added them.
    pub(super) fn part(&self) -> MutexGuard<'_, Option<Growth>> {
        let free = self.parts.iter().find_map(|part| match part.try_lock() {
            Ok(part) => Some(part),
            Err(TryLockError::Poisoned(part)) => Some(part.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.unwrap_or_else(|| self.parts[0].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// For how many rows a new part should have room, so that it need not be moved while it grows.
    pub(super) fn expected_rows(&self) -> usize {
        self.rows_before.load(Ordering::Relaxed)
    }

    /// Takes what there is.
    pub(super) fn take(&self) -> impl Iterator<Item = Growth> + '_ {
        let taken = self.parts.iter().filter_map(|part| part.lock().unwrap_or_else(PoisonError::into_inner).take());
        taken.inspect(|growth| self.rows_before.store(growth.rows(), Ordering::Relaxed))
    }
}
