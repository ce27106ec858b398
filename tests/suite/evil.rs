//! Components from the enemy: each is stopped, each says by what, and none of them harms the next call.

mod raw;
mod returned_bytes;
mod strangers;
mod verified;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use skewless_runtime::{Error, Limits, Output, Runtime, RuntimeOptions, Transform};

use crate::support::{component, int64s, runtime, strings, table};

/// Time enough on a busy machine, where the time limit is not what a test is about.
pub(crate) const LIMITS: Limits = Limits { deadline: Duration::from_secs(20), ..Limits::SERVING };

/// The component that does `deed`: its name is written over the mark in the one module that is built.
pub(crate) fn evil(deed: &str) -> Vec<u8> {
    const MARK: &[u8] = b"evil deed: honest               ";
    let mut bytes = std::fs::read(component("evil")).unwrap();
    let places: Vec<usize> =
        bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK).map(|(place, _)| place).collect();
    assert_eq!(places.len(), 1, "the mark is there once");
    let marked = format!("{:32}", format!("evil deed: {deed}"));
    assert_eq!(marked.len(), MARK.len(), "`{deed}` is too long");
    bytes[places[0]..places[0] + MARK.len()].copy_from_slice(marked.as_bytes());
    bytes
}

fn load(deed: &str) -> Transform {
    runtime().load(&evil(deed)).unwrap()
}

pub(crate) fn rows(count: usize) -> RecordBatch {
    let ids: Vec<i64> = (0..count as i64).collect();
    let numbers = Float64Array::from_iter_values(ids.iter().map(|id| *id as f64 / 2.0));
    table(&[("id", int64s(&ids)), ("number", Arc::new(numbers)), ("text", strings(&vec!["é"; count]))])
}

/// The error, with the digest's place taken by a word, after which the honest component and the evil one are asked again.
fn deed(deed: &str, limits: &Limits) -> String {
    let transform = load(deed);
    let error = transform.apply(&rows(10), limits).unwrap_err();
    assert_eq!(honest(&load("honest").apply(&rows(10), &LIMITS).unwrap()), 10, "after {error}");
    assert_eq!(transform.apply(&rows(10), limits).unwrap_err().to_string(), error.to_string(), "the second time");
    assert_eq!(transform.metrics().instances_alive, 0);
    error.to_string().replace('\n', " ")
}

/// How many rows are what the honest component makes of them.
fn honest(output: &Output) -> usize {
    let values = output.batch.column(0).as_primitive::<Float64Type>();
    let labels = output.batch.column(1).as_string::<i32>();
    (0..output.batch.num_rows())
        .filter(|row| values.value(*row) == *row as f64 * 1.5 && labels.value(*row) == "é" && !values.is_null(*row))
        .count()
}

#[test]
fn the_honest_one_is_believed() {
    assert_eq!(honest(&load("honest").apply(&rows(10_000), &LIMITS).unwrap()), 10_000);
}

#[test]
fn what_does_not_end_is_ended() {
    let limits = Limits { deadline: Duration::from_millis(50), ..LIMITS };
    insta::assert_snapshot!(deed("loop", &limits), @"transform `evil` went over its time limit of 50 ms");
    insta::assert_snapshot!(deed("recurse", &LIMITS), @"transform `evil` trapped: wasm trap: out of bounds memory access");
}

#[test]
fn memory_is_bounded() {
    let limits = Limits { memory_bytes_max: 16 << 20, ..LIMITS };
    insta::assert_snapshot!(deed("memory bomb", &limits), @"transform `evil` went over its memory limit: it asked for 16908288 bytes, 16777216 are allowed");
}

#[test]
fn a_trap_says_what_the_guest_said() {
    insta::assert_snapshot!(deed("trap", &LIMITS), @"transform `evil` trapped: wasm trap: wasm `unreachable` instruction executed; it wrote: panicked at tests/evil/src/lib.rs:59:23: as it pleases");
}

#[test]
fn what_is_written_to_diagnostics_is_bounded() {
    let said = deed("diagnostics", &LIMITS);
    assert!(said.len() < 17_000, "{} bytes", said.len());
    insta::assert_snapshot!(said.replace('x', ""), @"transform `evil` trapped: wasm trap: wasm `unreachable` instruction eecuted; it wrote:");
}

#[test]
fn too_many_or_too_few_rows_are_refused() {
    insta::assert_snapshot!(deed("rows: one more", &LIMITS), @"transform `evil` returned an unusable batch: output `value`: 11 values for 10 rows");
    insta::assert_snapshot!(deed("rows: none", &LIMITS), @"transform `evil` returned an unusable batch: output `value`: 0 values for 10 rows");
}

#[test]
fn columns_that_the_signature_does_not_have_are_refused() {
    insta::assert_snapshot!(deed("column: missing", &LIMITS), @"transform `evil` returned an unusable batch: 1 columns, the signature has 2");
    insta::assert_snapshot!(deed("column: one more", &LIMITS), @"transform `evil` returned an unusable batch: 3 columns, the signature has 2");
    insta::assert_snapshot!(deed("column: order", &LIMITS), @"transform `evil` returned an unusable batch: output `value`: declared float64, returned string");
    insta::assert_snapshot!(deed("column: type", &LIMITS), @"transform `evil` returned an unusable batch: output `value`: declared float64, returned int64");
    insta::assert_snapshot!(deed("column: float32", &LIMITS), @"transform `evil` returned an unusable batch: output `value`: declared float64, returned float32");
}

#[test]
fn offsets_are_checked_before_anything_is_read() {
    insta::assert_snapshot!(deed("offsets: out of order", &LIMITS), @"transform `evil` returned an unusable batch: output `label`: offset 0 of row 0 is followed by -1");
    insta::assert_snapshot!(deed("offsets: past the end", &LIMITS), @"transform `evil` returned an unusable batch: output `label`: the last offset is 2147483647, but there are 20 bytes");
    insta::assert_snapshot!(deed("offsets: too few", &LIMITS), @"transform `evil` returned an unusable batch: output `label`: 10 offsets for 10 rows, expected 11");
    insta::assert_snapshot!(deed("offsets: first", &LIMITS), @"transform `evil` returned an unusable batch: output `label`: the first offset is 1, expected 0");
    insta::assert_snapshot!(deed("offsets: none", &LIMITS), @"transform `evil` returned an unusable batch: output `label`: 0 offsets for 10 rows, expected 11");
}

#[test]
fn text_is_text() {
    insta::assert_snapshot!(deed("utf-8", &LIMITS), @"transform `evil` returned an unusable batch: output `label`: Invalid argument error: Encountered non UTF-8 data: invalid utf-8 sequence of 1 bytes from index 0");
    insta::assert_snapshot!(deed("utf-8: cut", &LIMITS), @"transform `evil` returned an unusable batch: output `label`: Invalid argument error: Split UTF-8 codepoint at offset 1");
}

#[test]
fn validity_has_a_bit_for_each_row_and_no_null_where_there_is_none() {
    insta::assert_snapshot!(deed("validity: short", &LIMITS), @"transform `evil` returned an unusable batch: output `value`: validity: a bitmap of 0 bytes for 10 bits, expected 2");
    insta::assert_snapshot!(deed("validity: long", &LIMITS), @"transform `evil` returned an unusable batch: output `value`: validity: a bitmap of 3 bytes for 10 bits, expected 2");
    insta::assert_snapshot!(deed("null", &LIMITS), @"transform `evil` returned an unusable batch: output `value`: declared not nullable, returned 10 nulls");
}

#[test]
fn failures_are_of_rows_that_are_there() {
    insta::assert_snapshot!(deed("failure: no such row", &LIMITS), @"transform `evil` returned an unusable batch: row 10 failed, but the batch has 10 rows");
    insta::assert_snapshot!(deed("failure: twice", &LIMITS), @"transform `evil` returned an unusable batch: row 0 failed twice");
}

#[test]
fn output_is_bounded() {
    let limits = Limits { output_bytes_max: 4 << 20, ..LIMITS };
    insta::assert_snapshot!(deed("huge output", &limits), @"transform `evil` went over its output limit: it returns more than 4194304 bytes");
}

#[test]
fn describe_is_held_to_its_own_limits() {
    let refused = |deed: &str| runtime().load(&evil(deed)).err().unwrap().to_string();
    let options = RuntimeOptions { describe_time_max: Duration::from_millis(50), calls_max: 2, ..Default::default() };
    let impatient = Runtime::new(options).unwrap();
    let slow = impatient.load(&evil("describe: slow")).err().unwrap().to_string();
    assert!(impatient.load(&evil("honest")).is_ok());
    insta::assert_snapshot!(slow, @"transform `(describe)` went over its time limit of 50 ms");
    insta::assert_snapshot!(refused("describe: no name"), @"the signature of transform `` is not usable: the name must be 1 to 64 lower-case letters, digits and `_`, starting with a letter");
    insta::assert_snapshot!(refused("describe: twin names"), @"the signature of transform `evil` is not usable: two outputs are named `value`");
    insta::assert_snapshot!(refused("describe: no output"), @"the signature of transform `evil` is not usable: it has no output");
    insta::assert_snapshot!(refused("describe: endless"), @"the signature of transform `evil` is not usable: its version or documentation is longer than 16384 bytes");
}

#[test]
fn limit_hits_are_counted_by_kind() {
    let limits = Limits { deadline: Duration::from_millis(20), ..LIMITS };
    let transform = load("loop");
    assert!(matches!(transform.apply(&rows(3), &limits), Err(Error::LimitExceeded { .. })));
    let metrics = transform.metrics();
    assert_eq!((metrics.calls, metrics.rows, metrics.failed_calls), (1, 3, 1));
    assert_eq!(metrics.limit_hits.iter().filter(|(_, hits)| *hits > 0).collect::<Vec<_>>(), [&("time", 1)]);
}
