//! `skewless skew`: what was served beside what a training set has, and the cause of each difference.

use std::path::PathBuf;

use clap::Args;
use skewless_store::feature_log::skew::{Skew, SkewRequest, skew};

use crate::failure::{Failure, Result};
use crate::feature_log::{LogSelection, instant, nothing_compared, rounded, share, told_left_out};
use crate::progress::Progress;
use crate::resources::ResourceArguments;
use crate::session::{Session, block_on_threads};
use crate::table::{Table, counted, grouped};
use crate::{page, skew_page};

const EXAMPLES: &str = "\
Examples:
  skewless skew --log feature_log
  skewless skew --log s3://logs/flights --since 2013-01-30 --threshold 1% --html skew.html

Every logged row is asked of the offline store at its instant, as `get-historical-features` does, and every value that \
differs gets a cause, the first that fits: different component version, row arrived late, revised value, expired on one \
side, not yet materialized, missing entity, type or codec, failed row, unexplained. The command fails where more of the \
values differ than the threshold allows.";

/// Compare what was served with what a training set has, and say why values differ
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    log: LogSelection,
    /// The share of the values that may differ, such as 0.1% or 0.001
    #[arg(long, value_name = "SHARE", default_value = "0.1%", value_parser = parse_share)]
    threshold: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    resources: ResourceArguments,
}

/// Reads `0.1%` or `0.001`.
fn parse_share(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().ok().map(|number| number / whole);
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "write a share such as 0.1% or 0.001".to_owned())
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let resources = arguments.resources.resources();
    let log = arguments.log.path(session)?;
    let line = Progress::start(&session.output);
    let skew = block_on_threads(resources.threads, async {
        let store = session.store().await?;
        let request = SkewRequest { log: &log, filter: arguments.log.filter(), resources };
        let progress = |rows| line.say(format!("skew: {}", counted(rows, "row", "rows")));
        Ok(skew(&store, &request, &progress).await?)
    })?;
    drop(line);
    let (sum, within) = (sum(&skew), skew.share() <= arguments.threshold);
    if let Some(path) = &arguments.html {
        page::write(path, "Skew of a feature log", &skew_page::body(&skew, &sum, within))?;
    }
    if arguments.json {
        session.output.print_json(&skew)?;
    } else {
        session.output.print(&told(&skew, &sum, session.output.is_quiet()))?;
    }
    if skew.compared == 0 && !skew.left_out.is_empty() {
        return Err(nothing_compared());
    }
    if within {
        return Ok(());
    }
    let (differ, allowed) = (share(skew.differing, skew.compared), rounded(arguments.threshold * 100.0));
    Err(Failure::impossible(format!("{differ} of the values differ from the training set, more than {allowed} %")))
}

fn sum(skew: &Skew) -> String {
    format!(
        "{}: {} compared, {} differ ({})",
        counted(skew.rows, "row", "rows"),
        counted(skew.compared, "value", "values"),
        grouped(skew.differing),
        share(skew.differing, skew.compared)
    )
}

fn told(skew: &Skew, sum: &str, briefly: bool) -> String {
    let mut text = String::new();
    if skew.differing > 0 {
        let causes = Table::new(["cause", ">values", ">"]);
        text +=
            &format!(
                "{}\n",
                causes.with_rows(skew.by_cause().into_iter().map(|(cause, values)| {
                    [cause.name().to_owned(), grouped(values), share(values, skew.compared)]
                }))
            );
    }
    if !briefly {
        text += &told_features(skew);
    }
    text + sum + &told_left_out(&skew.left_out)
}

fn told_features(skew: &Skew) -> String {
    let differing = || skew.features.iter().filter(|feature| feature.differing > 0);
    if differing().next().is_none() {
        return String::new();
    }
    let mut causes = Table::new(["feature", "cause", ">values", ">", ">age (median)", ">age (most)"]);
    let mut worst = Table::new(["feature", "cause", "entity", "about", "served", "training set", "request"]);
    for feature in differing() {
        for cause in &feature.causes {
            let age = |of: fn(&skewless_store::feature_log::replay::Quantiles) -> f64| {
                cause.age_seconds.as_ref().map_or_else(String::new, |ages| format!("{} s", rounded(of(ages))))
            };
            let name = cause.cause.name();
            causes.row([
                feature.feature.clone(),
                name.to_owned(),
                grouped(cause.values),
                share(cause.values, feature.compared),
                age(|ages| ages.p50),
                age(|ages| ages.max),
            ]);
            if let Some(value) = cause.worst.first().cloned() {
                let about = instant(value.event_timestamp);
                let (entity, logged) = (value.entity, value.logged);
                worst.row([
                    feature.feature.clone(),
                    name.to_owned(),
                    entity,
                    about,
                    logged,
                    value.recomputed,
                    value.request,
                ]);
            }
        }
    }
    format!("{causes}\nThe worst of each:\n{worst}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_numbers_and_in_percent() {
        assert_eq!(["0.1%", "0.001", "100 %", "0"].map(parse_share), [Ok(0.001), Ok(0.001), Ok(1.0), Ok(0.0)]);
        for text in ["", "%", "101%", "-1", "NaN", "much"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }
}
