//! Which stretches of time are materialized.

use serde::{Deserialize, Serialize};

/// A stretch of time in microseconds since 1970-01-01T00:00:00 UTC, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// the first microsecond
    pub start: i64,
    /// the last microsecond
    pub end: i64,
}

impl Interval {
    /// Adds this interval to `intervals`, which are sorted and neither overlap nor touch, and leaves them so. An
    /// interval that ends before it starts adds nothing.
    pub fn merge_into(self, intervals: &mut Vec<Self>) {
        if self.start > self.end {
            return;
        }
        // Microseconds are whole, so an interval also touches one that starts at the next.
        let first = intervals.partition_point(|other| other.end < self.start.saturating_sub(1));
        let after = intervals.partition_point(|other| other.start <= self.end.saturating_add(1));
        let joined = intervals[first..after]
            .iter()
            .fold(self, |joined, other| Self { start: joined.start.min(other.start), end: joined.end.max(other.end) });
        intervals.splice(first..after, [joined]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn merged(intervals: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let mut merged = Vec::new();
        intervals.iter().for_each(|&(start, end)| Interval { start, end }.merge_into(&mut merged));
        merged.into_iter().map(|Interval { start, end }| (start, end)).collect()
    }

    #[test]
    fn intervals_that_touch_or_overlap_become_one() {
        assert_eq!(merged(&[(0, 10), (20, 30)]), [(0, 10), (20, 30)]);
        assert_eq!(merged(&[(20, 30), (0, 10)]), [(0, 10), (20, 30)]);
        assert_eq!(merged(&[(0, 10), (10, 20)]), [(0, 20)]);
        assert_eq!(merged(&[(0, 10), (11, 20)]), [(0, 20)]);
        assert_eq!(merged(&[(0, 10), (12, 20)]), [(0, 10), (12, 20)]);
        assert_eq!(merged(&[(0, 10), (20, 30), (5, 25)]), [(0, 30)]);
        assert_eq!(merged(&[(0, 30), (10, 20)]), [(0, 30)]);
        assert_eq!(merged(&[(5, 4)]), []);
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        assert_eq!(merged(&[(i64::MIN, 0), (1, i64::MAX)]), [(i64::MIN, i64::MAX)]);
        assert_eq!(merged(&[(i64::MAX, i64::MAX), (i64::MIN, i64::MIN)]).len(), 2);
    }

    proptest! {
        #[test]
        fn merging_covers_the_same_instants_with_the_fewest_intervals(
            intervals in prop::collection::vec((0..40_i64, 0..8_i64), 0..12),
        ) {
            let intervals: Vec<_> = intervals.into_iter().map(|(start, length)| (start, start + length)).collect();
            let instants: BTreeSet<i64> = intervals.iter().flat_map(|&(start, end)| start..=end).collect();
            let merged = merged(&intervals);
            let covered: Vec<i64> = merged.iter().flat_map(|&(start, end)| start..=end).collect();
            prop_assert_eq!(covered, instants.into_iter().collect::<Vec<_>>());
            prop_assert!(merged.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
