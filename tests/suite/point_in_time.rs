//! The join and the newest-row rule against oracles that try every row.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use skewless_store::historical::{HistoricalRequest, get_historical_features};
use skewless_store::{FeatureStore, Status};

use crate::support::{TestRepository, features, materialize_all, micros_array, online, table, write_parquet};

/// A row of the source: composite key, event and created timestamp, and a value that tells rows apart.
#[derive(Debug, Clone)]
struct SourceRow {
    key: (i64, String),
    event: i64,
    created: Option<i64>,
    value: i64,
}

#[derive(Debug, Clone)]
struct EntityRow {
    key: (i64, String),
    at: i64,
}

/// The greatest by event timestamp, created timestamp and place, of those that may be seen at the instant.
fn oracle(rows: &[SourceRow], entity: &EntityRow, ttl: i64, known_at: bool) -> Option<i64> {
    let seen = |row: &&SourceRow| {
        row.key == entity.key
            && row.event <= entity.at
            && (!known_at || row.created.is_none_or(|created| created <= entity.at))
    };
    let newest = rows.iter().filter(seen).enumerate().max_by_key(|(place, row)| (row.event, row.created, *place));
    newest.map(|(_, row)| row).filter(|row| ttl == 0 || entity.at - ttl <= row.event).map(|row| row.value)
}

const YAML: &str = r#"
entities:
  - name: shop
    join_keys: [{name: shop_id, type: int64}]
  - name: article
    join_keys: [{name: article, type: string}]
sources:
  - {name: sales, path: sales, timestamp_field: sold_at, created_timestamp_column: recorded_at}
feature_views:
  - name: sales
    entities: [shop, article]
    source: sales
    ttl: TTL
    schema: [{name: amount, type: int64}]
"#;

/// Two files, so that the place in the files crosses a border.
async fn repository(rows: &[SourceRow], ttl: i64) -> (TestRepository, FeatureStore) {
    let repository = TestRepository::new(&YAML.replace("TTL", &format!("\"{ttl}us\"")));
    let (first, second) = rows.split_at(rows.len() / 2);
    for (name, rows) in [("sales/a.parquet", first), ("sales/b.parquet", second)] {
        write_parquet(&repository.path().join(name), &source_table(rows));
    }
    let store = repository.apply().await.unwrap();
    (repository, store)
}

fn source_table(rows: &[SourceRow]) -> RecordBatch {
    let created = TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.created)).with_timezone("UTC");
    table(&[
        ("shop_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.key.0)))),
        ("article", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.key.1)))),
        ("sold_at", micros_array(rows.iter().map(|row| row.event))),
        ("recorded_at", Arc::new(created)),
        ("amount", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.value)))),
    ])
}

fn entity_table(entities: &[EntityRow]) -> RecordBatch {
    table(&[
        ("article", Arc::new(StringArray::from_iter_values(entities.iter().map(|row| &row.key.1)))),
        ("row", Arc::new(Int64Array::from_iter_values(0..entities.len() as i64))),
        ("shop_id", Arc::new(Int64Array::from_iter_values(entities.iter().map(|row| row.key.0)))),
        ("event_timestamp", micros_array(entities.iter().map(|row| row.at))),
    ])
}

fn numbers(array: &ArrayRef) -> Vec<Option<i64>> {
    array.as_primitive::<Int64Type>().iter().collect()
}

async fn joined(store: &FeatureStore, entities: &[EntityRow], known_at: bool) -> RecordBatch {
    let request = HistoricalRequest { known_at, ..HistoricalRequest::new(features(&["sales"])) };
    get_historical_features(store, &request, entity_table(entities)).await.unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(future)
}

/// Few keys and instants, so that ties, exact ends of the ttl and duplicates happen all the time. Among the keys are
/// pairs that would meet if their parts were written one behind the other.
fn key() -> impl Strategy<Value = (i64, String)> {
    (prop_oneof![Just(1), Just(12)], prop_oneof![Just("23"), Just("3"), Just(""), Just("é")])
        .prop_map(|(shop, article)| (shop, article.to_owned()))
}

fn source_row() -> impl Strategy<Value = SourceRow> {
    (key(), -5_i64..15, proptest::option::of(-5_i64..20), any::<i64>())
        .prop_map(|(key, event, created, value)| SourceRow { key, event, created, value })
}

fn entity_row() -> impl Strategy<Value = EntityRow> {
    (key(), -7_i64..18).prop_map(|(key, at)| EntityRow { key, at })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_join_finds_what_trying_every_row_finds(
        rows in proptest::collection::vec(source_row(), 0..60),
        entities in proptest::collection::vec(entity_row(), 0..40),
        ttl in prop_oneof![Just(0_i64), 1_i64..8],
        known_at: bool,
    ) {
        let training = block_on(async {
            let (_repository, store) = repository(&rows, ttl).await;
            joined(&store, &entities, known_at).await
        });
        // Exactly the entity rows, in their order.
        let order: Vec<Option<i64>> = (0..entities.len() as i64).map(Some).collect();
        prop_assert_eq!(numbers(training.column_by_name("row").unwrap()), order);
        let expected: Vec<_> = entities.iter().map(|entity| oracle(&rows, entity, ttl, known_at)).collect();
        prop_assert_eq!(numbers(training.column_by_name("amount").unwrap()), expected);
    }

    #[test]
    fn a_request_finds_the_row_that_a_training_row_of_the_same_instant_finds(
        rows in proptest::collection::vec(source_row(), 1..60),
        ttl in prop_oneof![Just(0_i64), 1_i64..8],
        at in 15_i64..30,
    ) {
        let mut keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
        keys.push((99, "nobody".to_owned()));
        let entities: Vec<_> = keys.into_iter().map(|key| EntityRow { key, at }).collect();
        block_on(async {
            let (_repository, store) = repository(&rows, ttl).await;
            let training = joined(&store, &entities, false).await;
            materialize_all(&store).await;
            let served = online(&store, &["sales"], &entity_table(&entities), at).unwrap();
            prop_assert_eq!(numbers(training.column_by_name("amount").unwrap()), numbers(served.values(0)));
            for (row, entity) in entities.iter().enumerate() {
                prop_assert_eq!(served.status(0, row), expected_status(&rows, entity, ttl));
            }
            Ok(())
        })?;
    }
}

fn expected_status(rows: &[SourceRow], entity: &EntityRow, ttl: i64) -> Status {
    match (oracle(rows, entity, ttl, false), oracle(rows, entity, 0, false)) {
        (Some(_), _) => Status::Present,
        (None, Some(_)) => Status::OutsideMaxAge,
        (None, None) => Status::NotFound,
    }
}

#[tokio::test]
async fn every_entity_row_stays_even_where_all_features_lie_in_its_future() {
    let row = SourceRow { key: (1, "a".to_owned()), event: 100, created: None, value: 7 };
    let (_repository, store) = repository(&[row], 0).await;
    let entities: Vec<_> = (0..1_000).map(|at| EntityRow { key: (1, "a".to_owned()), at: at % 100 }).collect();
    let training = joined(&store, &entities, false).await;
    assert_eq!(training.num_rows(), 1_000);
    assert_eq!(training.column_by_name("amount").unwrap().null_count(), 1_000);
}

#[tokio::test]
async fn materializing_in_pieces_in_any_order_leaves_the_newest_rows() {
    use skewless_store::materialize::{MaterializeRequest, Start, materialize};
    let keys = ["a", "b", "c"].map(|article| (1, article.to_owned()));
    let rows: Vec<SourceRow> = (0..90)
        .map(|event| SourceRow { key: keys[event as usize * 7 % 3].clone(), event, created: None, value: event })
        .collect();
    let (_repository, store) = repository(&rows, 0).await;
    for (start, end) in [(60, 89), (0, 29), (30, 59), (0, 29)] {
        let instant = |micros| jiff::Timestamp::from_microsecond(micros).unwrap();
        let request = MaterializeRequest {
            views: vec!["sales".to_owned()],
            start: Start::At(instant(start)),
            end: instant(end),
            now: instant(1_000),
            shard: None,
        };
        materialize(&store, &request, &|_| {}).await.unwrap();
    }
    let mut newest = HashMap::new();
    rows.iter().for_each(|row| _ = newest.insert(row.key.clone(), row.value));
    let entities: Vec<_> = keys.iter().map(|key| EntityRow { key: key.clone(), at: 0 }).collect();
    let served = online(&store, &["sales"], &entity_table(&entities), 100).unwrap();
    let expected: Vec<_> = keys.iter().map(|key| newest.get(key).copied()).collect();
    assert_eq!(numbers(served.values(0)), expected);
    let state = store.registry().current().await.unwrap().unwrap().state;
    let intervals = &state.views["sales"].materialized;
    assert_eq!(intervals.iter().map(|interval| (interval.start, interval.end)).collect::<Vec<_>>(), [(0, 89)]);
}
