//! The exercise of the feature-store tutorials: three users, two snapshots, one training date between them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use skewless_store::{FeatureStore, Status};

use crate::support::{
    TestRepository, component, historical, int64s, materialize_all, micros, online, table, timestamps,
};

const DAY: &str = "2024-01-15T00:00:00Z";

async fn tutorial(ttl: &str) -> (TestRepository, FeatureStore) {
    let repository = TestRepository::new(&format!(
        r#"
entities:
  - name: user
    join_keys: [{{name: user_id, type: int64}}]
sources:
  - name: user_stats
    path: user_stats.parquet
    timestamp_field: event_timestamp
transforms:
  - name: purchases_per_dollar
    path: {component}
feature_views:
  - name: user_stats
    entities: [user]
    source: user_stats
    ttl: {ttl}
    schema:
      - {{name: purchases_7d, type: int64}}
      - {{name: avg_spend, type: float64}}
on_demand_feature_views:
  - name: efficiency
    transform: purchases_per_dollar
    inputs:
      purchases: user_stats:purchases_7d
      spend: user_stats:avg_spend
"#,
        component = component("purchases_per_dollar").display()
    ));
    let january = ["2024-01-01T00:00:00Z", DAY];
    let repository = repository.data(
        "user_stats.parquet",
        &table(&[
            ("user_id", int64s(&[1, 2, 3, 1, 2, 3])),
            ("purchases_7d", int64s(&[10, 5, 20, 12, 7, 22])),
            ("avg_spend", Arc::new(Float64Array::from(vec![50.0, 100.0, 25.0, 55.0, 95.0, 30.0]))),
            ("event_timestamp", timestamps(&[january[0], january[0], january[0], january[1], january[1], january[1]])),
        ]),
    );
    let store = repository.apply().await.unwrap();
    (repository, store)
}

fn entity_rows(at: &str) -> RecordBatch {
    table(&[("user_id", int64s(&[1, 2])), ("event_timestamp", timestamps(&[at, at]))])
}

fn purchases(batch: &RecordBatch) -> Vec<Option<i64>> {
    batch.column_by_name("purchases_7d").unwrap().as_primitive::<Int64Type>().iter().collect()
}

fn bits(array: &ArrayRef) -> Vec<Option<u64>> {
    array.as_primitive::<Float64Type>().iter().map(|value| value.map(f64::to_bits)).collect()
}

#[tokio::test]
async fn a_training_row_gets_what_was_known_then_and_not_what_came_later() {
    let (_repository, store) = tutorial("30d").await;
    let training = historical(&store, &["user_stats"], entity_rows("2024-01-10T00:00:00Z")).await.unwrap();
    assert_eq!(purchases(&training), [Some(10), Some(5)]);
}

#[tokio::test]
async fn a_training_row_gets_nulls_where_everything_is_older_than_the_ttl() {
    let (_repository, store) = tutorial("1d").await;
    let training = historical(&store, &["user_stats"], entity_rows("2024-01-10T00:00:00Z")).await.unwrap();
    assert_eq!(purchases(&training), [None, None]);
}

#[tokio::test]
async fn a_request_gets_the_newest_values_until_they_outlive_the_ttl() {
    let (_repository, store) = tutorial("30d").await;
    materialize_all(&store).await;
    let users = table(&[("user_id", int64s(&[1, 2, 4]))]);
    let fresh = online(&store, &["user_stats:purchases_7d"], &users, micros("2024-01-20T00:00:00Z")).unwrap();
    assert_eq!(fresh.values(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(12), Some(7), None]);
    assert_eq!([0, 1, 2].map(|row| fresh.status(0, row)), [Status::Present, Status::Present, Status::NotFound]);
    assert_eq!(fresh.event_timestamp(0, 0), Some(micros(DAY)));

    let earlier = online(&store, &["user_stats:purchases_7d"], &users, micros("2024-01-10T00:00:00Z")).unwrap();
    assert_eq!(earlier.status(0, 0), Status::NotFound, "what happened later is not known yet");
    assert_eq!(earlier.values(0).null_count(), 3);

    let expired = online(&store, &["user_stats:purchases_7d"], &users, micros("2024-02-15T00:00:00Z")).unwrap();
    assert_eq!(expired.values(0).null_count(), 3);
    let statuses = [Status::OutsideMaxAge, Status::OutsideMaxAge, Status::NotFound];
    assert_eq!([0, 1, 2].map(|row| expired.status(0, row)), statuses);
}

#[tokio::test]
async fn an_on_demand_feature_has_the_same_bits_in_training_and_in_a_request() {
    let (_repository, store) = tutorial("30d").await;
    materialize_all(&store).await;
    let at = "2024-01-20T00:00:00Z";
    let training = historical(&store, &["efficiency"], entity_rows(at)).await.unwrap();
    let users = table(&[("user_id", int64s(&[1, 2]))]);
    let served = online(&store, &["efficiency"], &users, micros(at)).unwrap();
    let trained = training.column_by_name("purchases_per_dollar").unwrap();
    assert_eq!(bits(trained), bits(served.values(0)));
    assert_eq!(bits(trained), [Some((12.0_f64 / 55.0).to_bits()), Some((7.0_f64 / 95.0).to_bits())]);
}
