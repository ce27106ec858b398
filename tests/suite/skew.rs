//! Skew: traffic with known faults, each found with its cause and counted exactly.

use std::path::Path;

use skewless_store::FeatureStore;
use skewless_store::definitions::Repository;
use skewless_store::feature_log::LogFilter;
use skewless_store::feature_log::skew::{Cause, Skew, SkewRequest, skew};
use skewless_store::historical::Resources;

use crate::javascript;
use crate::logging::{Logging, asking, asking_users, materialize_to, read, repository, settings, users};
use crate::support::{printed, runtime, skewless, write_parquet};

const ABOUT: &str = "2024-01-15T00:00:00Z";
const EARLY: &str = "2024-01-10T00:00:00Z";
const LATER: &str = "2024-01-14T00:00:00Z";
const AFTER: &str = "2024-01-16T00:00:00Z";

async fn opened(folder: &Path) -> FeatureStore {
    let repository = Repository::load(folder, &|_| None).unwrap();
    FeatureStore::open(folder, &repository.settings, runtime()).await.unwrap()
}

async fn run(store: &FeatureStore, log: &Path) -> Skew {
    let log = log.display().to_string();
    let request = SkewRequest { log: &log, filter: LogFilter::default(), resources: Resources::default() };
    skew(store, &request, &|_| {}).await.unwrap()
}

fn causes(skew: &Skew) -> Vec<(Cause, u64)> {
    skew.by_cause().into_iter().collect()
}

/// The users of each fault; everybody else is served as trained.
const LATE: std::ops::Range<i64> = 100..107;
const REVISED: std::ops::Range<i64> = 200..205;
const TTL_EDGE: std::ops::Range<i64> = 300..304;
const STALE: std::ops::Range<i64> = 400..406;
const DROPPED: std::ops::Range<i64> = 500..503;
const NEW: std::ops::Range<i64> = 600..602;
const USERS: i64 = 600;

/// The source before the requests.
fn before() -> Vec<(i64, i64, &'static str, &'static str)> {
    let seen = |user: &i64| if TTL_EDGE.contains(user) { "2024-01-04T00:00:00Z" } else { EARLY };
    (0..USERS).map(|user| (user, user, seen(&user), EARLY)).collect()
}

/// The source when skew is looked for.
fn after() -> Vec<(i64, i64, &'static str, &'static str)> {
    let mut rows = before();
    rows.extend(LATE.map(|user| (user, -user, LATER, AFTER)));
    rows.iter_mut().filter(|row| REVISED.contains(&row.0)).for_each(|row| (row.1, row.3) = (-row.0, AFTER));
    rows.extend(TTL_EDGE.chain(STALE).map(|user| (user, -user, LATER, LATER)));
    // Seen for the first time after the last materialization.
    rows.extend(NEW.map(|user| (user, -user, LATER, LATER)));
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn every_injected_fault_is_found_with_its_cause_and_the_exact_count() {
    let repository = repository(&before());
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    let dropped = DROPPED.map(|user| user.to_string()).collect::<Vec<_>>().join(",");
    let deleted =
        skewless(repository.path()).args(["delete-values", "-e", &format!("user_id={dropped}")]).output().unwrap();
    assert!(deleted.status.success(), "{}", printed(&deleted));
    let log = repository.path().join("log");
    let logging = Logging::new(opened(repository.path()).await, settings(&log));
    logging.serve("stats_model", &asking_users(0..700), ABOUT, 7);
    assert_eq!(logging.close().written_rows, 700);
    let nothing_yet = run(&opened(repository.path()).await, &log).await;
    assert_eq!(causes(&nothing_yet), [(Cause::MissingEntity, DROPPED.count() as u64 * 2)]);

    write_parquet(&repository.path().join("users.parquet"), &users(&after()));
    let found = run(&opened(repository.path()).await, &log).await;
    assert_eq!((found.rows, found.compared, &found.left_out), (700, 1_400, &Vec::new()));
    // Two features of each user.
    let values = |users: std::ops::Range<i64>| users.count() as u64 * 2;
    assert_eq!(
        causes(&found),
        [
            (Cause::ArrivedLate, values(LATE)),
            (Cause::RevisedValue, values(REVISED)),
            (Cause::TtlEdge, values(TTL_EDGE)),
            (Cause::NotYetMaterialized, values(STALE) + values(NEW)),
            (Cause::MissingEntity, values(DROPPED)),
        ]
    );
    assert_eq!(found.differing, 54);
    let stale = found.features[0].causes.iter().find(|cause| cause.cause == Cause::NotYetMaterialized).unwrap();
    let age = stale.age_seconds.unwrap();
    assert_eq!(age.max, 86_400.0, "the rows had been there for a day");
    let late = found.features[0].causes.iter().find(|cause| cause.cause == Cause::ArrivedLate).unwrap();
    assert_eq!((late.values, late.worst.len()), (7, 5));
    assert_eq!((late.worst[0].entity.as_str(), late.worst[0].size), ("user_id=106", Some(212.0)));
}

const DOUBLED: &str = r#"import { float64, int64, nullable, transform } from "skewless";
    export default transform({
        name: "purchases_per_dollar", inputs: { purchases: nullable(int64), spend: nullable(float64) }, output: nullable(float64),
    }, ({ purchases, spend }) => purchases === null || spend === null || spend === 0 ? null : Number(purchases) / spend * 2);"#;

#[tokio::test(flavor = "multi_thread")]
async fn another_component_is_a_cause_and_what_is_computed_has_the_cause_of_what_it_is_computed_from() {
    let repository = repository(&before());
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    let log = repository.path().join("log");
    let logging = Logging::new(store, settings(&log));
    logging.serve("ratio_model", &asking(1..600), ABOUT, 50);
    logging.close();
    assert_eq!(run(&opened(repository.path()).await, &log).await.differing, 0);

    write_parquet(&repository.path().join("users.parquet"), &users(&after()));
    // Whoever brings what is spent has a quotient.
    let computed = |users: std::ops::Range<i64>| users.filter(|user| user % 4 != 0).count() as u64;
    let both = |users: std::ops::Range<i64>| users.clone().count() as u64 + computed(users);
    let found = run(&opened(repository.path()).await, &log).await;
    assert_eq!(
        causes(&found),
        [
            (Cause::ArrivedLate, both(LATE)),
            (Cause::RevisedValue, both(REVISED)),
            (Cause::TtlEdge, both(TTL_EDGE)),
            (Cause::NotYetMaterialized, both(STALE)),
        ]
    );

    write_parquet(&repository.path().join("users.parquet"), &users(&before()));
    std::fs::write(repository.path().join("component.wasm"), javascript::bytes(DOUBLED)).unwrap();
    std::fs::remove_file(repository.path().join("component.certificate.json")).unwrap();
    let applied = skewless(repository.path()).args(["apply", "--allow-uncertified"]).output().unwrap();
    assert!(applied.status.success(), "{}", printed(&applied));
    let found = run(&opened(repository.path()).await, &log).await;
    let served = (1..600).filter(|user| user % 4 != 0 && !TTL_EDGE.contains(user)).count() as u64;
    assert_eq!(causes(&found), [(Cause::ComponentVersion, served)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_fails_above_its_threshold_and_writes_text_json_and_a_page() {
    let repository = repository(&before());
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    let logging = Logging::new(store, settings(&repository.path().join("log")));
    logging.serve("stats_model", &asking_users(0..600), ABOUT, 600);
    logging.close();
    let mut rows = before();
    rows.push((7, -7, LATER, AFTER));
    write_parquet(&repository.path().join("users.parquet"), &users(&rows));
    let run = |arguments: &[&str]| {
        let arguments = ["skew", "--log", "log"].iter().chain(arguments);
        let output = skewless(repository.path()).args(arguments).output().unwrap();
        (output.status.code(), printed(&output))
    };
    let (code, said) = run(&["--html", "skew.html"]);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(said, @r"
    CAUSE             VALUES
    row arrived late       2  0.1667 %

    FEATURE          CAUSE             VALUES            AGE (MEDIAN)  AGE (MOST)
    stats:purchases  row arrived late       1  0.1667 %
    stats:spent      row arrived late       1  0.1667 %

    The worst of each:
    FEATURE          CAUSE             ENTITY     ABOUT                 SERVED              TRAINING SET         REQUEST
    stats:purchases  row arrived late  user_id=7  2024-01-15T00:00:00Z  7                   -7                   test-0/7
    stats:spent      row arrived late  user_id=7  2024-01-15T00:00:00Z  2.3333333333333335  -2.3333333333333335  test-0/7

    600 rows: 1,200 values compared, 2 differ (0.1667 %)
    error: 0.1667 % of the values differ from the training set, more than 0.1 %
    ");
    let (code, json) = run(&["--threshold", "0.2%", "--json"]);
    assert_eq!(code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["rows"], &json["differing"]), (&600.into(), &2.into()));
    assert_eq!(json["features"][0]["causes"][0]["cause"], "arrived_late");
    let page = std::fs::read_to_string(repository.path().join("skew.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("row arrived late") && !page.contains("<script"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://"), "the page needs nothing from elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_applied_any_more_is_told_and_nothing_compared_is_no_success() {
    let repository = repository(&before());
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    let logging = Logging::new(store, settings(&repository.path().join("log")));
    logging.serve("stats_model", &asking_users([1, 2]), ABOUT, 2);
    logging.close();
    let yaml = repository.path().join("features.yaml");
    let definitions = std::fs::read_to_string(&yaml).unwrap();
    std::fs::write(&yaml, definitions.replace(", {name: spent, type: float64}", "")).unwrap();
    let applied = skewless(repository.path()).arg("apply").output().unwrap();
    assert!(applied.status.success(), "{}", printed(&applied));
    let output = skewless(repository.path()).args(["skew", "--log", "log"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(printed(&output), @"
    0 rows: 0 values compared, 0 differ (0 %)
    2 rows left out: what was served is not applied any more: view `stats` has no feature `spent`: known are `purchases`
    error: nothing of the log could be compared: the reasons are above
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_that_the_log_leaves_out_is_missed_in_a_training_set() {
    let repository = repository(&before());
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    let mut hidden = settings(&repository.path().join("log"));
    hidden.omit = vec!["stats:spent".to_owned()];
    let logging = Logging::new(store, hidden);
    logging.serve("stats_model", &asking_users([1]), ABOUT, 1);
    logging.close();
    let set = |asked: &[&str]| {
        let arguments = ["get-historical-features", "--from-log", "log", "--out", "set.parquet"];
        let output = skewless(repository.path()).args(arguments).args(asked).output().unwrap();
        (output.status.success(), printed(&output))
    };
    let (succeeded, said) = set(&["--service", "stats_model"]);
    assert!(!succeeded && !repository.path().join("set.parquet").exists());
    insta::assert_snapshot!(said, @"error: `log/service=stats_model/date=2031-01-01/20310101T120000Z-test-0.parquet` leaves out `stats:spent` (`omit` in feature_logging): ask for the other features by their names");
    let (succeeded, said) = set(&["--features", "stats:purchases"]);
    assert!(succeeded, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_set_straight_from_the_log_has_what_was_served() {
    let repository = repository(&before());
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    let logging = Logging::new(store, settings(&repository.path().join("log")));
    logging.serve("ratio_model", &asking([1, 2, 301, 999]), ABOUT, 4);
    logging.serve("stats_model", &asking_users([1]), ABOUT, 1);
    logging.close();
    // What was served is what counts, whatever the sources say by now.
    write_parquet(&repository.path().join("users.parquet"), &users(&after()));
    let arguments =
        ["get-historical-features", "--from-log", "log", "--service", "ratio_model", "--out", "set.parquet"];
    let output = skewless(repository.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    insta::assert_snapshot!(printed(&output), @r"
    FEATURE               PRESENT          NULL          NOT FOUND          TOO OLD          FAILED
    purchases_per_dollar        2  50.0 %     2  50.0 %          0                0               0
    purchases                   2  50.0 %     0                  1  25.0 %        1  25.0 %       0
    4 rows in set.parquet
    ");
    let set = read(&repository.path().join("set.parquet"));
    insta::assert_snapshot!(arrow::util::pretty::pretty_format_batches(&[set]).unwrap(), @r"
    +---------+---------------------+----------------------+----------------------+-----------+
    | user_id | spend               | event_timestamp      | purchases_per_dollar | purchases |
    +---------+---------------------+----------------------+----------------------+-----------+
    | 1       | 0.14285714285714285 | 2024-01-15T00:00:00Z | 7.0                  | 1         |
    | 2       | 0.2857142857142857  | 2024-01-15T00:00:00Z | 7.0                  | 2         |
    | 301     | 43.0                | 2024-01-15T00:00:00Z |                      |           |
    | 999     | 142.71428571428572  | 2024-01-15T00:00:00Z |                      |           |
    +---------+---------------------+----------------------+----------------------+-----------+
    ");
    let described = skewless(repository.path()).args(["describe", "set.parquet"]).output().unwrap();
    assert!(printed(&described).contains("ratio_model"), "{}", printed(&described));
    let arguments =
        ["get-historical-features", "--from-log", "log", "--features", "stats:nothing", "--out", "set.parquet"];
    let output = skewless(repository.path()).args(arguments).output().unwrap();
    assert!(!output.status.success());
    insta::assert_snapshot!(printed(&output), @"error: no file of the log `log` has the features that are asked for");
}
