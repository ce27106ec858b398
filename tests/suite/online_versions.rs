//! What transforms compute before it is stored, and what is said when a transform has become another one since.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use skewless_store::apply::{self, Certification};
use skewless_store::definitions::Repository;
use skewless_store::{FeatureStore, Status};

use crate::redis_server::RedisServer;
use crate::support::{
    NOW, TestRepository, at, component, historical, int64s, materialize_all, micros, online, printed, runtime,
    skewless, table, timestamps,
};

const AT: &str = "2024-06-01T00:00:00Z";

/// The same transform in three places: when somebody asks, when its feature view is stored, and over the source.
fn definitions(component: &str) -> String {
    format!(
        r#"
entities: [{{name: user, join_keys: [{{name: id, type: int64}}]}}]
sources: [{{name: users, path: users.parquet, timestamp_field: seen_at}}]
transforms: [{{name: email_domain, path: {component}}}]
feature_views:
  - {{name: accounts, entities: [user], source: users, ttl: 60d, schema: [{{name: address, type: string}}]}}
  - name: over_source
    entities: [user]
    source: users
    ttl: 60d
    transform: {{name: email_domain, inputs: {{email: address}}}}
    schema: [{{name: domain, type: string}}, {{name: is_free_mail, type: bool}}]
on_demand_feature_views:
  - {{name: on_read, transform: email_domain, inputs: {{email: "accounts:address"}}}}
  - {{name: on_write, transform: email_domain, inputs: {{email: "accounts:address"}}, write_to_online_store: true}}
"#
    )
}

/// The last row is older than the ttl at the instant of the questions.
fn users() -> arrow::array::RecordBatch {
    let addresses = StringArray::from(vec![Some("ada@example.com"), None, Some("nobody"), Some("old@gmail.com")]);
    let mut days = vec!["2024-05-01T00:00:00Z"; 3];
    days.push("2024-01-01T00:00:00Z");
    table(&[("id", int64s(&[1, 2, 3, 4])), ("address", Arc::new(addresses)), ("seen_at", timestamps(&days))])
}

/// A component that computes the same and is another one.
fn another_version(repository: &TestRepository) -> String {
    let mut bytes = std::fs::read(component("email_domain")).unwrap();
    // A custom section: its id, its size, and the length of its name.
    bytes.extend_from_slice(b"\x00\x05\x04note");
    let path = repository.path().join("another.wasm");
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

async fn apply_uncertified(repository: &TestRepository, component: &str) -> FeatureStore {
    std::fs::write(repository.path().join("features.yaml"), definitions(component)).unwrap();
    let loaded = Repository::load(repository.path(), &|_| None).unwrap();
    let plan = apply::plan(&loaded, runtime()).await.unwrap();
    apply::apply(&loaded, &plan, Certification::Optional, at(NOW)).await.unwrap();
    FeatureStore::open(repository.path(), &loaded.settings, runtime()).await.unwrap()
}

#[tokio::test]
async fn an_on_demand_view_that_is_stored_is_the_same_in_training_and_in_every_store() {
    let server = RedisServer::start();
    for settings in ["project: test\n".to_owned(), server.settings_yaml()] {
        let path = component("email_domain").display().to_string();
        let repository = TestRepository::new(&definitions(&path)).data("users.parquet", &users());
        std::fs::write(repository.path().join("skewless.yaml"), settings).unwrap();
        let store = repository.apply().await.unwrap();
        let written: Vec<_> =
            materialize_all(&store).await.into_iter().map(|view| (view.feature_view, view.written)).collect();
        let expected = [("accounts", 4), ("over_source", 4), ("on_write", 4)];
        assert_eq!(written, expected.map(|(view, rows)| (view.to_owned(), rows)));

        let ids: ArrayRef = int64s(&[1, 2, 3, 4, 5]);
        let entities = table(&[("id", Arc::clone(&ids))]);
        let asked = table(&[("id", ids), ("event_timestamp", timestamps(&[AT; 5]))]);
        let served = online(&store, &["on_write", "over_source", "on_read"], &entities, micros(AT)).unwrap();
        let domains = StringArray::from(vec![Some("example.com"), None, None, None, None]);
        for feature in [0, 2, 4] {
            assert_eq!(served.values(feature).to_data(), domains.to_data(), "feature {feature}");
        }
        let statuses: Vec<Status> = (0..5).map(|row| served.status(0, row)).collect();
        use Status::{NotFound, NullValue, OutsideMaxAge, Present};
        assert_eq!(statuses, [Present, NullValue, NullValue, OutsideMaxAge, NotFound]);
        assert_eq!(served.event_timestamp(0, 0), Some(micros("2024-05-01T00:00:00Z")), "it is a stored row");
        let training = historical(&store, &["on_write"], asked).await.unwrap();
        assert_eq!(training.column_by_name("domain").unwrap().to_data(), domains.to_data());
        assert_eq!(training.column_by_name("is_free_mail").unwrap().to_data(), served.values(1).to_data());
    }
}

#[tokio::test]
async fn rows_of_another_version_are_told_until_they_are_materialized_again() {
    let path = component("email_domain").display().to_string();
    let repository = TestRepository::new(&definitions(&path)).data("users.parquet", &users());
    let first = repository.apply().await.unwrap();
    materialize_all(&first).await;
    let entities = table(&[("id", int64s(&[1, 5]))]);
    let told = |store: &FeatureStore| {
        let features =
            online(store, &["accounts", "on_write", "over_source", "on_read"], &entities, micros(AT)).unwrap();
        features.other_versions().join(" ")
    };
    let outdated = |store: &FeatureStore| {
        let views = &store.commit().state.views;
        views.iter().filter(|(_, view)| view.outdated).map(|(name, _)| name.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((told(&first), outdated(&first)), (String::new(), String::new()));

    let second = apply_uncertified(&repository, &another_version(&repository)).await;
    assert_eq!(told(&second), "on_write over_source");
    assert_eq!(outdated(&second), "on_write over_source");
    let logged = |level: &str, arguments: &[&str]| {
        printed(&skewless(repository.path()).env("SKEWLESS_LOG", level).args(arguments).output().unwrap())
    };
    let run = |arguments: &[&str]| logged("error", arguments);
    insta::assert_snapshot!(run(&["list", "on-demand-feature-views"]), @r"
    on-demand feature views
      NAME      OWNER  TAGS  DESCRIPTION
      on_read
      on_write
    feature view on_write needs to be materialized again: its stored rows would come out otherwise now
    feature view over_source needs to be materialized again: its stored rows would come out otherwise now
    ");
    insta::assert_snapshot!(run(&["get-online-features", "-f", "on_write:domain", "-e", "id=1", "--event-timestamp", AT]), @r#"
    id=1
      FEATURE  VALUE        STATUS   EVENT TIMESTAMP
      domain   example.com  PRESENT  2024-05-01T00:00:00Z
    rows of feature view on_write were computed by another version of its transform than the one that is applied: materialize it again
    "#);
    insta::assert_snapshot!(run(&["get-online-features", "-f", "on_write:domain", "-e", "id=1", "--event-timestamp", AT, "--json"]), @r#"
    {"results":[{"values":[1],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":["example.com"],"statuses":["PRESENT"],"event_timestamps":["2024-05-01T00:00:00Z"]}],"metadata":{"feature_names":["id","domain"],"feature_views_of_other_versions":["on_write"]}}
    "#);

    let log = logged("warn", &["get-online-features", "-f", "on_write:domain", "-e", "id=1", "--event-timestamp", AT]);
    assert!(log.contains("WARN") && log.contains(r#"feature_views="on_write""#), "{log}");

    materialize_all(&second).await;
    let after = apply_uncertified(&repository, &another_version(&repository)).await;
    assert_eq!((told(&after), outdated(&after)), (String::new(), String::new()));
    // Who still serves by the old definitions says so too.
    assert_eq!(told(&first), "on_write over_source");
}

#[tokio::test]
async fn an_on_demand_view_that_is_not_stored_can_not_be_materialized() {
    let path = component("email_domain").display().to_string();
    let repository = TestRepository::new(&definitions(&path)).data("users.parquet", &users());
    repository.apply().await.unwrap();
    let output =
        skewless(repository.path()).args(["materialize", "2024-01-01", "2024-02-01", "-v", "on_read"]).output();
    insta::assert_snapshot!(printed(&output.unwrap()), @"error: on-demand feature view `on_read` is computed when somebody asks; `write_to_online_store: true` has it stored");
}
