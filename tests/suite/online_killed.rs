//! `kill -9` of the materializing process at any moment, while requests are answered.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use skewless_store::{FeatureStore, OnlineFeatures};

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
    let asked = table(&[("id", Arc::new(Int64Array::from_iter_values(0..ENTITIES)))]);
    // A handle of its own, opened after all that.
    let store = repository.apply().await.unwrap();
    let read = OnlineFeatures::prepare(&store, &features(&["users"])).unwrap();
    let read = read.get(&asked, micros("2025-01-01T00:00:00Z")).unwrap();
    let values = read.values(0).as_primitive::<Int64Type>();
    assert!(values.iter().eq((0..ENTITIES).map(|id| Some(value(id, round as i64)))));
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
