//! How many calls may run at once: a counter that is free of locks until somebody has to wait.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts what is under way. How many that may be is said by whoever asks.
#[derive(Default)]
pub(crate) struct Permits {
    running: AtomicUsize,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    ended: Condvar,
}

/// One permit; given back when dropped.
pub(crate) struct Permit<'a> {
    permits: &'a Permits,
}

/// Nothing ended for so long.
pub(crate) struct Waited(pub(crate) Duration);

impl Permits {
    /// Takes a permit where less than `max` are taken, else waits for one, for a while.
    ///
    /// # Errors
    /// [`Waited`] when the while is over.
    pub(crate) fn acquire(&self, max: usize, wait_max: Duration) -> Result<Permit<'_>, Waited> {
        if self.take(max) || self.wait(max, wait_max) { Ok(Permit { permits: self }) } else { Err(Waited(wait_max)) }
    }

    fn take(&self, max: usize) -> bool {
        self.running.fetch_update(SeqCst, SeqCst, |running| (running < max).then_some(running + 1)).is_ok()
    }

    /// Whoever gives a permit back looks at `waiting` afterwards, and whoever waits looks for a permit after it is
    /// counted there; so one of the two sees the other.
    fn wait(&self, max: usize, wait_max: Duration) -> bool {
        let until = Instant::now() + wait_max;
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_add(1, SeqCst);
        let mut taken = self.take(max);
        while !taken {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (lock, _) = self.ended.wait_timeout(lock, left).unwrap_or_else(PoisonError::into_inner);
            taken = self.take(max);
        }
        self.waiting.fetch_sub(1, SeqCst);
        taken
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.permits.running.fetch_sub(1, SeqCst);
        if self.permits.waiting.load(SeqCst) > 0 {
            drop(self.permits.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.permits.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(10);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_call_without_a_permit_is_refused_after_the_wait_and_taken_once_one_is_free() {
        let permits = Permits::default();
        let first = permits.acquire(1, SHORT).ok().unwrap();
        assert!(permits.acquire(1, SHORT).is_err());
        drop(first);
        assert!(permits.acquire(1, SHORT).is_ok());
    }

    #[test]
    fn whoever_waits_gets_the_permit_that_is_given_back() {
        let permits = Permits::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..1_000).for_each(|_| drop(permits.acquire(2, LONG).ok().unwrap())));
            }
        });
        assert_eq!((permits.running.load(SeqCst), permits.waiting.load(SeqCst)), (0, 0));
    }
}
