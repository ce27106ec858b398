//! `skewless materialize-incremental`: from where the last run ended.

use clap::Args;
use jiff::Timestamp;
use skewless_store::materialize::Start;

use super::materialize::{Common, materialize_and_tell};
use crate::clock;
use crate::failure::{Failure, Result};
use crate::instant::{parse_duration_micros, parse_instant};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  skewless materialize-incremental
  skewless materialize-incremental 2013-02-01T12:00:00 --views weather
  skewless materialize-incremental --look-back 6h

Each feature view goes on where its last run ended, or starts with its first row. Rows that came late, with timestamps \
from before that, are found only within the look-back. An end that is yet to come does no harm: what is recorded never \
goes beyond now.";

/// Materialize what is new since the last run
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The last instant, in UTC unless it has an offset [default: now]
    #[arg(value_parser = parse_instant)]
    end: Option<Timestamp>,
    /// How far before the end of the last run to look for rows that came late, such as 90s, 6h or 1d12h
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = parse_duration_micros)]
    look_back: i64,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(session: &Session, arguments: Arguments) -> Result<()> {
    let Arguments { end, look_back: look_back_micros, common } = arguments;
    if common.shard.is_some() && end.is_none() {
        return Err(Failure::usage(
            "workers that share a job need one end: say until when, such as 2013-02-01T12:00:00",
        ));
    }
    let now = clock::now();
    materialize_and_tell(session, common, Start::Watermark { look_back_micros }, end.unwrap_or(now), now)
}
