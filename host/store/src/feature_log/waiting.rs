//! Rows of a question that were served and are not encoded yet, in columns.
//!
//! A request adds its rows itself: what it has is in its core's cache, and is no longer needed afterwards. To keep it for another
//! thread would cost more than to copy it. Threads have parts of their own, so that mostly none waits for another, nor writes to what
//! another has written to last.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::growth::Growth;

/// How many parts there are at most.
const PARTS: usize = 16;

/// The rows that wait, in parts.
#[derive(Default)]
pub(super) struct Waiting {
    /// none where no row waits
    parts: [Part; PARTS],
    /// rows of the part that was taken last, which the next may come to
    rows_before: AtomicUsize,
}

/// One of them, for some threads. No other lies in the same line of a cache, or in the next, which is read with it.
#[derive(Default)]
#[repr(align(128))]
struct Part(Mutex<Option<Growth>>);

impl Part {
    fn lock(&self) -> MutexGuard<'_, Option<Growth>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The part to which this thread adds rows. Who is alone finds its rows in the order in which it added them, but those that were alone in
    /// their request behind the others.
    pub(super) fn part(&self) -> MutexGuard<'_, Option<Growth>> {
        self.parts[thread_number() % PARTS].lock()
    }

    /// For how many rows a new part should have room, so that it need not be moved while it grows.
    pub(super) fn expected_rows(&self) -> usize {
        self.rows_before.load(Ordering::Relaxed)
    }

    /// Takes what there is.
    pub(super) fn take(&self) -> impl Iterator<Item = Growth> + '_ {
        let taken = self.parts.iter().filter_map(|part| part.lock().take());
        taken.inspect(|growth| self.rows_before.store(growth.rows(), Ordering::Relaxed))
    }
}

/// The number of this thread, which no other has.
fn thread_number() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}
