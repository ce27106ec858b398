//! Materialization as jobs meet it: again, beside serving, from where the last one ended.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use jiff::Timestamp;
use skewless_store::apply::{self, Certification};
use skewless_store::definitions::Repository;
use skewless_store::materialize::{MaterializeRequest, Start, ViewSummary, materialize};
use skewless_store::{Error, ErrorKind, FeatureStore, Status};

use crate::support::{TestRepository, at, int64s, micros, online, printed, runtime, skewless, table, timestamps};

const YAML: &str = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: users, path: data, timestamp_field: seen_at}
feature_views:
  - name: visits
    entities: [user]
    source: users
    schema: [{name: visits, type: int64}]
"#;

fn rows(users: &[i64], visits: &[i64], seen_at: &[&str]) -> RecordBatch {
    table(&[("user_id", int64s(users)), ("visits", int64s(visits)), ("seen_at", timestamps(seen_at))])
}

async fn run(store: &FeatureStore, start: Start, end: &str, now: &str) -> Result<ViewSummary, Error> {
    let request =
        MaterializeRequest { views: vec!["visits".to_owned()], start, end: at(end), now: at(now), shard: None };
    Ok(materialize(store, &request, &|_| {}).await?.remove(0))
}

const WATERMARK: Start = Start::Watermark { look_back_micros: 0 };

fn visits(store: &FeatureStore, user: i64) -> (Option<i64>, Status) {
    let features =
        online(store, &["visits"], &table(&[("user_id", int64s(&[user]))]), micros("2025-01-01T00:00:00Z")).unwrap();
    let values = features.values(0).as_primitive::<Int64Type>();
    (values.is_valid(0).then(|| values.value(0)), features.status(0, 0))
}

async fn two_days() -> (TestRepository, FeatureStore) {
    let day_1 = rows(&[1, 2], &[10, 20], &["2024-01-01T12:00:00Z", "2024-01-01T18:00:00Z"]);
    let day_2 = rows(&[1, 3], &[11, 30], &["2024-01-02T12:00:00Z", "2024-01-02T18:00:00Z"]);
    let repository = TestRepository::new(YAML).data("data/1.parquet", &day_1).data("data/2.parquet", &day_2);
    let store = repository.apply().await.unwrap();
    (repository, store)
}

async fn reopened(repository: &TestRepository) -> FeatureStore {
    repository.apply().await.unwrap()
}

#[tokio::test]
async fn what_was_planned_is_applied_though_a_job_has_committed_since() {
    let (repository, store) = two_days().await;
    let described = YAML.replace("  - name: visits\n", "  - name: visits\n    description: of a shop\n");
    std::fs::write(repository.path().join("features.yaml"), described).unwrap();
    let changed = Repository::load(repository.path(), &|_| None).unwrap();
    let plan = apply::plan(&changed, runtime()).await.unwrap();
    run(&store, Start::At(Timestamp::MIN), "2024-01-03T00:00:00Z", "2024-01-03T00:00:00Z").await.unwrap();

    let now = at("2024-01-03T00:00:01Z");
    let commit = apply::apply(&changed, &plan, Certification::Required, now).await.unwrap().unwrap();
    assert_eq!(commit.number, plan.parent + 2);
    assert_eq!(commit.state.definitions.feature_views[0].description, "of a shop");
    assert_eq!(commit.state.views["visits"].materialized.len(), 1, "what the job did is known");

    // What somebody applied since is another matter.
    let error = apply::apply(&changed, &plan, Certification::Required, now).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    insta::assert_snapshot!(error, @"somebody applied other definitions meanwhile: `skewless plan` shows what there is to change now");
}

#[tokio::test]
async fn both_ends_of_the_interval_are_included() {
    let (_repository, store) = two_days().await;
    let start = Start::At(at("2024-01-01T12:00:00Z"));
    let summary = run(&store, start, "2024-01-01T18:00:00Z", "2024-01-03T00:00:00Z").await.unwrap();
    assert_eq!((summary.rows_read, summary.entities, summary.written), (2, 2, 2));
    let start = Start::At(at("2024-01-01T12:00:00.000001Z"));
    let summary = run(&store, start, "2024-01-01T17:59:59.999999Z", "2024-01-03T00:00:00Z").await.unwrap();
    assert_eq!((summary.rows_read, summary.entities), (0, 0));
}

#[tokio::test]
async fn an_incremental_run_goes_on_where_the_last_one_ended() {
    let (repository, store) = two_days().await;
    let first = run(&store, WATERMARK, "2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z").await.unwrap();
    assert_eq!((first.start, first.rows_read), (None, 2));
    let store = reopened(&repository).await;
    let second = run(&store, WATERMARK, "2024-01-03T00:00:00Z", "2024-01-03T00:00:00Z").await.unwrap();
    assert_eq!((second.start, second.rows_read), (Some(at("2024-01-02T00:00:00Z")), 2));
    assert_eq!([1, 2, 3].map(|user| visits(&store, user).0), [Some(11), Some(20), Some(30)]);
}

#[tokio::test]
async fn a_run_up_to_a_future_instant_does_not_freeze_the_next_one() {
    let (repository, store) = two_days().await;
    run(&store, WATERMARK, "2099-01-01T00:00:00Z", "2024-01-02T00:00:00Z").await.unwrap();
    let late = rows(&[2], &[25], &["2024-01-02T06:00:00Z"]);
    let repository = repository.data("data/3.parquet", &late);
    let store = reopened(&repository).await;
    run(&store, WATERMARK, "2024-01-03T00:00:00Z", "2024-01-03T00:00:00Z").await.unwrap();
    assert_eq!(visits(&store, 2), (Some(25), Status::Present));
}

#[tokio::test]
async fn a_look_back_finds_rows_that_came_late() {
    let (repository, store) = two_days().await;
    run(&store, WATERMARK, "2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z").await.unwrap();
    let repository = repository.data("data/0_late.parquet", &rows(&[2], &[99], &["2024-01-01T23:00:00Z"]));
    let store = reopened(&repository).await;
    run(&store, WATERMARK, "2024-01-02T01:00:00Z", "2024-01-02T01:00:00Z").await.unwrap();
    assert_eq!(visits(&store, 2).0, Some(20));
    let store = reopened(&repository).await;
    let two_hours = Start::Watermark { look_back_micros: 7_200_000_000 };
    run(&store, two_hours, "2024-01-02T02:00:00Z", "2024-01-02T02:00:00Z").await.unwrap();
    assert_eq!(visits(&store, 2).0, Some(99));
}

#[tokio::test]
async fn a_second_run_over_the_same_rows_changes_nothing_and_an_older_one_writes_nothing() {
    let (_repository, store) = two_days().await;
    let all = Start::At(Timestamp::MIN);
    let (end, now) = ("2024-01-03T00:00:00Z", "2024-01-03T00:00:00Z");
    run(&store, all, end, now).await.unwrap();
    let again = run(&store, all, end, now).await.unwrap();
    assert_eq!((again.entities, again.skipped_older), (3, 0));
    let older = run(&store, all, "2024-01-01T23:00:00Z", now).await.unwrap();
    assert_eq!((older.entities, older.written, older.skipped_older), (2, 1, 1));
    assert_eq!(visits(&store, 1).0, Some(11));
}

#[tokio::test]
async fn rows_that_name_no_entity_are_counted_and_left_out() {
    let users = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let times = ["2024-01-01T00:00:00Z"; 3];
    let data = table(&[("user_id", users), ("visits", int64s(&[1, 2, 3])), ("seen_at", timestamps(&times))]);
    let repository = TestRepository::new(YAML).data("data/1.parquet", &data);
    let store = repository.apply().await.unwrap();
    let summary = run(&store, WATERMARK, "2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z").await.unwrap();
    assert_eq!((summary.rows_read, summary.rows_without_key, summary.entities), (3, 1, 2));
}

#[tokio::test]
async fn rows_without_a_timestamp_are_counted_and_left_out() {
    let instants = [Some(micros("2024-01-01T00:00:00Z")), None];
    let seen_at = arrow::array::TimestampMicrosecondArray::from_iter(instants).with_timezone("UTC");
    let data = table(&[("user_id", int64s(&[1, 2])), ("visits", int64s(&[1, 2])), ("seen_at", Arc::new(seen_at))]);
    let repository = TestRepository::new(YAML).data("data/1.parquet", &data);
    let store = repository.apply().await.unwrap();
    let summary = run(&store, WATERMARK, "2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z").await.unwrap();
    assert_eq!((summary.rows_read, summary.rows_without_key, summary.entities), (2, 1, 1));
}

#[tokio::test]
async fn a_reader_sees_what_another_process_materializes() {
    let (repository, store) = two_days().await;
    assert_eq!(visits(&store, 1), (None, Status::NotFound));
    let output = skewless(repository.path()).args(["materialize", "2024-01-01", "2024-01-03"]).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(visits(&store, 1), (Some(11), Status::Present));
}

#[tokio::test]
async fn a_view_is_materialized_anew_where_its_rows_come_from_elsewhere() {
    let (repository, store) = two_days().await;
    run(&store, WATERMARK, "2024-01-03T00:00:00Z", "2024-01-03T00:00:00Z").await.unwrap();
    let features = repository.path().join("features.yaml");
    let yaml = std::fs::read_to_string(&features).unwrap();
    let with_ttl = yaml.replace("    schema:", "    ttl: 30d\n    description: Visits.\n    schema:");
    std::fs::write(&features, &with_ttl).unwrap();
    let store = reopened(&repository).await;
    let summary = run(&store, WATERMARK, "2024-01-04T00:00:00Z", "2024-01-04T00:00:00Z").await.unwrap();
    assert_eq!(
        (summary.start, summary.rows_read),
        (Some(at("2024-01-03T00:00:00Z")), 0),
        "nothing stored depends on these"
    );

    std::fs::write(&features, with_ttl.replace("path: data", "path: data/2.parquet")).unwrap();
    let store = reopened(&repository).await;
    let summary = run(&store, WATERMARK, "2024-01-05T00:00:00Z", "2024-01-05T00:00:00Z").await.unwrap();
    assert_eq!((summary.start, summary.rows_read), (None, 2));
}

#[tokio::test]
async fn an_added_feature_reads_as_null_until_it_is_materialized() {
    let (repository, store) = two_days().await;
    run(&store, WATERMARK, "2024-01-03T00:00:00Z", "2024-01-03T00:00:00Z").await.unwrap();
    let features = repository.path().join("features.yaml");
    let yaml = std::fs::read_to_string(&features).unwrap();
    let with_another = "schema: [{name: seen_at, type: timestamp}, {name: visits, type: int64}]";
    std::fs::write(&features, yaml.replace("schema: [{name: visits, type: int64}]", with_another)).unwrap();
    let store = reopened(&repository).await;
    let users = table(&[("user_id", int64s(&[1]))]);
    let read = |store: &FeatureStore| {
        online(store, &["visits:seen_at", "visits:visits"], &users, micros("2025-01-01T00:00:00Z")).unwrap()
    };
    let before = read(&store);
    assert_eq!((before.status(0, 0), before.status(1, 0)), (Status::NullValue, Status::Present));
    run(&store, WATERMARK, "2024-01-04T00:00:00Z", "2024-01-04T00:00:00Z").await.unwrap();
    assert_eq!(read(&store).status(0, 0), Status::Present);
}
