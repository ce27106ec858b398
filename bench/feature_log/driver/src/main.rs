//! Asks a feature server for the flights of a file as often as it can, on a number of connections, and prints as JSON how many
//! requests it made and how long they took. `bench/feature_log/run.sh` starts it.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use clap::Parser;
use jiff::Timestamp;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use skewless_server::wire::ask::ask;
use skewless_store::Selection;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a request for the service `delay_model` brings.
const COLUMNS: [&str; 7] =
    ["origin", "dest", "carrier", "tailnum", "destination_latitude", "destination_longitude", "runway_heading"];

/// Asks a feature server as often as it can
#[derive(Parser)]
struct Arguments {
    /// The server's address
    #[arg(long)]
    url: String,
    /// A file of flights
    #[arg(long)]
    flights: PathBuf,
    /// Rows of a request
    #[arg(long)]
    batch: usize,
    /// Connections, each with a thread of its own
    #[arg(long)]
    connections: usize,
    /// Requests to make
    #[arg(long, default_value_t = u64::MAX)]
    requests: u64,
    /// How long to ask at most
    #[arg(long, default_value_t = 3_600)]
    seconds: u64,
    /// The instant that is asked about
    #[arg(long)]
    at: Timestamp,
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let bodies = bodies(&arguments)?;
    let (next, start) = (AtomicU64::new(0), Instant::now());
    let mut times = thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.connections)
            .map(|_| scope.spawn(|| ask_as_often_as_possible(&arguments, &bodies, &next)))
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().map_err(|_| "a thread panicked")?;
        threads.into_iter().map(join).collect::<Result<Vec<Vec<Duration>>, Failure>>()
    })?
    .concat();
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1e3;
    let requests = times.len();
    println!(
        "{}",
        json!({
            "requests": requests,
            "seconds": seconds,
            "requests_per_second": requests as f64 / seconds,
            "p50_us": at(0.5),
            "p99_us": at(0.99),
        })
    );
    Ok(())
}

/// The bodies of requests for all flights of the file.
fn bodies(arguments: &Arguments) -> Result<Vec<Vec<u8>>, Failure> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&arguments.flights)?)?;
    let schema = Arc::clone(reader.schema());
    let flights = concat_batches(&schema, &reader.build()?.collect::<Result<Vec<_>, _>>()?)?;
    let selection = Selection::Service("delay_model".to_owned());
    let body = |rows: RecordBatch| {
        let column =
            |name| Ok((name, Arc::clone(rows.column_by_name(name).ok_or(format!("the flights have no {name}"))?)));
        let columns = COLUMNS.into_iter().map(column).collect::<Result<Vec<_>, Failure>>()?;
        Ok(ask(&selection, &columns, arguments.at.as_microsecond())?)
    };
    let starts = (0..flights.num_rows()).step_by(arguments.batch);
    starts.map(|start| body(flights.slice(start, arguments.batch.min(flights.num_rows() - start)))).collect()
}

/// How long each request took.
fn ask_as_often_as_possible(
    arguments: &Arguments,
    bodies: &[Vec<u8>],
    next: &AtomicU64,
) -> Result<Vec<Duration>, Failure> {
    let agent = ureq::Agent::new_with_defaults();
    let url = format!("{}/get-online-features", arguments.url);
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let mut times = Vec::new();
    loop {
        let request = next.fetch_add(1, Ordering::Relaxed);
        if (!times.is_empty() && Instant::now() >= end) || request >= arguments.requests {
            return Ok(times);
        }
        let body = &bodies[(request % bodies.len() as u64) as usize];
        let start = Instant::now();
        let mut response = agent.post(&url).content_type("application/json").send(body)?;
        std::io::copy(&mut response.body_mut().as_reader(), &mut std::io::sink())?;
        times.push(start.elapsed());
    }
}
