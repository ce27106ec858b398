//! A server that does not answer, remembered: so that those who come next hear of it at once.
//!
//! Without this, everybody would wait for the same connection to fail, and whoever is asked meanwhile would wait in a
//! queue for that. One caller at a time looks whether the server is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Error, ErrorKind, Result};

/// How soon after a failure somebody looks again.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a caller may take to look; then another does.
const LOOK_MAX: Duration = Duration::from_secs(15);

/// What is known of an outage.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// whether there is anything in `known`; so that nobody waits for the lock where all is well
    is_known: AtomicBool,
    known: Mutex<Option<Known>>,
}

/// Somebody who looks. Where they give up, because their own caller has gone, the next one may look at once.
struct Looking<'a>(&'a Outage);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if let Some(known) = self.0.known.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            known.next_look = Instant::now();
        }
    }
}

#[derive(Debug)]
struct Known {
    error: Error,
    next_look: Instant,
}

impl Outage {
    /// Calls `work`, unless the server did not answer a moment ago, or somebody is about to find out whether it does.
    ///
    /// # Errors
    /// What `work` says, or what it said a moment ago.
    pub(super) fn guard<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let looking = self.look_if_known()?;
        let result = work();
        self.learn(looking, &result);
        result
    }

    /// The same for work that is waited for without a thread, and may be given up at any moment.
    ///
    /// # Errors
    /// As [`Outage::guard`].
    pub(super) async fn guard_async<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let looking = self.look_if_known()?;
        let result = work.await;
        self.learn(looking, &result);
        result
    }

    fn look_if_known(&self) -> Result<Option<Looking<'_>>> {
        if !self.is_known.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.look(Instant::now())?;
        Ok(Some(Looking(self)))
    }

    fn learn<T>(&self, looking: Option<Looking<'_>>, result: &Result<T>) {
        // What it found out is said here.
        if let Some(looking) = looking {
            std::mem::forget(looking);
        }
        match result {
            Err(error) if error.kind() == ErrorKind::Unavailable => self.remember(error, Instant::now()),
            _ => self.is_over(),
        }
    }

    /// The server has answered.
    pub(super) fn is_over(&self) {
        if self.is_known.load(Ordering::Relaxed) {
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.is_known.store(false, Ordering::Relaxed);
        }
    }

    /// Lets one caller through each time that somebody should look.
    fn look(&self, now: Instant) -> Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_mut() {
            Some(known) if now < known.next_look => Err(known.error.copied()),
            Some(known) => {
                known.next_look = now + LOOK_MAX;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn remember(&self, error: &Error, now: Instant) {
        let known = Known { error: error.copied(), next_look: now + PAUSE };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        self.is_known.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_looks_after_a_pause_and_the_others_hear_the_last_error() {
        let (outage, start) = (Outage::default(), Instant::now());
        outage.remember(&Error::unavailable("the server does not answer"), start);
        insta::assert_snapshot!(outage.look(start).unwrap_err(), @"the server does not answer");
        assert!(outage.look(start + PAUSE).is_ok());
        assert!(outage.look(start + PAUSE).is_err(), "two looked at once");
        assert!(outage.look(start + PAUSE + LOOK_MAX).is_ok(), "whoever looked has died, and nobody looks");
    }

    #[tokio::test]
    async fn whoever_gives_up_looking_leaves_it_to_the_next() {
        let outage = Outage::default();
        outage.remember(&Error::unavailable("the server does not answer"), Instant::now() - PAUSE);
        let silent = outage.guard_async(std::future::pending::<Result<()>>());
        assert!(tokio::time::timeout(Duration::ZERO, silent).await.is_err(), "nobody answers");
        assert!(outage.guard_async(std::future::ready(Ok(()))).await.is_ok());
        assert!(!outage.is_known.load(Ordering::Relaxed));
    }

    #[test]
    fn an_answer_ends_the_outage_for_everybody() {
        let outage = Outage::default();
        outage.remember(&Error::unavailable("the server does not answer"), Instant::now() - PAUSE);
        assert!(outage.guard(|| Ok(())).is_ok());
        assert!(outage.guard(|| Ok(())).is_ok());
        assert!(!outage.is_known.load(Ordering::Relaxed));
    }

    #[test]
    fn what_is_not_about_the_server_is_no_outage() {
        let outage = Outage::default();
        assert!(outage.guard(|| Err::<(), _>(Error::corrupt("a row is damaged"))).is_err());
        assert!(outage.guard(|| Ok(())).is_ok());
        assert!(outage.guard(|| Err::<(), _>(Error::unavailable("no answer"))).is_err());
        assert!(outage.guard(|| Ok(())).is_err());
    }
}
