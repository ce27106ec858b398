//! `skewless replay`: the feature log computed again, with what served it or with a candidate.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use skewless_runtime::{Runtime, Transform};
use skewless_store::FeatureStore;
use skewless_store::feature_log::replay::{CandidateChange, Replay, ReplayRequest, replay};
use skewless_store::historical::Resources;

use crate::failure::{Failure, Result};
use crate::feature_log::{LogSelection, instant, nothing_compared, rounded, share, told_left_out};
use crate::progress::Progress;
use crate::session::{Session, block_on_threads};
use crate::table::{Table, counted, grouped, short_digest};
use crate::{page, replay_page};

const EXAMPLES: &str = "\
Examples:
  skewless replay --log feature_log
  skewless replay --log s3://logs/flights --since 2013-01-30 --service delay_model
  skewless replay --log feature_log --transform new/runway_wind.wasm --html review.html

Every logged row is computed again from its logged inputs, with the components that served it, which the registry keeps; \
every output must have the same bits and the same status, and the command fails where one has not. With --transform a \
candidate computes beside the one that served, and the report says what would change.";

/// Compute the logged requests again, bit for bit; or with another component, to see what it would change
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    log: LogSelection,
    /// A component to try in the place of the transform it is called like, or of the one that is named
    #[arg(short, long, value_name = "[NAME=]FILE")]
    transform: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How many threads compute at the same time [default: one for each processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let threads = arguments.threads.map_or_else(|| Resources::default().threads, NonZero::get);
    let log = arguments.log.path(session)?;
    let line = Progress::start(&session.output);
    let replay = block_on_threads(threads, async {
        let (root, settings) = session.settings()?;
        let runtime = Session::runtime()?;
        let store = FeatureStore::open(&root, &settings, &runtime).await?;
        let candidates = candidates(&runtime, &arguments.transform)?;
        let request = ReplayRequest { log: &log, filter: arguments.log.filter(), candidates, threads };
        let progress = |rows| line.say(format!("replay: {}", counted(rows, "row", "rows")));
        Ok(replay(&store, &runtime, &request, &progress).await?)
    })?;
    drop(line);
    let sum = sum(&replay);
    if let Some(path) = &arguments.html {
        page::write(path, "Replay of a feature log", &replay_page::body(&replay, &sum))?;
    }
    if arguments.json {
        session.output.print_json(&replay)?;
    } else {
        session.output.print(&told(&replay, &sum, session.output.is_quiet()))?;
    }
    match replay.differing() {
        0 if replay.compared() == 0 && !replay.left_out.is_empty() => Err(nothing_compared()),
        0 => Ok(()),
        differing => Err(Failure::impossible(format!(
            "{} of the log came out otherwise: please report it, with the table above",
            counted(differing, "value", "values")
        ))),
    }
}

/// The components to try, by the transform whose place they take.
fn candidates(runtime: &Runtime, arguments: &[String]) -> Result<BTreeMap<String, Transform>> {
    let mut candidates = BTreeMap::new();
    for argument in arguments {
        let (name, file) = match argument.split_once('=') {
            Some((name, file)) => (Some(name), PathBuf::from(file)),
            None => (None, PathBuf::from(argument)),
        };
        let bytes = std::fs::read(&file).map_err(|error| Failure::file("read", &file, &error))?;
        let transform = runtime.load(&bytes)?;
        let name = name.unwrap_or(&transform.signature().name).to_owned();
        if candidates.insert(name.clone(), transform).is_some() {
            return Err(Failure::usage(format!("transform `{name}` has two candidates: try one at a time")));
        }
    }
    Ok(candidates)
}

fn sum(replay: &Replay) -> String {
    format!(
        "{} of {}: {} compared bit for bit, {} differ",
        counted(replay.rows, "row", "rows"),
        counted(replay.files, "file", "files"),
        counted(replay.compared(), "value", "values"),
        grouped(replay.differing())
    )
}

fn told(replay: &Replay, sum: &str, briefly: bool) -> String {
    let mut text = String::new();
    if !briefly {
        let features = Table::new(["feature", ">compared", ">differing"]).with_rows(
            replay
                .features
                .iter()
                .map(|feature| [feature.feature.clone(), grouped(feature.compared), grouped(feature.differing)]),
        );
        text += &format!("{features}\n");
    }
    if !replay.differences.is_empty() {
        let headings = ["request", "about", "feature", "logged", "replayed", "status then", "status now"];
        let differences = Table::new(headings).with_rows(replay.differences.iter().map(|difference| {
            let difference = difference.clone();
            [
                difference.request,
                instant(difference.event_timestamp),
                difference.feature,
                difference.logged,
                difference.replayed,
                difference.logged_status,
                difference.replayed_status,
            ]
        }));
        text += &format!("The first differences:\n{differences}\n");
    }
    replay.candidates.iter().for_each(|candidate| text += &told_candidate(candidate));
    text + sum + &told_left_out(&replay.left_out)
}

fn told_candidate(change: &CandidateChange) -> String {
    let cost = |nanos: u64| rounded(nanos as f64 / change.rows.max(1) as f64);
    let headings = ["feature", ">changed", ">", ">were null", ">become null", ">median", ">99 %", ">most", ">relative"];
    let features = Table::new(headings).with_rows(change.features.iter().map(|feature| {
        let size = |of: fn(&skewless_store::feature_log::replay::Quantiles) -> f64| {
            feature.absolute.as_ref().map_or_else(String::new, |sizes| rounded(of(sizes)))
        };
        [
            feature
                .gone
                .as_ref()
                .map_or_else(|| feature.feature.clone(), |gone| format!("{} ({gone})", feature.feature)),
            grouped(feature.changed),
            share(feature.changed, change.rows),
            grouped(feature.appeared),
            grouped(feature.vanished),
            size(|sizes| sizes.p50),
            size(|sizes| sizes.p99),
            size(|sizes| sizes.max),
            feature.relative.as_ref().map_or_else(String::new, |sizes| rounded(sizes.p50)),
        ]
    }));
    format!(
        "{} with {} {}:\n{}\n  {} of {} change; {} fail before, {} after; {} ns a row before, {} after\n\n",
        change.view,
        change.transform,
        short_digest(&change.digest),
        features.indented("  "),
        share(change.rows_changed, change.rows),
        counted(change.rows, "row", "rows"),
        grouped(change.failures_before),
        grouped(change.failures_after),
        cost(change.nanos_before),
        cost(change.nanos_after),
    )
}
