//! `skewless materialize`, and what it shares with `materialize-incremental`.

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use skewless_store::materialize::{MaterializeRequest, Progress as HowFar, Shard, Start, ViewSummary, materialize};

use crate::clock;
use crate::failure::{Failure, Result};
use crate::instant::parse_instant;
use crate::pace::Pace;
use crate::progress::Progress;
use crate::session::{Session, block_on_job};
use crate::table::{Table, counted, grouped};

const EXAMPLES: &str = "\
Examples:
  skewless materialize 2013-01-01 2013-02-01
  skewless materialize 2013-01-01T00:00:00-05:00 2013-01-31T23:59:59-05:00 -v weather,plane_delays
  skewless materialize 2013-01-01 2013-02-01 --shard 1/4     on one machine, 2/4 on the next, …

Instants without an offset are in UTC; a date is its first instant. Both ends belong to the interval. A row is stored \
only where it is not older than what is stored, so running it again, or several at once, does no harm, and requests are \
answered all the while; where a server wants the same processors, it goes first.";

/// Write the newest row of each entity in an interval to the online store
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The first instant
    #[arg(value_parser = parse_instant)]
    start: Timestamp,
    /// The last instant
    #[arg(value_parser = parse_instant)]
    end: Timestamp,
    #[command(flatten)]
    common: Common,
}

/// What `materialize-incremental` has too.
#[derive(Args)]
pub(super) struct Common {
    /// Feature views, separated by commas or each with its own -v [default: all that are kept online]
    #[arg(short, long, value_delimiter = ',', value_name = "VIEWS")]
    pub(super) views: Vec<String>,
    /// Only this part of the entities, such as 2/4, where several workers share the job: each is told the same interval,
    /// which counts as materialized when the last one is done
    #[arg(long, value_name = "NUMBER/OF")]
    pub(super) shard: Option<Shard>,
    /// Print JSON: for each feature view what was read and written
    #[arg(long)]
    pub(super) json: bool,
}

pub(crate) fn run(session: &Session, arguments: Arguments) -> Result<()> {
    let Arguments { start, end, common } = arguments;
    materialize_and_tell(session, common, Start::At(start), end, clock::now())
}

pub(super) fn materialize_and_tell(
    session: &Session,
    common: Common,
    start: Start,
    end: Timestamp,
    now: Timestamp,
) -> Result<()> {
    if common.shard.is_some() && end > now {
        return Err(Failure::usage(format!(
            "workers that share a job need one end that has been: {end} is yet to come"
        )));
    }
    let request = MaterializeRequest { views: common.views, start, end, now, shard: common.shard };
    let line = Progress::start(&session.output);
    let pace = Pace::start();
    let tell = |how_far: HowFar<'_>| line.say(pace.tell(&how_far));
    let summaries = block_on_job(async { Ok(materialize(&session.store().await?, &request, &tell).await?) })?;
    drop(line);
    if common.json {
        return Ok(session.output.print_json(&json!({ "feature_views": summaries }))?);
    }
    if end > now {
        session.output.say(&format!("{end} is yet to come: recorded as materialized up to now, {now}"));
    }
    if summaries.is_empty() {
        session.output.say("nothing to materialize: no applied feature view is kept online");
        return Ok(());
    }
    Ok(session.output.print(&told(&summaries))?)
}

fn told(summaries: &[ViewSummary]) -> String {
    let headings = ["feature view", "from", "to", ">rows read", ">entities", ">written", ">newer stored"];
    let table = Table::new(headings).with_rows(summaries.iter().map(|summary| {
        [
            summary.feature_view.clone(),
            summary.start.map_or_else(|| "first row".to_owned(), |start| start.to_string()),
            summary.end.to_string(),
            grouped(summary.rows_read),
            grouped(summary.entities),
            grouped(summary.written),
            grouped(summary.skipped_older),
        ]
    }));
    summaries.iter().fold(table.to_string(), |text, summary| text + &reservations(summary))
}

/// What somebody should know who trusts in the values of a view.
fn reservations(summary: &ViewSummary) -> String {
    let view = &summary.feature_view;
    let mut text = String::new();
    if summary.rows_without_key > 0 {
        let rows = counted(summary.rows_without_key, "row", "rows");
        text += &format!("{view}: {rows} left out, for a join key or the timestamp is null\n");
    }
    if summary.failed_rows > 0 {
        let rows = counted(summary.failed_rows, "row", "rows");
        text += &format!("{view}: the transform failed on {rows}, stored as nulls\n");
    }
    text
}
