//! Values of every type, with every bit they can have, from the source over each online store and over the join: the
//! same on all ways.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use proptest::prelude::*;
use skewless_runtime::{DataType, ScalarType};
use skewless_store::{FeatureStore, Features};

use crate::parity::assert_same_bits;
use crate::redis_server::{RedisCluster, RedisServer};
use crate::support::{TestRepository, historical, materialize_all, micros_array, online, table};

#[path = "../../host/store/src/online/row/tests/arrays.rs"]
#[expect(dead_code, reason = "the row codec's own tests use the rest")]
mod arrays;

const ENTITIES: i64 = 4;

/// Every type there is: name and type of a feature each.
fn types() -> Vec<(String, DataType)> {
    let lists = ScalarType::ALL.map(DataType::List);
    let all = ScalarType::ALL.map(DataType::Scalar).into_iter().chain(lists);
    all.enumerate().map(|(number, data_type)| (format!("f{number}"), data_type)).collect()
}

/// Rows of a few entities: whose, when, and a column of every type.
#[derive(Debug, Clone)]
struct Rows {
    entities: Vec<i64>,
    events: Vec<i64>,
    columns: Vec<ArrayRef>,
}

fn rows() -> impl Strategy<Value = Rows> {
    (1usize..12).prop_flat_map(|count| {
        let columns: Vec<_> = types().iter().map(|(_, data_type)| arrays::any_array(*data_type, count)).collect();
        let entities = proptest::collection::vec(0..ENTITIES, count);
        let events = proptest::collection::vec(0i64..20, count);
        (entities, events, columns).prop_map(|(entities, events, columns)| Rows { entities, events, columns })
    })
}

impl Rows {
    fn source(&self) -> RecordBatch {
        let names = types();
        let entities: ArrayRef = Arc::new(Int64Array::from(self.entities.clone()));
        let mut columns = vec![("id", entities), ("happened_at", micros_array(self.events.iter().copied()))];
        columns.extend(names.iter().zip(&self.columns).map(|((name, _), column)| (name.as_str(), Arc::clone(column))));
        table(&columns)
    }
}

fn definitions() -> String {
    let schema: String =
        types().iter().map(|(name, data_type)| format!("      - {{name: {name}, type: {data_type}}}\n")).collect();
    format!(
        "entities: [{{name: thing, join_keys: [{{name: id, type: int64}}]}}]\n\
         sources: [{{name: things, path: things.parquet, timestamp_field: happened_at}}]\n\
         feature_views:\n  - name: things\n    entities: [thing]\n    source: things\n    ttl: 12us\n    schema:\n{schema}"
    )
}

/// The same data and definitions with each online store.
async fn stores(rows: &Rows, servers: &[String]) -> Vec<(TestRepository, FeatureStore)> {
    let settings = servers.iter().cloned().chain(["project: test\n".to_owned()]);
    let mut stores = Vec::new();
    for settings in settings {
        let repository = TestRepository::new(&definitions()).data("things.parquet", &rows.source());
        std::fs::write(repository.path().join("skewless.yaml"), settings).unwrap();
        let store = repository.apply().await.unwrap();
        materialize_all(&store).await;
        stores.push((repository, store));
    }
    stores
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(future)
}

#[test]
fn what_is_stored_is_what_the_join_finds_at_that_instant_bit_for_bit_in_every_store() {
    let (server, cluster) = (RedisServer::start(), RedisCluster::start());
    let settings = [server.settings_yaml(), cluster.settings_yaml()];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(16));
    let result = runner.run(&(rows(), 19i64..40), |(rows, at)| {
        server.cli(&["flushall"]);
        cluster.flush();
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ENTITIES));
        let entities = table(&[("id", Arc::clone(&ids))]);
        let asked = table(&[("id", ids), ("event_timestamp", micros_array(vec![at; ENTITIES as usize]))]);
        let (training, answers): (RecordBatch, Vec<Features>) = block_on(async {
            let stores = stores(&rows, &settings).await;
            let answers = stores.iter().map(|(_, store)| online(store, &["things"], &entities, at).unwrap());
            let answers = answers.collect();
            (historical(&stores[0].1, &["things"], asked).await.unwrap(), answers)
        });
        for (number, (name, data_type)) in types().iter().enumerate() {
            let trained = training.column_by_name(name).unwrap();
            for (store, answer) in ["redis", "redis cluster", "embedded"].iter().zip(&answers) {
                assert_same_bits(trained, answer.values(number), &format!("{data_type} in {store}"))?;
            }
        }
        Ok(())
    });
    result.unwrap();
}
