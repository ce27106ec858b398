//! One set of rows in every form that sources may have: each gives the same training set.

use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use crate::support::{TestRepository, historical, int64s, strings, table, timestamps};

const YAML: &str = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - SOURCE
feature_views:
  - name: user_stats
    entities: [user]
    source: users
    schema: [{name: spend, type: int64}, {name: city, type: string}, {name: year, type: int64}]
"#;

/// User, time, spend, city, year.
const ROWS: [(i64, &str, i64, &str, i64); 4] = [
    (1, "2023-12-31T12:00:00Z", 10, "007", 2023),
    (2, "2023-12-31T13:00:00Z", 20, "Bonn", 2023),
    (1, "2024-01-15T12:00:00Z", 30, "Köln", 2024),
    (2, "2024-03-01T12:00:00Z", 40, "Bonn", 2024),
];

fn columns(rows: &[(i64, &str, i64, &str, i64)]) -> RecordBatch {
    table(&[
        ("user_id", int64s(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        ("at", timestamps(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
        ("spend", int64s(&rows.iter().map(|row| row.2).collect::<Vec<_>>())),
        ("city", strings(&rows.iter().map(|row| row.3).collect::<Vec<_>>())),
        ("year", int64s(&rows.iter().map(|row| row.4).collect::<Vec<_>>())),
    ])
}

fn without_year(rows: &[(i64, &str, i64, &str, i64)]) -> RecordBatch {
    columns(rows).project(&[0, 1, 2, 3]).unwrap()
}

fn csv(rows: &[(i64, &str, i64, &str, i64)]) -> String {
    let line = |row: &(i64, &str, i64, &str, i64)| format!("{},{},{},{},{}\n", row.0, row.1, row.2, row.3, row.4);
    format!("user_id,at,spend,city,year\n{}", rows.iter().map(line).collect::<String>())
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// What users 1 and 2 had at the start of February.
async fn found(repository: &TestRepository) -> Vec<(i64, String, i64)> {
    let store = repository.apply().await.unwrap();
    let asked = table(&[("user_id", int64s(&[1, 2])), ("event_timestamp", timestamps(&["2024-02-01T00:00:00Z"; 2]))]);
    let set = historical(&store, &["user_stats"], asked).await.unwrap();
    let numbers = |name: &str| set.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec();
    let cities = set.column_by_name("city").unwrap().as_string::<i32>().iter().map(|city| city.unwrap().to_owned());
    numbers("spend")
        .into_iter()
        .zip(cities)
        .zip(numbers("year"))
        .map(|((spend, city), year)| (spend, city, year))
        .collect()
}

fn expected() -> Vec<(i64, String, i64)> {
    vec![(30, "Köln".to_owned(), 2024), (20, "Bonn".to_owned(), 2023)]
}

fn repository(source: &str) -> TestRepository {
    TestRepository::new(&YAML.replace("SOURCE", &format!("{{name: users, timestamp_field: at, {source}}}")))
}

#[tokio::test]
async fn a_file_a_folder_a_pattern_and_a_url_of_parquet() {
    let (old, new) = (columns(&ROWS[..2]), columns(&ROWS[2..]));
    for path in ["data", "data/*.parquet", "\"data/[ab].parquet\"", "\"**/*.parquet\""] {
        let repository = repository(&format!("path: {path}")).data("data/a.parquet", &old).data("data/b.parquet", &new);
        assert_eq!(found(&repository).await, expected(), "{path}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    crate::support::write_parquet(&elsewhere.path().join("one.parquet"), &columns(&ROWS));
    let path = elsewhere.path().display();
    for path in [format!("{path}/one.parquet"), format!("file://{path}"), format!("file://{path}/*")] {
        assert_eq!(found(&repository(&format!("path: {path}"))).await, expected(), "{path}");
    }
}

#[tokio::test]
async fn csv_whose_types_the_definitions_say() {
    let repository = repository("path: data");
    write(&repository.path().join("data/a.csv"), &csv(&ROWS[..2]));
    write(&repository.path().join("data/b.csv"), &csv(&ROWS[2..]));
    assert_eq!(found(&repository).await, expected());
}

#[tokio::test]
async fn a_format_that_the_name_does_not_tell() {
    let repository = repository("path: export.txt, format: csv");
    write(&repository.path().join("export.txt"), &csv(&ROWS));
    assert_eq!(found(&repository).await, expected());
}

#[tokio::test]
async fn partitions_whose_types_the_definitions_say() {
    let repository = repository("path: data")
        .data("data/year=2023/a.parquet", &without_year(&ROWS[..2]))
        .data("data/year=2024/a.parquet", &without_year(&ROWS[2..]));
    assert_eq!(found(&repository).await, expected());
}

/// The file of a day that no row can be of has rows that would be found if it were read.
#[tokio::test]
async fn a_date_partition_column_leaves_out_other_days() {
    let repository = repository("path: data, date_partition_column: day")
        .data("data/day=2023-12-31/a.parquet", &columns(&ROWS[..2]))
        .data("data/day=2024-01-15/a.parquet", &columns(&ROWS[2..3]))
        .data("data/day=2024-02-02/a.parquet", &columns(&[(1, "2024-01-31T00:00:00Z", 99, "wrong", 0)]));
    assert_eq!(found(&repository).await, expected());
}

#[tokio::test]
async fn text_that_is_no_value_of_the_type_is_named() {
    let repository = repository("path: a.csv");
    write(&repository.path().join("a.csv"), &csv(&ROWS).replace(",30,", ",ten,"));
    let store = repository.apply().await.unwrap();
    let asked = table(&[("user_id", int64s(&[1])), ("event_timestamp", timestamps(&["2024-02-01T00:00:00Z"]))]);
    let refusal = historical(&store, &["user_stats"], asked).await.unwrap_err();
    insta::assert_snapshot!(refusal, @"source `users`: column `spend`: `ten` can't be read as int64");
}

#[tokio::test]
async fn what_the_path_leads_to_is_checked_when_it_is_applied() {
    let refusal = async |source: &str| {
        let repository = repository(source).data("a.parquet", &columns(&ROWS)).data("b.parquet", &without_year(&ROWS));
        let error = repository.apply().await.err().unwrap().to_string();
        error.replace(repository.path().to_str().unwrap(), "ROOT")
    };
    insta::assert_snapshot!(refusal("path: c.parquet").await, @"ROOT/features.yaml:5:46: `c.parquet` leads to no file (looked in `ROOT`)");
    insta::assert_snapshot!(refusal("path: b.parquet").await, @"ROOT/features.yaml:10:70: source `users` has no column `year`: known are `at`, `city`, `spend`, `user_id`");
    insta::assert_snapshot!(refusal("path: a.parquet, format: delta").await, @r#"ROOT/features.yaml:5:46: `ROOT/a.parquet` of source `users` can't be read as a Delta table: Kernel error: Invalid table location: Path does not exist: "ROOT/a.parquet/"."#);
    insta::assert_snapshot!(refusal("path: a.parquet, format: csv").await, @"ROOT/features.yaml:5:46: file `ROOT/a.parquet` of source `users` can't be read as CSV: Csv error: Encountered unequal lengths between records on CSV file. Expected 2 records, found 1 records at line 2");
    insta::assert_snapshot!(refusal("path: a.parquet, format: orc").await, @"ROOT/features.yaml:5:65: format: `orc` is not known here: use parquet or csv or arrow or delta");
    insta::assert_snapshot!(refusal("path: \"ftp://host/a.parquet\"").await, @r#"ROOT/features.yaml:5:46: `ftp://host/a.parquet` is no address: give a path, or a URL such as s3://bucket/folder: Unable to recognise URL "ftp://host/a.parquet""#);
    insta::assert_snapshot!(refusal("path: a.parquet, date_partition_column: day").await, @"ROOT/features.yaml:5:46: source `users` has no date partition column `day`: its files are in no folders called `day=…`");
}
