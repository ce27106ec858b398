//! How far a long job is: a line that moves on a terminal, and nothing in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// One job's line. It vanishes with the value.
pub(crate) struct Progress {
    line: ProgressBar,
}

impl Progress {
    pub(crate) fn start(output: &Output) -> Self {
        if !output.shows_progress() {
            return Self { line: ProgressBar::hidden() };
        }
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("the template is well formed");
        let line = ProgressBar::new_spinner().with_style(style);
        line.enable_steady_tick(Duration::from_millis(100));
        Self { line }
    }

    pub(crate) fn say(&self, text: String) {
        self.line.set_message(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}
