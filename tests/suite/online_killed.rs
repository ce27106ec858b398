//! `kill -9` of the materializing process, a command or a server, at any moment, while requests are answered.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use jiff::Timestamp;
use skewless_store::registry::ViewState;
use skewless_store::{FeatureStore, OnlineFeatures};

use crate::feature_server::{FeatureServer, wait_until};
use crate::redis_server::RedisServer;
use crate::support::{TestRepository, features, micros, micros_array, printed, skewless, table, write_parquet};

const KILLS: u64 = 50;
const ENTITIES: i64 = 20_000;

/// Entities that the reader asks for, spread over all of them.
const ASKED: i64 = 400;

const COLUMNS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn definitions() -> String {
    let schema: String = COLUMNS.map(|name| format!("{{name: {name}, type: int64}}, ")).concat();
    format!(
        "entities: [{{name: user, join_keys: [{{name: id, type: int64}}]}}]\n\
         sources: [{{name: users, path: users.parquet, timestamp_field: seen_at}}]\n\
         feature_views: [{{name: users, entities: [user], source: users, schema: [{schema}]}}]\n"
    )
}

/// A row for each entity, later than those of the generation before, with the same value in every column.
fn generation(number: i64) -> RecordBatch {
    let ids: Arc<Int64Array> = Arc::new(Int64Array::from_iter_values(0..ENTITIES));
    let values: Arc<Int64Array> = Arc::new(Int64Array::from_iter_values((0..ENTITIES).map(|id| value(id, number))));
    let seen_at = micros_array((0..ENTITIES).map(|_| micros("2024-01-01T00:00:00Z") + number));
    let mut columns: Vec<(&str, arrow::array::ArrayRef)> = vec![("id", ids), ("seen_at", seen_at)];
    columns.extend(COLUMNS.map(|name| (name, Arc::clone(&values) as arrow::array::ArrayRef)));
    table(&columns)
}

fn value(id: i64, generation: i64) -> i64 {
    id * 1_000 + generation
}

/// Reads until it is stopped, and finds nothing torn and nothing older than before.
fn read_on(store: &FeatureStore, stop: &AtomicBool, reads: &AtomicU64) {
    let online = OnlineFeatures::prepare(store, &features(&["users"])).unwrap();
    let ids: Vec<i64> = (0..ASKED).map(|id| id * (ENTITIES / ASKED)).collect();
    let asked = table(&[("id", Arc::new(Int64Array::from(ids.clone())))]);
    let mut newest = vec![-1; ids.len()];
    while !stop.load(Ordering::Relaxed) {
        let read = online.get(&asked, micros("2025-01-01T00:00:00Z")).unwrap();
        for (row, id) in ids.iter().enumerate() {
            let column = |feature: usize| read.values(feature).as_primitive::<Int64Type>();
            if !column(0).is_valid(row) {
                assert_eq!(newest[row], -1, "entity {id} is gone");
                continue;
            }
            let first = column(0).value(row);
            assert!((1..COLUMNS.len()).all(|feature| column(feature).value(row) == first), "entity {id} is torn");
            let generation = first - value(*id, 0);
            assert!(generation >= newest[row], "entity {id} went back from {} to {generation}", newest[row]);
            newest[row] = generation;
        }
        reads.fetch_add(1, Ordering::Relaxed);
    }
}

fn materialize(folder: &Path) -> std::process::Command {
    let mut command = skewless(folder);
    command.args(["materialize", "2024-01-01", "2024-02-01"]).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A number below `below` that differs from round to round.
fn drawn(round: u64, below: u64) -> u64 {
    // An odd multiplier visits the whole range.
    (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) % below.max(1)
}

async fn survives_kills(repository: TestRepository) {
    let data = repository.path().join("users.parquet");
    write_parquet(&data, &generation(0));
    let store = repository.apply().await.unwrap();
    let start = Instant::now();
    assert!(materialize(repository.path()).status().unwrap().success());
    let mut whole_run = start.elapsed();
    let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut round, mut killed) = (0, 0);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_on(&store, &stop, &reads));
        while killed < KILLS {
            write_parquet(&data, &generation(round as i64 + 1));
            let mut child = materialize(repository.path()).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(drawn(round, whole_run.as_micros() as u64)));
            match child.try_wait().unwrap() {
                None => killed += 1,
                // It was faster than the first: the moments to come lie closer together.
                Some(_) => whole_run = whole_run * 9 / 10,
            }
            let _ = child.kill();
            child.wait().unwrap();
            round += 1;
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert!(reads.load(Ordering::Relaxed) > 20);
    let output = skewless(repository.path()).args(["materialize", "2024-01-01", "2024-02-01"]).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    has_all_of(&repository, round as i64).await;
}

/// Every entity has its row of a generation, for a reader who comes after all that.
async fn has_all_of(repository: &TestRepository, generation: i64) {
    let asked = table(&[("id", Arc::new(Int64Array::from_iter_values(0..ENTITIES)))]);
    let store = repository.apply().await.unwrap();
    let read = OnlineFeatures::prepare(&store, &features(&["users"])).unwrap();
    let read = read.get(&asked, micros("2025-01-01T00:00:00Z")).unwrap();
    let values = read.values(0).as_primitive::<Int64Type>();
    assert!(values.iter().eq((0..ENTITIES).map(|id| Some(value(id, generation)))));
}

/// The end of the interval that is materialized in a round: each a minute later than the one before.
fn end_of(round: u64) -> i64 {
    micros("2024-02-01T00:00:00Z") + round as i64 * 60_000_000
}

/// Asks `server` for a round's job, and answers with the status.
fn ask_for(server: &FeatureServer, query: &str, round: u64) -> u16 {
    let end = Timestamp::from_microsecond(end_of(round)).unwrap();
    let body = format!(r#"{{"start_ts": "2024-01-01", "end_ts": "{end}"}}"#);
    server.request("POST", &format!("/materialize{query}"), "", body.as_bytes()).status
}

/// Up to which instant the view is recorded as materialized.
async fn recorded(store: &FeatureStore) -> Option<i64> {
    let commit = store.registry().current().await.unwrap().unwrap();
    commit.state.views.get("users").and_then(ViewState::watermark)
}

fn survives_kills_of_the_server(repository: &TestRepository) {
    const KILLS: u64 = 5;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let data = repository.path().join("users.parquet");
    write_parquet(&data, &generation(0));
    let store = runtime.block_on(repository.apply()).unwrap();
    let mut server = FeatureServer::start(repository.path(), &[]);
    let start = Instant::now();
    assert_eq!(ask_for(&server, "", 0), 200);
    let mut whole_run = start.elapsed();
    let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut round, mut killed, mut known) = (0, 0, end_of(0));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_on(&store, &stop, &reads));
        while killed < KILLS {
            round += 1;
            write_parquet(&data, &generation(round as i64));
            assert_eq!(ask_for(&server, "?async=true", round), 202);
            std::thread::sleep(Duration::from_micros(drawn(round, whole_run.as_micros() as u64)));
            server.kill();
            match runtime.block_on(recorded(&store)).unwrap() {
                end if end == known => killed += 1,
                // It was faster than the first: the moments to come lie closer together.
                end => {
                    assert_eq!(end, end_of(round));
                    (known, whole_run) = (end, whole_run * 9 / 10);
                }
            }
            server = FeatureServer::start(repository.path(), &[]);
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert!(reads.load(Ordering::Relaxed) > 20);
    assert_eq!(ask_for(&server, "", round), 200);
    assert_eq!(runtime.block_on(recorded(&store)), Some(end_of(round)));
    runtime.block_on(has_all_of(repository, round as i64));
}

#[test]
fn kills_of_a_server_that_materializes_leave_the_embedded_store_whole_and_a_rerun_completes() {
    survives_kills_of_the_server(&TestRepository::new(&definitions()));
}

#[test]
fn kills_of_a_server_that_materializes_leave_redis_whole_and_a_rerun_completes() {
    let redis = RedisServer::start();
    let repository = TestRepository::new(&definitions());
    std::fs::write(repository.path().join("skewless.yaml"), redis.settings_yaml()).unwrap();
    survives_kills_of_the_server(&repository);
}

/// The priorities of the threads of a process that are called `name`: the greater the number, the lower.
#[cfg(target_os = "linux")]
fn priorities(process: u32, name: &str) -> Vec<i32> {
    let stats = std::fs::read_dir(format!("/proc/{process}/task")).unwrap().filter_map(|task| {
        // Threads end meanwhile.
        std::fs::read_to_string(task.ok()?.path().join("stat")).ok()
    });
    let of_name = stats.filter(|stat| stat.contains(&format!("({name})")));
    // The name is the second of the fields, which are counted from 1.
    of_name
        .map(|stat| stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19 - 3).unwrap().parse().unwrap())
        .collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_materializes_lets_requests_go_first() {
    let repository = TestRepository::new(&definitions());
    write_parquet(&repository.path().join("users.parquet"), &generation(0));
    tokio::runtime::Runtime::new().unwrap().block_on(repository.apply()).unwrap();
    let server = FeatureServer::start(repository.path(), &[]);
    let before = priorities(server.id(), "skewless")[0];
    std::thread::scope(|scope| {
        let job = scope.spawn(|| ask_for(&server, "", 0));
        let mut lowered = false;
        while !job.is_finished() {
            lowered |=
                priorities(server.id(), "materialize").contains(&(before + skewless_server::LOWER_PRIORITY).min(19));
        }
        assert!(lowered, "its thread was not seen with a lower priority");
        assert_eq!(job.join().unwrap(), 200);
    });
    // Threads that the job has started are ended in a moment.
    wait_until("all others are as before", || {
        let others = priorities(server.id(), "tokio-rt-worker");
        !others.is_empty() && others.iter().all(|priority| *priority == before)
    });
}

#[tokio::test]
async fn fifty_kills_leave_the_embedded_store_whole_and_a_rerun_completes() {
    survives_kills(TestRepository::new(&definitions())).await;
}

#[tokio::test]
async fn fifty_kills_leave_redis_whole_and_a_rerun_completes() {
    let server = RedisServer::start();
    let repository = TestRepository::new(&definitions());
    std::fs::write(repository.path().join("skewless.yaml"), server.settings_yaml()).unwrap();
    survives_kills(repository).await;
}
