//! Logs of every format there was, which every later version must read: `golden/feature_log_<format>` is a repository with its
//! registry, and a log that a server of it wrote in that format.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Float64Type;
use skewless_store::feature_log::{LOG_FORMAT, LogCounts};

use crate::logging::{Logging, files, materialize_to, settings};
use crate::support::{TestRepository, component, micros, printed, project, skewless, table, timestamps};

const ABOUT: &str = "2024-02-01T00:00:00Z";

/// Things that are asked about: the last of them are not there.
const ASKED: i32 = 30;

fn folder(format: u32) -> PathBuf {
    project().join(format!("tests/suite/golden/feature_log_{format}"))
}

/// The files of a golden repository that are kept.
fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let name = file.strip_prefix(from).unwrap();
        if ["skewless.yaml", "log", "registry"].iter().any(|kept| name.starts_with(kept)) {
            std::fs::create_dir_all(to.join(name).parent().unwrap()).unwrap();
            std::fs::copy(&file, to.join(name)).unwrap();
        }
    }
}

#[test]
fn every_golden_log_replays_without_a_difference() {
    for format in 2..=LOG_FORMAT {
        let copied = tempfile::tempdir().unwrap();
        copy(&folder(format), copied.path());
        let output = skewless(copied.path()).args(["replay", "--log", "log"]).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        insta::allow_duplicates! {
            insta::assert_snapshot!(printed(&output), @r"
            FEATURE          COMPARED  DIFFERING
            raw:integer            30          0
            raw:number             30          0
            raw:single             30          0
            raw:flag               30          0
            raw:text               30          0
            raw:raw                30          0
            raw:instant            30          0
            raw:list               30          0
            mixed:doubled          30          0
            mixed:quotient         30          0
            mixed:wave             30          0
            mixed:negated          30          0
            mixed:shouted          30          0
            mixed:backwards        30          0
            mixed:next_day         30          0
            mixed:is_set           30          0
            mixed:halves           30          0
            mixed:total            30          0

            30 rows of 1 file: 540 values compared bit for bit, 0 differ
            ");
        }
    }
}

const YAML: &str = "
entities:
  - {name: thing, join_keys: [{name: id, type: int32}, {name: code, type: string}]}
sources:
  - {name: things, path: things.parquet, timestamp_field: happened_at, created_timestamp_column: written_at}
transforms:
  - {name: mixture, path: component.wasm, limits: {deadline_ms: 20000}}
feature_views:
  - name: raw
    entities: [thing]
    source: things
    ttl: 30d
    schema:
      - {name: integer, type: int64}
      - {name: number, type: float64}
      - {name: single, type: float32}
      - {name: flag, type: bool}
      - {name: text, type: string}
      - {name: raw, type: bytes}
      - {name: instant, type: timestamp}
      - {name: list, type: list<float64>}
on_demand_feature_views:
  - {name: mixed, transform: mixture, sources: [raw]}
feature_services:
  - {name: everything, features: [raw, mixed]}
";

fn things(count: i32) -> [(&'static str, ArrayRef); 2] {
    let codes = (0..count).map(|id| format!("code {id}"));
    [("id", Arc::new(Int32Array::from_iter_values(0..count))), ("code", Arc::new(StringArray::from_iter_values(codes)))]
}

/// Each type with its odd values; one row in five is too old, and the transform fails on one.
fn source() -> RecordBatch {
    let rows = 0..24_usize;
    let integers = [0, i64::MIN, i64::MAX, (1 << 53) + 1, -7];
    let numbers = [0.0, -0.0, f64::INFINITY, f64::MIN_POSITIVE / 2.0, f64::from_bits(0xfff8_0000_dead_beef), 1.5];
    let texts = ["", "ǅ 𝕊 ß", "plain"];
    let integer = rows.clone().map(|row| Some(integers[row % 5]).filter(|_| row % 7 != 0));
    let number = rows.clone().map(|row| Some(numbers[row % 6]).filter(|_| row % 11 != 0));
    let single = rows.clone().map(|row| Some(numbers[row % 4] as f32));
    let text = rows.clone().map(|row| if row == 2 { "fail" } else { texts[row % 3] }).map(Some);
    let raw = rows.clone().map(|row| (row % 5 != 1).then(|| vec![row as u8; row % 4]));
    let instant = rows.clone().map(|row| Some(micros(ABOUT) - row as i64 * 86_400_000_001));
    let list = rows.clone().map(|row| (row % 3 != 2).then(|| vec![Some(row as f64 / 3.0), None][..row % 3].to_vec()));
    let happened: Vec<&str> =
        rows.map(|row| if row % 5 == 0 { "2023-12-01T00:00:00Z" } else { "2024-01-20T12:34:56.789012Z" }).collect();
    let instant = TimestampMicrosecondArray::from_iter(instant).with_timezone("UTC");
    let mut columns: Vec<(&str, ArrayRef)> = things(24).into();
    columns.extend([
        ("integer", Arc::new(Int64Array::from_iter(integer)) as ArrayRef),
        ("number", Arc::new(Float64Array::from_iter(number))),
        ("single", Arc::new(Float32Array::from_iter(single))),
        ("flag", Arc::new(BooleanArray::from_iter((0..24).map(|row| Some(row % 2 == 0).filter(|_| row % 3 != 0))))),
        ("text", Arc::new(StringArray::from_iter(text))),
        ("raw", Arc::new(BinaryArray::from_iter(raw))),
        ("instant", Arc::new(instant)),
        ("list", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(list))),
        ("happened_at", timestamps(&happened)),
        ("written_at", timestamps(&["2024-01-21T00:00:00Z"; 24])),
    ]);
    table(&columns)
}

/// For a new format, once: `cargo test --workspace -- --ignored the_golden_log_of_this_format_is_written`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes into the sources"]
async fn the_golden_log_of_this_format_is_written() {
    let repository = TestRepository::new(YAML).data("things.parquet", &source());
    let built = component("mixture");
    std::fs::copy(&built, repository.path().join("component.wasm")).unwrap();
    std::fs::copy(built.with_extension("certificate.json"), repository.path().join("component.certificate.json"))
        .unwrap();
    let store = repository.apply().await.unwrap();
    materialize_to(&store, "2024-01-31T00:00:00Z").await;
    let logging = Logging::new(store, settings(&repository.path().join("log")));
    logging.serve("everything", &table(&things(ASKED)), ABOUT, 7);
    let counts = LogCounts { written_rows: 30, written_files: 1, ..LogCounts::default() };
    assert_eq!(logging.close(), counts);
    copy(repository.path(), &folder(LOG_FORMAT));
}
