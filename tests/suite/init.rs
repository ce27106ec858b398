//! `skewless init` makes a repository whose own README works, command by command.

use std::path::Path;

use crate::support::{printed, skewless};

/// The commands of the README's shell block.
fn commands(readme: &str) -> Vec<Vec<String>> {
    let block = readme.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let words = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect();
    block.lines().map(words).collect()
}

#[test]
fn a_new_repository_works_as_its_readme_says() {
    let folder = tempfile::tempdir().unwrap();
    let output = skewless(folder.path()).args(["init", "shop"]).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    let shop = folder.path().join("shop");
    let readme = std::fs::read_to_string(shop.join("README.md")).unwrap();
    let mut answers = String::new();
    for command in commands(&readme).iter().filter(|command| command[0] != "serve") {
        let mut process = skewless(&shop);
        // What the SDK is built upon need not be built for each run of the tests.
        process.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("init"));
        let output = process.args(command).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", printed(&output));
        if command[0] == "get-online-features" {
            answers = String::from_utf8(output.stdout).unwrap();
        }
    }
    for value in ["12", "7", "0.21818181818181817", "0.07368421052631578"] {
        assert!(answers.contains(value), "{value} is not in\n{answers}");
    }
    assert!(shop.join("training.parquet").is_file());
}

#[test]
fn init_leaves_what_is_there_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("skewless.yaml"), "project: mine\n").unwrap();
    let output = skewless(folder.path()).args(["init", "."]).output().unwrap();
    let settings = std::fs::read_to_string(folder.path().join("skewless.yaml")).unwrap();
    assert_eq!(settings, "project: mine\n", "{}", printed(&output));
}
