//! The certificate's way: from `verify` beside the component, through `apply`, to instances that are reused.

use std::path::Path;

use arrow::array::Float64Array;
use skewless_runtime::Certificate;
use skewless_store::FeatureStore;
use skewless_store::definitions::Repository;

use crate::evil::evil;
use crate::support::{TestRepository, component, int64s, printed, runtime, skewless, table, timestamps};

const DEFINITIONS: &str = "\
transforms:
  - {name: purchases_per_dollar, path: component.wasm}
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: stats, path: stats.parquet, timestamp_field: at}
feature_views:
  - {name: stats, entities: [user], source: stats, schema: [{name: purchases, type: int64}, {name: spend, type: float64}]}
on_demand_feature_views:
  - {name: ratio, transform: purchases_per_dollar, sources: [stats]}
";

/// A repository whose component has no certificate yet.
fn repository() -> TestRepository {
    let stats = table(&[
        ("user_id", int64s(&[1, 2])),
        ("at", timestamps(&["2024-01-01T00:00:00Z"; 2])),
        ("purchases", int64s(&[123_456_789, 7])),
        ("spend", std::sync::Arc::new(Float64Array::from(vec![1.5, 2.5]))),
    ]);
    let repository = TestRepository::new(DEFINITIONS).data("stats.parquet", &stats);
    std::fs::copy(component("purchases_per_dollar"), repository.path().join("component.wasm")).unwrap();
    repository
}

fn run(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = skewless(folder).args(arguments).output().unwrap();
    (output.status.success(), printed(&output))
}

fn certificate(folder: &Path) -> Certificate {
    serde_json::from_slice(&std::fs::read(folder.join("component.certificate.json")).unwrap()).unwrap()
}

async fn reuses(folder: &Path) -> bool {
    let repository = Repository::load(folder, &|_| None).unwrap();
    let store = FeatureStore::open(folder, &repository.settings, runtime()).await.unwrap();
    store.components()["purchases_per_dollar"].transform.reuses_instances()
}

#[tokio::test]
async fn apply_asks_for_a_certificate_and_instances_are_reused_with_one() {
    let repository = repository();
    let folder = repository.path();
    let (applied, told) = run(folder, &["apply"]);
    assert!(!applied);
    insta::assert_snapshot!(told, @"error: features.yaml:2:40: the component of transform `purchases_per_dollar` has no parity certificate; `skewless verify purchases_per_dollar` shows whether training and serving get the same bits from it, and `--allow-uncertified` applies it all the same");
    let (_, planned) = run(folder, &["plan"]);
    assert!(planned.contains("has no parity certificate: `apply` would refuse it; run `skewless verify`"), "{planned}");

    let (verified, told) = run(folder, &["verify"]);
    assert!(verified && told.contains("certified: "), "{told}");
    assert_eq!(certificate(folder).corpus.sampled_inputs, ["purchases", "spend"]);
    assert!(run(folder, &["verify"]).1.contains("certified before"));
    let (applied, told) = run(folder, &["apply"]);
    assert!(applied && told.contains("applied as commit 1"), "{told}");
    assert!(reuses(folder).await);

    // The registry knows it, too.
    std::fs::remove_file(folder.join("component.certificate.json")).unwrap();
    let (applied, told) = run(folder, &["apply"]);
    assert!(applied && told.contains("nothing to change"), "{told}");
}

#[tokio::test]
async fn who_knows_better_applies_without_a_certificate_and_without_reuse() {
    let repository = repository();
    let (applied, told) = run(repository.path(), &["apply", "--allow-uncertified"]);
    assert!(applied, "{told}");
    assert!(!reuses(repository.path()).await);
}

#[test]
fn a_component_that_failed_is_refused_with_the_relation_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("skewless.yaml"), "project: test\n").unwrap();
    let yaml = "transforms:\n  - {name: evil, path: component.wasm}\n";
    std::fs::write(folder.path().join("features.yaml"), yaml).unwrap();
    std::fs::write(folder.path().join("component.wasm"), evil("neighbour")).unwrap();
    let (verified, told) = run(folder.path(), &["verify"]);
    assert!(!verified && told.contains("not certified"), "{told}");
    insta::assert_snapshot!(run(folder.path(), &["apply"]).1, @"error: features.yaml:2:24: the parity certificate of transform `evil` does not count: the component failed it: a batch of 8,192 rows differs from each row alone; `skewless verify evil` shows whether training and serving get the same bits from it, and `--allow-uncertified` applies it all the same");
}

#[test]
fn what_is_no_certificate_is_named_and_verify_replaces_it() {
    let repository = repository();
    std::fs::write(repository.path().join("component.certificate.json"), "{\"passed\": true").unwrap();
    insta::assert_snapshot!(run(repository.path(), &["apply"]).1, @"error: `./component.certificate.json` is no parity certificate: remove it and run `skewless verify`: EOF while parsing an object at line 1 column 15");
    assert!(run(repository.path(), &["verify"]).0);
    assert!(run(repository.path(), &["apply"]).0);
}

#[test]
fn another_build_of_the_component_needs_another_certificate() {
    let repository = repository();
    assert!(run(repository.path(), &["verify"]).0);
    let mut bytes = std::fs::read(repository.path().join("component.wasm")).unwrap();
    // A custom section: the same code under another digest.
    bytes.extend([0, 3, 1, b'x', b'y']);
    std::fs::write(repository.path().join("component.wasm"), bytes).unwrap();
    let (applied, told) = run(repository.path(), &["apply"]);
    assert!(!applied && told.contains("does not count: it is of sha256:"), "{told}");
}

#[test]
fn the_same_seed_gives_the_same_certificate_and_another_seed_another_corpus() {
    let repository = repository();
    let verified = |arguments: &[&str]| {
        assert!(run(repository.path(), arguments).0);
        certificate(repository.path())
    };
    let first = verified(&["verify", "--rows", "200"]);
    assert_eq!(verified(&["verify", "--rows", "200", "--force"]), first);
    let second = verified(&["verify", "--rows", "200", "--seed", "7"]);
    assert_ne!(second.corpus.sha256, first.corpus.sha256);
    assert_eq!(second.relations.len(), first.relations.len());
}
