//! What looks right call by call, and is not: `verify` finds it, and shows the rows.

use skewless_runtime::{Certificate, Verification, VerifyOptions, verify};

use super::evil;
use crate::support::{component, printed, project, skewless};

fn verified(deed: &str) -> Verification {
    verify(&evil(deed), &VerifyOptions::default(), &mut |_| {}).unwrap()
}

/// The relation that is broken, and how few rows show it: the calls' sizes, and whether on one instance.
fn found(deed: &str) -> (String, Vec<usize>, bool) {
    let verification = verified(deed);
    assert!(!verification.certificate.passed, "{deed}");
    let difference = verification.difference.unwrap();
    let found = difference.found.unwrap();
    let (row, call) = (difference.row.unwrap(), difference.calls.last().unwrap());
    assert_eq!(found.num_rows(), call.len());
    let alone = difference.alone.slice(difference.alone.num_rows() - call.len() + row, 1);
    assert_ne!(alone, found.slice(row, 1), "{deed}: what is shown differs");
    (difference.relation, difference.calls.iter().map(Vec::len).collect(), difference.one_instance)
}

#[test]
fn the_honest_one_is_certified() {
    let verification = verified("honest");
    assert!(verification.certificate.passed && verification.difference.is_none());
    assert!(verification.certificate.relations.len() > 15);
    assert_eq!(verification.row_without_result, None);
    assert_eq!(verified("honest").certificate, verification.certificate, "the same again, byte for byte");
}

#[test]
fn a_counter_in_a_static_is_found() {
    let (relation, calls, one_instance) = found("counter");
    assert_eq!(relation, "each row by itself, all on one instance");
    assert!(one_instance && calls.len() == 1_001, "{calls:?}");
}

#[test]
fn a_look_at_the_neighbouring_row_is_found_with_two_rows() {
    let (_, calls, one_instance) = found("neighbour");
    assert_eq!((calls, one_instance), (vec![2], false));
}

#[test]
fn a_look_at_the_length_of_the_batch_is_found_with_as_many_rows_as_it_takes() {
    let (relation, calls, _) = found("batch length");
    assert_eq!((relation.as_str(), calls), ("a batch of 8,192 rows", vec![1_000]));
}

#[test]
fn an_address_that_reaches_the_output_is_found() {
    let (_, calls, _) = found("address");
    assert!(calls.len() == 1 && calls[0] > 1, "{calls:?}");
}

#[test]
fn the_order_of_a_hash_map_is_found() {
    let (_, calls, _) = found("hash map");
    assert!(calls.iter().sum::<usize>() <= 8, "{calls:?}");
}

#[test]
fn the_bits_of_a_nan_are_found_by_another_engine() {
    let (relation, calls, _) = found("nan bits");
    assert!(relation.contains("canonical NaNs"), "{relation}");
    assert_eq!(calls, [1]);
}

#[test]
fn a_signature_that_changes_is_found() {
    let certificate = verified("describe: changes").certificate;
    assert!(!certificate.passed);
    assert_eq!(certificate.relations.len(), 1);
    assert_eq!(certificate.relations[0].relation, "describe, before and after a call");
}

#[test]
fn a_transform_that_always_traps_is_not_certified_and_says_why() {
    let verification = verified("trap");
    let Certificate { corpus, passed, .. } = verification.certificate;
    assert!(!passed && corpus.rows_without_result == corpus.rows);
    assert!(verification.row_without_result.unwrap().1.contains("as it pleases"));
}

#[test]
fn the_command_shows_the_rows_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("evil.wasm"), evil("neighbour")).unwrap();
    let output = skewless(folder.path()).args(["verify", "evil.wasm"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let digest = skewless_runtime::Digest::of(&evil("neighbour")).to_string();
    insta::assert_snapshot!(printed(&output).replace(&digest[..19], "[digest]"), @r#"
    evil  [digest]  10,000 rows of seed 0
      AS EACH ROW ALONE                  CALLS    ROWS
      describe, before and after a call      3       1  the same bits
      a batch of 8,192 rows                  2  10,000  differs
    a batch of 8,192 rows differs. The fewest rows found, in 1 call on a fresh instance for each call:
      CALL  INPUTS                                                                              ALONE                                                        HERE
         1  id=4324319094669239287 number=1.3588538321723364e220 text="👩\u{200d}👩\u{200d}👧"  value=1.3588538321723364e220 label="👩\u{200d}👩\u{200d}👧"  value=1.3588538321723364e220 label="👩\u{200d}👩\u{200d}👧"
         1  id=4324319094669239287 number=10.0 text="56pa😀g\u{301} 7hbmBßCr"                   value=4.3243190946692393e18 label="56pa😀g\u{301} 7hbmBßCr"  value=1.3588538321723364e220 label="56pa😀g\u{301} 7hbmBßCr"  <
    not certified: evil.certificate.json
    error: no parity: evil
    "#);
    let certificate: Certificate =
        serde_json::from_slice(&std::fs::read(folder.path().join("evil.certificate.json")).unwrap()).unwrap();
    assert!(!certificate.passed);
}

#[test]
fn every_example_is_certified() {
    for entry in std::fs::read_dir(project().join("examples/transforms")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = component(&name);
        let output = skewless(project()).arg("verify").arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
    }
}
