//! How fast a job goes, and when it will be done.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use skewless_store::materialize::Progress;

use crate::table::grouped;

/// Follows a job from feature view to feature view.
pub(crate) struct Pace {
    view: Mutex<(String, Instant)>,
}

impl Pace {
    pub(crate) fn start() -> Self {
        Self { view: Mutex::new((String::new(), Instant::now())) }
    }

    /// One line about how far the job is.
    pub(crate) fn tell(&self, progress: &Progress<'_>) -> String {
        let mut view = self.view.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if view.0 != progress.feature_view {
            *view = (progress.feature_view.to_owned(), Instant::now());
        }
        told(progress, view.1.elapsed())
    }
}

fn told(progress: &Progress<'_>, elapsed: Duration) -> String {
    let Progress { feature_view, rows_read, rows, entities } = *progress;
    if entities > 0 {
        return format!("{feature_view}: {} rows read, {} entities written", grouped(rows_read), grouped(entities));
    }
    let mut text = format!("{feature_view}: {} rows read", grouped(rows_read));
    let seconds = elapsed.as_secs_f64();
    if seconds < 0.5 {
        return text;
    }
    let rows_a_second = rows_read as f64 / seconds;
    text += &format!(", {} rows/s", grouped(rows_a_second as u64));
    if let Some(rows) = rows.filter(|rows| *rows > rows_read && rows_read > 0) {
        text += &format!(", at most {} s to read the rest", ((rows - rows_read) as f64 / rows_a_second).ceil());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_rows_that_are_left() {
        let at = |rows_read, rows, entities, seconds| {
            let progress = Progress { feature_view: "visits", rows_read, rows, entities };
            told(&progress, Duration::from_secs_f64(seconds))
        };
        insta::assert_snapshot!(at(100, Some(1_000), 0, 0.1), @"visits: 100 rows read");
        insta::assert_snapshot!(at(20_000, Some(100_000), 0, 2.0), @"visits: 20,000 rows read, 10,000 rows/s, at most 8 s to read the rest");
        insta::assert_snapshot!(at(20_000, None, 0, 2.0), @"visits: 20,000 rows read, 10,000 rows/s");
        insta::assert_snapshot!(at(0, Some(10), 0, 2.0), @"visits: 0 rows read, 0 rows/s");
        insta::assert_snapshot!(at(100_000, Some(100_000), 50_000, 9.0), @"visits: 100,000 rows read, 50,000 entities written");
    }
}
