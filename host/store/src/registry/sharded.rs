//! Jobs that several workers share: an interval counts as materialized when the last of them is done.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::commit::ViewState;
use super::interval::Interval;

/// Unfinished jobs of one view that are remembered; of more, the oldest are forgotten.
const JOBS_MAX: usize = 16;

/// What the workers of one job were all told. By it they know each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardedRange {
    /// the first microsecond; absent: from the first row on
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    /// the last microsecond
    pub end: i64,
    /// how many workers there are
    pub shards: u32,
}

/// A job of several workers, not all of which are done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardedJob {
    /// what is to be done
    pub range: ShardedRange,
    /// the incarnation of the online store that the shards were written to
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub store: String,
    /// the shards that are done, from 1
    pub done: BTreeSet<u32>,
    /// what will be materialized when all are
    pub covers: Interval,
}

impl ViewState {
    /// Records that all rows of an interval are stored as they come out now.
    pub fn interval_done(&mut self, interval: Interval) {
        interval.merge_into(&mut self.materialized);
        self.outdated = false;
    }

    /// Records that `shard` of the job is done, which covers `interval`; when it was the last, the interval that all
    /// cover counts as materialized. A shard may be done again, and must be where it was written to another incarnation
    /// of the online store, which may have lost it.
    pub fn shard_done(&mut self, range: ShardedRange, shard: u32, interval: Interval, store: &str) {
        let position = self.sharded.iter().position(|job| job.range == range).unwrap_or_else(|| {
            let (store, done) = (store.to_owned(), BTreeSet::new());
            self.sharded.push(ShardedJob { range, store, done, covers: interval });
            self.sharded.len() - 1
        });
        let job = &mut self.sharded[position];
        if job.store != store {
            store.clone_into(&mut job.store);
            job.done.clear();
        }
        job.done.insert(shard);
        // Before its first row a worker saw nothing, but another may have; and all have seen up to the earliest end.
        job.covers.start = job.covers.start.min(interval.start);
        job.covers.end = job.covers.end.min(interval.end);
        if job.done.len() == range.shards as usize {
            let job = self.sharded.remove(position);
            self.interval_done(job.covers);
        } else if self.sharded.len() > JOBS_MAX {
            self.sharded.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: ShardedRange = ShardedRange { start: None, end: 100, shards: 3 };

    fn interval(start: i64, end: i64) -> Interval {
        Interval { start, end }
    }

    #[test]
    fn an_interval_counts_when_every_shard_is_done_in_any_order_and_however_often() {
        let mut view = ViewState::default();
        view.shard_done(RANGE, 3, interval(7, 100), "a");
        view.shard_done(RANGE, 3, interval(7, 100), "a");
        view.shard_done(RANGE, 1, interval(5, 90), "a");
        assert_eq!((view.watermark(), view.sharded.len()), (None, 1));
        view.shard_done(RANGE, 2, interval(9, 100), "a");
        assert_eq!((view.materialized, view.sharded), (vec![interval(5, 90)], vec![]));
    }

    #[test]
    fn shards_that_the_online_store_may_have_lost_do_not_count() {
        let mut view = ViewState::default();
        view.shard_done(RANGE, 1, interval(5, 100), "a");
        view.shard_done(RANGE, 2, interval(5, 100), "b");
        view.shard_done(RANGE, 3, interval(5, 100), "b");
        assert_eq!(view.watermark(), None);
        view.shard_done(RANGE, 1, interval(5, 100), "b");
        assert_eq!(view.watermark(), Some(100));
    }

    #[test]
    fn jobs_over_other_intervals_or_with_other_shards_do_not_count_together() {
        let mut view = ViewState::default();
        view.shard_done(RANGE, 1, interval(5, 100), "a");
        view.shard_done(ShardedRange { end: 101, ..RANGE }, 2, interval(5, 101), "a");
        view.shard_done(ShardedRange { start: Some(5), ..RANGE }, 2, interval(5, 100), "a");
        view.shard_done(ShardedRange { shards: 4, ..RANGE }, 3, interval(5, 100), "a");
        assert_eq!((view.watermark(), view.sharded.len()), (None, 4));
    }

    #[test]
    fn jobs_that_nobody_finishes_do_not_pile_up() {
        let mut view = ViewState::default();
        for end in 0..100 {
            view.shard_done(ShardedRange { end, ..RANGE }, 1, interval(0, end), "a");
        }
        assert_eq!(view.sharded.len(), JOBS_MAX);
        assert_eq!(view.sharded.last().unwrap().range.end, 99);
    }
}
