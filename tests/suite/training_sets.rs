//! Training sets as files: what they are read from and written to, and that nothing unfinished is ever seen.

use std::fs::File;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use skewless_store::PROVENANCE_KEY;

use crate::support::{TestRepository, component, int64s, micros_array, printed, skewless, table, timestamps};

pub(crate) const HOUR: i64 = 3_600_000_000;

const YAML: &str = r#"entities:
  - name: user
    join_keys: [{name: user_id, type: int64}]
sources:
  - {name: users, path: users, timestamp_field: event_timestamp}
transforms:
  - {name: purchases_per_dollar, path: COMPONENT}
feature_views:
  - name: user_stats
    entities: [user]
    source: users
    ttl: 2h
    schema:
      - {name: purchases, type: int64}
      - {name: spend, type: float64}
      - {name: city, type: string}
  - name: user_lists
    entities: [user]
    source: users
    schema: [{name: visits, type: list<int64>}]
on_demand_feature_views:
  - name: efficiency
    transform: purchases_per_dollar
    sources: [user_stats]
feature_services:
  - {name: model, features: [user_stats, efficiency]}
"#;

/// User 1 has rows at hours 0 and 10, user 2 one at hour 0 with a null, user 3 none.
pub(crate) fn repository() -> TestRepository {
    let visits = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None, Some(vec![])]);
    let users = table(&[
        ("user_id", int64s(&[1, 2, 1])),
        ("event_timestamp", micros_array([0, 0, 10 * HOUR])),
        ("purchases", Arc::new(Int64Array::from(vec![Some(10), None, Some(20)]))),
        ("spend", Arc::new(Float64Array::from(vec![50.0, 0.0, 80.0]))),
        ("city", Arc::new(StringArray::from(vec!["Bonn", "Köln", "Bonn"]))),
        ("visits", Arc::new(visits)),
    ]);
    let yaml = YAML.replace("COMPONENT", &component("purchases_per_dollar").display().to_string());
    let repository = TestRepository::new(&yaml).data("users/a.parquet", &users).data("rows.parquet", &rows());
    assert_succeeds(&repository, &["apply"]);
    repository
}

fn rows() -> RecordBatch {
    let times = [HOUR, HOUR, HOUR, 9 * HOUR, 11 * HOUR];
    table(&[
        ("user_id", int64s(&[1, 2, 3, 1, 1])),
        ("event_timestamp", micros_array(times)),
        ("label", int64s(&[5; 5])),
    ])
}

pub(crate) fn run(repository: &TestRepository, arguments: &[&str]) -> Output {
    skewless(repository.path()).args(arguments).output().unwrap()
}

pub(crate) fn assert_succeeds(repository: &TestRepository, arguments: &[&str]) -> String {
    let output = run(repository, arguments);
    assert!(output.status.success(), "{}", printed(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn refusal(repository: &TestRepository, arguments: &[&str]) -> String {
    let output = run(repository, arguments);
    assert!(!output.status.success(), "{}", printed(&output));
    printed(&output).trim().to_owned()
}

/// The arguments of a job that makes the file `out`.
pub(crate) fn job<'a>(entities: &'a str, out: &'a str) -> Vec<&'a str> {
    vec!["get-historical-features", "-e", entities, "-s", "model", "-o", out]
}

pub(crate) fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let schema = arrow::array::RecordBatchReader::schema(&reader);
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// The training set of `entities`, each row as text.
fn training_set(repository: &TestRepository, arguments: &[&str]) -> Vec<String> {
    assert_succeeds(repository, arguments);
    texts(&read(&repository.path().join("out.parquet")))
}

pub(crate) fn texts(batch: &RecordBatch) -> Vec<String> {
    let shown = arrow::util::pretty::pretty_format_batches(std::slice::from_ref(batch)).unwrap().to_string();
    shown.lines().skip(3).filter(|line| line.starts_with('|')).map(str::to_owned).collect()
}

/// The names in the repository's folder that start with `out`.
fn outputs(repository: &TestRepository) -> Vec<String> {
    let names = std::fs::read_dir(repository.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("out"));
    names.sort();
    names
}

#[test]
fn entity_rows_of_every_format_and_of_a_query_give_the_same_training_set() {
    let repository = repository();
    let expected = training_set(&repository, &job("rows.parquet", "out.parquet"));
    let csv = "user_id,event_timestamp,label\n1,1970-01-01T01:00:00Z,5\n2,1970-01-01 01:00:00,5\n3,1970-01-01T01:00:00Z,5\n\
               1,1970-01-01T09:00:00Z,5\n1,1970-01-01T11:00:00Z,5\n";
    std::fs::write(repository.path().join("rows.csv"), csv).unwrap();
    let file = File::create(repository.path().join("rows.arrow")).unwrap();
    let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &rows().schema()).unwrap();
    writer.write(&rows()).unwrap();
    writer.finish().unwrap();
    for entities in ["rows.csv", "rows.arrow", "rows.p*"] {
        assert_eq!(training_set(&repository, &job(entities, "out.parquet")), expected, "{entities}");
    }
    let query =
        "SELECT * FROM (VALUES (1, 1, 5), (2, 1, 5), (3, 1, 5), (1, 9, 5), (1, 11, 5)) AS rows(id, hour, label)";
    let query = format!(
        "SELECT CAST(id AS BIGINT) AS user_id, to_timestamp_micros(hour * {HOUR}) AS event_timestamp, label FROM ({query})"
    );
    let by_query = ["get-historical-features", "--entities-sql", &query, "-s", "model", "-o", "out.parquet"];
    assert_eq!(
        training_set(&repository, &by_query).iter().map(|row| without_instant(row)).collect::<Vec<_>>(),
        expected.iter().map(|row| without_instant(row)).collect::<Vec<_>>()
    );
}

/// A row of text without its second column, which is written as its zone wants.
fn without_instant(row: &str) -> String {
    let cells = row.split('|').map(str::trim);
    cells.enumerate().filter(|(place, _)| *place != 2).map(|(_, cell)| cell).collect::<Vec<_>>().join("|")
}

#[test]
fn a_query_over_the_sources_finds_entity_rows() {
    let repository = repository();
    let query = "SELECT user_id, max(event_timestamp) AS event_timestamp FROM users GROUP BY user_id ORDER BY user_id";
    let job = ["get-historical-features", "--entities-sql", query, "-f", "user_stats:city", "-o", "out.parquet"];
    insta::assert_snapshot!(training_set(&repository, &job).join("\n"), @"
    | 1       | 1970-01-01T10:00:00Z | Bonn |
    | 2       | 1970-01-01T00:00:00Z | Köln |
    ");
    let refused = |query| {
        let job = ["get-historical-features", "--entities-sql", query, "-f", "user_stats:city", "-o", "out.csv"];
        refusal(&repository, &job)
    };
    insta::assert_snapshot!(refused("SELECT * FROM user"), @"error: the query names `user`, which is no source: did you mean `users`?");
    insta::assert_snapshot!(refused("DROP TABLE users"), @"error: the query of entity rows can't be run: Error during planning: DDL not supported: DropTable");
    insta::assert_snapshot!(refused("SELECT user_id FROM users"), @"error: the instant of each row, `event_timestamp` (timestamp) is missing from the entity rows, which have no such column: known are `user_id`");
    assert_eq!(outputs(&repository), ["out.parquet"]);
}

#[test]
fn a_training_set_is_written_as_csv_and_as_arrow_too() {
    let repository = repository();
    let expected = read(&{
        assert_succeeds(&repository, &job("rows.parquet", "out.parquet"));
        repository.path().join("out.parquet")
    });
    assert_succeeds(&repository, &job("rows.parquet", "out.arrow"));
    let file = File::open(repository.path().join("out.arrow")).unwrap();
    let mut reader = arrow::ipc::reader::FileReader::try_new(file, None).unwrap();
    let provenance: Value = serde_json::from_str(&reader.custom_metadata()[PROVENANCE_KEY]).unwrap();
    assert_eq!(provenance["feature_service"], "model");
    assert_eq!(reader.next().unwrap().unwrap(), expected);
    assert_succeeds(&repository, &job("rows.parquet", "out.csv"));
    insta::assert_snapshot!(std::fs::read_to_string(repository.path().join("out.csv")).unwrap(), @"
    user_id,event_timestamp,label,purchases,spend,city,purchases_per_dollar
    1,1970-01-01T01:00:00Z,5,10,50.0,Bonn,0.2
    2,1970-01-01T01:00:00Z,5,,0.0,Köln,
    3,1970-01-01T01:00:00Z,5,,,,
    1,1970-01-01T09:00:00Z,5,,,,
    1,1970-01-01T11:00:00Z,5,20,80.0,Bonn,0.25
    ");
    let lists = ["get-historical-features", "-e", "rows.parquet", "-f", "user_lists", "-o", "lists.csv"];
    insta::assert_snapshot!(refusal(&repository, &lists), @"error: `visits` is a list, which CSV has no place for: write Parquet or Arrow");
    insta::assert_snapshot!(refusal(&repository, &job("rows.parquet", "out.xlsx")), @"error: `out.xlsx` doesn't say how it is to be written: end it with .parquet, .csv or .arrow, or name the format");
    assert_eq!(outputs(&repository), ["out.arrow", "out.csv", "out.parquet"]);
}

#[test]
fn the_metadata_says_what_made_the_training_set() {
    let repository = repository();
    assert_succeeds(&repository, &job("rows.parquet", "out.parquet"));
    let file = File::open(repository.path().join("out.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let json = metadata.into_iter().find(|entry| entry.key == PROVENANCE_KEY).unwrap().value.unwrap();
    let provenance: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(provenance["project"], "test");
    assert_eq!(provenance["registry_commit"], 1);
    assert_eq!(provenance["features"][0], "user_stats:purchases");
    assert_eq!(provenance["ttl"][0], serde_json::json!(["user_stats", "2h"]));
    assert_eq!(provenance["components"][0]["transform"], "purchases_per_dollar");
    assert_eq!(provenance["components"][0]["certificate"]["passed"], true);
    assert_eq!(provenance["components"][0]["certificate"]["digest"], provenance["components"][0]["digest"]);
    assert_eq!(provenance["summary"]["rows"], 5);
    let line = provenance["command_line"].as_str().unwrap();
    assert_eq!(line, "skewless get-historical-features -e rows.parquet -s model -o out.parquet");
}

#[test]
fn every_null_has_its_cause() {
    let repository = repository();
    let counted = |more: &[&str]| {
        let arguments = [&job("rows.parquet", "out.parquet"), more, &["--json"]].concat();
        let summary: Value = serde_json::from_str(&assert_succeeds(&repository, &arguments)).unwrap();
        summary["features"][0].clone()
    };
    // The purchases of user 1 at hour 1 and 11 are there, at hour 9 too old; user 2's are null; user 3 has no row.
    let expected = serde_json::json!({
        "name": "purchases", "present": 2, "null_value": 1, "not_found": 1, "outside_max_age": 1, "invalid": 0
    });
    assert_eq!(counted(&[]), expected);
    assert_eq!(counted(&["--join", "merge"]), expected);
    // Asked at hour 9 alone, the rows of hour 0 are too old for every row asked about, and not read.
    let late = table(&[("user_id", int64s(&[1])), ("event_timestamp", micros_array([9 * HOUR]))]);
    let repository = repository.data("late.parquet", &late);
    let causes = |more: &[&str]| {
        let arguments = [&job("late.parquet", "out.parquet"), more, &["--json"]].concat();
        let summary: Value = serde_json::from_str(&assert_succeeds(&repository, &arguments)).unwrap();
        (summary["features"][0]["not_found"].clone(), summary["features"][0]["outside_max_age"].clone())
    };
    assert_eq!(causes(&[]), (1.into(), 0.into()));
    assert_eq!(causes(&["--exact-causes"]), (0.into(), 1.into()));
}

#[test]
fn a_training_set_is_saved_under_a_name_listed_and_described() {
    let repository = repository();
    let save = |more: &'static [&'static str]| {
        let job: Vec<&str> = job("rows.parquet", "out.parquet");
        [&job, &["--save-as", "first"] as &[&str], more].concat()
    };
    assert_succeeds(&repository, &save(&[]));
    let refused = refusal(&repository, &save(&[])).replace(&repository.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(refused, @"error: saved data set `first` is there already, in `FOLDER/out.parquet`: take another name, or --overwrite it");
    let unnamed = [&job("rows.parquet", "other.parquet") as &[&str], &["--save-as", "../first"]].concat();
    insta::assert_snapshot!(refusal(&repository, &unnamed), @"error: a saved data set can't be called `../first`: a name starts with a lower-case letter, goes on with lower-case letters, digits and `_`, and has at most 64 characters");
    assert!(!repository.path().join("other.parquet").exists());
    assert_succeeds(&repository, &save(&["--overwrite"]));
    let listed: Value =
        serde_json::from_str(&assert_succeeds(&repository, &["list", "saved-datasets", "--json"])).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["rows"]), (&"first".into(), &5.into()));
    let described = assert_succeeds(&repository, &["describe", "saved-dataset", "first"]);
    let described = described.replace(&repository.path().display().to_string(), "FOLDER");
    let digest = described.find("sha256:").unwrap();
    insta::assert_snapshot!(described.replace(&described[digest..digest + 71], "DIGEST"), @r#"
    FOLDER/out.parquet: 5 rows, 7 columns
    made by skewless 0.1.0 from commit 2 of project test, feature service model
      skewless get-historical-features -e rows.parquet -s model -o out.parquet --save-as first --overwrite
      purchases_per_dollar DIGEST, certified

    COLUMN                TYPE                  NULL          DISTINCT                   MIN  5 %  MEDIAN    MEAN  95 %                   MAX
    user_id               Int64                    0                ~3                     1    1       1     1.6     3                     3  █ ▃ ▃
    event_timestamp       Timestamp(µs, "UTC")     0                ~3  1970-01-01T01:00:00Z                             1970-01-01T11:00:00Z
    label                 Int64                    0                ~1                     5    5       5       5     5                     5
    purchases             Int64                    3  60.0 %        ~2                    10   10      15      15    20                    20  █ █
    spend                 Float64                  2  40.0 %                               0    0      50  43.333    80                    80  █ █ █
    city                  Utf8                     2  40.0 %        ~2                  Bonn                                             Köln
    purchases_per_dollar  Float64                  3  60.0 %                             0.2  0.2   0.225   0.225  0.25                  0.25  █ █

    NULLS BY CAUSE        NOT FOUND          TOO OLD          STORED OR COMPUTED          FAILED
    purchases                     1  20.0 %        1  20.0 %                   1  20.0 %       0
    spend                         1  20.0 %        1  20.0 %                   0               0
    city                          1  20.0 %        1  20.0 %                   0               0
    purchases_per_dollar          0                0                           3  60.0 %       0

    MOST FREQUENT
    user_id          1 60.0 %, 2 20.0 %, 3 20.0 %
    event_timestamp  1970-01-01T01:00:00Z 60.0 %, 1970-01-01T09:00:00Z 20.0 %, 1970-01-01T11:00:00Z 20.0 %
    label            5 100 %
    city             Bonn 40.0 %, Köln 20.0 %
    "#);
    insta::assert_snapshot!(refusal(&repository, &["describe", "saved-dataset", "frist"]), @"error: unknown saved data set `frist`: did you mean `first`?");
    // What was saved stays when definitions change.
    std::fs::write(repository.path().join("more.yaml"), "feature_services: [{name: other, features: [user_stats]}]\n")
        .unwrap();
    assert_succeeds(&repository, &["apply"]);
    assert!(assert_succeeds(&repository, &["list", "saved-datasets"]).contains("first"));
}

#[test]
fn a_file_is_described_in_numbers() {
    let repository = repository();
    let values: ArrayRef =
        Arc::new(Float64Array::from_iter((0..100).map(|value| (value % 10 > 0).then_some(f64::from(value)))));
    let names = StringArray::from_iter_values((0..100).map(|value| if value % 4 == 0 { "Bonn" } else { "Köln" }));
    let repository = repository.data("values.parquet", &table(&[("value", values), ("city", Arc::new(names))]));
    insta::assert_snapshot!(assert_succeeds(&repository, &["describe", "values.parquet"]), @"
    values.parquet: 100 rows, 2 columns

    COLUMN  TYPE     NULL          DISTINCT   MIN  5 %  MEDIAN  MEAN  95 %   MAX
    value   Float64    10  10.0 %               1    5   50.25    50    95    99  █▆▇▆▆▇▆▇▇▆▇▆▆▇▆█
    city    Utf8        0                ~2  Bonn                           Köln

    MOST FREQUENT
    city           Köln 75.0 %, Bonn 25.0 %
    ");
    let json: Value =
        serde_json::from_str(&assert_succeeds(&repository, &["describe", "values.parquet", "--json"])).unwrap();
    assert_eq!((&json["columns"][0]["nulls"], &json["columns"][0]["min"]), (&10.into(), &"1.0".into()));
    assert_eq!(json["columns"][1]["top"][0], serde_json::json!({"value": "Köln", "count": 75}));
    insta::assert_snapshot!(refusal(&repository, &["describe", "valves.parquet"]), @"error: `valves.parquet` leads to no file (looked in `.`)");
}

#[test]
fn instants_beyond_microseconds_are_refused_and_nothing_is_written() {
    let repository = repository();
    let seconds = arrow::array::TimestampSecondArray::from(vec![0, i64::MAX / 1_000]);
    let users = table(&[
        ("user_id", int64s(&[1, 2])),
        ("event_timestamp", Arc::new(seconds)),
        ("purchases", int64s(&[1, 2])),
        ("spend", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
        ("city", Arc::new(StringArray::from(vec!["Bonn", "Köln"]))),
        ("visits", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)]), None]))),
    ]);
    let repository = repository.data("users/a.parquet", &users);
    insta::assert_snapshot!(refusal(&repository, &job("rows.parquet", "out.parquet")), @"error: source `users`: column `event_timestamp`: a value does not fit into timestamp");
    insta::assert_snapshot!(refusal(&repository, &[&job("rows.parquet", "out.parquet") as &[&str], &["--join", "merge"]].concat()), @"error: source `users`: column `event_timestamp`: a value does not fit into timestamp");
    let asked = table(&[
        ("user_id", int64s(&[1])),
        ("event_timestamp", Arc::new(arrow::array::TimestampSecondArray::from(vec![i64::MAX]))),
    ]);
    let repository = repository.data("far.parquet", &asked);
    insta::assert_snapshot!(refusal(&repository, &job("far.parquet", "out.parquet")), @"error: the instant of each row, `event_timestamp` of the entity rows is not timestamp: a value does not fit into timestamp");
    assert_eq!(outputs(&repository), Vec::<String>::new());
}

#[test]
fn rows_without_an_instant_or_a_key_are_named_by_their_number_in_the_file() {
    let repository = repository();
    let instants = timestamps(&["2024-01-01T00:00:00Z"; 10_000]);
    let ids = Int64Array::from_iter((0..10_000).map(|row| (row != 9_000).then_some(row)));
    let repository =
        repository.data("gap.parquet", &table(&[("user_id", Arc::new(ids)), ("event_timestamp", instants)]));
    insta::assert_snapshot!(refusal(&repository, &job("gap.parquet", "out.parquet")), @"error: join key `user_id` is null in row 9000 of the entity rows: every row needs a value for it");
    assert_eq!(outputs(&repository), Vec::<String>::new());
}
