use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use clap::Args;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::get_historical_features::SelectionArguments;
use crate::failure::{Failure, Result};
use crate::parity::{Difference, Parity, compare};
use crate::progress::Progress;
use crate::session::{Session, block_on};
use crate::table::{Table, counted, grouped};

const EXAMPLES: &str = "\
Examples:
  skewless check-parity --service delay_model --training-set training.parquet --url http://127.0.0.1:6566

Asks the server for each row of the training set at the row's instant, and compares every value bit for bit. The online \
store holds the newest rows only, so a set whose instants lie before what is materialized differs for that reason; make \
one with `get-historical-features --event-timestamp`. The command fails where a value differs.";

/// Compare a training set with what a running server answers, bit for bit
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The Parquet file that `get-historical-features` wrote
    #[arg(short, long, value_name = "FILE")]
    training_set: PathBuf,
    #[command(flatten)]
    selection: SelectionArguments,
    /// The server's address
    #[arg(short, long, default_value = "http://127.0.0.1:6566")]
    url: String,
    /// Print JSON: rows, counts for each feature, and the first differences
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let Arguments { training_set, selection, url, json } = arguments;
    let selection = selection.selection().expect("clap requires one of them");
    let rows = read(training_set)?;
    let line = Progress::start(&session.output);
    let parity = block_on(async {
        let set = session.store().await?.feature_set(&selection)?;
        compare(&set, &selection, &rows, url, |rows| line.say(format!("compare: {}", counted(rows, "row", "rows"))))
    })?;
    drop(line);
    if *json {
        session.output.print_json(&parity)?;
    } else {
        session.output.print(&told(&parity, session.output.is_quiet()))?;
    }
    match parity.differing() {
        0 => Ok(()),
        differing => Err(Failure::impossible(format!(
            "{} of the training set are served differently",
            counted(differing, "value", "values")
        ))),
    }
}

fn read(path: &Path) -> Result<RecordBatch> {
    let failed = |error: String| Failure::impossible(format!("`{}` can't be read as Parquet: {error}", path.display()));
    let file = File::open(path).map_err(|error| Failure::file("read", path, &error))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(error.to_string()))?;
    let schema = Arc::clone(reader.schema());
    let batches = reader.build().map_err(|error| failed(error.to_string()))?.collect::<Result<Vec<_>, _>>();
    concat_batches(&schema, &batches.map_err(|error| failed(error.to_string()))?)
        .map_err(|error| failed(error.to_string()))
}

fn told(parity: &Parity, briefly: bool) -> String {
    let features = Table::new(["feature", ">compared", ">null on both sides", ">differing"]);
    let features = features.with_rows(parity.features.iter().map(|feature| {
        [feature.feature.clone(), grouped(feature.compared), grouped(feature.null), grouped(feature.differing)]
    }));
    let sum = format!(
        "{} x {}: {} compared bit for bit, {} differ",
        counted(parity.rows, "row", "rows"),
        counted(parity.features.len() as u64, "feature", "features"),
        counted(parity.compared(), "value", "values"),
        grouped(parity.differing())
    );
    if parity.differences.is_empty() {
        return if briefly { sum } else { format!("{features}\n{sum}") };
    }
    let differences = Table::new([">row", "feature", "trained", "served", "status"]);
    let differences = differences.with_rows(parity.differences.iter().map(|difference| {
        let Difference { row, feature, trained, served, status } = difference.clone();
        [row.to_string(), feature, trained, served, status]
    }));
    format!("{features}\n\nThe first differences:\n{differences}\n{sum}")
}
