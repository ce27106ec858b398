//! `skewless get-online-features`: makes the JSON of a request, and has it answered as the server would.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use skewless_server::answer;
use skewless_server::wire::{Column, Request};
use skewless_store::definitions::FeatureRef;
use skewless_store::{FeatureStore, Selection};

use super::get_historical_features::SelectionArguments;
use crate::clock;
use crate::entity_values::{Entities, EntityValues};
use crate::failure::{Failure, Result};
use crate::instant::parse_instant;
use crate::output::Output;
use crate::session::{Session, block_on};
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  skewless get-online-features --service shop_model -e user_id=1,2
  skewless get-online-features -f user_stats:avg_spend -e user_id=1 --event-timestamp 2024-01-20
  skewless get-online-features --request request.json --json

Each -e gives a join key or request field a value for every row; a single value is that of all rows. The answer is the \
one that `serve` would give.";

/// Ask the online store for features, as a request to the server would
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: SelectionArguments,
    /// A join key or request field and its values, one a row, separated by commas
    #[arg(short, long = "entities", value_name = "NAME=VALUES", conflicts_with = "request")]
    entities: Vec<EntityValues>,
    /// The instant to answer for, in UTC unless it has an offset [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant, conflicts_with = "request")]
    event_timestamp: Option<Timestamp>,
    /// Name features `view__feature` instead of `feature`
    #[arg(long, conflicts_with = "request")]
    full_feature_names: bool,
    /// A file with the JSON of a whole request, `-` for standard input
    #[arg(long, value_name = "FILE", group = "selection")]
    request: Option<PathBuf>,
    /// Print the answer's JSON
    #[arg(long)]
    json: bool,
}

/// The JSON of a request.
#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_service: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    features: Vec<FeatureRef>,
    entities: Entities,
    full_feature_names: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_timestamp: Option<Timestamp>,
}

/// The JSON of an answer.
#[derive(Deserialize)]
struct Answered {
    results: Vec<Vector>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Vector {
    values: Vec<Box<RawValue>>,
    statuses: Vec<String>,
    event_timestamps: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    feature_names: Vec<String>,
    #[serde(default)]
    feature_views_of_other_versions: Vec<String>,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let store = block_on(session.store())?;
    let body = match &arguments.request {
        Some(file) => read(file)?,
        None => arguments.body(&store)?,
    };
    let answer = answer(&store, &body, clock::now()).map_err(skewless_store::Error::from)?;
    let json = String::from_utf8(answer.body).expect("JSON is UTF-8");
    if arguments.json {
        return Ok(session.output.print(&json)?);
    }
    let selection = Request::parse(&body).map_err(skewless_store::Error::from)?.question.selection;
    let features = store.feature_set(&selection)?.outputs().len();
    let answered: Answered = serde_json::from_str(&json).expect("the answer has its form");
    for view in &answered.metadata.feature_views_of_other_versions {
        session.output.say(&format!(
            "rows of feature view {view} were computed by another version of its transform than the one that is applied: \
             materialize it again"
        ));
    }
    Ok(session.output.print(&answered.told(features, &session.output))?)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::file("read the request", file, &error))?;
    Ok(bytes)
}

impl Arguments {
    /// The request that the arguments make.
    fn body(&self, store: &FeatureStore) -> Result<Vec<u8>> {
        let selection = self.selection.selection().expect("clap requires a selection or a request");
        let columns = Column::needed_by(&store.feature_set(&selection)?);
        let (feature_service, features) = match selection {
            Selection::Service(name) => (Some(name), Vec::new()),
            Selection::Features(features) => (None, features),
        };
        let body = Body {
            feature_service,
            features,
            entities: Entities::new(&self.entities, &columns),
            full_feature_names: self.full_feature_names,
            event_timestamp: self.event_timestamp,
        };
        Ok(serde_json::to_vec(&body).expect("plain data becomes JSON"))
    }
}

impl Answered {
    /// A table for each row; the last `features` columns are features, those before them join keys.
    fn told(&self, features: usize, output: &Output) -> String {
        let rows = self.results.first().map_or(0, |vector| vector.values.len());
        let columns: Vec<(&String, &Vector)> = self.metadata.feature_names.iter().zip(&self.results).collect();
        let (join_keys, features) = columns.split_at(columns.len().saturating_sub(features));
        let mut text = String::new();
        for row in 0..rows {
            let key = join_keys.iter().map(|(name, vector)| format!("{name}={}", vector.value(row)));
            let title = key.collect::<Vec<_>>().join(" ");
            let table = Table::new(["feature", "value", "status", "event timestamp"]).with_rows(features.iter().map(
                |(name, vector)| {
                    let status = vector.statuses[row].clone();
                    [(*name).clone(), vector.value(row), status, vector.event_timestamp(row)]
                },
            ));
            text += &format!("{}\n{}\n", output.bold(&title), table.indented("  "));
        }
        text
    }
}

impl Vector {
    fn value(&self, row: usize) -> String {
        let json = self.values[row].get();
        serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
    }

    /// When the stored row happened; empty where there is none, which an answer writes as 1970.
    fn event_timestamp(&self, row: usize) -> String {
        let event_timestamp = &self.event_timestamps[row];
        if event_timestamp == "1970-01-01T00:00:00Z" { String::new() } else { event_timestamp.clone() }
    }
}
