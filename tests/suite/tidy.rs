//! Is it still the picture that ARCHITECTURE.md draws?

use std::path::{Path, PathBuf};

use crate::support::project;

fn source_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target" && name != "node_modules") {
                source_files(&path, files);
            }
        } else if path.extension().is_some_and(|extension| ["go", "rs"].iter().any(|source| extension == *source)) {
            files.push(path);
        }
    }
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    source_files(&project().join(folder), &mut files);
    assert!(!files.is_empty(), "no sources below {folder}");
    files.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// Files below `host/` that say `word`, apart from those under one of `homes`.
fn strangers(word: &str, homes: &[&str]) -> Vec<PathBuf> {
    let at_home = |path: &Path| homes.iter().any(|home| path.starts_with(project().join(home)));
    let says = |text: &str| text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word));
    sources("host").into_iter().filter(|(path, text)| says(text) && !at_home(path)).map(|(path, _)| path).collect()
}

#[test]
fn a_transform_has_one_entrance() {
    assert_eq!(strangers(".transform.apply(", &["host/store/src/compute.rs"]), Vec::<PathBuf>::new());
}

#[test]
fn heavy_dependencies_have_one_home_each() {
    for (word, homes) in [
        ("wasmtime::", ["host/runtime"].as_slice()),
        ("datafusion::", &["host/store/src/offline", "host/store/src/historical"]),
        ("redb::", &["host/store/src/online"]),
        ("redis::", &["host/store/src/online"]),
        ("deltalake_core::", &["host/store/src/offline/table"]),
        (
            "object_store::",
            &[
                "host/store/src/storage",
                "host/store/src/registry",
                "host/store/src/offline/table",
                "host/store/src/offline/files.rs",
                "host/store/src/offline/statistics.rs",
            ],
        ),
        ("axum::", &["host/server"]),
        ("tonic::", &["host/server"]),
        ("clap::", &["host/cli"]),
    ] {
        assert_eq!(strangers(word, homes), Vec::<PathBuf>::new(), "{word}");
    }
}

#[test]
fn files_fit_a_sitting() {
    for folder in ["host", "guest-sdk", "examples", "tests"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= 500, "{} has {lines} lines; split it along its nouns", path.display());
        }
    }
}

#[test]
fn every_example_transform_can_be_read_run_and_learned_from() {
    for entry in std::fs::read_dir(project().join("examples/transforms")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap();
        let (go, js) = (format!("go/{name}.go"), format!("js/{name}.js"));
        let parts = ["README.md", "cases.json", "rust/Cargo.toml", "rust/src/lib.rs", "go/go.mod", &go];
        for part in parts.into_iter().chain(["js/package.json", &js]) {
            assert!(folder.join(part).is_file(), "{} lacks {part}", folder.display());
        }
    }
}

#[test]
fn the_contract_has_one_version_everywhere() {
    let wit = std::fs::read_to_string(project().join("wit/transform.wit")).unwrap();
    let version = skewless_runtime::CONTRACT_VERSION;
    assert!(wit.contains(&format!("package skewless:transform@{version};")));
    let generator = std::fs::read_to_string(project().join("guest-sdk/go/generate/write.go")).unwrap();
    assert!(generator.contains(&format!("const Contract = \"skewless:transform@{version}\"")));
    let changelog = std::fs::read_to_string(project().join("wit/CHANGELOG.md")).unwrap();
    assert!(changelog.contains(&format!("\n## {version}\n")));
}

#[test]
fn what_the_readme_shows_is_what_is_there() {
    let read = |path: &str| std::fs::read_to_string(project().join(path)).unwrap();
    let readme = read("README.md");
    let blocks = |language: &str| -> Vec<String> {
        let start = format!("```{language}\n");
        readme.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
    };
    let transform = read("examples/transforms/runway_wind/rust/src/lib.rs");
    assert_eq!(blocks("rust").len(), 1);
    assert!(transform.starts_with(&blocks("rust")[0]), "README.md shows another runway_wind than the example's");
    let go_page = read("guest-sdk/go/README.md");
    let shown = go_page.split("```go\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(shown, read("examples/transforms/spend_per_order/go/spend_per_order.go"), "guest-sdk/go/README.md");
    let definitions = read("examples/flights/features/on_demand.yaml");
    for section in blocks("yaml").iter().flat_map(|block| block.split("\n\n")) {
        let objects = section.split_once('\n').unwrap().1;
        assert!(
            definitions.contains(objects.trim_end()),
            "README.md shows other definitions than the example's:\n{objects}"
        );
    }
}

#[test]
fn all_crates_have_one_version() {
    let version = env!("CARGO_PKG_VERSION");
    for manifest in ["guest-sdk/rust/Cargo.toml", "guest-sdk/rust/macros/Cargo.toml"] {
        let manifest_text = std::fs::read_to_string(project().join(manifest)).unwrap();
        assert!(manifest_text.contains(&format!("\nversion = \"{version}\"\n")), "{manifest} is not at {version}");
    }
}

#[test]
fn certificates_name_the_engine_that_is_linked() {
    let lock = std::fs::read_to_string(project().join("Cargo.lock")).unwrap();
    let entry = format!("name = \"wasmtime\"\nversion = \"{}\"\n", skewless_runtime::WASMTIME_VERSION);
    assert!(lock.contains(&entry), "set WASMTIME_VERSION in host/runtime/src/certificate.rs to what Cargo.lock has");
}
