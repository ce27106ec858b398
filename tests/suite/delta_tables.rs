//! Delta tables whose logs are written here by hand, with what other writers put into them.

use std::path::Path;

use crate::s3_server::S3Server;
use crate::support::{TestRepository, historical, int64s, printed, skewless, table, timestamps, write_parquet};

const YAML: &str = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: users, path: PATH, timestamp_field: at}
feature_views:
  - {name: user_stats, entities: [user], source: users, schema: [{name: spend, type: int64}]}
"#;

/// Rows of a user each, all at one time.
fn rows(names: [&str; 3], rows: &[(i64, i64)]) -> arrow::array::RecordBatch {
    table(&[
        (names[0], int64s(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        (names[1], timestamps(&vec!["2024-01-01T00:00:00Z"; rows.len()])),
        (names[2], int64s(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
    ])
}

const NAMES: [&str; 3] = ["user_id", "at", "spend"];

/// The columns as the log has them; `metadata` is added to each, with `NAME` replaced.
fn schema(metadata: &str) -> String {
    let field = |(place, (name, data_type)): (usize, (&str, &str))| {
        let metadata = metadata.replace("NAME", name).replace("PLACE", &(place + 1).to_string());
        format!(r#"{{"name":"{name}","type":"{data_type}","nullable":true,"metadata":{metadata}}}"#)
    };
    let fields = [("user_id", "long"), ("at", "timestamp"), ("spend", "long")].into_iter().enumerate().map(field);
    format!(r#"{{"type":"struct","fields":[{}]}}"#, fields.collect::<Vec<_>>().join(","))
}

fn metadata(schema: &str, configuration: &str) -> String {
    let schema = schema.replace('"', "\\\"");
    format!(
        r#"{{"metaData":{{"id":"5fba94ed-9794-4965-ba6e-6ee3c0d22af9","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{schema}","partitionColumns":[],"configuration":{configuration},"createdTime":0}}}}"#
    )
}

fn add(folder: &Path, file: &str, more: &str) -> String {
    let size = std::fs::metadata(folder.join(file)).unwrap().len();
    format!(
        r#"{{"add":{{"path":"{file}","partitionValues":{{}},"size":{size},"modificationTime":1,"dataChange":true{more}}}}}"#
    )
}

fn commit(folder: &Path, number: u64, actions: &[&str]) {
    let log = folder.join("_delta_log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join(format!("{number:020}.json")), actions.join("\n")).unwrap();
}

const PLAIN: &str = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#;

/// Two commits: the second removes a file of the first and adds another.
fn two_commits(folder: &Path) {
    write_parquet(&folder.join("a.parquet"), &rows(NAMES, &[(1, 10), (2, 20)]));
    write_parquet(&folder.join("b.parquet"), &rows(NAMES, &[(3, 30)]));
    write_parquet(&folder.join("c.parquet"), &rows(NAMES, &[(1, 11)]));
    let schema = metadata(&schema("{}"), "{}");
    commit(folder, 0, &[PLAIN, &schema, &add(folder, "a.parquet", ""), &add(folder, "b.parquet", "")]);
    let remove = r#"{"remove":{"path":"a.parquet","deletionTimestamp":2,"dataChange":true}}"#;
    commit(folder, 1, &[remove, &add(folder, "c.parquet", "")]);
}

/// What users 1, 2 and 3 spent.
async fn spends(repository: &TestRepository) -> Vec<Option<i64>> {
    use arrow::array::AsArray;
    let store = repository.apply().await.unwrap();
    let asked =
        table(&[("user_id", int64s(&[1, 2, 3])), ("event_timestamp", timestamps(&["2024-02-01T00:00:00Z"; 3]))]);
    let set = historical(&store, &["user_stats"], asked).await.unwrap();
    set.column_by_name("spend").unwrap().as_primitive::<arrow::datatypes::Int64Type>().iter().collect()
}

fn repository(path: &str) -> TestRepository {
    TestRepository::new(&YAML.replace("PATH", path))
}

#[tokio::test]
async fn only_the_files_of_the_newest_version_count() {
    let repository = repository("users");
    two_commits(&repository.path().join("users"));
    assert_eq!(spends(&repository).await, [Some(11), None, Some(30)]);
}

#[tokio::test]
async fn rows_in_a_deletion_vector_do_not_count() {
    let repository = repository("users");
    let folder = repository.path().join("users");
    write_parquet(&folder.join("a.parquet"), &rows(NAMES, &[(1, 10), (2, 20), (3, 30), (1, 99)]));
    let protocol = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}"#;
    let vector = deletion_vector(&[1, 3]);
    let vector = format!(
        r#","deletionVector":{{"storageType":"i","pathOrInlineDv":"{vector}","sizeInBytes":36,"cardinality":2}}"#
    );
    let schema = metadata(&schema("{}"), r#"{"delta.enableDeletionVectors":"true"}"#);
    commit(&folder, 0, &[protocol, &schema, &add(&folder, "a.parquet", &vector)]);
    assert_eq!(spends(&repository).await, [Some(10), None, Some(30)]);
}

#[tokio::test]
async fn columns_that_are_called_otherwise_in_the_files_are_found() {
    let repository = repository("users");
    let folder = repository.path().join("users");
    write_parquet(&folder.join("a.parquet"), &rows(["col-user_id", "col-at", "col-spend"], &[(1, 10)]));
    let protocol = r#"{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}"#;
    let names = r#"{"delta.columnMapping.id":PLACE,"delta.columnMapping.physicalName":"col-NAME"}"#;
    let configuration = r#"{"delta.columnMapping.mode":"name","delta.columnMapping.maxColumnId":"3"}"#;
    commit(&folder, 0, &[protocol, &metadata(&schema(names), configuration), &add(&folder, "a.parquet", "")]);
    assert_eq!(spends(&repository).await, [Some(10), None, None]);
}

#[test]
fn a_delta_table_on_s3_is_read() {
    let server = S3Server::shared();
    let bucket = server.bucket("delta");
    let folder = tempfile::tempdir().unwrap();
    two_commits(folder.path());
    for file in [
        "a.parquet",
        "b.parquet",
        "c.parquet",
        "_delta_log/00000000000000000000.json",
        "_delta_log/00000000000000000001.json",
    ] {
        bucket.put(&format!("users/{file}"), &std::fs::read(folder.path().join(file)).unwrap());
    }
    let repository = repository("s3://delta/users");
    let run = |arguments: &[&str]| {
        let environment = server.environment();
        let environment = environment.iter().map(|(name, value)| (*name, value.as_str()));
        let output = skewless(repository.path()).args(arguments).envs(environment).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        printed(&output)
    };
    run(&["apply"]);
    run(&["materialize", "2023-01-01", "2025-01-01"]);
    let answer = run(&["get-online-features", "-f", "user_stats", "-e", "user_id=1", "--json"]);
    assert!(answer.contains("11"), "{answer}");
}

/// The places `rows` (two of them, below 65,536) as Delta's protocol writes them into its log: a Roaring bitmap in Z85.
fn deletion_vector(rows: &[u16; 2]) -> String {
    let mut bytes = 1_681_511_377_u32.to_le_bytes().to_vec();
    bytes.extend(1_u64.to_le_bytes()); // one bitmap of 32 bits
    bytes.extend(0_u32.to_le_bytes()); // with the upper bits 0
    bytes.extend(12_346_u32.to_le_bytes()); // without runs
    bytes.extend(1_u32.to_le_bytes()); // one container
    bytes.extend(0_u16.to_le_bytes()); // with the upper bits 0
    bytes.extend(1_u16.to_le_bytes()); // and one more value than 1
    bytes.extend(16_u32.to_le_bytes()); // which begins here
    rows.iter().for_each(|row| bytes.extend(row.to_le_bytes()));
    z85(&bytes)
}

fn z85(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 85] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let digits = bytes.chunks(4).flat_map(|four| {
        let number = u32::from_be_bytes(four.try_into().unwrap());
        (0..5).rev().map(move |place| char::from(DIGITS[(number / 85_u32.pow(place) % 85) as usize]))
    });
    digits.collect()
}
