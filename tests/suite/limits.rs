//! What a transform may use: each limit obeyed and broken, and after each breach the next call succeeds.

use std::path::Path;
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use skewless_runtime::{CompiledCache, Error, Limits, Runtime, RuntimeOptions, Transform};

use crate::support::{component, runtime, strings, table};

/// Time enough on a busy machine, where the time limit is not what a test is about.
const LIMITS: Limits = Limits { deadline: Duration::from_secs(20), memory_bytes_max: 16 << 20, ..Limits::SERVING };

fn misbehaviour() -> Transform {
    runtime().load(&std::fs::read(component("misbehaviour")).unwrap()).unwrap()
}

fn call(transform: &Transform, rows: &[&str], limits: &Limits) -> Result<Vec<Option<i64>>, Error> {
    let output = transform.apply(&table(&[("what", strings(rows))]), limits)?;
    Ok(output.batch.column(0).as_primitive::<Int64Type>().iter().collect())
}

/// The error, after which a well-behaved call must succeed.
fn breach(what: &str, limits: &Limits) -> String {
    let transform = misbehaviour();
    let error = call(&transform, &["fine", what], limits).unwrap_err();
    assert_eq!(call(&transform, &["fine"], &LIMITS).unwrap(), [Some(4)], "after {error}");
    error.to_string().replace('\n', " ")
}

#[test]
fn an_endless_loop_ends_at_the_deadline() {
    insta::assert_snapshot!(breach("loop", &Limits { deadline: Duration::from_millis(100), ..LIMITS }), @"transform `misbehaviour` went over its time limit of 100 ms");
}

#[test]
fn memory_is_bounded() {
    insta::assert_snapshot!(breach("allocate", &LIMITS), @"transform `misbehaviour` went over its memory limit: it asked for 16908288 bytes, 16777216 are allowed");
    assert_eq!(call(&misbehaviour(), &["allocate 4 MiB"], &LIMITS).unwrap(), [Some(4 << 20)]);
    let less = Limits { memory_bytes_max: 3 << 20, ..LIMITS };
    assert!(matches!(call(&misbehaviour(), &["allocate 4 MiB"], &less), Err(Error::LimitExceeded { .. })));
}

#[test]
fn recursion_without_end_is_a_limit_and_not_the_end_of_the_host() {
    insta::assert_snapshot!(breach("recurse", &LIMITS), @"transform `misbehaviour` trapped: wasm trap: out of bounds memory access");
}

#[test]
fn a_panic_carries_its_message_out() {
    insta::assert_snapshot!(breach("panic", &LIMITS), @"transform `misbehaviour` trapped: wasm trap: wasm `unreachable` instruction executed; it wrote: panicked at tests/guests/misbehaviour/src/lib.rs:25:20: the row asks for it");
}

#[test]
fn a_row_over_the_byte_limit_is_refused_and_smaller_rows_are_split() {
    let limits = Limits { input_bytes_max: 64, ..LIMITS };
    let rows: Vec<String> = (0..50).map(|row| "x".repeat(row % 7)).collect();
    let lengths = call(&misbehaviour(), &rows.iter().map(String::as_str).collect::<Vec<_>>(), &limits).unwrap();
    assert_eq!(lengths, (0..50).map(|row| Some(row % 7)).collect::<Vec<_>>());
    insta::assert_snapshot!(breach(&"x".repeat(100), &limits), @"transform `misbehaviour` went over its input limit: one row has 108 bytes, 64 are allowed");
}

#[test]
fn an_output_over_the_byte_limit_is_refused() {
    let limits = Limits { output_bytes_max: 1_000, ..LIMITS };
    assert_eq!(call(&misbehaviour(), &["a"; 10], &limits).unwrap().len(), 10);
    let error = call(&misbehaviour(), &["a"; 1_000], &limits).unwrap_err();
    insta::assert_snapshot!(error, @"transform `misbehaviour` went over its output limit: it returns more than 1000 bytes");
}

#[test]
fn a_batch_over_the_row_limit_takes_several_calls() {
    let transform = misbehaviour();
    let rows: Vec<String> = (0..50).map(|row| "x".repeat(row)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let lengths = call(&transform, &rows, &Limits { rows_max: 7, ..LIMITS }).unwrap();
    assert_eq!(lengths, (0..50).map(Some).collect::<Vec<_>>());
    assert_eq!((transform.metrics().calls, transform.metrics().rows), (8, 50));
}

/// A call that runs until its deadline, and meanwhile another one.
fn beside_a_long_call(runtime: &Runtime, limits: &Limits) -> (Result<(), String>, Transform) {
    let transform = runtime.load(&std::fs::read(component("misbehaviour")).unwrap()).unwrap();
    let long = Limits { deadline: Duration::from_millis(800), ..LIMITS };
    std::thread::scope(|scope| {
        scope.spawn(|| call(&transform, &["loop"], &long).unwrap_err());
        while transform.metrics().instances_alive == 0 {
            std::thread::yield_now();
        }
        let beside = call(&transform, &["fine"], limits).map(drop).map_err(|error| error.to_string());
        (beside, transform.clone())
    })
}

#[test]
fn calls_of_one_transform_at_the_same_time_are_bounded_and_who_waits_too_long_is_told() {
    let runtime = Runtime::new(RuntimeOptions { wait_max: Duration::from_millis(30), ..Default::default() }).unwrap();
    let (beside, _) = beside_a_long_call(&runtime, &Limits { calls_max: 2, ..LIMITS });
    assert_eq!(beside, Ok(()));
    let one = Limits { calls_max: 1, ..LIMITS };
    let (beside, transform) = beside_a_long_call(&runtime, &one);
    insta::assert_snapshot!(beside.unwrap_err(), @"overloaded: as many calls of transform `misbehaviour` are under way as may be (1), and none ended within 30 ms; try again later");
    assert_eq!(transform.metrics().overloads, 1);
    assert_eq!(call(&transform, &["fine"], &one).unwrap(), [Some(4)]);
}

#[test]
fn calls_of_all_transforms_at_the_same_time_are_bounded() {
    let options = |calls_max| RuntimeOptions { calls_max, wait_max: Duration::from_millis(30), ..Default::default() };
    let (beside, _) = beside_a_long_call(&Runtime::new(options(2)).unwrap(), &LIMITS);
    assert_eq!(beside, Ok(()));
    let (beside, transform) = beside_a_long_call(&Runtime::new(options(1)).unwrap(), &LIMITS);
    insta::assert_snapshot!(beside.unwrap_err(), @"overloaded: as many calls of all transforms are under way as may be (1), and none ended within 30 ms; try again later");
    assert_eq!(call(&transform, &["fine"], &LIMITS).unwrap(), [Some(4)]);
}

#[test]
fn a_call_that_waits_for_its_turn_gets_it() {
    let options = RuntimeOptions { calls_max: 1, wait_max: Duration::from_secs(20), ..Default::default() };
    let (beside, _) = beside_a_long_call(&Runtime::new(options).unwrap(), &LIMITS);
    assert_eq!(beside, Ok(()));
}

#[test]
fn a_failed_row_is_null_with_its_reason_and_spares_the_others() {
    let output = misbehaviour().apply(&table(&[("what", strings(&["a", "fail", "abc"]))]), &LIMITS).unwrap();
    let values = output.batch.column(0).as_primitive::<Int64Type>();
    assert_eq!(values.iter().collect::<Vec<_>>(), [Some(1), None, Some(3)]);
    assert_eq!(output.failures.len(), 1);
    assert_eq!((output.failures[0].row, output.failures[0].reason.as_str()), (1, "the row asks for it"));
}

#[test]
fn a_row_with_a_null_that_the_transform_does_not_take_is_null_and_not_shown_to_it() {
    let rows = arrow::array::StringArray::from(vec![Some("a"), None, Some("abc")]);
    let output = misbehaviour().apply(&table(&[("what", std::sync::Arc::new(rows))]), &LIMITS).unwrap();
    assert_eq!(output.batch.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None, Some(3)]);
    assert!(output.failures.is_empty());
    assert_eq!(output.batch.column(0).null_count(), 1);
}

#[test]
fn thousands_of_calls_each_get_memory_of_their_own() {
    let transform = misbehaviour();
    for _ in 0..2_000 {
        assert_eq!(call(&transform, &["allocate 4 MiB"], &LIMITS).unwrap(), [Some(4 << 20)]);
    }
}

#[test]
fn a_damaged_entry_of_the_compiled_code_cache_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(component("misbehaviour")).unwrap();
    let load = || {
        let cache = Some(CompiledCache::new(folder.path().join("compiled")));
        let runtime = Runtime::new(RuntimeOptions { cache, calls_max: 2, ..RuntimeOptions::default() }).unwrap();
        assert_eq!(call(&runtime.load(&bytes).unwrap(), &["fine"], &LIMITS).unwrap(), [Some(4)]);
        entry(&folder.path().join("compiled"))
    };
    let (path, whole) = load();
    for damage in [whole[..whole.len() / 2].to_vec(), b"nothing".to_vec(), flipped(&whole)] {
        std::fs::write(&path, &damage).unwrap();
        assert_eq!(load(), (path.clone(), whole.clone()));
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_compiled_code_cache_keeps_within_its_bound_what_was_used_last() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str, bytes_max: u64| {
        let cache = Some(CompiledCache::new(folder.path()).bounded(bytes_max));
        let runtime = Runtime::new(RuntimeOptions { cache, calls_max: 2, ..RuntimeOptions::default() }).unwrap();
        let digest = runtime.load(&std::fs::read(component(name)).unwrap()).unwrap().digest().hex();
        // Times of files are as fine as the system's ticks.
        std::thread::sleep(Duration::from_millis(20));
        digest
    };
    let kept = |digest: &str| {
        let mut files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        files.any(|file| file.to_str().unwrap().starts_with(digest))
    };
    let (first, second) = (load("misbehaviour", u64::MAX), load("mixture", u64::MAX));
    assert!(kept(&first) && kept(&second));
    let bytes: u64 =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(load("misbehaviour", bytes), first, "used again");
    let third = load("runway_wind", bytes);
    assert!(kept(&first) && !kept(&second) && kept(&third));
    assert_eq!(load("mixture", 1), second);
    assert!(kept(&second) && !kept(&first) && !kept(&third), "the newest is kept, however large");
}

/// The only file in the folder, and its bytes.
fn entry(folder: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    (files[0].clone(), std::fs::read(&files[0]).unwrap())
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}
