//! Reads features from the online store of an applied repository as often as it can, a number of times at once, and prints
//! as JSON how many entities it read, in how many seconds, and how long a read took. `bench/online/run.sh` starts it.
//!
//! It reads as a server does between its HTTP and its JSON, from entity rows to columns, over the connections that all share.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use clap::Parser;
use jiff::Timestamp;
use serde_json::json;
use skewless_runtime::{Runtime, RuntimeOptions};
use skewless_store::definitions::{FeatureRef, Settings};
use skewless_store::{FeatureStore, Features, OnlineFeatures, Selection, Status};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Entity rows that are drawn before the reading begins, for each that reads: to draw them is no part of a read.
const DRAWN: usize = 256;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Reads features as often as it can
#[derive(Parser)]
struct Arguments {
    /// The folder of the feature repository
    #[arg(long)]
    repository: PathBuf,
    /// What to read: views, or features of them
    #[arg(long, value_delimiter = ',')]
    features: Vec<FeatureRef>,
    /// The int64 join key, whose values are drawn
    #[arg(long, default_value = "user_id")]
    join_key: String,
    /// How many entities to draw from: 0 up to it
    #[arg(long)]
    entities: u64,
    /// Entities in a read
    #[arg(long)]
    batch: usize,
    /// Reads at the same time
    #[arg(long)]
    at_once: usize,
    /// How long to read
    #[arg(long)]
    seconds: u64,
    /// The instant that is asked about
    #[arg(long)]
    at: Timestamp,
}

fn main() -> Result<(), Failure> {
    let arguments = Arc::new(Arguments::parse());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let times = runtime.block_on(async {
        let reader = Arc::new(open(&arguments).await?);
        let reading = (1..=arguments.at_once as u64)
            .map(|seed| tokio::spawn(read_as_often_as_possible(Arc::clone(&arguments), Arc::clone(&reader), seed)));
        let mut times = Vec::new();
        for reading in reading.collect::<Vec<_>>() {
            times.extend(reading.await??);
        }
        Ok::<_, Failure>(times)
    })?;
    println!("{}", told(&arguments, times));
    Ok(())
}

/// What is printed. `times` are those of all reads, in any order.
fn told(arguments: &Arguments, mut times: Vec<Duration>) -> serde_json::Value {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1e3;
    json!({
        "entities": times.len() * arguments.batch,
        "seconds": arguments.seconds,
        "p50_us": at(0.5),
        "p99_us": at(0.99),
    })
}

/// How long each read took, until the time is over.
async fn read_as_often_as_possible(
    arguments: Arc<Arguments>,
    reader: Arc<(FeatureStore, OnlineFeatures)>,
    seed: u64,
) -> Result<Vec<Duration>, Failure> {
    let (_, features) = &*reader;
    let mut chance = Chance(seed);
    let drawn = (0..DRAWN).map(|_| entity_rows(&arguments, &mut chance)).collect::<Result<Vec<_>, _>>()?;
    let mut times = Vec::new();
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    while Instant::now() < end || times.is_empty() {
        let rows = &drawn[times.len() % DRAWN];
        let started = Instant::now();
        let read = read(features, rows, arguments.at.as_microsecond()).await?;
        times.push(started.elapsed());
        if times.len() == 1 {
            check(&read, rows.num_rows())?;
        }
    }
    Ok(times)
}

/// Reads as the server does: without a thread that waits, where the store can do that.
async fn read(features: &OnlineFeatures, rows: &RecordBatch, at: i64) -> Result<Features, Failure> {
    Ok(match features.read(rows, at).await? {
        Some(stored) => features.compute(rows, stored)?,
        None => tokio::task::block_in_place(|| features.get(rows, at))?,
    })
}

async fn open(arguments: &Arguments) -> Result<(FeatureStore, OnlineFeatures), Failure> {
    let settings = Settings::load(&arguments.repository, &|name| std::env::var(name).ok())?;
    let runtime = Runtime::new(RuntimeOptions::default())?;
    let store = FeatureStore::open(&arguments.repository, &settings, &runtime).await?;
    let features = OnlineFeatures::prepare(&store, &Selection::Features(arguments.features.clone()))?;
    Ok((store, features))
}

/// Different entities, as a request has them.
fn entity_rows(arguments: &Arguments, chance: &mut Chance) -> Result<RecordBatch, Failure> {
    let mut keys = HashSet::with_capacity(arguments.batch);
    while keys.len() < arguments.batch.min(arguments.entities as usize) {
        keys.insert((chance.next() % arguments.entities) as i64);
    }
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(keys));
    Ok(RecordBatch::try_from_iter([(&arguments.join_key, keys)])?)
}

/// Every value must be there, or something else was measured than a read.
fn check(read: &Features, rows: usize) -> Result<(), Failure> {
    for feature in 0..read.len() {
        if let Some(row) = (0..rows).find(|row| read.status(feature, *row) != Status::Present) {
            return Err(format!("feature {feature} of row {row} is {:?}", read.status(feature, row)).into());
        }
    }
    if read.is_empty() { Err("nothing was read".into()) } else { Ok(()) }
}

/// Numbers that follow from a seed: xorshift64*.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
