//! What every online store does: the same tests on the embedded one, on Redis, and on a Redis cluster.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::array::{Array, AsArray, Int64Array, LargeBinaryArray, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use skewless_runtime::ScalarType;
use skewless_store::definitions::Settings;
use skewless_store::online::{
    KeyedRow, OnlineStore, ReadRequest, RowDecoder, RowEncoder, RowPlan, RowTime, WriteSummary,
};
use skewless_store::row_schema::RowSchema;
use skewless_store::{Error, ErrorKind, open_online_store};
use tempfile::TempDir;

use crate::redis_server::{RedisCluster, RedisServer};
use crate::support::{int64s, table};

/// Where a store keeps its rows.
enum Place {
    Embedded(TempDir),
    Redis(RedisServer),
    Cluster(RedisCluster),
}

impl Place {
    fn store(&self) -> Arc<dyn OnlineStore> {
        self.store_of("flights")
    }

    fn store_of(&self, project: &str) -> Arc<dyn OnlineStore> {
        let (folder, online_store) = match self {
            Self::Embedded(folder) => (folder.path(), serde_json::json!({"type": "embedded", "path": "online.redb"})),
            Self::Redis(server) => {
                (Path::new("."), serde_json::json!({"type": "redis", "connection_string": server.address()}))
            }
            Self::Cluster(cluster) => {
                let settings = serde_json::json!({
                    "type": "redis", "redis_type": "redis_cluster", "connection_string": cluster.addresses(),
                });
                (Path::new("."), settings)
            }
        };
        let settings = serde_json::json!({"project": project, "online_store": online_store});
        open_online_store(folder, &serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
    }
}

macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[test] fn $name() { super::$name(&super::Place::Embedded(tempfile::tempdir().unwrap())); })*
        }
        mod redis {
            $(#[test] fn $name() { super::$name(&super::Place::Redis(super::RedisServer::start())); })*
        }
        mod redis_cluster {
            $(#[test] fn $name() { super::$name(&super::Place::Cluster(super::RedisCluster::start())); })*
        }
    };
}

on_every_store!(
    a_row_gives_way_to_one_that_is_not_older,
    the_newest_row_of_an_entity_wins_whatever_the_order_within_a_batch,
    a_read_answers_every_key_of_every_request_in_order,
    the_number_of_the_request_comes_with_each_row_and_an_error_ends_the_read,
    a_null_key_finds_nothing_and_keeps_the_others_in_step,
    projects_in_one_store_do_not_see_each_other,
    deleting_says_how_many_rows_are_gone,
    bytes_that_are_not_a_packed_row_are_refused_before_anything_is_written,
    writers_at_the_same_time_leave_the_newest_row_of_each_entity,
    a_batch_of_many_large_rows_is_stored_whole,
    the_store_holds_the_newest_row_of_each_entity_whatever_is_written_in_which_order,
    the_newer_of_two_rows_is_stored_whatever_their_times,
);

fn schema() -> RowSchema {
    RowSchema::new(vec![("value".to_owned(), ScalarType::Int64.into())])
}

/// A row of one int64, as it is stored.
pub(crate) fn packed(event: i64, created: Option<i64>, value: i64) -> Vec<u8> {
    let (batch, events) = (table(&[("value", int64s(&[value]))]), TimestampMicrosecondArray::from(vec![event]));
    let created = TimestampMicrosecondArray::from(vec![created]);
    RowEncoder::new(&schema(), &batch, &events, Some(&created)).unwrap().encode().value(0).to_vec()
}

/// A batch of one row, and what became of it: 1 written, 0 skipped.
fn put(store: &dyn OnlineStore, view: &str, key: &str, row: &[u8]) -> u64 {
    let summary = store.write(view, &[KeyedRow { key: key.as_bytes(), row }], None).unwrap();
    assert_eq!(summary.written + summary.skipped_older, 1);
    summary.written
}

fn get(store: &dyn OnlineStore, view: &str, key: &str) -> Option<Vec<u8>> {
    get_all(store, &[(view, &[key])]).remove(0)
}

fn get_all(store: &dyn OnlineStore, requests: &[(&str, &[&str])]) -> Vec<Option<Vec<u8>>> {
    let keys: Vec<_> = requests
        .iter()
        .map(|(_, keys)| LargeBinaryArray::from_iter_values(keys.iter().map(|key| key.as_bytes())))
        .collect();
    let requests: Vec<_> =
        requests.iter().zip(&keys).map(|((feature_view, _), keys)| ReadRequest { feature_view, keys }).collect();
    let mut rows = Vec::new();
    let mut keep = |_: usize, row: Option<&[u8]>| {
        rows.push(row.map(<[u8]>::to_vec));
        Ok(())
    };
    store.read(&requests, &mut keep).unwrap();
    rows
}

fn a_row_gives_way_to_one_that_is_not_older(place: &Place) {
    let store = place.store();
    // In the order of their times.
    let times = [(i64::MIN, None), (-1, None), (-1, Some(i64::MIN)), (-1, Some(5)), (0, None), (7, Some(-3))];
    for (stored, (event, created)) in times.into_iter().enumerate() {
        for (written, (other_event, other_created)) in times.into_iter().enumerate() {
            let view = format!("view_{stored}_{written}");
            assert_eq!(put(&*store, &view, "N1", &packed(event, created, 1)), 1);
            let counts = u64::from(written >= stored);
            assert_eq!(put(&*store, &view, "N1", &packed(other_event, other_created, 2)), counts);
            let newest = if counts == 1 { packed(other_event, other_created, 2) } else { packed(event, created, 1) };
            assert_eq!(get(&*store, &view, "N1"), Some(newest));
        }
    }
}

fn the_newest_row_of_an_entity_wins_whatever_the_order_within_a_batch(place: &Place) {
    let store = place.store();
    let rows =
        [packed(3, None, 1), packed(5, None, 2), packed(5, Some(1), 3), packed(5, Some(1), 4), packed(4, None, 5)];
    let batch = |order: &[usize]| {
        let keyed: Vec<_> = order.iter().map(|row| KeyedRow { key: b"N1", row: &rows[*row] }).collect();
        store.write("planes", &keyed, None).unwrap()
    };
    assert_eq!(batch(&[2, 3, 0, 1, 4]), WriteSummary { written: 1, skipped_older: 4 });
    assert_eq!(get(&*store, "planes", "N1"), Some(rows[3].clone()));
    assert_eq!(batch(&[4, 1, 0]), WriteSummary { written: 0, skipped_older: 3 });
    assert_eq!(batch(&[3, 2]), WriteSummary { written: 1, skipped_older: 1 });
    assert_eq!(get(&*store, "planes", "N1"), Some(rows[2].clone()));
    assert_eq!(batch(&[]), WriteSummary::default());
}

fn a_read_answers_every_key_of_every_request_in_order(place: &Place) {
    let store = place.store();
    for (view, key, value) in [("planes", "N1", 1), ("planes", "N2", 2), ("weather", "EWR", 3), ("weather", "N1", 4)] {
        put(&*store, view, key, &packed(0, None, value));
    }
    let read = get_all(
        &*store,
        &[
            ("weather", &["JFK", "EWR"]),
            ("planes", &["N2", "N3", "N1", "N2"]),
            ("planes", &[]),
            ("carriers", &["N1"]),
            ("weather", &["N1", "N2"]),
        ],
    );
    let expected = [None, Some(3), Some(2), None, Some(1), Some(2), None, Some(4), None];
    assert_eq!(read, expected.map(|value| value.map(|value| packed(0, None, value))));
    assert!(get_all(&*store, &[]).is_empty());
}

fn the_number_of_the_request_comes_with_each_row_and_an_error_ends_the_read(place: &Place) {
    let store = place.store();
    for exists in [false, true] {
        if exists {
            put(&*store, "planes", "N1", &packed(0, None, 1));
        }
        let keys = LargeBinaryArray::from_iter_values(["N1", "N2"]);
        let requests = ["weather", "planes"].map(|feature_view| ReadRequest { feature_view, keys: &keys });
        let mut visited = Vec::new();
        let result = store.read(&requests, &mut |request, row| {
            visited.push((request, row.is_some()));
            if visited.len() == 3 { Err(Error::invalid_input("enough")) } else { Ok(()) }
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(visited, [(0, false), (0, false), (1, exists)]);
    }
}

fn a_null_key_finds_nothing_and_keeps_the_others_in_step(place: &Place) {
    let store = place.store();
    put(&*store, "planes", "N1", &packed(0, None, 1));
    let keys = LargeBinaryArray::from_opt_vec(vec![None, Some(b"N1")]);
    let mut found = Vec::new();
    let requests = [ReadRequest { feature_view: "planes", keys: &keys }];
    let mut keep = |_: usize, row: Option<&[u8]>| {
        found.push(row.is_some());
        Ok(())
    };
    store.read(&requests, &mut keep).unwrap();
    assert_eq!(found, [false, true]);
}

fn projects_in_one_store_do_not_see_each_other(place: &Place) {
    let (flights, trains) = (place.store(), place.store_of("trains"));
    // Its name begins with the other's.
    let flights_2 = place.store_of("flights_2");
    put(&*flights, "planes", "N1", &packed(0, None, 1));
    put(&*trains, "engines", "N1", &packed(0, None, 2));
    put(&*flights_2, "planes", "N1", &packed(0, None, 3));
    assert_eq!(get(&*trains, "planes", "N1"), None);
    assert_eq!(flights.counts().unwrap(), BTreeMap::from([("planes".to_owned(), 1)]));
    assert_eq!(trains.delete_entity(b"N1").unwrap(), 1);
    assert_eq!(flights.delete_view("planes").unwrap(), 1);
    assert_eq!(flights_2.counts().unwrap(), BTreeMap::from([("planes".to_owned(), 1)]));
}

fn deleting_says_how_many_rows_are_gone(place: &Place) {
    let store = place.store();
    let counts = || store.counts().unwrap().into_iter().collect::<Vec<_>>();
    let expected =
        |counts: &[(&str, u64)]| counts.iter().map(|(view, rows)| ((*view).to_owned(), *rows)).collect::<Vec<_>>();
    assert!(counts().is_empty());
    for (view, key) in [("planes", "N1"), ("planes", "N2"), ("delays", "N1"), ("weather", "EWR")] {
        put(&*store, view, key, &packed(0, None, 1));
    }
    assert_eq!(counts(), expected(&[("delays", 1), ("planes", 2), ("weather", 1)]));
    assert_eq!(store.delete_entity(b"N1").unwrap(), 2);
    assert_eq!(store.delete_entity(b"N1").unwrap(), 0);
    assert_eq!(counts(), expected(&[("planes", 1), ("weather", 1)]));
    assert_eq!(store.delete_view("planes").unwrap(), 1);
    assert_eq!(store.delete_view("planes").unwrap(), 0);
    assert_eq!(store.delete_view("carriers").unwrap(), 0);
    assert_eq!(counts(), expected(&[("weather", 1)]));
    assert_eq!(get(&*store, "planes", "N2"), None);
    // What was deleted does not count as newer.
    assert_eq!(put(&*store, "planes", "N2", &packed(-1, None, 2)), 1);
}

fn bytes_that_are_not_a_packed_row_are_refused_before_anything_is_written(place: &Place) {
    let store = place.store();
    let row = packed(0, None, 1);
    let rows = [&row[..], b"N1"].map(|row| KeyedRow { key: b"N1", row });
    let error = store.write("planes", &rows, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), "row 1 to store is not a packed row: it has 2 bytes, less than a header");
    assert!(store.counts().unwrap().is_empty());
}

fn writers_at_the_same_time_leave_the_newest_row_of_each_entity(place: &Place) {
    const ENTITIES: usize = 40;
    const WRITERS: i64 = 4;
    let keys: Vec<String> = (0..ENTITIES).map(|entity| format!("N{entity}")).collect();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let keys = &keys;
            // Through a store of its own, as another process would.
            let store = place.store();
            scope.spawn(move || {
                for round in 0..25 {
                    // The times of the writers are interleaved; each goes through them in an order of its own.
                    let event = (round * (7 + writer * 2)) % 25 * WRITERS + writer;
                    let row = packed(event, None, event);
                    let rows: Vec<_> = keys.iter().map(|key| KeyedRow { key: key.as_bytes(), row: &row }).collect();
                    store.write("planes", &rows, None).unwrap();
                }
            });
        }
    });
    let newest = packed(25 * WRITERS - 1, None, 25 * WRITERS - 1);
    let texts: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(get_all(&*place.store(), &[("planes", &texts)]), vec![Some(newest); ENTITIES]);
}

fn a_batch_of_many_large_rows_is_stored_whole(place: &Place) {
    let store = place.store();
    let keys: Vec<[u8; 4]> = (0..3_000_u32).map(u32::to_be_bytes).collect();
    let values: Vec<String> = (0..3_000).map(|number| number.to_string().repeat(500)).collect();
    let schema = RowSchema::new(vec![("value".to_owned(), ScalarType::String.into())]);
    let column = Arc::new(arrow::array::StringArray::from_iter_values(&values));
    let times = TimestampMicrosecondArray::from(vec![0; 3_000]);
    let batch = table(&[("value", column)]);
    let rows = RowEncoder::new(&schema, &batch, &times, None).unwrap().encode();
    let keyed: Vec<_> = keys.iter().enumerate().map(|(row, key)| KeyedRow { key, row: rows.value(row) }).collect();
    let expected = WriteSummary { written: 3_000, skipped_older: 0 };
    assert_eq!(store.write("texts", &keyed, None).unwrap(), expected);
    let plan = RowPlan::new("texts", std::slice::from_ref(&schema), &schema.fields);
    let mut decoder = RowDecoder::new(&plan, 3_000);
    let keys = LargeBinaryArray::from_iter_values(&keys);
    store.read(&[ReadRequest { feature_view: "texts", keys: &keys }], &mut |_, row| decoder.push(row)).unwrap();
    let read = decoder.finish();
    assert!(read.columns[0].as_string::<i32>().iter().flatten().eq(&values));
}

/// A row's time and value.
type Given = ((i64, Option<i64>), i64);

/// A view, and rows of some entities.
type Batch = (usize, Vec<(u8, Given)>);

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let row = (0u8..4, ((0i64..3, proptest::option::of(0i64..2)), any::<i64>()));
    proptest::collection::vec((0usize..2, proptest::collection::vec(row, 0..8)), 0..8)
}

fn the_store_holds_the_newest_row_of_each_entity_whatever_is_written_in_which_order(place: &Place) {
    static PROJECTS: AtomicU32 = AtomicU32::new(0);
    let mut runner = TestRunner::new(Config::with_cases(24));
    let result = runner.run(&batches(), |batches| {
        let store = place.store_of(&format!("project_{}", PROJECTS.fetch_add(1, Ordering::Relaxed)));
        let views = ["planes", "weather"];
        let mut newest = BTreeMap::<(usize, u8), Given>::new();
        for (view, batch) in &batches {
            let rows = batch.iter().map(|(key, ((event, created), value))| ([*key], packed(*event, *created, *value)));
            let rows: Vec<_> = rows.collect();
            let keyed: Vec<_> = rows.iter().map(|(key, row)| KeyedRow { key, row }).collect();
            let summary = store.write(views[*view], &keyed, None).unwrap();
            prop_assert_eq!(summary.written + summary.skipped_older, batch.len() as u64);
            for (key, given) in batch {
                let stored = newest.entry((*view, *key)).or_insert(*given);
                if given.0 >= stored.0 {
                    *stored = *given;
                }
            }
        }
        let counts = store.counts().unwrap();
        for (view, name) in views.iter().enumerate() {
            let keys = LargeBinaryArray::from_iter_values((0..4u8).map(|key| [key]));
            let mut found = Vec::new();
            let mut keep = |_: usize, row: Option<&[u8]>| {
                found.push(row.map(<[u8]>::to_vec));
                Ok(())
            };
            store.read(&[ReadRequest { feature_view: name, keys: &keys }], &mut keep).unwrap();
            let expected: Vec<_> = (0..4)
                .map(|key| newest.get(&(view, key)).map(|((event, created), value)| packed(*event, *created, *value)))
                .collect();
            prop_assert_eq!(found, expected);
            let count = newest.keys().filter(|(of_view, _)| *of_view == view).count() as u64;
            prop_assert_eq!(counts.get(*name).copied().unwrap_or(0), count);
        }
        Ok(())
    });
    result.unwrap();
}

/// Times that differ in any of their bytes, and some that are equal.
fn time() -> impl Strategy<Value = (i64, Option<i64>)> {
    let micros = || prop_oneof![any::<i64>(), (0u32..64).prop_map(|bit| 1 << bit), Just(0), Just(-1), Just(i64::MAX)];
    (micros(), proptest::option::of(micros()))
}

fn the_newer_of_two_rows_is_stored_whatever_their_times(place: &Place) {
    let store = place.store();
    let pairs = proptest::collection::vec((time(), time()), 64);
    let mut runner = TestRunner::new(Config::with_cases(8));
    let result = runner.run(&pairs, |pairs| {
        let keys = LargeBinaryArray::from_iter_values((0..pairs.len()).map(|key| key.to_be_bytes()));
        for second in [false, true] {
            let rows: Vec<_> = pairs
                .iter()
                .map(|(one, other)| if second { *other } else { *one })
                .map(|(event, created)| packed(event, created, i64::from(second)))
                .collect();
            let keyed: Vec<_> =
                rows.iter().enumerate().map(|(row, bytes)| KeyedRow { key: keys.value(row), row: bytes }).collect();
            store.write("planes", &keyed, None).unwrap();
        }
        let schema = schema();
        let plan = RowPlan::new("planes", std::slice::from_ref(&schema), &schema.fields);
        let mut decoder = RowDecoder::new(&plan, pairs.len());
        store.read(&[ReadRequest { feature_view: "planes", keys: &keys }], &mut |_, row| decoder.push(row)).unwrap();
        for key in keys.iter().flatten() {
            store.delete_entity(key).unwrap();
        }
        let read = decoder.finish();
        let values: &Int64Array = read.columns[0].as_primitive::<Int64Type>();
        for (row, (one, other)) in pairs.iter().enumerate() {
            let newest = if other >= one { (other, 1) } else { (one, 0) };
            let (event_timestamp, created_timestamp) = *newest.0;
            prop_assert_eq!(read.times[row], Some(RowTime { event_timestamp, created_timestamp }));
            prop_assert!(values.is_valid(row));
            prop_assert_eq!(values.value(row), newest.1);
        }
        Ok(())
    });
    result.unwrap();
}
