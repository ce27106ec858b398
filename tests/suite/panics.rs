//! A panic, in whatever language, reaches the caller as the transform's name, its component's digest and the message; and
//! the next call works.

use std::path::Path;

use skewless_runtime::Digest;

use crate::support::{TestRepository, component, printed, skewless};
use crate::{authors, javascript};

/// What a request is told whose row makes the transform panic; one with another row must be answered.
fn told(bytes: &[u8], transform: &str, input: (&str, &str), panics: &str, works: &str) -> String {
    let (name, data_type) = input;
    let repository = TestRepository::new(&format!(
        "transforms:\n  - {{name: {transform}, path: component.wasm}}\non_demand_feature_views:\n  - name: view\n    \
         transform: {transform}\n    request: [{{name: {name}, type: {data_type}}}]\n"
    ));
    let folder = repository.path();
    std::fs::write(folder.join("component.wasm"), bytes).unwrap();
    assert!(skewless(folder).args(["apply", "--allow-uncertified"]).status().unwrap().success());
    let ask = |value: &str| asked(folder, &format!("{name}={value}"));
    let (answered, message) = ask(panics);
    assert!(!answered, "{message}");
    let (answered, answer) = ask(works);
    assert!(answered, "{answer}");
    let digest = Digest::of(bytes).to_string();
    assert!(message.contains(&digest), "{message} does not name {digest}");
    message.replace(&digest, "[digest]").replace('\n', " ")
}

fn asked(folder: &Path, entity: &str) -> (bool, String) {
    let output = skewless(folder).args(["get-online-features", "--features", "view", "-e", entity]).output().unwrap();
    (output.status.success(), printed(&output))
}

#[test]
fn of_rust() {
    let bytes = std::fs::read(component("misbehaviour")).unwrap();
    insta::assert_snapshot!(told(&bytes, "misbehaviour", ("what", "string"), "panic", "fine"), @"error: transform `misbehaviour` trapped: wasm trap: wasm `unreachable` instruction executed; it wrote: panicked at tests/guests/misbehaviour/src/lib.rs:25:20: the row asks for it; its component is [digest]");
}

#[test]
fn of_go() {
    let source = "//skewless:transform\nfunc Inverse(number int64) float64 {\n\treturn float64(100 / number)\n}\n";
    let bytes = authors::go_bytes(source);
    insta::assert_snapshot!(told(&bytes, "inverse", ("number", "int64"), "0", "4"), @"error: transform `inverse` failed: panic at author.go:5: runtime error: integer divide by zero; its component is [digest]");
}

#[test]
fn of_javascript() {
    let bytes = javascript::bytes(
        "import { int64, float64, transform } from \"skewless\";\n\
         export default transform({ name: \"inverse\", inputs: { number: int64 }, output: float64 }, ({ number }) =>\n  \
         Number(100n / number));\n",
    );
    insta::assert_snapshot!(told(&bytes, "inverse", ("number", "int64"), "0", "4"), @"error: transform `inverse` failed: RangeError: BigInt division by zero (row 0)     at <anonymous> (author.js:3:17); its component is [digest]");
}
