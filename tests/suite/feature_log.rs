//! The feature log: what is in it, and that nothing that happens to it is felt by a request.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use skewless_store::definitions::{FeatureLoggingSettings, HashKey};
use skewless_store::feature_log::{FeatureLog, LogCounts};
use skewless_store::{OnlineFeatures, Selection};

use crate::logging::{
    Logging, SERVED_AT, asking, asking_users, files, materialize_to, read, repository, settings, texts,
};
use crate::support::{TestRepository, at, printed, skewless};

const ABOUT: &str = "2024-01-15T00:00:00Z";

/// Three users of whom one is too old and one is not there at `ABOUT`.
async fn three() -> (TestRepository, skewless_store::FeatureStore) {
    let repository = repository(&[
        (1, 10, "2024-01-10T00:00:00Z", "2024-01-10T01:00:00Z"),
        (2, 20, "2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z"),
    ]);
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    (repository, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_says_what_was_asked_what_was_read_and_what_was_answered() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let logging = Logging::new(store, settings(&folder));
    logging.serve("ratio_model", &asking([1, 2, 3]), ABOUT, 3);
    let counts = logging.close();
    assert_eq!(counts, LogCounts { written_rows: 3, written_files: 1, ..LogCounts::default() });
    let file = files(&folder).pop().unwrap();
    let name = file.strip_prefix(&folder).unwrap().display().to_string();
    assert_eq!(name, "service=ratio_model/date=2031-01-01/20310101T120000Z-test-0.parquet");
    let rows = read(&file);
    let shown = arrow::util::pretty::pretty_format_batches(&[rows.project(&[0, 1, 2, 3, 4, 5]).unwrap()]).unwrap();
    insta::assert_snapshot!(shown, @r"
    +--------------+---------------+----------------------+----------------------+---------+---------------------+
    | __request_id | __request_row | __log_timestamp      | event_timestamp      | user_id | spend               |
    +--------------+---------------+----------------------+----------------------+---------+---------------------+
    | test-0       | 0             | 2031-01-01T12:00:00Z | 2024-01-15T00:00:00Z | 1       | 0.14285714285714285 |
    | test-0       | 1             | 2031-01-01T12:00:00Z | 2024-01-15T00:00:00Z | 2       | 0.2857142857142857  |
    | test-0       | 2             | 2031-01-01T12:00:00Z | 2024-01-15T00:00:00Z | 3       | 0.42857142857142855 |
    +--------------+---------------+----------------------+----------------------+---------+---------------------+
    ");
    let shown = arrow::util::pretty::pretty_format_batches(&[rows.project(&[6, 7, 8, 9, 10]).unwrap()]).unwrap();
    insta::assert_snapshot!(shown, @r"
    +-----------------+-----------------+-----------------------+-------------------------+-----------------+
    | stats:purchases | stats@status    | stats@event_timestamp | stats@created_timestamp | stats@component |
    +-----------------+-----------------+-----------------------+-------------------------+-----------------+
    | 10              |                 | 2024-01-10T00:00:00Z  | 2024-01-10T01:00:00Z    |                 |
    |                 | OUTSIDE_MAX_AGE | 2024-01-01T00:00:00Z  | 2024-01-01T01:00:00Z    |                 |
    |                 | NOT_FOUND       |                       |                         |                 |
    +-----------------+-----------------+-----------------------+-------------------------+-----------------+
    ");
    let shown = arrow::util::pretty::pretty_format_batches(&[rows.project(&[11, 12, 13]).unwrap()]).unwrap();
    insta::assert_snapshot!(shown, @r"
    +---------------------------------+-------------------+--------------------+
    | efficiency:purchases_per_dollar | efficiency@status | efficiency@failure |
    +---------------------------------+-------------------+--------------------+
    | 70.0                            |                   |                    |
    |                                 |                   |                    |
    |                                 |                   |                    |
    +---------------------------------+-------------------+--------------------+
    ");
    assert_eq!(rows.num_columns(), 14);
    let metadata = rows.schema();
    assert!(metadata.fields().iter().all(|field| field.is_nullable()));
    let json = footer(&file);
    let component = store_digest(&logging);
    insta::assert_snapshot!(json.replace(&component, "DIGEST").replace(env!("CARGO_PKG_VERSION"), "VERSION"), @r#"{"format":2,"project":"test","registry_commit":1,"feature_service":"ratio_model","features":["efficiency:purchases_per_dollar","stats:purchases"],"join_keys":[["user_id","int64"]],"request_fields":[["spend","float64"]],"components":[{"view":"efficiency","transform":"purchases_per_dollar","digest":"DIGEST"}],"sample_rate":1.0,"server":"skewless VERSION"}"#);
}

fn store_digest(logging: &Logging) -> String {
    logging.store.components()["purchases_per_dollar"].transform.digest().to_string()
}

/// What the footer of a log file says of it.
fn footer(path: &Path) -> String {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    pairs.iter().find(|pair| pair.key == "skewless.feature_log").unwrap().value.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_is_always_in_the_sample_or_always_out() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let sampled = FeatureLoggingSettings { sample_rate: 0.2, ..settings(&folder) };
    let logging = Logging::new(store, sampled);
    // Each user alone, then all in requests of 50 rows, then the other service.
    logging.serve("stats_model", &asking_users(0..500), ABOUT, 1);
    logging.serve("stats_model", &asking_users(0..500), ABOUT, 50);
    logging.serve("ratio_model", &asking(0..500), ABOUT, 500);
    logging.close();
    let mut times = std::collections::BTreeMap::<String, usize>::new();
    texts(&folder, "user_id").into_iter().for_each(|user| *times.entry(user).or_default() += 1);
    assert!((60..140).contains(&times.len()), "{} of 500 users at a rate of 0.2", times.len());
    assert!(times.values().all(|times| *times == 3), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_of_an_empty_sample() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let logging = Logging::new(store, FeatureLoggingSettings { sample_rate: 0.0, ..settings(&folder) });
    logging.serve("stats_model", &asking_users(0..500), ABOUT, 50);
    assert_eq!(logging.close(), LogCounts::default());
    assert_eq!(files(&folder).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sensitive_columns_are_hashed_or_left_out() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let hidden = FeatureLoggingSettings {
        hash: vec!["user_id".to_owned()],
        omit: vec!["stats:spent".to_owned()],
        hash_key: Some(HashKey::from("key".to_owned())),
        ..settings(&folder)
    };
    let logging = Logging::new(store, hidden);
    logging.serve("stats_model", &asking_users([1, 2, 1]), ABOUT, 3);
    logging.close();
    let users = texts(&folder, "user_id");
    // printf 1 | openssl dgst -sha256 -hmac key
    assert_eq!(users[0], "6da91fb91517be1f5cdcf3af91d7d40c717dd638a306157606fb2e584f7ae926");
    assert_eq!(users[0], users[2]);
    assert_ne!(users[0], users[1]);
    let file = files(&folder).pop().unwrap();
    assert!(read(&file).column_by_name("stats:spent").is_none());
    assert_eq!(texts(&folder, "stats:purchases"), ["10", "", "10"]);
    assert!(footer(&file).contains(r#""hidden":[["stats:spent","omit"],["user_id","hash"]]"#), "{}", footer(&file));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_can_not_be_logged_any_more_is_answered_all_the_same() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let hidden = FeatureLoggingSettings { omit: vec!["stats:spent".to_owned()], ..settings(&folder) };
    let logging = Logging::new(store, hidden);
    let definitions = repository.path().join("features.yaml");
    let yaml = std::fs::read_to_string(&definitions).unwrap();
    // What is to be left out may be called otherwise now: nothing is logged rather than that.
    std::fs::write(&definitions, yaml.replace("{name: spent, type: float64}", "{name: seen_at, type: timestamp}"))
        .unwrap();
    let store = repository.apply().await.unwrap().with_feature_log(Some(Arc::clone(&logging.log)));
    let changed = Logging { store, log: logging.log };
    changed.serve("stats_model", &asking_users([1, 2]), ABOUT, 1);
    assert_eq!(changed.close(), LogCounts::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_the_queue_is_dropped_and_counted() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let logging = Logging::new(store, FeatureLoggingSettings { queue_capacity: 10, ..settings(&folder) });
    // A request alone has more rows than the queue takes, whenever it is emptied.
    logging.serve("stats_model", &asking_users(0..11), ABOUT, 11);
    logging.serve("stats_model", &asking_users(0..10), ABOUT, 10);
    let counts = logging.close();
    assert_eq!((counts.written_rows, counts.dropped_rows, counts.lost_rows), (10, 11, 0));
    logging.serve("stats_model", &asking_users(0..1), ABOUT, 1);
    assert_eq!(logging.log.counts().dropped_rows, 12, "after its end a log takes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_completed_by_size_and_by_age() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let by_size = Logging::new(store, FeatureLoggingSettings { file_bytes: 1, ..settings(&folder) });
    for user in 0..3 {
        by_size.serve("stats_model", &asking_users([user]), ABOUT, 1);
        await_files(&folder, user as usize + 1);
    }
    by_size.close();

    let store = repository.apply().await.unwrap();
    let now = Arc::new(AtomicI64::new(at(SERVED_AT).as_second()));
    let clock = Arc::clone(&now);
    let clock = Arc::new(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap());
    let other = repository.path().join("other");
    let log = FeatureLog::start(settings(&other), &store, clock, "aged".to_owned()).unwrap();
    let aged = Logging { store: store.with_feature_log(Some(Arc::clone(&log))), log };
    aged.serve("stats_model", &asking_users([1]), ABOUT, 1);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(files(&other).len(), 0, "it is small and young");
    now.fetch_add(61, Ordering::Relaxed);
    await_files(&other, 1);
    assert_eq!(aged.close().written_files, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_in_the_file_of_the_day_on_which_they_were_served() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let logging = Logging::new(store, settings(&folder));
    let served_at = ["2031-01-01T23:59:59.999999Z", "2031-01-02T00:00:00Z", "2031-01-01T23:59:59Z"];
    let features = OnlineFeatures::prepare(&logging.store, &Selection::Service("stats_model".to_owned())).unwrap();
    let about = at(ABOUT).as_microsecond();
    for (user, served_at) in (0..).zip(served_at) {
        let rows = asking_users([user]);
        features.log(&rows, about, at(served_at), &features.get(&rows, about).unwrap());
    }
    assert_eq!(logging.close().written_files, 2);
    let users = |date| texts(&folder.join("service=stats_model").join(date), "user_id");
    assert_eq!(users("date=2031-01-01"), ["0", "2"]);
    assert_eq!(users("date=2031-01-02"), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_row_of_few_and_of_many_have_each_their_own_rows() {
    const SIZES: [i64; 14] = [1, 3, 40, 1, 16, 17, 1, 5, 12, 15, 1, 2, 100, 1];
    let known = |user: i64| (user, user * 10, "2024-01-10T00:00:00Z", "2024-01-10T01:00:00Z");
    let repository = repository(&(0..150).filter(|user| user % 3 != 0).map(known).collect::<Vec<_>>());
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    let folder = repository.path().join("log");
    let logging = Logging::new(store, settings(&folder));
    let features = OnlineFeatures::prepare(&logging.store, &Selection::Service("ratio_model".to_owned())).unwrap();
    let about = at(ABOUT).as_microsecond();
    let (mut first, mut users) = (0, Vec::new());
    for size in SIZES {
        let rows = asking(first..first + size);
        features.log(&rows, about, at(SERVED_AT), &features.get(&rows, about).unwrap());
        users.extend((0..size).map(|row| (size == 1, row, first + row)));
        first += size;
    }
    assert_eq!(logging.close().written_rows, first as u64);
    // Rows that were alone in their request come behind the others.
    users.sort_by_key(|(is_alone, ..)| *is_alone);
    let request_rows: Vec<_> = users.iter().map(|(_, row, _)| row.to_string()).collect();
    assert_eq!(texts(&folder, "__request_row"), request_rows);
    let expected = |text: &dyn Fn(i64) -> String| users.iter().map(|(.., user)| text(*user)).collect::<Vec<_>>();
    let of_known = |user: i64, text: &str| if user % 3 == 0 || user >= 150 { String::new() } else { text.to_owned() };
    assert_eq!(texts(&folder, "user_id"), expected(&|user| user.to_string()));
    assert_eq!(texts(&folder, "stats:purchases"), expected(&|user| of_known(user, &(user * 10).to_string())));
    let statuses = |user| if of_known(user, "there").is_empty() { "NOT_FOUND".to_owned() } else { String::new() };
    assert_eq!(texts(&folder, "stats@status"), expected(&statuses));
    let computed = texts(&folder, "efficiency:purchases_per_dollar");
    let is_computed: Vec<bool> = computed.iter().map(|value| !value.is_empty()).collect();
    let has_both = |user: i64| !of_known(user, "there").is_empty() && user % 4 != 0;
    assert_eq!(is_computed, users.iter().map(|(.., user)| has_both(*user)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_missed_or_logged_twice_however_many_requests_add_at_once() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let logging = Logging::new(store, settings(&folder));
    std::thread::scope(|scope| {
        for thread in 0..8_i64 {
            let logging = &logging;
            scope.spawn(move || {
                logging.serve("stats_model", &asking_users(thread * 1_000..(thread + 1) * 1_000), ABOUT, 7);
            });
        }
    });
    let counts = logging.close();
    assert_eq!((counts.written_rows, counts.dropped_rows, counts.lost_rows), (8_000, 0, 0));
    let mut users: Vec<i64> = texts(&folder, "user_id").iter().map(|user| user.parse().unwrap()).collect();
    users.sort_unstable();
    assert_eq!(users, (0..8_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_repeat_are_logged_too() {
    let (repository, store) = three().await;
    let folder = repository.path().join("log");
    let logging = Logging::new(store, settings(&folder));
    logging.serve("stats_model", &asking_users(0..40_000), ABOUT, 2_000);
    assert_eq!(logging.close().written_rows, 40_000);
    let users: Vec<i64> = texts(&folder, "user_id").iter().map(|user| user.parse().unwrap()).collect();
    assert_eq!(users, (0..40_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_logs_thread_panics_requests_are_answered_and_every_row_counts_as_lost_or_dropped() {
    let (repository, store) = three().await;
    let is_broken = Arc::new(AtomicBool::new(false));
    let clock = Arc::clone(&is_broken);
    let clock = Arc::new(move || {
        assert!(!clock.load(Ordering::Relaxed), "the clock is broken");
        at(SERVED_AT)
    });
    let folder = repository.path().join("log");
    let log = FeatureLog::start(settings(&folder), &store, clock, "test".to_owned()).unwrap();
    let logging = Logging { store: store.with_feature_log(Some(Arc::clone(&log))), log };
    logging.serve("stats_model", &asking_users(0..10), ABOUT, 1);
    assert_eq!(logging.log.counts(), LogCounts::default());
    is_broken.store(true, Ordering::Relaxed);
    await_count(&logging, |counts| counts.lost_rows);
    logging.serve("stats_model", &asking_users(0..5), ABOUT, 5);
    let counts = LogCounts { lost_rows: 10, dropped_rows: 5, ..LogCounts::default() };
    assert_eq!((logging.log.counts(), logging.close()), (counts, counts));
    assert_eq!(files(&folder).len(), 0);
}

/// Waits until `count` is more than nothing, which must come.
fn await_count(logging: &Logging, count: impl Fn(LogCounts) -> u64) {
    for _ in 0..1_000 {
        if count(logging.log.counts()) > 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{:?} after 20 s", logging.log.counts());
}

/// Waits until there are `count` files, which must come.
fn await_files(folder: &Path, count: usize) {
    for _ in 0..1_000 {
        if files(folder).len() >= count {
            assert_eq!(files(folder).len(), count);
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{} files of {count} after 20 s", files(folder).len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_not_there_costs_no_request_and_the_log_comes_when_it_is() {
    let (repository, store) = three().await;
    // A file where the folder should be.
    let folder = repository.path().join("log");
    std::fs::write(&folder, "in the way").unwrap();
    let logging = Logging::new(store, FeatureLoggingSettings { file_bytes: 1, ..settings(&folder) });
    logging.serve("stats_model", &asking_users(0..100), ABOUT, 10);
    await_count(&logging, |counts| counts.failed_writes);
    assert_eq!(logging.log.counts().written_rows, 0);
    std::fs::remove_file(&folder).unwrap();
    let counts = logging.close();
    assert_eq!((counts.written_rows, counts.dropped_rows, counts.lost_rows), (100, 0, 0));
    assert_eq!(texts(&folder, "user_id").len(), 100);
}

/// A server with a log, as a process.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().last().unwrap_or_default().to_owned();
        assert!(url.starts_with("http://"), "{line}");
        Self { process, url }
    }

    fn ask(&self) -> u16 {
        let body = format!(
            r#"{{"feature_service": "stats_model", "entities": {{"user_id": [1, 2]}}, "event_timestamp": "{ABOUT}"}}"#
        );
        ureq::post(format!("{}/get-online-features", self.url)).send(body).unwrap().status().as_u16()
    }

    /// Asks it to end, and returns what it said.
    fn end(mut self) -> String {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.process.stderr.take().unwrap(), &mut said).unwrap();
        assert!(self.process.wait().unwrap().success(), "{said}");
        said
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_logs_what_it_serves_and_completes_its_files_when_it_ends() {
    let (repository, _) = three().await;
    let mut command = skewless(repository.path());
    command.args(["serve", "--port", "0", "--log-path", "served"]);
    let server = Server::start(command);
    assert_eq!([server.ask(), server.ask()], [200, 200]);
    let said = server.end();
    assert_eq!(said.trim(), "feature log: 4 rows written in 1 file, 0 dropped, 0 lost");
    assert_eq!(texts(&repository.path().join("served"), "user_id"), ["1", "2", "1", "2"]);
    let replayed = skewless(repository.path()).args(["replay", "--log", "served"]).output().unwrap();
    assert!(replayed.status.success(), "{}", printed(&replayed));
    insta::assert_snapshot!(printed(&replayed), @r"
    FEATURE          COMPARED  DIFFERING
    stats:purchases         4          0
    stats:spent             4          0

    4 rows of 1 file: 8 values compared bit for bit, 0 differ
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_can_not_be_reached_costs_no_request() {
    let (repository, _) = three().await;
    let yaml =
        "project: test\nfeature_server: {feature_logging: {enabled: true, path: 's3://bucket/log', file_bytes: 1}}\n";
    std::fs::write(repository.path().join("skewless.yaml"), yaml).unwrap();
    let mut command = skewless(repository.path());
    command.args(["serve", "--port", "0"]).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret").env("AWS_REGION", "us-east-1");
    let server = Server::start(command);
    assert!((0..20).all(|_| server.ask() == 200));
    let said = server.end();
    assert!(said.contains("feature log: 0 rows written in 0 files, 0 dropped, 40 lost"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_no_request() {
    let (repository, _) = three().await;
    std::fs::create_dir(repository.path().join("small")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=64k none small && head -c 65536 /dev/zero > small/full; \
         exec {} serve --port 0 --log-path small/log",
        env!("CARGO_BIN_EXE_skewless")
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).current_dir(repository.path());
    command.env("SKEWLESS_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR"))).env("NO_COLOR", "1");
    let server = Server::start(command);
    assert!((0..20).all(|_| server.ask() == 200));
    let said = server.end();
    assert!(said.contains("feature log: 0 rows written in 0 files, 0 dropped, 40 lost"), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_can_not_be_meant_are_refused_before_anything_is_served() {
    let (repository, _) = three().await;
    let refuse = |logging: &str| {
        let yaml = format!("project: test\nfeature_server: {{feature_logging: {{enabled: true, {logging}}}}}\n");
        std::fs::write(repository.path().join("skewless.yaml"), yaml).unwrap();
        let output = skewless(repository.path()).args(["serve", "--port", "0"]).output().unwrap();
        assert!(!output.status.success());
        printed(&output)
    };
    insta::assert_snapshot!(refuse("sample_rate: 1.5"), @r#"error: feature_logging has a sample_rate of 1.5: give a share from 0 to 1"#);
    insta::assert_snapshot!(refuse("sample_rate: some"), @"error: skewless.yaml:2:64: sample_rate: expected a number, such as 0.5, found `some`");
    insta::assert_snapshot!(refuse("omit: [stats:spend]"), @"error: feature_logging hides `stats:spend`, which is no join key, request field or `view:feature`: did you mean `stats:spent`?");
    insta::assert_snapshot!(refuse("queue_capacity: 0"), @"error: feature_logging has a queue_capacity of 0: give 1 or more");
    insta::assert_snapshot!(refuse("path: 'ftp://x'"), @r#"error: `ftp://x` is no address: give a path, or a URL such as s3://bucket/folder: Unable to recognise URL "ftp://x/""#);
    let output = skewless(repository.path()).args(["serve", "--log-rate", "0.5"]).output().unwrap();
    assert!(!output.status.success());
}
