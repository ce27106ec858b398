//! What may be done at once, on a thread that watches connections, and how much of that.
//!
//! To have another thread do it takes longer than most answers. But a transform that is quick as a rule may be slow on some
//! rows, up to its deadline, and meanwhile the connections of its thread wait. So whoever was slow has to be quick on other
//! threads for a while, and one thread at least is left to the others.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What takes no longer may be done at once: to wake another thread takes some hundredths of that.
const QUICK: Duration = Duration::from_millis(1);

/// The most quick calls that anything has to show.
const OWED_MAX: u32 = 1_000_000;

/// How quick something was of late.
#[derive(Debug)]
pub(crate) struct Quickness {
    /// how many more times it has to be quick elsewhere
    owed: AtomicU32,
}

/// What is not known to be quick isn't.
impl Default for Quickness {
    fn default() -> Self {
        Self { owed: AtomicU32::new(1) }
    }
}

impl Quickness {
    pub(crate) fn is_quick(&self) -> bool {
        self.owed.load(Relaxed) == 0
    }

    /// It took so long once more. Who was slow owes the square of how much too long it was: a dozen quick calls where the
    /// system had something else to do for some milliseconds, thousands where a transform ran to its deadline.
    pub(crate) fn took(&self, time: Duration) {
        if time < QUICK {
            if !self.is_quick() {
                let _ = self.owed.fetch_update(Relaxed, Relaxed, |owed| owed.checked_sub(1));
            }
            return;
        }
        let times = time.div_duration_f64(QUICK);
        self.owed.fetch_max(((times * times) as u32).min(OWED_MAX), Relaxed);
    }
}

/// The threads that watch connections: one for each processor, and two at least, so that there is another when one is
/// held up.
#[must_use]
pub fn connection_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).max(2)
}

/// What is being done on the threads that watch connections.
#[derive(Debug)]
pub(crate) struct AtOnce {
    under_way: AtomicUsize,
    /// when the last of it began, in µs after `since`
    last_us: AtomicU64,
    since: Instant,
    /// how much of it may take long: one thread less than there are
    long_max: usize,
}

/// Something is being done until this is dropped.
#[derive(Debug)]
pub(crate) struct Doing<'a>(&'a AtOnce);

impl AtOnce {
    /// For `threads` threads, from the instant `now` on.
    pub(crate) fn new(threads: usize, now: Instant) -> Self {
        let long_max = threads.saturating_sub(1).max(1);
        Self { under_way: AtomicUsize::new(0), last_us: AtomicU64::new(0), since: now, long_max }
    }

    /// Whether something may be done here at the instant `now`; not where as much is under way as may take long, and all of
    /// that does.
    pub(crate) fn begin(&self, now: Instant) -> Option<Doing<'_>> {
        let now_us = u64::try_from(now.saturating_duration_since(self.since).as_micros()).unwrap_or(u64::MAX);
        let takes_long = || Duration::from_micros(now_us.saturating_sub(self.last_us.load(Relaxed))) > QUICK;
        if self.under_way.load(Relaxed) >= self.long_max && takes_long() {
            return None;
        }
        self.under_way.fetch_add(1, Relaxed);
        self.last_us.store(now_us, Relaxed);
        Some(Doing(self))
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const INSTANT: Duration = Duration::from_micros(20);

    /// How many quick calls it takes from now on.
    fn owed(quickness: &Quickness) -> usize {
        (0..).take_while(|_| !quickness.is_quick()).inspect(|_| quickness.took(INSTANT)).count()
    }

    #[test]
    fn what_was_quick_once_is_until_it_is_slow() {
        let quickness = Quickness::default();
        assert_eq!(owed(&quickness), 1);
        quickness.took(INSTANT);
        assert!(quickness.is_quick());
        quickness.took(MS);
        assert!(!quickness.is_quick());
    }

    #[test]
    fn who_was_slower_has_to_be_quick_for_longer_and_not_for_ever() {
        for (milliseconds, expected) in [(1, 1), (4, 16), (100, 10_000), (100_000, 1_000_000)] {
            let quickness = Quickness::default();
            quickness.took(MS * milliseconds);
            assert_eq!(owed(&quickness), expected, "{milliseconds} ms");
        }
    }

    #[test]
    fn being_slow_again_begins_anew_and_a_shorter_time_takes_nothing_off() {
        let quickness = Quickness::default();
        quickness.took(MS * 100);
        (0..9_000).for_each(|_| quickness.took(INSTANT));
        quickness.took(MS * 4);
        assert_eq!(owed(&quickness), 1_000);
        quickness.took(MS * 100);
        (0..9_000).for_each(|_| quickness.took(INSTANT));
        quickness.took(MS * 100);
        assert_eq!(owed(&quickness), 10_000);
    }

    #[test]
    fn all_threads_are_used_while_each_gets_on_and_one_stays_free_of_what_does_not() {
        let start = Instant::now();
        let threads = AtOnce::new(3, start);
        let (first, second) = (threads.begin(start), threads.begin(start));
        assert!(first.is_some() && second.is_some());
        let third = threads.begin(start + MS);
        assert!(third.is_some(), "the others may be done in a moment");
        drop(third);
        assert!(threads.begin(start + MS * 3).is_none(), "two of three threads are held up");
        drop(first);
        let again = threads.begin(start + MS * 3);
        assert!(again.is_some());
        assert!(threads.begin(start + MS * 5).is_none());
        drop((second, again));
        assert!(threads.begin(start + MS * 5).is_some());
    }
}
