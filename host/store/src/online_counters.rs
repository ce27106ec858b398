//! What is counted of requests' reads: how long the online store took, what came of the values, how old the rows were.
//!
//! Counters only grow, and are read without stopping anyone. They belong to a project, not to one of its commits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::Status;
use crate::features::StatusCounts;

/// Upper ends of the buckets of reads, in seconds; the last bucket has none.
pub const READ_SECONDS: [f64; 13] =
    [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];

/// Upper ends of the buckets of ages, in seconds: a second to ninety days; the last bucket has none.
pub const AGE_SECONDS: [f64; 12] =
    [1.0, 10.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 259_200.0, 604_800.0, 2_592_000.0, 7_776_000.0];

/// The statuses in the order in which they are counted.
pub const STATUSES: [Status; 5] =
    [Status::Present, Status::NullValue, Status::NotFound, Status::OutsideMaxAge, Status::Invalid];

/// The counters of a project.
#[derive(Debug, Default)]
pub struct OnlineCounters {
    reads: Histogram<{ READ_SECONDS.len() + 1 }>,
    failed_reads: AtomicU64,
    views: RwLock<BTreeMap<String, Arc<ViewCounters>>>,
}

/// The counters of one feature view, or on-demand feature view.
#[derive(Debug, Default)]
pub struct ViewCounters {
    statuses: [AtomicU64; STATUSES.len()],
    ages: Histogram<{ AGE_SECONDS.len() + 1 }>,
}

/// How often something took how long.
#[derive(Debug)]
struct Histogram<const BUCKETS: usize> {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

/// A histogram as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramCounts {
    /// how many were in each bucket and in none before; the last is for all that are greater than every end
    pub buckets: Vec<u64>,
    /// the sum of all, in seconds
    pub sum_seconds: f64,
}

impl OnlineCounters {
    /// The counters of `view`, made where there are none yet.
    pub(crate) fn view(&self, view: &str) -> Arc<ViewCounters> {
        // A panic can't leave half of an entry behind.
        let known = self.views.read().unwrap_or_else(PoisonError::into_inner).get(view).map(Arc::clone);
        known.unwrap_or_else(|| {
            let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(views.entry(view.to_owned()).or_default())
        })
    }

    /// Counts a read.
    pub(crate) fn read(&self, time: Duration, succeeded: bool) {
        self.reads.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), &READ_SECONDS);
        if !succeeded {
            self.failed_reads.fetch_add(1, Relaxed);
        }
    }

    /// How long reads took, by [`READ_SECONDS`]; failed ones included.
    #[must_use]
    pub fn reads(&self) -> HistogramCounts {
        self.reads.counts()
    }

    /// How many reads failed.
    #[must_use]
    pub fn failed_reads(&self) -> u64 {
        self.failed_reads.load(Relaxed)
    }

    /// The views that were asked for, by name.
    #[must_use]
    pub fn views(&self) -> BTreeMap<String, Arc<ViewCounters>> {
        self.views.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ViewCounters {
    /// Counts the values of some features.
    pub(crate) fn statuses(&self, counts: &StatusCounts) {
        let StatusCounts { present, null_value, not_found, outside_max_age, invalid } = *counts;
        for (counter, count) in self.statuses.iter().zip([present, null_value, not_found, outside_max_age, invalid]) {
            if count > 0 {
                counter.fetch_add(count, Relaxed);
            }
        }
    }

    /// Counts how old rows were, in µs, at the instants they were asked for.
    pub(crate) fn ages(&self, ages_us: impl Iterator<Item = i64>) {
        ages_us.for_each(|age| self.ages.observe(u64::try_from(age).unwrap_or(0), &AGE_SECONDS));
    }

    /// How many values there were of each status, in the order of [`STATUSES`].
    #[must_use]
    pub fn values(&self) -> [(Status, u64); STATUSES.len()] {
        std::array::from_fn(|index| (STATUSES[index], self.statuses[index].load(Relaxed)))
    }

    /// How old the rows were that were read, by [`AGE_SECONDS`].
    #[must_use]
    pub fn row_ages(&self) -> HistogramCounts {
        self.ages.counts()
    }
}

impl<const BUCKETS: usize> Histogram<BUCKETS> {
    fn observe(&self, us: u64, ends_seconds: &[f64]) {
        let seconds = us as f64 / 1e6;
        let bucket = ends_seconds.iter().position(|end| seconds <= *end).unwrap_or(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }

    fn counts(&self) -> HistogramCounts {
        HistogramCounts {
            buckets: self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect(),
            sum_seconds: self.sum_us.load(Relaxed) as f64 / 1e6,
        }
    }
}

impl<const BUCKETS: usize> Default for Histogram<BUCKETS> {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)), sum_us: AtomicU64::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_bucket_that_it_fits() {
        let counters = OnlineCounters::default();
        for us in [0, 50, 51, 2_000_000, 2_000_001] {
            counters.read(Duration::from_micros(us), us != 51);
        }
        let HistogramCounts { buckets, sum_seconds } = counters.reads();
        assert_eq!((buckets[0], buckets[1], buckets[12], buckets[13]), (2, 1, 1, 1));
        assert_eq!(buckets.iter().sum::<u64>(), 5);
        assert!((sum_seconds - 4.000_102).abs() < 1e-9, "{sum_seconds}");
        assert_eq!(counters.failed_reads(), 1);
    }

    #[test]
    fn a_view_keeps_its_counters_whoever_asks_for_them() {
        let counters = OnlineCounters::default();
        let counts = StatusCounts { present: 2, not_found: 1, ..StatusCounts::default() };
        counters.view("facts").statuses(&counts);
        counters.view("facts").statuses(&counts);
        counters.view("facts").ages([500_000, 2_000_000_000_000_000].into_iter());
        let views = counters.views();
        assert_eq!(views["facts"].values().map(|(_, count)| count), [4, 0, 2, 0, 0]);
        let ages = views["facts"].row_ages().buckets;
        assert_eq!((ages[0], ages[AGE_SECONDS.len()]), (1, 1));
    }
}
