//! Replays: the same bits from the log, what a candidate would change, and logs that can't be replayed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Float64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use skewless_store::FeatureStore;
use skewless_store::feature_log::LogFilter;
use skewless_store::feature_log::replay::{Replay, ReplayRequest, replay};

use crate::javascript;
use crate::logging::{Logging, asking, asking_users, files, materialize_to, read, repository, settings};
use crate::support::{TestRepository, micros, printed, runtime, skewless};

const ABOUT: &str = "2024-01-15T00:00:00Z";

/// A thousand users, each asked for three times; one in ten is too old.
async fn logged(log: &str) -> (TestRepository, FeatureStore, PathBuf) {
    let times = ["2024-01-10T00:00:00Z", "2024-01-02T00:00:00Z"];
    let rows: Vec<_> = (0..1_000).map(|user| (user, user * 3, times[usize::from(user % 10 == 7)], times[0])).collect();
    let repository = repository(&rows);
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    let folder = repository.path().join(log);
    let logging = Logging::new(store, settings(&folder));
    logging.serve("ratio_model", &asking(0..1_050), ABOUT, 1);
    logging.serve("ratio_model", &asking(0..1_050), "2024-01-16T00:00:00Z", 100);
    logging.serve("stats_model", &asking_users(0..1_050), ABOUT, 1_050);
    assert_eq!(logging.close().written_rows, 3_150);
    let store = repository.apply().await.unwrap();
    (repository, store, folder)
}

async fn run(store: &FeatureStore, log: &Path, filter: LogFilter) -> Result<Replay, skewless_store::Error> {
    let log = log.display().to_string();
    let request = ReplayRequest { log: &log, filter, candidates: BTreeMap::new(), threads: 2 };
    replay(store, runtime(), &request, &|_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_of_a_log_comes_out_with_the_same_bits() {
    let (_repository, store, log) = logged("log").await;
    let all = run(&store, &log, LogFilter::default()).await.unwrap();
    assert_eq!((all.files, all.rows, all.compared(), all.differing()), (3, 3_150, 2_100 * 2 + 1_050 * 2, 0));
    assert_eq!(all.left_out, []);
    let service = LogFilter { service: Some("stats_model".to_owned()), ..LogFilter::default() };
    assert_eq!(run(&store, &log, service).await.unwrap().rows, 1_050);
    let later = LogFilter { since: Some(micros("2024-01-15T00:00:00.000001Z")), ..LogFilter::default() };
    assert_eq!(run(&store, &log, later).await.unwrap().rows, 1_050);
    let earlier = LogFilter { until: Some(micros(ABOUT)), ..LogFilter::default() };
    assert_eq!(run(&store, &log, earlier).await.unwrap().rows, 2_100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_another_server_version_wrote_in_this_format_replays() {
    let (_repository, store, log) = logged("log").await;
    for file in files(&log) {
        let older = |json: String| {
            let older = json.replace(concat!("skewless ", env!("CARGO_PKG_VERSION")), "skewless 0.0.7");
            assert_ne!(older, json);
            older
        };
        rewrite(&file, |rows| rows, older);
    }
    let replayed = run(&store, &log, LogFilter::default()).await.unwrap();
    assert_eq!((replayed.rows, replayed.compared(), replayed.differing()), (3_150, 2_100 * 2 + 1_050 * 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_the_first_format_replays() {
    let (_repository, store, log) = logged("log").await;
    for file in files(&log) {
        // What was there had a word for it.
        let older = |rows: RecordBatch| {
            let schema = rows.schema();
            let statuses = schema.fields().iter().filter(|field| field.name().ends_with("@status"));
            statuses.fold(rows, |rows, field| {
                let words = rows.column_by_name(field.name()).unwrap().as_string::<i32>();
                let words: ArrayRef =
                    Arc::new(StringArray::from_iter_values(words.iter().map(|word| word.unwrap_or("PRESENT"))));
                replaced(&rows, field.name(), words)
            })
        };
        rewrite(&file, older, |json| json.replace("\"format\":2", "\"format\":1"));
    }
    let replayed = run(&store, &log, LogFilter::default()).await.unwrap();
    assert_eq!((replayed.rows, replayed.compared(), replayed.differing()), (3_150, 2_100 * 2 + 1_050 * 2, 0));
}

/// Writes the rows of a log file anew, with another footer or other values.
fn rewrite(path: &Path, change: impl Fn(RecordBatch) -> RecordBatch, footer: impl Fn(String) -> String) {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let key = "skewless.feature_log".to_owned();
    let json = pairs.iter().find(|pair| pair.key == key).unwrap().value.clone().unwrap();
    let rows = change(read(path));
    let pair = KeyValue::new(key, footer(json));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![pair])).build();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

fn replaced(rows: &RecordBatch, column: &str, values: ArrayRef) -> RecordBatch {
    let mut columns = rows.columns().to_vec();
    columns[rows.schema().index_of(column).unwrap()] = values;
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_differs_is_found_and_the_command_fails_with_its_row() {
    let (repository, _, log) = logged("log").await;
    let file = files(&log).into_iter().find(|path| path.to_string_lossy().contains("ratio_model")).unwrap();
    let flip = |rows: RecordBatch| {
        let column = rows.column_by_name("efficiency:purchases_per_dollar").unwrap();
        let values = column.as_primitive::<arrow::datatypes::Float64Type>();
        let flipped = values
            .iter()
            .enumerate()
            .map(|(row, value)| value.map(|value| if row == 1 { f64::from_bits(value.to_bits() ^ 1) } else { value }));
        let flipped: ArrayRef = Arc::new(flipped.collect::<Float64Array>());
        replaced(&rows, "efficiency:purchases_per_dollar", flipped)
    };
    rewrite(&file, flip, |json| json);
    let output = skewless(repository.path()).args(["replay", "--log", "log"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = printed(&output).replace(&repository.path().canonicalize().unwrap().display().to_string(), "");
    insta::assert_snapshot!(said, @r"
    FEATURE                          COMPARED  DIFFERING
    efficiency:purchases_per_dollar     2,100          1
    stats:purchases                     3,150          0
    stats:spent                         1,050          0

    The first differences:
    REQUEST   ABOUT                 FEATURE                          LOGGED              REPLAYED  STATUS THEN  STATUS NOW
    test-1/0  2024-01-15T00:00:00Z  efficiency:purchases_per_dollar  21.000000000000004  21.0      PRESENT      PRESENT

    3,150 rows of 3 files: 6,300 values compared bit for bit, 1 differ
    error: 1 value of the log came out otherwise: please report it, with the table above
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_is_reviewed_as_text_json_and_page() {
    let (repository, ..) = logged("log").await;
    let candidate = javascript::bytes(
        r#"import { RowError, float64, int64, nullable, transform } from "skewless";
        export default transform({
            name: "purchases_per_dollar",
            inputs: { purchases: nullable(int64), spend: nullable(float64) },
            output: nullable(float64),
        }, ({ purchases, spend }) => {
            if (purchases === null) return 0.5;
            if (spend === null || spend === 0) return null;
            if (purchases === 3n) throw new RowError("three");
            return purchases >= 1500n ? Number(purchases) / spend * 2 : Number(purchases) / spend;
        });"#,
    );
    std::fs::write(repository.path().join("candidate.wasm"), candidate).unwrap();
    let arguments = ["replay", "--log", "log", "--transform", "candidate.wasm", "--html", "review.html"];
    let run = |more: &[&str]| {
        let output = skewless(repository.path()).args(arguments).args(more).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        printed(&output)
    };
    let json: serde_json::Value = serde_json::from_str(&run(&["--json"])).unwrap();
    let change = &json["candidates"][0];
    // Of 1,050 users, asked twice each, three in four bring what they spend. 500 of them bought 1,500 and more, and one in ten is too
    // old; those and the 50 who are unknown now get a half.
    let served = |user: &i64| *user < 1_000 && user % 10 != 7;
    let doubled = (500..1_000).filter(|user| served(user) && user % 4 != 0).count() as u64 * 2;
    let appeared = (0..1_050).filter(|user| !served(user)).count() as u64 * 2;
    assert_eq!(change["rows"], 2_100);
    assert_eq!(change["rows_changed"], doubled + appeared + 2);
    assert_eq!((&change["failures_before"], &change["failures_after"]), (&0.into(), &2.into()));
    let feature = &change["features"][0];
    assert_eq!(feature["feature"], "efficiency:purchases_per_dollar");
    assert_eq!((&feature["appeared"], &feature["vanished"]), (&appeared.into(), &2.into()));
    assert!((feature["relative"]["p50"].as_f64().unwrap() - 0.5).abs() < 0.04, "{feature}");
    assert!(change["nanos_before"].as_u64().unwrap() > 0 && change["nanos_after"].as_u64().unwrap() > 0);
    let text = run(&[]);
    assert!(text.contains("efficiency:purchases_per_dollar") && text.contains("2 after"), "{text}");
    let page = std::fs::read_to_string(repository.path().join("review.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("rows change") && !page.contains("<script"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://"), "the page needs nothing from elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_replayed_is_said() {
    let (repository, store, log) = logged("log").await;
    let root = repository.path().canonicalize().unwrap().display().to_string();
    let refuse = async |store: &FeatureStore, log: &Path| {
        let error = run(store, log, LogFilter::default()).await.unwrap_err().to_string();
        error.replace(&root, "ROOT").replace(&repository.path().display().to_string(), "ROOT")
    };
    insta::assert_snapshot!(refuse(&store, &repository.path().join("nowhere")).await, @"`ROOT/nowhere` has no log files: name the path of feature_logging, and note that a server completes a file when it is old enough or the server ends");
    insta::assert_snapshot!(refuse(&store, &repository.path().join("users.parquet")).await, @"`ROOT/users.parquet` is no feature log: `skewless serve` writes them, see feature_logging");
    let file = files(&log).pop().unwrap();
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    insta::assert_snapshot!(refuse(&store, &log).await, @"`ROOT/log/service=stats_model/date=2031-01-01/20310101T120000Z-test-2.parquet` is damaged, or no Parquet file: remove it to go on without it: Parquet error: Invalid Parquet file. Corrupt footer");
    std::fs::write(&file, &whole).unwrap();
    rewrite(
        &file,
        |rows| rows,
        |json| json.replace("\"format\":2", "\"format\":3,\"new\":0").replace("skewless 0", "skewless 9"),
    );
    insta::assert_snapshot!(refuse(&store, &log).await.replace(env!("CARGO_PKG_VERSION").trim_start_matches('0'), ".X"), @"`ROOT/log/service=stats_model/date=2031-01-01/20310101T120000Z-test-2.parquet` was written by a newer skewless (skewless 9.X, log format 3); this one reads formats up to 2: use a newer one");
    rewrite(&file, |rows| rows, |json| json.replace("\"format\":3", "\"format\":0"));
    insta::assert_snapshot!(refuse(&store, &log).await.replace(env!("CARGO_PKG_VERSION").trim_start_matches('0'), ".X"), @"`ROOT/log/service=stats_model/date=2031-01-01/20310101T120000Z-test-2.parquet` was written by skewless 9.X in log format 0, which lacks what a replay needs: use the skewless that wrote it");
    std::fs::write(&file, &whole).unwrap();
    rewrite(&file, |rows| rows, |json| json.replace("\"project\":\"test\"", "\"project\":\"other\""));
    insta::assert_snapshot!(refuse(&store, &log).await, @"the log is of project `other`, and this is `test`: go to the repository that was served");
    std::fs::write(&file, &whole).unwrap();
    rewrite(&file, |rows| rows, |json| json.replace("\"registry_commit\":", "\"registry_commit\":9"));
    insta::assert_snapshot!(refuse(&store, &log).await, @"project `test` has no commit 91 in the registry `registry`");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_inputs_are_hidden_are_left_out_and_counted() {
    let repository = repository(&[(1, 10, "2024-01-10T00:00:00Z", "2024-01-10T01:00:00Z")]);
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-12T00:00:00Z").await;
    let folder = repository.path().join("log");
    let mut hidden = settings(&folder);
    hidden.omit = vec!["spend".to_owned(), "stats:spent".to_owned()];
    let logging = Logging::new(store, hidden);
    logging.serve("ratio_model", &asking([1, 2]), ABOUT, 2);
    logging.serve("stats_model", &asking_users([1, 2]), ABOUT, 2);
    logging.close();
    let replayed = run(&repository.apply().await.unwrap(), &folder, LogFilter::default()).await.unwrap();
    assert_eq!((replayed.rows, replayed.compared(), replayed.differing()), (2, 2, 0));
    assert_eq!(replayed.left_out.len(), 1);
    assert_eq!(replayed.left_out[0].rows, 2);
    insta::assert_snapshot!(replayed.left_out[0].reason, @"`efficiency` is computed from `spend`, which is hashed or left out");
    let computed: Vec<(&str, bool)> =
        replayed.features.iter().map(|feature| (feature.feature.as_str(), feature.computed)).collect();
    assert_eq!(computed, [("stats:purchases", false)]);
    // Where nothing at all could be compared, the command does not pass for a success.
    let arguments = ["replay", "--log", "log", "--service", "ratio_model"];
    let output = skewless(repository.path()).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(printed(&output), @"
    FEATURE  COMPARED  DIFFERING

    0 rows of 1 file: 0 values compared bit for bit, 0 differ
    2 rows left out: `efficiency` is computed from `spend`, which is hashed or left out
    error: nothing of the log could be compared: the reasons are above
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_replayed_with_the_component_that_served_it() {
    let (repository, _, log) = logged("log").await;
    let script = r#"import { float64, int64, nullable, transform } from "skewless";
        export default transform({
            name: "purchases_per_dollar", inputs: { purchases: nullable(int64), spend: nullable(float64) }, output: nullable(float64),
        }, () => -1);"#;
    std::fs::write(repository.path().join("component.wasm"), javascript::bytes(script)).unwrap();
    std::fs::remove_file(repository.path().join("component.certificate.json")).unwrap();
    let applied = skewless(repository.path()).args(["apply", "--allow-uncertified"]).output().unwrap();
    assert!(applied.status.success(), "{}", printed(&applied));
    let store = opened(repository.path()).await;
    let replayed = run(&store, &log, LogFilter::default()).await.unwrap();
    assert_eq!((replayed.rows, replayed.differing()), (3_150, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_the_registry_has_not_got_any_more_is_named() {
    let (repository, store, log) = logged("log").await;
    let components = repository.path().join("registry");
    let removed: Vec<PathBuf> =
        files(&components).into_iter().filter(|path| path.extension() == Some("wasm".as_ref())).collect();
    assert_eq!(removed.len(), 1);
    std::fs::remove_file(&removed[0]).unwrap();
    let digest = store.components()["purchases_per_dollar"].transform.digest().to_string();
    let error = run(&store, &log, LogFilter::default()).await.unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(&digest, "DIGEST"), @"the log was computed by component DIGEST of transform `purchases_per_dollar`, which the registry has not got any more: put its file back, or name other files (--log) or another service (--service)");
    // What no component computed replays.
    let service = LogFilter { service: Some("stats_model".to_owned()), ..LogFilter::default() };
    let replayed = run(&store, &log, service).await.unwrap();
    assert_eq!((replayed.rows, replayed.differing()), (1_050, 0));
}

async fn opened(folder: &Path) -> FeatureStore {
    let repository = skewless_store::definitions::Repository::load(folder, &|_| None).unwrap();
    FeatureStore::open(folder, &repository.settings, runtime()).await.unwrap()
}
