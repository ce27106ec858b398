//! Who is computed now, who waits, and who is sent away.
//!
//! A request that blocks a thread needs a place, and waits for one; a small request to Redis needs none, and waits for
//! Redis. All who wait are counted together, and bounded in number and in time: where more comes than can be answered,
//! most of it hears so at once, and what is answered is answered soon. What is quick needs none of this: [`AtOnce`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::at_once::{AtOnce, connection_threads};
use crate::http::Limits;

/// The places of a server.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// how many were sent away, in the order of [`Shed::ALL`]
    shed: [AtomicU64; Shed::ALL.len()],
    limits: Limits,
    /// what needs no place, for it is done where it came in
    pub(crate) at_once: AtOnce,
}

/// Too many others want to be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: {under_way} are under way and {waiting} wait; try again in a moment, or elsewhere")]
pub struct Overload {
    under_way: usize,
    waiting: usize,
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
        let places = Arc::new(Semaphore::new(limits.under_way_max));
        let at_once = AtOnce::new(connection_threads(), Instant::now());
        Self { places, waiting: AtomicUsize::new(0), shed: Default::default(), limits, at_once }
    }

    /// A place, given back when it is dropped.
    pub(crate) async fn place(&self) -> Result<OwnedSemaphorePermit, Overload> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let waits = self.counted(self.limits.waiting_max)?;
        let place = tokio::time::timeout(self.limits.wait_max, Arc::clone(&self.places).acquire_owned()).await;
        drop(waits);
        place.map_err(|_| self.send_away(Shed::WaitedTooLong)).map(|place| place.expect("nobody closes the semaphore"))
    }

    /// Counted among those who wait, until what comes back is dropped: for something else than a place, which as many can
    /// wait for as may be in the server at all.
    pub(crate) fn wait(&self) -> Result<Waiting<'_>, Overload> {
        self.counted(self.limits.under_way_max.saturating_add(self.limits.waiting_max))
    }

    fn counted(&self, max: usize) -> Result<Waiting<'_>, Overload> {
        Waiting::new(&self.waiting, max).ok_or_else(|| self.send_away(Shed::QueueFull))
    }

    fn send_away(&self, shed: Shed) -> Overload {
        self.shed[shed as usize].fetch_add(1, Relaxed);
        let (under_way, waiting) = self.counts();
        Overload { under_way, waiting }
    }

    /// How many were sent away, and why.
    pub(crate) fn shed(&self) -> [(Shed, u64); Shed::ALL.len()] {
        Shed::ALL.map(|shed| (shed, self.shed[shed as usize].load(Relaxed)))
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
pub(crate) struct Waiting<'a>(&'a AtomicUsize);

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
        assert_eq!(admission.place().await.unwrap_err(), Overload { under_way: 1, waiting: 1 });
        let third = admission.wait().unwrap();
        assert!(admission.wait().is_err(), "more than may be in the server at all");
        drop(third);
        assert_eq!(admission.shed(), [(Shed::QueueFull, 2), (Shed::WaitedTooLong, 0)]);
        drop(first);
        assert_eq!(second.await.unwrap(), Ok(()));
        assert_eq!(admission.counts(), (0, 0));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_and_whoever_leaves_is_not_counted_any_more() {
        let admission = admission(1, Duration::from_millis(1));
        let _first = admission.place().await.unwrap();
        assert!(admission.place().await.is_err());
        assert_eq!(admission.shed(), [(Shed::QueueFull, 0), (Shed::WaitedTooLong, 1)]);
        drop(tokio::time::timeout(Duration::ZERO, admission.place()).await);
        assert_eq!(admission.counts(), (1, 0));
    }
}
