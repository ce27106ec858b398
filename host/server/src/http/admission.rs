//! Who is computed now, who waits, and who is sent away.
//!
//! The queue is bounded in length and in time: where more comes than can be answered, most of it hears so at once, and
//! what is answered is answered soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;

/// The places of a server.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    limits: Limits,
}

/// Why somebody is sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shed {
    /// too many wait already
    QueueFull,
    /// it waited for as long as anybody may
    WaitedTooLong,
}

impl Admission {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { places: Arc::new(Semaphore::new(limits.under_way_max)), waiting: AtomicUsize::new(0), limits }
    }

    /// A place, given back when it is dropped.
    pub(crate) async fn place(&self) -> Result<OwnedSemaphorePermit, Shed> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let waits = Waiting::new(&self.waiting, self.limits.waiting_max).ok_or(Shed::QueueFull)?;
        let place = tokio::time::timeout(self.limits.wait_max, Arc::clone(&self.places).acquire_owned()).await;
        drop(waits);
        place.map_err(|_| Shed::WaitedTooLong).map(|place| place.expect("nobody closes the semaphore"))
    }

    /// How many are computed, and how many wait.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.limits.under_way_max - self.places.available_permits(), self.waiting.load(Relaxed))
    }
}

impl Shed {
    pub(crate) const ALL: [Self; 2] = [Self::QueueFull, Self::WaitedTooLong];

    /// The word in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::WaitedTooLong => "waited_too_long",
        }
    }
}

/// Counted as waiting for as long as it lives, which may end at any moment: callers leave.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        let room = waiting.fetch_update(Relaxed, Relaxed, |waiting| (waiting < max).then_some(waiting + 1));
        room.is_ok().then(|| Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn admission(waiting_max: usize, wait_max: Duration) -> Admission {
        Admission::new(Limits { under_way_max: 1, waiting_max, wait_max, ..Limits::default() })
    }

    #[tokio::test]
    async fn whoever_comes_when_all_places_are_taken_waits_for_one() {
        let admission = Arc::new(admission(1, Duration::from_secs(60)));
        let first = admission.place().await.unwrap();
        let second = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.place().await.map(drop) }
        });
        while admission.counts() != (1, 1) {
            tokio::task::yield_now().await;
        }
        assert_eq!(admission.place().await.unwrap_err(), Shed::QueueFull);
        drop(first);
        assert_eq!(second.await.unwrap(), Ok(()));
        assert_eq!(admission.counts(), (0, 0));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_and_whoever_leaves_is_not_counted_any_more() {
        let admission = admission(1, Duration::from_millis(1));
        let _first = admission.place().await.unwrap();
        assert_eq!(admission.place().await.unwrap_err(), Shed::WaitedTooLong);
        drop(tokio::time::timeout(Duration::ZERO, admission.place()).await);
        assert_eq!(admission.counts(), (1, 0));
    }
}
