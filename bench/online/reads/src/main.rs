//! Reads features from the online store of an applied repository as often as it can, on a number of connections, and prints
//! as JSON how many entities it read, in how many seconds, and how long a read took. `bench/online/run.sh` starts it.
//!
//! It reads as a server does between its HTTP and its JSON: `OnlineFeatures::get`, from entity rows to columns.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use clap::Parser;
use jiff::Timestamp;
use serde_json::json;
use skewless_runtime::{Runtime, RuntimeOptions};
use skewless_store::definitions::{FeatureRef, Settings};
use skewless_store::{FeatureStore, OnlineFeatures, Selection, Status};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Threads, each with a connection of its own
    #[arg(long)]
    connections: usize,
    /// How long to read
    #[arg(long)]
    seconds: u64,
    /// The instant that is asked about
    #[arg(long)]
    at: Timestamp,
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let ready = Barrier::new(arguments.connections);
    let times = thread::scope(|scope| {
        let threads: Vec<_> = (1..=arguments.connections as u64)
            .map(|seed| {
                let (arguments, ready) = (&arguments, &ready);
                scope.spawn(move || read_as_often_as_possible(arguments, seed, ready))
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().map_err(|_| "a reader panicked")?;
        threads.into_iter().map(join).collect::<Result<Vec<_>, Failure>>()
    })?;
    println!("{}", told(&arguments, times.concat()));
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

/// How long each read took, until the time is over. The store is opened for this thread alone, so the connection is its own.
fn read_as_often_as_possible(arguments: &Arguments, seed: u64, ready: &Barrier) -> Result<Vec<Duration>, Failure> {
    let opened = open(arguments);
    // Also where it failed: the others wait.
    ready.wait();
    let (store, features) = opened?;
    let mut chance = Chance(seed);
    let mut times = Vec::new();
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    while Instant::now() < end || times.is_empty() {
        let rows = entity_rows(arguments, &mut chance)?;
        let started = Instant::now();
        let read = features.get(&rows, arguments.at.as_microsecond())?;
        times.push(started.elapsed());
        if times.len() == 1 {
            check(&read, rows.num_rows())?;
        }
    }
    drop(store);
    Ok(times)
}

fn open(arguments: &Arguments) -> Result<(FeatureStore, OnlineFeatures), Failure> {
    let settings = Settings::load(&arguments.repository, &|name| std::env::var(name).ok())?;
    let runtime = Runtime::new(RuntimeOptions::default())?;
    let open = FeatureStore::open(&arguments.repository, &settings, &runtime);
    let store = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(open)?;
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
fn check(read: &skewless_store::Features, rows: usize) -> Result<(), Failure> {
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
