//! Bad input gets a clear error and loses nothing. Each test breaks one thing in a repository that works, and pins the whole
//! message.

use std::path::Path;
use std::process::Output;

use crate::support::{TestRepository, component, int64s, printed, skewless, strings, table, timestamps};

/// A repository that works: what each test breaks.
fn working() -> TestRepository {
    let yaml = WORKING.replace("COMPONENT", &component("purchases_per_dollar").display().to_string());
    let spend = arrow::array::Float64Array::from(vec![50.0, 100.0]);
    let times = ["2024-01-01T00:00:00Z", "2024-01-15T00:00:00Z"];
    TestRepository::new(&yaml).data(
        "users.parquet",
        &table(&[
            ("user_id", int64s(&[1, 2])),
            ("purchases", int64s(&[10, 5])),
            ("spend", std::sync::Arc::new(spend)),
            ("city", strings(&["Bonn", "Köln"])),
            ("event_timestamp", timestamps(&times)),
        ]),
    )
}

const WORKING: &str = r#"entities:
  - name: user
    join_keys: [{name: user_id, type: int64}]
sources:
  - name: users
    path: users.parquet
    timestamp_field: event_timestamp
transforms:
  - name: purchases_per_dollar
    path: COMPONENT
feature_views:
  - name: user_stats
    entities: [user]
    source: users
    schema:
      - {name: purchases, type: int64}
      - {name: spend, type: float64}
on_demand_feature_views:
  - name: efficiency
    transform: purchases_per_dollar
    sources: [user_stats]
feature_services:
  - name: model
    features: [user_stats, efficiency]
"#;

impl TestRepository {
    fn replace(self, from: &str, to: &str) -> Self {
        let file = self.path().join("features.yaml");
        let yaml = std::fs::read_to_string(&file).unwrap();
        assert!(yaml.contains(from), "{from}");
        std::fs::write(file, yaml.replace(from, to)).unwrap();
        self
    }

    fn run(&self, arguments: &[&str]) -> Output {
        skewless(self.path()).args(arguments).output().unwrap()
    }

    /// What a command that must fail printed, without the places of this machine.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "it was accepted: {}", printed(&output));
        let text = printed(&output).replace(&format!("{}/", self.path().display()), "");
        text.replace(&self.path().display().to_string(), "REPOSITORY")
            .replace(&components_folder(), "COMPONENTS")
            .trim()
            .to_owned()
    }

    /// A refused `apply` must leave no registry behind.
    fn apply_refusal(&self) -> String {
        let refusal = self.refusal(&["apply"]);
        assert!(!self.path().join("registry/test/log").exists(), "something was committed");
        refusal
    }

    fn must(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
    }

    fn applied(self) -> Self {
        self.must(&["apply"]);
        self
    }
}

fn components_folder() -> String {
    component("x").parent().unwrap().display().to_string()
}

#[test]
fn the_repository_that_the_tests_break_works() {
    working().applied().must(&["list"]);
}

#[test]
fn malformed_yaml_names_the_line() {
    insta::assert_snapshot!(working().replace("schema:", "schema: [").apply_refusal(), @r#"error: features.yaml:16:7: malformed YAML: "-" is only valid inside a block"#);
}

#[test]
fn an_unknown_source_column_is_named_with_the_nearest_one() {
    insta::assert_snapshot!(working().replace("{name: spend,", "{name: spent,").apply_refusal(), @"error: features.yaml:17:9: source `users` has no column `spent`: did you mean `spend`?");
}

#[test]
fn a_type_that_the_file_does_not_have_is_refused() {
    insta::assert_snapshot!(working().replace("spend, type: float64", "spend, type: int64").apply_refusal(), @"error: features.yaml:17:9: `spend` is declared int64, but column `spend` of source `users` is Float64");
}

#[test]
fn a_transform_input_that_nothing_provides_is_refused() {
    insta::assert_snapshot!(working().replace("    sources: [user_stats]\n", "").apply_refusal(), @"error: features.yaml:20:16: input `purchases` (int64) of transform `purchases_per_dollar` comes from nowhere in view `efficiency`: name it in `inputs`, add a request field of that name, or list in `sources` a feature view that has it");
}

#[test]
fn two_features_of_one_name_are_refused() {
    insta::assert_snapshot!(working().replace("{name: spend, type: float64}", "{name: purchases, type: int64}").apply_refusal(), @"error: features.yaml:17:16: the feature view `user_stats` has two features named `purchases`: rename or drop one");
}

#[test]
fn a_component_that_imports_wasi_is_refused() {
    let repository = working();
    let wasi = r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#;
    std::fs::write(repository.path().join("clock.wasm"), wat::parse_str(wasi).unwrap()).unwrap();
    let path = component("purchases_per_dollar").display().to_string();
    insta::assert_snapshot!(repository.replace(&path, "clock.wasm").apply_refusal(), @"error: features.yaml:10:11: component `./clock.wasm` of transform `purchases_per_dollar` can't be used: the component imports `wasi:clocks/wall-clock@0.2.0`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. Pass the time in as an input instead of reading a clock");
}

#[test]
fn a_component_cut_anywhere_is_refused() {
    let whole = std::fs::read(component("purchases_per_dollar")).unwrap();
    for tenth in 0..10 {
        let cut = &whole[..whole.len() * tenth / 10];
        assert!(crate::support::runtime().load(cut).is_err(), "{} of {} bytes were accepted", cut.len(), whole.len());
    }
    let repository = working();
    std::fs::write(repository.path().join("cut.wasm"), &whole[..whole.len() / 2]).unwrap();
    let path = component("purchases_per_dollar").display().to_string();
    let refusal = repository.replace(&path, "cut.wasm").apply_refusal();
    assert!(refusal.contains("features.yaml:10:11") && refusal.contains("not a WebAssembly component"), "{refusal}");
}

#[test]
fn a_corrupt_parquet_file_is_named() {
    let repository = working();
    let file = repository.path().join("users.parquet");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 10]).unwrap();
    insta::assert_snapshot!(repository.apply_refusal(), @"error: features.yaml:6:11: file `./users.parquet` of source `users` is not a whole Parquet file: Parquet error: Invalid Parquet file. Corrupt footer");
}

#[test]
fn a_parquet_file_damaged_in_the_middle_fails_the_job_and_records_nothing() {
    let repository = working().applied();
    let file = repository.path().join("users.parquet");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4..40].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let refusal = repository.refusal(&["materialize", "2023-01-01", "2025-01-01"]);
    assert!(refusal.contains("source `users` can't be read"), "{refusal}");
    let described = printed(&repository.run(&["describe", "user_stats", "--json"]));
    assert!(!described.contains("\"start\""), "{described}");
}

#[test]
fn an_unknown_feature_is_named_with_the_nearest_one() {
    let repository = working().applied();
    insta::assert_snapshot!(repository.refusal(&["get-online-features", "--features", "user_stats:spent", "-e", "user_id=1"]), @"error: view `user_stats` has no feature `spent`: did you mean `spend`?");
    insta::assert_snapshot!(repository.refusal(&["get-online-features", "--service", "modell", "-e", "user_id=1"]), @"error: unknown feature service `modell`: did you mean `model`?");
}

#[test]
fn a_request_without_its_entity_is_refused() {
    let repository = working().applied();
    insta::assert_snapshot!(repository.refusal(&["get-online-features", "--service", "model", "-e", "user=1"]), @"error: `entities.user` is of no use: the features asked for need join key `user_id` (int64)");
}

#[test]
fn a_wrong_json_type_is_refused() {
    let repository = working().applied();
    let request = r#"{"feature_service": "model", "entities": {"user_id": [1, "two"]}}"#;
    std::fs::write(repository.path().join("request.json"), request).unwrap();
    insta::assert_snapshot!(repository.refusal(&["get-online-features", "--request", "request.json"]), @r#"error: `entities.user_id[1]` is "two" (a string), but join key `user_id` is int64: send a whole number from -9223372036854775808 to 9223372036854775807"#);
}

#[test]
fn a_null_join_key_among_the_entity_rows_is_refused_and_nothing_is_written() {
    let users = arrow::array::Int64Array::from(vec![Some(1), None]);
    let times = ["2024-01-20T00:00:00Z"; 2];
    let rows = table(&[("user_id", std::sync::Arc::new(users)), ("event_timestamp", timestamps(&times))]);
    let repository = working().data("rows.parquet", &rows).applied();
    let arguments =
        ["get-historical-features", "--entities", "rows.parquet", "--service", "model", "--out", "out.parquet"];
    insta::assert_snapshot!(repository.refusal(&arguments), @"error: join key `user_id` is null in row 1 of the entity rows: every row needs a value for it");
    assert_eq!(files_like(repository.path(), "out"), Vec::<String>::new());
}

#[test]
fn entity_rows_without_a_column_or_in_no_readable_file_are_refused() {
    let rows = table(&[("user", int64s(&[1])), ("event_timestamp", timestamps(&["2024-01-20T00:00:00Z"]))]);
    let repository = working().data("rows.parquet", &rows).applied();
    for file in ["rows.csv", "rows.txt", "broken.parquet"] {
        std::fs::write(repository.path().join(file), "user_id\n1\n").unwrap();
    }
    let refusal = |file: &str| {
        repository.refusal(&[
            "get-historical-features",
            "--entities",
            file,
            "--service",
            "model",
            "--out",
            "out.parquet",
        ])
    };
    insta::assert_snapshot!(refusal("rows.parquet"), @"error: join key `user_id` (int64) is missing from the entity rows, which have no such column: known are `event_timestamp`, `user`");
    insta::assert_snapshot!(refusal("rows.csv"), @"error: the instant of each row, `event_timestamp` (timestamp) is missing from the entity rows, which have no such column: known are `user_id`");
    insta::assert_snapshot!(refusal("rows.txt"), @"error: the name of `./rows.txt` tells no format: it ends neither with .parquet nor .csv, .csv.gz, .arrow: rename them");
    insta::assert_snapshot!(refusal("broken.parquet"), @"error: file `./broken.parquet` of the entity rows is not a whole Parquet file: Parquet error: Invalid Parquet file. Corrupt footer");
    insta::assert_snapshot!(refusal("missing.parquet"), @"error: `missing.parquet` leads to no file (looked in `.`)");
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    insta::assert_snapshot!(working().replace("path: users.parquet", "path: ${SKEWLESS_TEST_UNSET}/users.parquet").apply_refusal(), @"error: features.yaml:6:11: the environment variable `SKEWLESS_TEST_UNSET` is not set: set it, or give it a default, `${SKEWLESS_TEST_UNSET:-…}`");
}

/// A disk of 4 MiB: a mount of the test's own, in a namespace of its own.
#[test]
fn a_full_disk_fails_the_job_with_a_clear_message_and_keeps_what_was_stored() {
    let many: Vec<i64> = (0..200_000).collect();
    let times = arrow::array::TimestampMicrosecondArray::from_iter_values(many.iter().copied()).with_timezone("UTC");
    let spend = arrow::array::Float64Array::from_iter_values(many.iter().map(|number| *number as f64));
    let rows = table(&[
        ("user_id", int64s(&many)),
        ("purchases", int64s(&many)),
        ("spend", std::sync::Arc::new(spend)),
        ("event_timestamp", std::sync::Arc::new(times)),
    ]);
    let repository = working().data("users.parquet", &rows);
    let settings = "project: test\nonline_store: {type: embedded, path: small/online.redb}\n";
    std::fs::write(repository.path().join("skewless.yaml"), settings).unwrap();
    let repository = repository.applied();
    std::fs::create_dir(repository.path().join("small")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=4m none small || exit 77; {} materialize 1970-01-01 1970-01-02 > log 2>&1; echo $? > code; \
         {} get-online-features --features user_stats:spend -e user_id=1 > read 2>&1; echo $? >> code",
        env!("CARGO_BIN_EXE_skewless"),
        env!("CARGO_BIN_EXE_skewless"),
    );
    let mut command = std::process::Command::new("unshare");
    let output = command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .current_dir(repository.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "the test needs user namespaces (unshare): {}", printed(&output));
    let read = |name: &str| std::fs::read_to_string(repository.path().join(name)).unwrap();
    assert!(read("log").contains("online.redb") && read("log").contains("no space"), "{}", read("log"));
    assert_eq!(read("code"), "1\n0\n", "{}", read("read"));
    let described = printed(&repository.run(&["describe", "user_stats", "--json"]));
    assert!(!described.contains("\"start\""), "an interval was recorded: {described}");
}

fn files_like(folder: &Path, start: &str) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(start)).collect()
}
