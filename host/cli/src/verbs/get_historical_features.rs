//! `skewless get-historical-features`: from entity rows to a training set, and what became of each feature.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use skewless_store::Selection;
use skewless_store::definitions::{FeatureRef, Format};
use skewless_store::feature_log::training_set::{FromLog, write_training_set_from_log};
use skewless_store::historical::{
    EntitySource, HistoricalRequest, JoinMode, OutFormat, Output, Progress as HowFar, TrainingSetSummary,
    write_training_set,
};
use skewless_store::saved_datasets::{Save, check_name, save};

use crate::clock;
use crate::failure::Result;
use crate::instant::parse_instant;
use crate::progress::Progress;
use crate::resources::ResourceArguments;
use crate::session::{Session, block_on_threads};
use crate::table::{Table, counted, grouped, percent};

const EXAMPLES: &str = "\
Examples:
  skewless get-historical-features -e flights.parquet -s delay_model -o training.parquet
  skewless get-historical-features -e flights.csv -f weather,plane_facts:seats -o set.arrow
  skewless get-historical-features -e s3://lake/rows/*.parquet -s delay_model -o s3://lake/sets/jan.parquet --save-as jan
  skewless get-historical-features --entities-sql \"SELECT DISTINCT origin, time_hour AS event_timestamp FROM flights\" \\
      -f weather -o weather.parquet

The entity rows need a column for each join key and request field, and `event_timestamp`, the instant at which each row \
is asked about; other columns, such as labels, are kept. The training set has the same rows in the same order. It \
appears only once it is complete, and its metadata says what made it: `skewless describe training.parquet` shows it.";

/// Add features to entity rows, as they were known at each row's instant: a training set
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    entities: EntityArguments,
    #[command(flatten)]
    selection: SelectionArguments,
    /// The file to write, or a URL such as s3://bucket/set.parquet; .parquet, .csv or .arrow
    #[arg(short, long, value_name = "FILE")]
    out: String,
    /// How to write it, if its name doesn't say so
    #[arg(long, value_name = "FORMAT")]
    out_format: Option<Outputs>,
    /// Name columns `view__feature` instead of `feature`
    #[arg(long)]
    full_feature_names: bool,
    /// Leave out source rows whose created timestamp is later than the entity row's instant
    #[arg(long)]
    known_at: bool,
    /// Ask about this instant in all rows, whatever they say: features for scoring a batch
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    event_timestamp: Option<Timestamp>,
    /// Read sources from their first row on, to tell entities whose rows are all too old from entities without rows
    #[arg(long)]
    exact_causes: bool,
    /// Register the training set under this name as a saved data set
    #[arg(long, value_name = "NAME")]
    save_as: Option<String>,
    /// Let --save-as take the place of a saved data set of that name
    #[arg(long, requires = "save_as")]
    overwrite: bool,
    /// Print the plan with the rows and times of each operator
    #[arg(long)]
    explain: bool,
    /// Print JSON: rows, and for each feature how many are present, null, not found, too old, failed
    #[arg(long)]
    json: bool,
    /// How to join: hold the entity rows in memory, or sort and merge
    #[arg(long, value_enum, default_value = "auto", help_heading = "Resources")]
    join: Join,
    #[command(flatten)]
    resources: ResourceArguments,
}

/// Where the entity rows come from.
#[derive(Args)]
#[group(id = "entity_rows", required = true, multiple = false)]
struct EntityArguments {
    /// The entity rows: a Parquet, CSV or Arrow file, a folder, a pattern, or a URL
    #[arg(short, long, value_name = "FILE")]
    entities: Option<String>,
    /// The entity rows: the result of a SQL query over the sources, by their names
    #[arg(long, value_name = "QUERY")]
    entities_sql: Option<String>,
    /// Take the rows and their features from the log of a server, as they were served
    #[arg(long, value_name = "PATH", conflicts_with_all = ["known_at", "event_timestamp", "exact_causes", "explain", "save_as"])]
    from_log: Option<String>,
}

impl EntityArguments {
    fn source(self) -> EntitySource {
        match (self.entities, self.entities_sql) {
            (Some(path), _) => EntitySource::Files { path, format: None::<Format> },
            (None, Some(query)) => EntitySource::Query(query),
            (None, None) => unreachable!("clap requires one of them"),
        }
    }
}

/// How the training set is written, as the command line has it.
#[derive(Clone, Copy, ValueEnum)]
enum Outputs {
    Parquet,
    Csv,
    Arrow,
}

impl Outputs {
    const fn format(self) -> OutFormat {
        match self {
            Self::Parquet => OutFormat::Parquet,
            Self::Csv => OutFormat::Csv,
            Self::Arrow => OutFormat::Arrow,
        }
    }
}

/// How views are joined, as the command line has it.
#[derive(Clone, Copy, ValueEnum)]
enum Join {
    /// hold the entity rows where they fit into memory
    Auto,
    /// hold the entity rows, stream the sources by
    Hash,
    /// sort both, on disk where memory is short
    Merge,
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
    if let Some(log) = &arguments.entities.from_log {
        return from_log(session, &arguments, log);
    }
    let request = request(&arguments);
    let Arguments { entities, out, out_format, save_as, overwrite, explain, json, .. } = arguments;
    let entities = entities.source();
    let format = out_format.map(Outputs::format);
    let command_line = command_line();
    let output = Output { path: &out, format, command_line: &command_line };
    let line = Progress::start(&session.output);
    let tell = |how_far: HowFar| line.say(told_progress(how_far));
    let written = block_on_threads(request.resources.threads, async {
        let store = session.store().await?;
        if let Some(name) = &save_as {
            check_name(store.commit(), name, overwrite)?;
        }
        let written = write_training_set(&store, &request, &entities, &output, &tell).await?;
        if let Some(name) = &save_as {
            let saved = Save { name, path: &out, overwrite, at: clock::now() };
            save(store.registry(), &saved, &written.provenance).await?;
        }
        Ok(written)
    })?;
    drop(line);
    if json {
        return Ok(session.output.print_json(&written)?);
    }
    session.output.print(&told(&written.summary))?;
    if explain {
        session.output.print(&written.explained)?;
    }
    let saved = save_as.map_or_else(String::new, |name| format!(", saved as `{name}`"));
    session.output.say(&format!("{} in {out}{saved}", counted(written.summary.rows, "row", "rows")));
    Ok(())
}

/// The training set of what was served, as it was served.
fn from_log(session: &Session, arguments: &Arguments, log: &str) -> Result<()> {
    let threads = arguments.resources.resources().threads;
    let selection = arguments.selection.selection().expect("clap requires one of them");
    let request = FromLog { log, selection: &selection, full_feature_names: arguments.full_feature_names };
    let command_line = command_line();
    let format = arguments.out_format.map(Outputs::format);
    let output = Output { path: &arguments.out, format, command_line: &command_line };
    let provenance = block_on_threads(threads, async { Ok(write_training_set_from_log(&request, &output).await?) })?;
    if arguments.json {
        return Ok(session.output.print_json(&provenance.summary)?);
    }
    session.output.print(&told(&provenance.summary))?;
    session.output.say(&format!("{} in {}", counted(provenance.summary.rows, "row", "rows"), arguments.out));
    Ok(())
}

fn request(arguments: &Arguments) -> HistoricalRequest {
    HistoricalRequest {
        selection: arguments.selection.selection().expect("clap requires one of them"),
        full_feature_names: arguments.full_feature_names,
        known_at: arguments.known_at,
        event_timestamp: arguments.event_timestamp.map(Timestamp::as_microsecond),
        exact_causes: arguments.exact_causes,
        join: match arguments.join {
            Join::Auto => JoinMode::Auto,
            Join::Hash => JoinMode::Hash,
            Join::Merge => JoinMode::Merge,
        },
        resources: arguments.resources.resources(),
    }
}

/// The command as it was given, for the training set's metadata.
fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once("skewless".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn told_progress(HowFar { source_rows, rows, of }: HowFar) -> String {
    match rows {
        0 => format!("joining: {} of the sources read", counted(source_rows, "row", "rows")),
        rows => format!("writing: {} of {} ({})", grouped(rows), counted(of, "row", "rows"), percent(rows, of)),
    }
}

fn told(summary: &TrainingSetSummary) -> String {
    let headings = ["feature", ">present", ">", ">null", ">", ">not found", ">", ">too old", ">", ">failed", ">"];
    let table = Table::new(headings).with_rows(summary.features.iter().map(|feature| {
        let share = |part| percent(part, summary.rows);
        let counts = feature.counts;
        [
            feature.name.clone(),
            grouped(counts.present),
            share(counts.present),
            grouped(counts.null_value),
            share(counts.null_value),
            grouped(counts.not_found),
            share(counts.not_found),
            grouped(counts.outside_max_age),
            share(counts.outside_max_age),
            grouped(counts.invalid),
            share(counts.invalid),
        ]
    }));
    table.to_string()
}
