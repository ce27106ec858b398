//! `skewless get-historical-features`: from a file of entity rows to a training set, and what became of each feature.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use skewless_store::Selection;
use skewless_store::definitions::FeatureRef;
use skewless_store::historical::{HistoricalRequest, Progress as HowFar, TrainingSetSummary, write_training_set};

use crate::failure::Result;
use crate::instant::parse_instant;
use crate::progress::Progress;
use crate::session::{Session, block_on};
use crate::table::{Table, counted, grouped, percent};

const EXAMPLES: &str = "\
Examples:
  skewless get-historical-features -e flights.parquet -s delay_model -o training.parquet
  skewless get-historical-features -e flights.parquet -f weather,plane_facts:seats -o set.parquet

The entity rows need a column for each join key and request field, and `event_timestamp`, the instant at which each row \
is asked about; other columns, such as labels, are kept. The training set has the same rows in the same order. It \
appears only once it is complete, and its metadata says what made it.";

/// Add features to entity rows, as they were known at each row's instant: a training set
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The Parquet file of entity rows
    #[arg(short, long, value_name = "FILE")]
    entities: PathBuf,
    #[command(flatten)]
    selection: SelectionArguments,
    /// The Parquet file to write
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Name columns `view__feature` instead of `feature`
    #[arg(long)]
    full_feature_names: bool,
    /// Leave out source rows whose created timestamp is later than the entity row's instant
    #[arg(long)]
    known_at: bool,
    /// Ask about this instant in all rows, whatever they say: features for scoring a batch
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    event_timestamp: Option<Timestamp>,
    /// Print JSON: rows, and for each feature how many are present, null, without a live row, failed
    #[arg(long)]
    json: bool,
}

/// Which features; `get-online-features` asks the same.
#[derive(Args)]
#[group(id = "selection", required = true, multiple = false)]
pub(super) struct SelectionArguments {
    /// All features of a feature service
    #[arg(short, long, value_name = "NAME")]
    service: Option<String>,
    /// Features, separated by commas or each with its own -f: `view` for all of a view, `view:feature` for one
    #[arg(short, long, value_delimiter = ',', value_name = "FEATURES")]
    features: Vec<FeatureRef>,
}

impl SelectionArguments {
    pub(super) fn selection(&self) -> Option<Selection> {
        let features = || (!self.features.is_empty()).then(|| Selection::Features(self.features.clone()));
        self.service.clone().map(Selection::Service).or_else(features)
    }
}

pub(crate) fn run(session: &Session, arguments: Arguments) -> Result<()> {
    let Arguments { entities, selection, out, full_feature_names, known_at, event_timestamp, json } = arguments;
    let selection = selection.selection().expect("clap requires one of them");
    let event_timestamp = event_timestamp.map(Timestamp::as_microsecond);
    let request = HistoricalRequest { selection, full_feature_names, known_at, event_timestamp };
    let line = Progress::start(&session.output);
    let tell = |HowFar { stage, rows }: HowFar<'_>| line.say(format!("{stage}: {}", counted(rows, "row", "rows")));
    let summary = block_on(async {
        let store = session.store().await?;
        Ok(write_training_set(&store, &request, &entities, &out, &command_line(), &tell).await?)
    })?;
    drop(line);
    if json {
        return Ok(session.output.print_json(&summary)?);
    }
    session.output.print(&told(&summary))?;
    session.output.say(&format!("{} in {}", counted(summary.rows, "row", "rows"), out.display()));
    Ok(())
}

/// The command as it was given, for the training set's metadata.
fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once("skewless".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn told(summary: &TrainingSetSummary) -> String {
    let headings = ["feature", ">present", ">", ">null", ">", ">no live row", ">", ">failed", ">"];
    let table = Table::new(headings).with_rows(summary.features.iter().map(|feature| {
        let share = |part| percent(part, summary.rows);
        [
            feature.name.clone(),
            grouped(feature.present),
            share(feature.present),
            grouped(feature.null_value),
            share(feature.null_value),
            grouped(feature.no_live_row),
            share(feature.no_live_row),
            grouped(feature.invalid),
            share(feature.invalid),
        ]
    }));
    table.to_string()
}
