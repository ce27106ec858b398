//! Materialization into Redis, and what becomes of it when Redis is started anew, or not at all.

use std::sync::{Arc, Mutex};

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use skewless_store::materialize::{MaterializeRequest, Progress, Shard, Start, ViewSummary, materialize};
use skewless_store::{Error, ErrorKind, FeatureStore};

use crate::redis_server::RedisServer;
use crate::support::{TestRepository, at, micros, micros_array, online, printed, skewless, table};

const ENTITIES: i64 = 60_000;

const YAML: &str = "
entities: [{name: user, join_keys: [{name: id, type: int64}]}]
sources: [{name: users, path: users.parquet, timestamp_field: seen_at}]
feature_views: [{name: users, entities: [user], source: users, schema: [{name: value, type: int64}]}]
";

fn rows(entities: i64) -> RecordBatch {
    let ids: Arc<Int64Array> = Arc::new(Int64Array::from_iter_values(0..entities));
    let seen_at = micros_array((0..entities).map(|_| micros("2024-01-01T00:00:00Z")));
    table(&[("id", Arc::clone(&ids) as _), ("value", ids), ("seen_at", seen_at)])
}

async fn repository(settings_yaml: String, entities: i64) -> (TestRepository, FeatureStore) {
    let repository = TestRepository::new(YAML).data("users.parquet", &rows(entities));
    std::fs::write(repository.path().join("skewless.yaml"), settings_yaml).unwrap();
    let store = repository.apply().await.unwrap();
    (repository, store)
}

async fn run(
    store: &FeatureStore,
    shard: Option<&str>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<ViewSummary, Error> {
    let request = MaterializeRequest {
        views: Vec::new(),
        start: Start::Watermark { look_back_micros: 0 },
        end: at("2024-02-01T00:00:00Z"),
        now: at("2024-02-01T00:00:00Z"),
        shard: shard.map(|shard| shard.parse::<Shard>().unwrap()),
    };
    Ok(materialize(store, &request, progress).await?.remove(0))
}

/// How many entities have the value they must have.
fn stored(store: &FeatureStore, entities: i64) -> usize {
    let asked = table(&[("id", Arc::new(Int64Array::from_iter_values(0..entities)))]);
    let read = online(store, &["users"], &asked, micros("2024-02-01T00:00:00Z")).unwrap();
    let values = read.values(0).as_primitive::<Int64Type>();
    (0..entities as usize).filter(|row| values.is_valid(*row) && values.value(*row) == *row as i64).count()
}

async fn watermark(store: &FeatureStore) -> Option<i64> {
    store.registry().current().await.unwrap().unwrap().state.views["users"].watermark()
}

/// Calls `act` the first `times` that a job has given more than half of the entities to the store.
fn in_the_middle<'a>(times: u32, act: impl Fn() + Send + Sync + 'a) -> impl Fn(Progress<'_>) + Sync + 'a {
    let state = Mutex::new((times, false));
    move |progress| {
        let mut state = state.lock().unwrap();
        let (left, past) = *state;
        let is_past = progress.entities > ENTITIES as u64 / 2;
        *state = (left, is_past);
        if is_past && !past && left > 0 {
            *state = (left - 1, true);
            act();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_loses_everything_in_the_middle_of_a_job_has_everything_at_its_end() {
    let server = RedisServer::start();
    let (_repository, store) = repository(server.settings_yaml(), ENTITIES).await;
    let server = Mutex::new(server);
    let restart = || {
        let mut server = server.lock().unwrap();
        assert!(server.cli(&["dbsize"]).parse::<u64>().unwrap() > 0, "something is written, and will be lost");
        server.kill();
        server.run();
    };
    let summary = run(&store, None, &in_the_middle(1, restart)).await.unwrap();
    assert_eq!((summary.entities, summary.rows_read), (ENTITIES as u64, ENTITIES as u64));
    assert_eq!(stored(&store, ENTITIES), ENTITIES as usize);
    assert_eq!(watermark(&store).await, Some(micros("2024-02-01T00:00:00Z")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_started_anew_over_and_over_is_told_and_nothing_is_recorded() {
    let server = RedisServer::start();
    let (_repository, store) = repository(server.settings_yaml(), ENTITIES).await;
    let server = Mutex::new(server);
    let restart = || {
        let mut server = server.lock().unwrap();
        server.kill();
        server.run();
    };
    let error = run(&store, None, &in_the_middle(9, restart)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    insta::assert_snapshot!(error, @"the online store was started anew each of the 3 times that feature view `users` was written, which may have lost rows: find out why, and run it again");
    assert_eq!(watermark(&store).await, None);
    run(&store, None, &|_| {}).await.unwrap();
    assert_eq!(stored(&store, ENTITIES), ENTITIES as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_for_good_fails_the_job_and_nothing_is_recorded() {
    let server = RedisServer::start();
    let (_repository, store) = repository(server.settings_yaml(), ENTITIES).await;
    let server = Mutex::new(server);
    let address = server.lock().unwrap().address();
    let error = run(&store, None, &in_the_middle(1, || server.lock().unwrap().kill())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    insta::assert_snapshot!(error.to_string().replace(&address, "HOST:PORT"), @"online store redis://HOST:PORT/0 does not answer: Connection refused (os error 111)");
    assert_eq!(watermark(&store).await, None);
    server.lock().unwrap().run();
    let summary = run(&store, None, &|_| {}).await.unwrap();
    assert_eq!((summary.entities, stored(&store, ENTITIES)), (ENTITIES as u64, ENTITIES as usize));
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_share_a_job_write_every_entity_once_and_the_last_one_records_it() {
    let server = RedisServer::start();
    let (repository, store) = repository(server.settings_yaml(), 1_000).await;
    let mut entities = 0;
    for (number, shard) in ["3/3", "1/3", "2/3"].into_iter().enumerate() {
        assert_eq!((watermark(&store).await, stored(&store, 1_000)), (None, entities), "before the last");
        let worker = repository.apply().await.unwrap();
        let summary = run(&worker, Some(shard), &|_| {}).await.unwrap();
        assert!((250..420).contains(&summary.entities), "shard {shard} has {} of 1,000", summary.entities);
        assert_eq!((summary.start, summary.rows_read), (None, 1_000), "worker {number} starts where the others do");
        entities += summary.entities as usize;
    }
    assert_eq!((entities, stored(&store, 1_000)), (1_000, 1_000));
    assert_eq!(watermark(&store).await, Some(micros("2024-02-01T00:00:00Z")));
}

#[tokio::test]
async fn the_commands_say_what_they_wrote_and_what_they_deleted() {
    let server = RedisServer::start();
    let (repository, _) = repository(server.settings_yaml(), 1_000).await;
    let run = |arguments: &[&str]| {
        let output = skewless(repository.path()).args(arguments).output().unwrap();
        printed(&output)
    };
    insta::assert_snapshot!(run(&["materialize", "2024-01-01", "2024-02-01", "--shard", "1/2", "--json"]), @r#"
    {
      "feature_views": [
        {
          "end": "2024-02-01T00:00:00Z",
          "entities": 500,
          "failed_rows": 0,
          "feature_view": "users",
          "rows_read": 1000,
          "rows_without_key": 0,
          "shard": "1/2",
          "skipped_older": 0,
          "start": "2024-01-01T00:00:00Z",
          "written": 500
        }
      ]
    }
    "#);
    insta::assert_snapshot!(run(&["materialize", "2024-01-01", "2024-02-01"]), @r"
    FEATURE VIEW  FROM                  TO                    ROWS READ  ENTITIES  WRITTEN  NEWER STORED
    users         2024-01-01T00:00:00Z  2024-02-01T00:00:00Z      1,000     1,000    1,000             0
    ");
    insta::assert_snapshot!(run(&["materialize-incremental", "--shard", "1/2"]), @"error: workers that share a job need one end: say until when, such as 2013-02-01T12:00:00");
    insta::assert_snapshot!(run(&["materialize", "2024-01-01", "2999-01-01", "--shard", "1/2"]), @"error: workers that share a job need one end that has been: 2999-01-01T00:00:00Z is yet to come");
    insta::assert_snapshot!(run(&["materialize", "2024-01-01", "2024-02-01", "--shard", "3/2"]), @r"
    error: invalid value '3/2' for '--shard <NUMBER/OF>': write a shard and how many there are, such as 1/4 to 4/4; 1024 at most

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["delete-values", "-e", "id=1,2,5000"]), @"2 rows of 3 entities deleted");
    insta::assert_snapshot!(run(&["delete-values", "-e", "id=1", "--json"]), @r#"
    {
      "rows_deleted": [
        0
      ]
    }
    "#);
    insta::assert_snapshot!(run(&["delete-values", "-e", "user=1"]), @"error: no feature view has the join keys `user`, all of them and no other: there are `id`");
    insta::assert_snapshot!(run(&["delete-values", "-e", "id=one"]), @r#"error: `entities.id[0]` is "one" (a string), but join key `id` is int64: send a whole number from -9223372036854775808 to 9223372036854775807"#);
    assert_eq!(server.cli(&["dbsize"]), "998");
    insta::assert_snapshot!(run(&["delete-values", "--view", "users"]), @"998 rows of feature view users deleted");
    insta::assert_snapshot!(run(&["materialize-incremental", "2024-02-01"]), @r"
    FEATURE VIEW  FROM       TO                    ROWS READ  ENTITIES  WRITTEN  NEWER STORED
    users         first row  2024-02-01T00:00:00Z      1,000     1,000    1,000             0
    ");
    insta::assert_snapshot!(run(&["teardown", "--yes"]), @r"
    FEATURE VIEW  ROWS DELETED
    users                1,000
    project test is taken down in commit 6
    ");
    assert_eq!(server.cli(&["dbsize"]), "0");
}

#[tokio::test]
async fn a_view_that_is_taken_out_takes_its_values_with_it() {
    let server = RedisServer::start();
    let (repository, _) = repository(server.settings_yaml(), 1_000).await;
    let run = |arguments: &[&str]| printed(&skewless(repository.path()).args(arguments).output().unwrap());
    run(&["materialize", "2024-01-01", "2024-02-01"]);
    assert_eq!(server.cli(&["dbsize"]), "1000");
    let yaml = std::fs::read_to_string(repository.path().join("features.yaml")).unwrap();
    let without = yaml.replace("feature_views: [{name: users,", "feature_views: [{name: people,");
    std::fs::write(repository.path().join("features.yaml"), without).unwrap();
    insta::assert_snapshot!(run(&["apply"]), @r"
    + feature view people
    - feature view users
    1 to add, 0 to change, 1 to remove
    applied as commit 3 of project test
    1,000 rows of feature view users deleted
    ");
    assert_eq!(server.cli(&["dbsize"]), "0");
    insta::assert_snapshot!(run(&["apply"]), @"nothing to change: commit 4 of project test holds what is here");
}

#[tokio::test]
async fn an_entity_leaves_redis_when_its_rows_are_dead_in_every_view_of_it() {
    let server = RedisServer::start();
    let materialized = async |first: &str, second: &str| {
        server.cli(&["flushall"]);
        let views = format!(
            "feature_views:\n  - {{name: users, entities: [user], source: users, {first}schema: [{{name: value, type: int64}}]}}\n\
             \x20 - {{name: again, entities: [user], source: users, {second}schema: [{{name: value, type: int64}}]}}\n"
        );
        let yaml = YAML.split("feature_views").next().unwrap().to_owned() + &views;
        let repository = TestRepository::new(&yaml).data("users.parquet", &rows(3));
        let margin = server.settings_yaml().replace("type: redis,", "type: redis, key_ttl_margin: 200ms,");
        std::fs::write(repository.path().join("skewless.yaml"), margin).unwrap();
        let store = repository.apply().await.unwrap();
        run(&store, None, &|_| {}).await.unwrap();
        let pttl: i64 =
            server.cli(&["eval", "return redis.call('pttl', redis.call('keys', '*')[1])", "0"]).parse().unwrap();
        pttl
    };
    assert_eq!(materialized("", "").await, -1);
    assert_eq!(materialized("ttl: 1h, ", "").await, -1);
    assert_eq!(materialized("ttl: 1h, ", "ttl: 0s, ").await, -1);
    let longest = materialized("ttl: 1h, ", "ttl: 5m, ").await;
    assert!((3_500_000..=3_600_200).contains(&longest), "{longest}");
    materialized("ttl: 100ms, ", "ttl: 200ms, ").await;
    let start = std::time::Instant::now();
    while server.cli(&["dbsize"]) != "0" {
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "they do not expire");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
