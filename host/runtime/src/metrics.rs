//! What is counted of a transform: calls, rows, time, limits, shadows, instances.
//!
//! Counters only grow, and are read without stopping anyone; two of them may be a call apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::error::{Error, Limit};

/// Upper ends of the time histogram's buckets, in microseconds; the last bucket has none.
pub const CALL_TIME_BUCKETS_US: [u64; 14] =
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 20_000, 100_000, 1_000_000];

/// The counters of one loaded transform, which its clones share.
#[derive(Default)]
pub(crate) struct Metrics {
    calls: AtomicU64,
    rows: AtomicU64,
    failed_rows: AtomicU64,
    failed_calls: AtomicU64,
    limit_hits: [AtomicU64; Limit::KINDS.len()],
    overloads: AtomicU64,
    call_time_us: [AtomicU64; CALL_TIME_BUCKETS_US.len() + 1],
    call_time_ns_total: AtomicU64,
    reused: AtomicU64,
    shadow_checks: AtomicU64,
    shadow_mismatches: AtomicU64,
    instances_alive: AtomicU64,
}

/// What was counted of a transform since it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransformMetrics {
    /// calls of the component's `apply`, failed ones included
    pub calls: u64,
    /// rows handed over in them
    pub rows: u64,
    /// rows that the transform failed
    pub failed_rows: u64,
    /// calls that failed as a whole: an error, a trap, a limit, unusable columns
    pub failed_calls: u64,
    /// calls that broke a limit, by the limit's name
    pub limit_hits: [(&'static str, u64); Limit::KINDS.len()],
    /// calls that were refused because too many were under way
    pub overloads: u64,
    /// calls by their time, as a histogram: `call_time_us[i]` took at most [`CALL_TIME_BUCKETS_US`]`[i]` and more than
    /// the bucket before; the last took longer than all of them. From Arrow to Arrow, without the wait for a permit
    pub call_time_us: [u64; CALL_TIME_BUCKETS_US.len() + 1],
    /// the time of all calls together
    pub call_time_total: Duration,
    /// calls that a reused instance answered
    pub reused: u64,
    /// calls that were repeated on a fresh instance, to compare
    pub shadow_checks: u64,
    /// how many of them differed; reuse is off after the first
    pub shadow_mismatches: u64,
    /// instances that exist now, idle ones included
    pub instances_alive: u64,
}

impl Metrics {
    /// Counts a call that ended.
    pub(crate) fn call(&self, rows: usize, time: Duration, result: Result<usize, &Error>) {
        self.calls.fetch_add(1, Relaxed);
        self.rows.fetch_add(rows as u64, Relaxed);
        let us = time.as_micros();
        let bucket = CALL_TIME_BUCKETS_US.iter().position(|end| us <= u128::from(*end));
        self.call_time_us[bucket.unwrap_or(CALL_TIME_BUCKETS_US.len())].fetch_add(1, Relaxed);
        self.call_time_ns_total.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        match result {
            Ok(0) => {}
            Ok(failed_rows) => drop(self.failed_rows.fetch_add(failed_rows as u64, Relaxed)),
            Err(error) => self.failure(error),
        }
    }

    /// Counts a failure; one without a call is a call that was refused.
    pub(crate) fn failure(&self, error: &Error) {
        match error {
            Error::Overloaded { .. } => drop(self.overloads.fetch_add(1, Relaxed)),
            Error::LimitExceeded { limit, .. } => {
                self.failed_calls.fetch_add(1, Relaxed);
                self.limit_hits[limit.kind()].fetch_add(1, Relaxed);
            }
            _ => drop(self.failed_calls.fetch_add(1, Relaxed)),
        }
    }

    pub(crate) fn reused(&self) {
        self.reused.fetch_add(1, Relaxed);
    }

    /// Counts a comparison of a reused instance with a fresh one.
    pub(crate) fn shadow(&self, equal: bool) {
        self.shadow_checks.fetch_add(1, Relaxed);
        self.shadow_mismatches.fetch_add(u64::from(!equal), Relaxed);
    }

    pub(crate) fn snapshot(&self) -> TransformMetrics {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        TransformMetrics {
            calls: read(&self.calls),
            rows: read(&self.rows),
            failed_rows: read(&self.failed_rows),
            failed_calls: read(&self.failed_calls),
            limit_hits: std::array::from_fn(|kind| (Limit::KINDS[kind], read(&self.limit_hits[kind]))),
            overloads: read(&self.overloads),
            call_time_us: std::array::from_fn(|bucket| read(&self.call_time_us[bucket])),
            call_time_total: Duration::from_nanos(read(&self.call_time_ns_total)),
            reused: read(&self.reused),
            shadow_checks: read(&self.shadow_checks),
            shadow_mismatches: read(&self.shadow_mismatches),
            instances_alive: read(&self.instances_alive),
        }
    }
}

/// Counts an instance for as long as it lives.
pub(crate) struct Alive(Arc<Metrics>);

impl Alive {
    pub(crate) fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.instances_alive.fetch_add(1, Relaxed);
        Self(Arc::clone(metrics))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.instances_alive.fetch_sub(1, Relaxed);
    }
}
