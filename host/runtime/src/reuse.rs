//! Instances that are kept for the next call.
//!
//! An earned optimisation: a transform's instances are kept only after a certificate says that a kept one computes the
//! same bits as a fresh one. And trust is good: each instance is replaced after a number of calls that is drawn anew
//! each time, so that no pattern of traffic meets always the same state; some calls are repeated on a fresh instance;
//! and the first difference ends the reuse for good.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::Instance;
use crate::random::mix;

/// How instances are reused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReuseOptions {
    /// How many calls an instance answers before it is replaced, drawn for each instance.
    pub calls: RangeInclusive<u32>,
    /// An instance whose linear memory has grown beyond this is replaced.
    pub memory_bytes_max: usize,
    /// How many instances wait for calls, of all transforms together; more are dropped.
    pub idle_max: usize,
    /// One in so many calls is repeated on a fresh instance, to compare; which ones is drawn. 0: none.
    pub shadow_one_in: u32,
    /// Where the drawing starts.
    pub seed: u64,
}

impl Default for ReuseOptions {
    fn default() -> Self {
        Self { calls: 500..=1_500, memory_bytes_max: 64 << 20, idle_max: 64, shadow_one_in: 1_000, seed: 0 }
    }
}

/// The kept instances of one transform.
pub(crate) struct Reuse {
    options: ReuseOptions,
    idle: Mutex<Vec<Kept>>,
    /// how many are idle, of all transforms of the runtime
    idle_total: Arc<AtomicUsize>,
    off: AtomicBool,
    drawn: AtomicU64,
}

/// An instance, and how many more calls it will answer.
pub(crate) struct Kept {
    pub(crate) instance: Instance,
    pub(crate) calls_left: u32,
}

impl Reuse {
    pub(crate) fn new(options: &ReuseOptions, idle_total: &Arc<AtomicUsize>) -> Self {
        Self {
            options: options.clone(),
            idle: Mutex::default(),
            idle_total: Arc::clone(idle_total),
            off: AtomicBool::new(false),
            drawn: AtomicU64::new(options.seed),
        }
    }

    /// An idle instance, the one that was used last.
    pub(crate) fn take(&self) -> Option<Kept> {
        let kept = self.idle().pop()?;
        self.idle_total.fetch_sub(1, Relaxed);
        Some(kept)
    }

    /// What a fresh instance becomes that shall be kept.
    pub(crate) fn keep(&self, instance: Instance) -> Kept {
        let (least, most) = (*self.options.calls.start(), *self.options.calls.end());
        let spread = u64::from(most.saturating_sub(least)) + 1;
        let calls = u64::from(least) + self.draw() % spread;
        Kept { instance, calls_left: u32::try_from(calls).unwrap_or(u32::MAX) }
    }

    /// Takes an instance back after a call that succeeded; drops it where it has done its part.
    pub(crate) fn give_back(&self, mut kept: Kept) {
        kept.calls_left = kept.calls_left.saturating_sub(1);
        if kept.calls_left == 0 || kept.instance.memory_bytes() > self.options.memory_bytes_max {
            return;
        }
        let mut idle = self.idle();
        let is_room = self.is_on() && self.idle_total.load(Relaxed) < self.options.idle_max;
        if is_room {
            self.idle_total.fetch_add(1, Relaxed);
            idle.push(kept);
        }
    }

    /// Whether this call is to be repeated on a fresh instance.
    pub(crate) fn is_shadowed(&self) -> bool {
        self.options.shadow_one_in > 0 && self.draw().is_multiple_of(u64::from(self.options.shadow_one_in))
    }

    pub(crate) fn is_on(&self) -> bool {
        !self.off.load(Relaxed)
    }

    /// Ends the reuse, for good.
    pub(crate) fn turn_off(&self) {
        self.off.store(true, Relaxed);
        let idle = std::mem::take(&mut *self.idle());
        self.idle_total.fetch_sub(idle.len(), Relaxed);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) -> u64 {
        mix(self.drawn.fetch_add(1, Relaxed))
    }
}

impl Drop for Reuse {
    fn drop(&mut self) {
        self.turn_off();
    }
}
