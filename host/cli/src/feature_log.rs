//! The feature log of a server, as the command line starts it; and a log as the verbs that read one name it.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use skewless_store::FeatureStore;
use skewless_store::feature_log::{FeatureLog, LeftOut, LogFilter};

use crate::clock;
use crate::failure::{Failure, Result};
use crate::instant::parse_instant;
use crate::session::Session;
use crate::table::{counted, grouped};

/// How long the end of a server may wait for its log to be written.
const CLOSE_MAX: Duration = Duration::from_secs(10);

/// What of the log can be said beside `skewless.yaml`.
#[derive(Args)]
#[command(next_help_heading = "Feature log")]
pub(crate) struct LogArguments {
    /// Log what is served to this folder or URL, whatever `feature_logging` in skewless.yaml says
    #[arg(long, value_name = "PATH")]
    log_path: Option<String>,
    /// The share of the entities whose requests are logged, from 0 to 1
    #[arg(long, value_name = "SHARE")]
    log_rate: Option<f64>,
}

impl LogArguments {
    /// Starts the log, if there is to be one.
    pub(crate) fn start(&self, session: &Session, store: &FeatureStore) -> Result<Option<Arc<FeatureLog>>> {
        let (_, settings) = session.settings()?;
        let mut logging = settings.feature_server.feature_logging;
        if let Some(path) = &self.log_path {
            (logging.path, logging.enabled) = (path.clone(), true);
        }
        logging.sample_rate = self.log_rate.unwrap_or(logging.sample_rate);
        if !logging.enabled {
            return match self.log_rate {
                Some(_) => {
                    Err(Failure::usage("`--log-rate` needs a log: give `--log-path`, or enable `feature_logging`"))
                }
                None => Ok(None),
            };
        }
        let instance = format!("{:x}-{}", clock::now().as_microsecond(), std::process::id());
        Ok(Some(FeatureLog::start(logging, store, Arc::new(clock::now), instance)?))
    }
}

/// Writes what is left of the log, and says what became of it.
pub(crate) async fn close(session: &Session, log: Option<Arc<FeatureLog>>) {
    let Some(log) = log else { return };
    let closed = tokio::task::spawn_blocking(move || log.close(CLOSE_MAX)).await;
    let Ok(counts) = closed else { return };
    session.output.say(&format!(
        "feature log: {} written in {}, {} dropped, {} lost",
        counted(counts.written_rows, "row", "rows"),
        counted(counts.written_files, "file", "files"),
        grouped(counts.dropped_rows),
        grouped(counts.lost_rows)
    ));
}

/// Which log to read, and which of its rows.
#[derive(Args)]
pub(crate) struct LogSelection {
    /// The log: a folder, a file, or a URL [default: the path of `feature_logging` in skewless.yaml]
    #[arg(short, long, value_name = "PATH")]
    log: Option<String>,
    /// Rows about this instant or a later one
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    since: Option<Timestamp>,
    /// Rows about this instant or an earlier one
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    until: Option<Timestamp>,
    /// Rows of this feature service alone
    #[arg(short, long, value_name = "NAME")]
    service: Option<String>,
}

impl LogSelection {
    /// Where the log is.
    pub(crate) fn path(&self, session: &Session) -> Result<String> {
        if let Some(log) = &self.log {
            return Ok(log.clone());
        }
        let (root, settings) = session.settings()?;
        let path = settings.feature_server.feature_logging.path;
        Ok(if path.contains("://") { path } else { root.join(path).to_string_lossy().into_owned() })
    }

    pub(crate) fn filter(&self) -> LogFilter {
        LogFilter {
            since: self.since.map(Timestamp::as_microsecond),
            until: self.until.map(Timestamp::as_microsecond),
            service: self.service.clone(),
        }
    }
}

/// The rows that were left out, a line for each reason.
pub(crate) fn told_left_out(left_out: &[LeftOut]) -> String {
    let line =
        |left_out: &LeftOut| format!("\n{} left out: {}", counted(left_out.rows, "row", "rows"), left_out.reason);
    left_out.iter().map(line).collect()
}

/// What a pipeline must not take for a success.
pub(crate) fn nothing_compared() -> Failure {
    Failure::impossible("nothing of the log could be compared: the reasons are above")
}

/// An instant in µs as people read it.
pub(crate) fn instant(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |instant| instant.to_string())
}

/// A number with four digits, whatever its size.
pub(crate) fn rounded(number: f64) -> String {
    let size = number.abs();
    if number.is_finite() && (size == 0.0 || (1e-3..1e6).contains(&size)) {
        let digits = if size == 0.0 { 0 } else { 3_i32.saturating_sub(size.log10().floor() as i32).clamp(0, 6) };
        let text = format!("{number:.*}", usize::try_from(digits).unwrap_or(0));
        return if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    }
    format!("{number:.3e}")
}

/// A share in percent, as many digits as it takes to see that it is not nothing.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0 %".to_owned();
    }
    format!("{} %", rounded(part as f64 * 100.0 / whole as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_shares_are_never_nothing() {
        let numbers = [0.0, 1.0, 1234.567, 0.012_345_6, 1e-9, 1e9, f64::INFINITY, -2.5];
        assert_eq!(numbers.map(rounded), ["0", "1", "1235", "0.01235", "1.000e-9", "1.000e9", "inf", "-2.5"]);
        assert_eq!(share(0, 10), "0 %");
        assert_eq!(share(1, 3), "33.33 %");
        assert_eq!(share(1, 10_000_000), "1.000e-5 %");
    }
}
