//! Components that ask for what they may not have, or are too much of something before they are ever called.

use std::time::Duration;

use skewless_runtime::{Runtime, RuntimeOptions};

use super::raw::{Raw, apply_ok};
use super::{LIMITS, evil};
use crate::support::{bytes_column, runtime, table};

fn refused(text: &str) -> String {
    runtime().load(&wat::parse_str(text).unwrap()).err().unwrap().to_string()
}

#[test]
fn clocks_chance_network_files_and_environment_are_no_imports_of_a_transform() {
    let import = |name: &str| refused(&format!("(component (import \"{name}\" (instance)))"));
    insta::assert_snapshot!(import("wasi:clocks/monotonic-clock@0.2.0"), @"the component imports `wasi:clocks/monotonic-clock@0.2.0`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. Pass the time in as an input instead of reading a clock");
    insta::assert_snapshot!(import("wasi:random/random@0.2.0"), @"the component imports `wasi:random/random@0.2.0`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. Pass the seed in as an input, or use a fixed one");
    insta::assert_snapshot!(import("wasi:sockets/tcp@0.2.0"), @"the component imports `wasi:sockets/tcp@0.2.0`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. Fetch the data beforehand and make it a feature view");
    insta::assert_snapshot!(import("wasi:filesystem/types@0.2.0"), @"the component imports `wasi:filesystem/types@0.2.0`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. Printing, environment variables or files need WASI: build with `skewless build`, which leaves WASI out");
    insta::assert_snapshot!(import("wasi:cli/environment@0.2.0"), @"the component imports `wasi:cli/environment@0.2.0`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. Printing, environment variables or files need WASI: build with `skewless build`, which leaves WASI out");
    insta::assert_snapshot!(import("wasi:http/outgoing-handler@0.2.0"), @"the component imports `wasi:http/outgoing-handler@0.2.0`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. Fetch the data beforehand and make it a feature view");
    insta::assert_snapshot!(import("host:anything/at-all"), @"the component imports `host:anything/at-all`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. Build with `skewless build` and the SDK of this version");
}

#[test]
fn a_component_without_the_exports_is_refused() {
    insta::assert_snapshot!(refused("(component)"), @"the component does not follow the contract skewless:transform@0.1.0: no export `apply` found");
}

#[test]
fn too_many_instances_memories_and_elements_are_refused() {
    let many = "(core instance (instantiate $m))".repeat(150);
    insta::assert_snapshot!(refused(&format!("(component (core module $m) {many})")), @"not a WebAssembly component: The component transitively contains 150 core module instances, which exceeds the configured maximum of 100 in the pooling allocator");
    let many = "(core instance (instantiate $m))".repeat(5);
    insta::assert_snapshot!(refused(&format!("(component (core module $m (memory 1)) {many})")), @"not a WebAssembly component: The component transitively contains 5 Wasm linear memories, which exceeds the configured maximum of 4 in the pooling allocator");
    insta::assert_snapshot!(refused("(component (core module $m (memory 30000)) (core instance (instantiate $m)))"), @"not a WebAssembly component: module memory does not fit in pooling allocator requirements: memory index 0 is unsupported in this pooling allocator configuration: memory has a minimum byte size of 1966080000 which exceeds the limit of 0x40000000 bytes");
    insta::assert_snapshot!(refused("(component (core module $m (table 100000 funcref)) (core instance (instantiate $m)))"), @"not a WebAssembly component: module table does not fit in pooling allocator requirements: table index 0 has a minimum element size of 100000 which exceeds the limit of 60000");
}

#[test]
fn a_table_without_end_is_a_limit() {
    let bomb = "(loop $again (drop (table.grow $bomb (ref.null func) (i32.const 1000))) (br $again))";
    let raw = Raw { items: "(table $bomb 1 funcref)", apply: &format!("{bomb} unreachable") };
    let transform = runtime().load(&raw.component()).unwrap();
    let error = transform.apply(&table(&[("data", bytes_column(&[b""]))]), &LIMITS).unwrap_err();
    insta::assert_snapshot!(error, @"transform `raw` went over its table limit: it asked for 20001 elements, 20000 are allowed");
    let obedient = Raw {
        items: "(table $bomb 1 funcref)",
        apply: &format!("(drop (table.grow $bomb (ref.null func) (i32.const 1000))) {}", apply_ok()),
    };
    let transform = runtime().load(&obedient.component()).unwrap();
    assert_eq!(transform.apply(&table(&[("data", bytes_column(&[b""]))]), &LIMITS).unwrap().batch.num_rows(), 1);
}

#[test]
fn a_start_function_that_does_not_end_is_ended() {
    let raw = Raw { items: "(func $spin (loop $again (br $again))) (start $spin)", apply: "unreachable" };
    let options = RuntimeOptions { describe_time_max: Duration::from_millis(50), calls_max: 2, ..Default::default() };
    let error = Runtime::new(options).unwrap().load(&raw.component()).err().unwrap();
    insta::assert_snapshot!(error, @"transform `(describe)` went over its time limit of 50 ms");
}

#[test]
fn a_component_over_its_size_is_refused_and_one_below_is_taken() {
    let bytes = evil("honest");
    let load = |component_bytes_max: usize| {
        let options = RuntimeOptions { component_bytes_max, calls_max: 2, ..Default::default() };
        Runtime::new(options).unwrap().load(&bytes).map(drop)
    };
    assert!(load(bytes.len()).is_ok());
    let refused = load(1_000).unwrap_err().to_string().replace(&bytes.len().to_string(), "[size]");
    insta::assert_snapshot!(refused, @"not a WebAssembly component: [size] bytes is more than the 1000 a component may have");
}

#[test]
fn a_component_that_takes_too_long_to_compile_is_refused_and_one_that_does_not_is_taken() {
    let load = |compile_time_max: Duration| {
        let options = RuntimeOptions { compile_time_max, calls_max: 2, ..Default::default() };
        Runtime::new(options).unwrap().load(&evil("honest")).map(drop)
    };
    assert!(load(Duration::from_secs(60)).is_ok());
    insta::assert_snapshot!(load(Duration::ZERO).unwrap_err(), @"the component is not compiled after 0 ms, its limit");
}
