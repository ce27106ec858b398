//! What had been materialized when a request was served, by the registry's log.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::sides::Sides;
use crate::Result;
use crate::registry::{Interval, Registry};

/// The parts of the registry's log that were asked about.
pub(super) struct History<'a> {
    registry: &'a Registry,
    known: Vec<Known>,
}

/// What held from one instant to another, in µs: the last is the first at which something else held.
struct Known {
    from: i64,
    to: i64,
    materialized: BTreeMap<String, Vec<Interval>>,
}

impl<'a> History<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self { registry, known: Vec::new() }
    }

    /// Reads the commits that were the newest when rows were served that had nothing to find.
    ///
    /// # Errors
    /// Where the registry can't be read.
    pub(super) async fn learn(&mut self, sides: &Sides<'_>) -> Result<()> {
        for served_at in sides.served_without_a_row() {
            if self.known(served_at).is_some() {
                continue;
            }
            let Ok(instant) = Timestamp::from_microsecond(served_at) else { continue };
            let (commit, next) = self.registry.as_of(instant).await?;
            let from = commit.as_ref().map_or(i64::MIN, |commit| commit.at.as_microsecond());
            let views = commit.map(|commit| commit.state.views).unwrap_or_default();
            let materialized = views.into_iter().map(|(name, view)| (name, view.materialized)).collect();
            let to = next.map_or(i64::MAX, Timestamp::as_microsecond);
            self.known.push(Known { from, to, materialized });
        }
        Ok(())
    }

    /// Whether `instant` of `view` had been materialized at `served_at`, both in µs.
    pub(super) fn was_materialized(&self, view: &str, instant: i64, served_at: i64) -> bool {
        let intervals = self.known(served_at).and_then(|known| known.materialized.get(view));
        intervals.is_some_and(|intervals| {
            intervals.iter().any(|interval| (interval.start..=interval.end).contains(&instant))
        })
    }

    fn known(&self, served_at: i64) -> Option<&Known> {
        self.known.iter().find(|known| (known.from..known.to).contains(&served_at))
    }
}
