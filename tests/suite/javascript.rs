//! Transforms in JavaScript: their values are exact, their mistakes are told, and nothing answers them.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int64Type};
use proptest::prelude::*;
use skewless_runtime::{Limits, Transform};

use crate::support::{int64s, printed, project, runtime, skewless, table};

/// A package with one script.
fn package(folder: &Path, source: &str) -> PathBuf {
    let package = folder.join("author");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("package.json"), r#"{"main": "author.js", "version": "1.2.3"}"#).unwrap();
    std::fs::write(package.join("author.js"), source).unwrap();
    package
}

fn build(package: &Path) -> Output {
    skewless(package).args(["build", ".", "--out", "author.wasm", "--quiet"]).output().unwrap()
}

/// The component of a script.
pub(crate) fn bytes(source: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let package = package(folder.path(), source);
    let built = build(&package);
    assert!(built.status.success(), "{}", printed(&built));
    std::fs::read(package.join("author.wasm")).unwrap()
}

/// The transform of a script.
fn javascript(source: &str) -> Transform {
    runtime().load(&bytes(source)).unwrap()
}

/// The transform of one int64 `number`, to a nullable float64, that a function's body makes.
fn function(body: &str) -> Transform {
    javascript(&format!(
        "import {{ RowError, float64, int64, nullable, transform }} from \"skewless\";\n\
         export default transform({{ name: \"f\", inputs: {{ number: int64 }}, output: nullable(float64) }}, ({{ number }}) => {{\n\
         {body}\n}});\n"
    ))
}

/// What is said about a script that makes no transform.
fn refused(source: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let built = build(&package(folder.path(), source));
    assert!(!built.status.success(), "{}", printed(&built));
    printed(&built).trim().to_owned()
}

fn numbers(values: &[i64]) -> RecordBatch {
    table(&[("number", int64s(values))])
}

fn error(transform: &Transform, values: &[i64]) -> String {
    transform.apply(&numbers(values), &Limits::BATCH).unwrap_err().to_string()
}

fn floats(transform: &Transform, values: &[i64]) -> Vec<Option<f64>> {
    let output = transform.apply(&numbers(values), &Limits::BATCH).unwrap();
    output.batch.column(0).as_any().downcast_ref::<Float64Array>().unwrap().iter().collect()
}

const ECHO: &str = r#"
import { bool, bytes, column, float32, float64, int32, int64, list, nullable, string, timestamp, transform } from "skewless";

const types = { bool, int32, int64, float32, float64, string, bytes, timestamp, numbers: list(float64), counts: list(int64) };
const fields = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, nullable(type)]));
"#;

const ROWS: &str = r#"export default transform({ name: "echo", inputs: fields, outputs: fields }, (row) => row);"#;

/// Numbers as typed arrays, all else as arrays of values.
const COLUMNS: &str = r#"export default transform.columns({ name: "echo", inputs: fields, outputs: fields }, (columns) =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) =>
    [name, column.values instanceof Uint8Array || !column.values ? [...column] : column])));"#;

fn echo(form: &str) -> Transform {
    javascript(&format!("{ECHO}{form}"))
}

static ECHOES: LazyLock<[Transform; 2]> = LazyLock::new(|| [echo(ROWS), echo(COLUMNS)]);

fn any_bits() -> impl Strategy<Value = f64> {
    let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MIN_POSITIVE / 2.0, f64::MAX];
    prop_oneof![proptest::sample::select(special.to_vec()), any::<f64>()]
}

fn any_integer() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(i64::MIN), Just(i64::MAX), Just((1 << 53) + 1), Just(1 << 31), any::<i64>()]
}

prop_compose! {
    fn batch()(
        bools in column_of(any::<bool>()),
        int32s in column_of(prop_oneof![Just(i32::MIN), any::<i32>()]),
        int64s in column_of(any_integer()),
        float32s in column_of(prop_oneof![Just(-0.0_f32), Just(f32::NAN), any::<f32>()]),
        float64s in column_of(any_bits()),
        strings in column_of(prop_oneof![Just("\u{feff}é€😀\0".to_owned()), "\\PC{0,9}"]),
        bytes in column_of(proptest::collection::vec(any::<u8>(), 0..9)),
        instants in column_of(any_integer()),
        numbers in column_of(proptest::collection::vec(proptest::option::of(any_bits()), 0..5)),
        counts in column_of(proptest::collection::vec(proptest::option::of(any_integer()), 0..5)),
    ) -> RecordBatch {
        let columns: [(&str, ArrayRef); 10] = [
            ("bool", Arc::new(BooleanArray::from(bools))),
            ("int32", Arc::new(Int32Array::from(int32s))),
            ("int64", Arc::new(Int64Array::from(int64s))),
            ("float32", Arc::new(Float32Array::from(float32s))),
            ("float64", Arc::new(Float64Array::from(float64s))),
            ("string", Arc::new(StringArray::from(strings))),
            ("bytes", Arc::new(BinaryArray::from_iter(bytes))),
            ("timestamp", Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC"))),
            ("numbers", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(numbers))),
            ("counts", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(counts))),
        ];
        table(&columns)
    }
}

const ROW_COUNT: usize = 11;

fn column_of<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<Option<T>>> {
    proptest::collection::vec(proptest::option::of(value), ROW_COUNT)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_value_comes_back_as_it_was_in_both_forms(batch in batch()) {
        for transform in &*ECHOES {
            let output = transform.apply(&batch, &Limits::BATCH).unwrap();
            for (index, column) in batch.columns().iter().enumerate() {
                let field = batch.schema_ref().field(index).name().clone();
                // As text, since a NaN is not equal to itself; -0.0 shows.
                let (sent, came) = (format!("{column:?}"), format!("{:?}", output.batch.column(index)));
                prop_assert_eq!(sent, came, "{}", field);
            }
        }
    }
}

#[test]
fn an_error_is_told_with_its_row_and_place_and_the_next_call_works() {
    let transform = function("  if (number === 0n) return number.length.x;\n  return 1 / Number(number);");
    assert_eq!(transform.signature().version, "1.2.3", "its package's");
    insta::assert_snapshot!(error(&transform, &[4, 0]), @"
    transform `f` failed: TypeError: cannot read property 'x' of undefined (row 1)
        at <anonymous> (author.js:3:29)
    ");
    assert_eq!(floats(&transform, &[4]), [Some(0.25)]);
    insta::assert_snapshot!(error(&function("throw 'text';"), &[1]), @r#"transform `f` failed: threw "text" (row 0)"#);
    let caused = error(&function("throw new Error('outer', { cause: new RangeError('inner') });"), &[1]);
    assert!(caused.contains("Error: outer (row 0)") && caused.contains("caused by RangeError: inner"), "{caused}");
}

#[test]
fn a_row_error_fails_its_row_alone() {
    let transform = function("if (number < 0n) throw new RowError(`${number} is negative`); return Number(number);");
    let output = transform.apply(&numbers(&[1, -2, 3]), &Limits::BATCH).unwrap();
    let failures: Vec<_> = output.failures.iter().map(|failure| (failure.row, failure.reason.as_str())).collect();
    assert_eq!(failures, [(1, "-2 is negative")]);
    assert_eq!(floats(&transform, &[1, -2, 3]), [Some(1.0), None, Some(3.0)]);
}

#[test]
fn a_value_of_another_type_is_refused() {
    insta::assert_snapshot!(error(&function("return number;"), &[3]), @"transform `f` failed: TypeError: the output `f` must be null or a float64: a number, not the bigint 3n (row 0)");
    insta::assert_snapshot!(error(&function("return Promise.resolve(1);"), &[3]), @"transform `f` failed: TypeError: a transform can't be asynchronous: it must return its values at once, not a promise (row 0)");
    let pending = error(&function("Promise.resolve(1).then(() => {}); return 1;"), &[3]);
    assert!(pending.contains("a transform can't wait for a promise"), "{pending}");
}

#[test]
fn a_stack_without_end_is_an_error_like_others() {
    let transform = function("const deep = (n) => (n === 0 ? 0 : 1 + deep(n - 1)); return deep(Number(number));");
    let message = error(&transform, &[1_000_000]);
    assert!(
        message.starts_with("transform `f` failed: RangeError: Maximum call stack size exceeded (row 0)"),
        "{message}"
    );
    assert_eq!(floats(&transform, &[200]), [Some(200.0)]);
}

#[test]
fn nothing_answers_a_script_and_what_it_prints_is_bounded() {
    let transform = function("console.log('x'.repeat(1000)); return number === 7n ? Math.random() : Date.now();");
    assert_eq!(transform.imports(), ["skewless:transform/diagnostics@0.1.0"]);
    assert!(error(&transform, &[7]).contains("Error: Math.random is not there for a transform"));
    assert!(error(&transform, &[8]).contains("Error: the clock is not there for a transform"));
    assert!(error(&function("setTimeout(() => 1, 1);"), &[1]).contains("ReferenceError: setTimeout is not defined"));
    let loud = function("console.log('x'.repeat(1000)); return Number(number);");
    assert_eq!(floats(&loud, &(0..1000).collect::<Vec<_>>()).len(), 1000);
}

#[test]
fn inputs_are_what_they_were_whatever_is_written_to_them() {
    let transform = javascript(
        "import { float64, transform } from \"skewless\";\n\
         export default transform.columns({ name: \"f\", inputs: { x: float64 }, outputs: { y: float64, z: float64 } }, ({ x }) => {\n\
         const kept = Float64Array.from(x.values);\n\
         try { x.values[0] = 7; x.values.buffer.transfer(); } catch {}\n\
         return { y: x.values.map((value) => value * 2), z: kept };\n});",
    );
    let batch = table(&[("x", Arc::new(Float64Array::from(vec![1.5])))]);
    let output = transform.apply(&batch, &Limits::BATCH).unwrap();
    assert_eq!(output.batch.column(0).as_ref(), &Float64Array::from(vec![3.0]) as &dyn Array);
    assert_eq!(output.batch.column(1).as_ref(), &Float64Array::from(vec![1.5]) as &dyn Array);
}

/// A transform that returns each of its values as each of its outputs, whose types are all there are.
const VALUES: &str = r#"
import { bool, bytes, float32, float64, int32, int64, list, nullable, string, timestamp, transform } from "skewless";

const types = [bool, int32, int64, float32, float64, string, bytes, timestamp];
const made = [...types, ...types.map((type) => nullable(type)), ...types.map((type) => list(type))];
const named = (of) => Object.fromEntries(of.map((value, index) => [`t${index}`, value]));
const fine = named([false, 0, 0n, 0, 0, "", new Uint8Array(0), 0n, ...types.map(() => null), ...types.map(() => [])]);
const values = [
  null, undefined, true, 0, -0, 1.5, NaN, 2 ** 31, -(2 ** 31), 2 ** 53, 1e300, 0n, 2n ** 31n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n) - 1n,
  "", "text", "\ud800", "😀", new Uint8Array(2), new Uint8ClampedArray(2), new Int8Array(2), new Float64Array(2), new BigInt64Array(2),
  [], [null], [1, 1.5], [1n, null], ["a", "\udfff"], [undefined], [[1]], [new Uint8Array(1)], new Array(2), {}, { length: 1 }, () => 1,
  Symbol("s"), new Date(0), new Map(), new DataView(new ArrayBuffer(8)), new Number(1), Promise.resolve(1),
];
const all = transform({ name: "all", inputs: { number: int64 }, outputs: named(made) }, ({ number }) => {
  const index = Number(number);
  return { ...fine, [`t${index % 24}`]: values[Math.trunc(index / 24)] };
});
"#;

/// The same, asked as a function, whose checks are the SDK's own code; its message, or an empty one.
const NATIVELY: &str = r#"
export default transform({ name: "natively", inputs: { number: int64 }, output: string }, ({ number }) => {
  try { all({ number }); return ""; } catch (error) { return `${error.name}: ${error.message}`; }
});
"#;

#[test]
fn the_engine_and_the_sdk_agree_about_every_value_and_type() {
    let all = javascript(&format!("{VALUES}export default all;"));
    let natively = javascript(&format!("{VALUES}{NATIVELY}"));
    let indices: Vec<i64> = (0..43 * 24).collect();
    let told = natively.apply(&numbers(&indices), &Limits::BATCH).unwrap();
    let told = told.batch.column(0).as_any().downcast_ref::<StringArray>().unwrap().clone();
    let refusals = told.iter().filter(|message| message != &Some("")).count();
    assert!((800..1000).contains(&refusals), "{refusals}");
    for index in indices {
        let said = match all.apply(&numbers(&[index]), &Limits::BATCH) {
            Ok(_) => String::new(),
            Err(error) => error.to_string().replace("transform `all` failed: ", "").replace(" (row 0)", ""),
        };
        assert_eq!(said, told.value(index as usize), "value {}, type {}", index / 24, index % 24);
    }
}

#[test]
fn a_script_that_makes_no_transform_is_told_why() {
    insta::assert_snapshot!(refused("export default transform(;"), @"
    error: `.` makes no transform: SyntaxError: unexpected token in expression: ';'
               at author.js:1:26
    ");
    insta::assert_snapshot!(refused("export default 3;"), @"error: `.` makes no transform: TypeError: the script must export a transform: `export default transform({…}, (row) => …)`");
    insta::assert_snapshot!(refused("import { x } from \"lodash\";"), @r#"error: `.` makes no transform: ReferenceError: can't import `lodash`: a script of its own may import "skewless" alone; with esbuild installed (npm install --save-dev esbuild), `skewless build` bundles the rest"#);
    insta::assert_snapshot!(refused("await new Promise(() => {});"), @"error: `.` makes no transform: a top-level `await` waits for what never comes: there are no timers and no network");
    let name = refused(
        "import { int64, transform } from \"skewless\";\nexport default transform({ name: \"F\", inputs: {}, output: int64 }, () => 1n);",
    );
    assert!(name.contains("`F`"), "{name}");
}

#[test]
fn the_same_script_makes_the_same_bytes_in_any_folder() {
    let script = std::fs::read_to_string(project().join("examples/transforms/plane_age/js/plane_age.js")).unwrap();
    assert!(bytes(&script) == bytes(&script), "the bytes differ");
}
