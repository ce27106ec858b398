//! Sources on a real S3 server: what a job reads there, and what it says when the server fails.

use std::fs::File;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use crate::s3_server::{Bucket, Fault, Proxy, S3Server};
use crate::support::{TestRepository, int64s, micros_array, printed, skewless, table};

const YAML: &str = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: users, path: PATH, timestamp_field: event_timestamp}
feature_views:
  - {name: user_stats, entities: [user], source: users, schema: [{name: spend, type: int64}]}
"#;

const HOUR: i64 = 3_600_000_000;

/// Rows of 100 users, one each hour.
fn rows(from: i64, count: i64) -> RecordBatch {
    let numbers: Vec<i64> = (from..from + count).collect();
    table(&[
        ("user_id", int64s(&numbers.iter().map(|number| number % 100).collect::<Vec<_>>())),
        ("spend", int64s(&numbers)),
        ("event_timestamp", micros_array(numbers.iter().map(|number| number * HOUR))),
    ])
}

/// As Parquet, in row groups of 500 rows.
fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(500)).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Two files, in the bucket and in the folder `data` of a repository.
fn files() -> [(&'static str, Vec<u8>); 2] {
    [("a.parquet", parquet(&rows(0, 3_000))), ("b.parquet", parquet(&rows(3_000, 2_000)))]
}

fn bucket_of_files<'a>(server: &'a S3Server, name: &str) -> Bucket<'a> {
    let bucket = server.bucket(name);
    files().iter().for_each(|(file, bytes)| bucket.put(&format!("data/{file}"), bytes));
    bucket
}

fn repository(path: &str) -> TestRepository {
    let asked = table(&[
        ("user_id", int64s(&[1, 2, 3])),
        ("event_timestamp", micros_array([HOUR, 1_000 * HOUR, 4_500 * HOUR])),
    ]);
    let repository = TestRepository::new(&YAML.replace("PATH", path)).data("rows.parquet", &asked);
    std::fs::create_dir_all(repository.path().join("data")).unwrap();
    files().iter().for_each(|(file, bytes)| std::fs::write(repository.path().join("data").join(file), bytes).unwrap());
    repository
}

fn run(repository: &TestRepository, arguments: &[&str], environment: &[(&str, String)]) -> Output {
    let mut command = skewless(repository.path());
    command.args(arguments).envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    command.output().unwrap()
}

/// The training set of all rows asked about; `apply` goes to the server itself, the job through `environment`.
fn training_set(repository: &TestRepository, environment: &[(&str, String)]) -> Result<RecordBatch, String> {
    let applied = run(repository, &["apply"], &S3Server::shared().environment());
    assert!(applied.status.success(), "{}", printed(&applied));
    let job = ["get-historical-features", "-e", "rows.parquet", "-f", "user_stats", "-o", "out.parquet"];
    let output = run(repository, &job, environment);
    match output.status.success() {
        true => Ok(read(&repository.path().join("out.parquet"))),
        false => {
            assert!(!repository.path().join("out.parquet").exists(), "something was written");
            Err(printed(&output))
        }
    }
}

fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// What the store's own words follow.
fn told(error: &str) -> &str {
    let ends = [": Generic", ": The operation lacked", ": Object at location", ": Error performing"];
    error[..ends.iter().filter_map(|end| error.find(end)).min().unwrap_or(error.len())].trim()
}

fn expected() -> Vec<i64> {
    vec![1, 902, 4_403]
}

fn spends(batch: &RecordBatch) -> Vec<i64> {
    use arrow::array::AsArray;
    batch.column_by_name("spend").unwrap().as_primitive::<arrow::datatypes::Int64Type>().values().to_vec()
}

#[test]
fn a_source_on_s3_gives_what_the_same_files_on_disk_give() {
    let server = S3Server::shared();
    bucket_of_files(server, "same");
    let local = training_set(&repository("data"), &[]).unwrap();
    assert_eq!(spends(&local), expected());
    for path in ["s3://same/data", "\"s3://same/**/*.parquet\"", "s3://same/data/"] {
        assert_eq!(training_set(&repository(path), &server.environment()).unwrap(), local, "{path}");
    }
}

#[test]
fn entity_rows_on_s3_are_read_too() {
    let server = S3Server::shared();
    let bucket = bucket_of_files(server, "entities");
    let repository = repository("s3://entities/data");
    bucket.put("rows.csv", b"user_id,event_timestamp,label\n2,1970-02-11 16:00:00,yes\n");
    let applied = run(&repository, &["apply"], &server.environment());
    assert!(applied.status.success(), "{}", printed(&applied));
    let job = ["get-historical-features", "-e", "s3://entities/rows.csv", "-f", "user_stats", "-o", "out.parquet"];
    let output = run(&repository, &job, &server.environment());
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(spends(&read(&repository.path().join("out.parquet"))), [902]);
}

/// The second file, all of whose rows are later, is asked for its footer and for nothing else; the first for its footer, and, once
/// for keys and once for features, the index of its pages and the columns of one row group.
#[test]
fn what_the_interval_rules_out_is_not_fetched() {
    let server = S3Server::shared();
    bucket_of_files(server, "pruned");
    let asked = table(&[("user_id", int64s(&[1])), ("event_timestamp", micros_array([100 * HOUR]))]);
    let repository = repository("s3://pruned/data").data("rows.parquet", &asked);
    let requests = |to: &'static str| {
        let proxy = Proxy::start(server, Fault::None, usize::MAX, to);
        assert_eq!(spends(&training_set(&repository, &server.environment_at(&proxy.url)).unwrap()), [1]);
        proxy.faults()
    };
    assert_eq!(requests("GET /pruned/data/b.parquet"), 1);
    assert_eq!(requests("GET /pruned/data/a.parquet"), 5);
}

/// S3 lists 1,000 names at a time.
#[test]
fn a_folder_of_more_objects_than_one_answer_lists_is_seen_whole() {
    let server = S3Server::shared();
    let bucket = server.bucket("many");
    (0..1_040).for_each(|number| bucket.put(&format!("data/a{number:04}.txt"), b""));
    files().iter().for_each(|(file, bytes)| bucket.put(&format!("data/z-{file}"), bytes));
    let repository = repository("\"s3://many/data/z*\"");
    assert_eq!(spends(&training_set(&repository, &server.environment()).unwrap()), expected());
}

#[test]
fn a_busy_store_and_cut_connections_are_tried_again() {
    let server = S3Server::shared();
    bucket_of_files(server, "busy");
    for (fault, to) in [
        (Fault::SlowDown, "/busy"),
        (Fault::Cut, "/busy"),
        (Fault::SlowDown, "GET /busy/data/"),
        (Fault::Cut, "GET /busy/data/"),
        (Fault::CutAnswer, "GET /busy/data/"),
    ] {
        let proxy = Proxy::start(server, fault, 3, to);
        let found = training_set(&repository("s3://busy/data"), &server.environment_at(&proxy.url)).unwrap();
        assert_eq!((spends(&found), proxy.faults()), (expected(), 3), "{to}");
    }
}

#[test]
fn a_store_that_refuses_or_has_no_such_bucket_is_told_in_one_error() {
    let server = S3Server::shared();
    bucket_of_files(server, "refused");
    let proxy = Proxy::start(server, Fault::Forbidden, usize::MAX, "/refused");
    let error = training_set(&repository("s3://refused/data"), &server.environment_at(&proxy.url)).unwrap_err();
    insta::assert_snapshot!(told(&error), @"error: can't read `s3://refused/data`, the store refuses: check the credentials in the environment and what they may do");
    let proxy = Proxy::start(server, Fault::Forbidden, usize::MAX, "GET /refused/data/b.parquet");
    let error = training_set(&repository("s3://refused/data"), &server.environment_at(&proxy.url)).unwrap_err();
    insta::assert_snapshot!(told(&error), @"error: can't read source `users`, the store refuses: check the credentials in the environment and what they may do");
    let repository = repository("s3://no-such-bucket/data");
    let applied = run(&repository, &["apply"], &server.environment());
    insta::assert_snapshot!(told(&printed(&applied)), @"error: features.yaml:5:25: can't list `s3://no-such-bucket/data`, there is no such bucket");
}

#[test]
fn a_store_that_does_not_answer_or_is_not_there_ends_the_job_in_time() {
    let server = S3Server::shared();
    bucket_of_files(server, "silent");
    let hurried = |url: &str| {
        let mut environment = server.environment_at(url);
        environment.push(("SKEWLESS_STORAGE_TIMEOUT", "1.5".to_owned()));
        environment
    };
    let proxy = Proxy::start(server, Fault::Silence, usize::MAX, "/silent");
    let error = training_set(&repository("s3://silent/data"), &hurried(&proxy.url)).unwrap_err();
    insta::assert_snapshot!(told(&error), @"error: can't read `s3://silent/data`, the store does not answer in time");
    let proxy = Proxy::start(server, Fault::Silence, usize::MAX, "GET /silent/data/b.parquet");
    let error = training_set(&repository("s3://silent/data"), &hurried(&proxy.url)).unwrap_err();
    insta::assert_snapshot!(told(&error), @"error: can't read source `users`, the store does not answer in time");
    let error = training_set(&repository("s3://silent/data"), &hurried("http://127.0.0.1:9")).unwrap_err();
    insta::assert_snapshot!(told(&error), @"error: can't read `s3://silent/data`, the store can't be reached");
    let mut wrong = server.environment();
    wrong.push(("SKEWLESS_STORAGE_TIMEOUT", "soon".to_owned()));
    let error = training_set(&repository("s3://silent/data"), &wrong).unwrap_err();
    insta::assert_snapshot!(told(&error), @r#"error: the environment variable `SKEWLESS_STORAGE_TIMEOUT` is "soon": give the seconds that a store may take, such as 30"#);
}

#[test]
fn an_object_that_changes_between_listing_and_reading_is_one_clear_error() {
    let server = S3Server::shared();
    for (what, change_before) in [("footers", 0), ("rows", 1)] {
        let name = format!("changing-{what}");
        bucket_of_files(server, &name);
        let (seen, bucket) = (AtomicUsize::new(0), name.clone());
        let change = move || {
            if seen.fetch_add(1, Ordering::SeqCst) == change_before {
                S3Server::shared().existing(&bucket).put("data/b.parquet", &parquet(&rows(3_000, 2_001)));
            }
        };
        let proxy = Proxy::start(server, Fault::Before(Arc::new(change)), usize::MAX, "/data/b.parquet");
        let error =
            training_set(&repository(&format!("s3://{name}/data")), &server.environment_at(&proxy.url)).unwrap_err();
        let told = format!(
            "error: `s3://{name}/data/b.parquet` changed while it was read: run again once nobody writes there"
        );
        assert_eq!(error.trim(), told);
    }
}
