//! Kept instances: only with a certificate, never for long, watched, and gone after the first trouble.

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type};
use skewless_runtime::{Certificate, Limits, ReuseOptions, Runtime, RuntimeOptions, Transform, VerifyOptions, verify};

use crate::evil::{LIMITS, evil, rows};
use crate::support::{component, strings, table};

/// A certificate that says of `transform` what it says of an honest one.
fn forged(transform: &Transform) -> Certificate {
    let options = VerifyOptions { rows: 100, ..VerifyOptions::default() };
    let honest = verify(&evil("honest"), &options, &mut |_| {}).unwrap().certificate;
    assert!(honest.passed);
    Certificate { digest: transform.digest().to_string(), ..honest }
}

fn runtime(reuse: ReuseOptions) -> Runtime {
    Runtime::new(RuntimeOptions { calls_max: 8, reuse: Some(reuse), ..RuntimeOptions::default() }).unwrap()
}

fn trusted(runtime: &Runtime, bytes: &[u8]) -> Transform {
    let transform = runtime.load(bytes).unwrap();
    transform.reuse_instances(&forged(&transform)).unwrap();
    transform
}

/// The value of row 2, which is 3 where nothing is wrong.
fn value(transform: &Transform) -> f64 {
    let output = transform.apply(&rows(3), &LIMITS).unwrap();
    output.batch.column(0).as_primitive::<Float64Type>().value(2)
}

const UNWATCHED: ReuseOptions =
    ReuseOptions { calls: 10_000..=10_000, memory_bytes_max: 64 << 20, idle_max: 8, shadow_one_in: 0, seed: 0 };

#[test]
fn without_a_certificate_every_call_has_a_fresh_instance() {
    let transform = runtime(UNWATCHED).load(&evil("counter")).unwrap();
    assert!((0..1_500).all(|_| value(&transform) == 3.0));
    assert_eq!((transform.metrics().reused, transform.metrics().instances_alive), (0, 0));
}

#[test]
fn with_a_certificate_an_instance_answers_many_calls() {
    let transform = trusted(&runtime(UNWATCHED), &evil("honest"));
    assert!((0..100).all(|_| value(&transform) == 3.0));
    assert_eq!((transform.metrics().reused, transform.metrics().instances_alive), (99, 1));
}

#[test]
fn a_certificate_of_another_component_or_one_that_failed_allows_nothing() {
    let runtime = runtime(UNWATCHED);
    let transform = runtime.load(&evil("counter")).unwrap();
    let refuse = |certificate: &Certificate| {
        let message = transform.reuse_instances(certificate).unwrap_err().to_string();
        let digests = [certificate.digest.clone(), transform.digest().to_string()];
        let message = message.replace(&digests[0], "[its digest]").replace(&digests[1], "[the digest]");
        message.replace(&certificate.engine, "[engine]")
    };
    let own = verify(&evil("counter"), &VerifyOptions::default(), &mut |_| {}).unwrap().certificate;
    let others = forged(&runtime.load(&evil("honest")).unwrap());
    let old = Certificate { engine: "an older engine".to_owned(), ..forged(&transform) };
    insta::assert_snapshot!(refuse(&own), @"the parity certificate does not cover this component: the component failed it: each row by itself, all on one instance differs from each row alone");
    insta::assert_snapshot!(refuse(&others), @"the parity certificate does not cover this component: it is of [its digest], the component is [the digest]");
    assert!(
        refuse(&old).starts_with("the parity certificate does not cover this component: it was made with [engine]")
    );
    assert!(!transform.reuses_instances());
}

#[test]
fn an_instance_is_replaced_before_its_calls_are_too_many() {
    // The evil one counts its calls, and lies from the 1,001st on.
    let watchful = ReuseOptions { calls: 400..=1_000, ..UNWATCHED };
    let transform = trusted(&runtime(watchful), &evil("counter"));
    assert!((0..5_000).all(|_| value(&transform) == 3.0));
    let reused = transform.metrics().reused;
    assert!((4_980..5_000).contains(&reused), "{reused} of 5,000");
}

#[test]
fn a_comparison_with_a_fresh_instance_ends_the_reuse_and_its_answer_counts() {
    let watchful = ReuseOptions { shadow_one_in: 1, ..UNWATCHED };
    let transform = trusted(&runtime(watchful), &evil("counter"));
    assert!((0..1_500).all(|_| value(&transform) == 3.0), "the fresh instance is believed");
    let metrics = transform.metrics();
    assert_eq!((metrics.shadow_checks, metrics.shadow_mismatches, metrics.reused), (1_000, 1, 1_000));
    assert!(!transform.reuses_instances());
    assert_eq!(metrics.instances_alive, 0);
}

#[test]
fn what_nobody_compares_shows_why_it_must_be_compared() {
    let transform = trusted(&runtime(UNWATCHED), &evil("counter"));
    assert_eq!((0..1_500).filter(|_| value(&transform) != 3.0).count(), 500);
}

#[test]
fn an_instance_that_grew_is_replaced() {
    let alive = |memory_bytes_max: usize| {
        let bytes = std::fs::read(component("misbehaviour")).unwrap();
        let transform = trusted(&runtime(ReuseOptions { memory_bytes_max, ..UNWATCHED }), &bytes);
        let output = transform.apply(&table(&[("what", strings(&["allocate 4 MiB"]))]), &LIMITS).unwrap();
        assert_eq!(output.batch.column(0).as_primitive::<Int64Type>().value(0), 4 << 20);
        transform.metrics().instances_alive
    };
    assert_eq!((alive(3 << 20), alive(16 << 20)), (0, 1));
}

#[test]
fn a_trap_a_limit_and_a_failed_row_leave_no_instance_that_could_be_harmed() {
    let bytes = std::fs::read(component("misbehaviour")).unwrap();
    let transform = trusted(&runtime(UNWATCHED), &bytes);
    let call = |what: &str, limits: &Limits| transform.apply(&table(&[("what", strings(&[what]))]), limits);
    let alive = |what: &str, limits: &Limits| {
        call("fine", &LIMITS).unwrap();
        let before = transform.metrics().instances_alive;
        assert_eq!(before, 1, "{what}");
        let _ = call(what, limits);
        transform.metrics().instances_alive
    };
    let soon = Limits { deadline: std::time::Duration::from_millis(20), ..LIMITS };
    let little = Limits { memory_bytes_max: 4 << 20, ..LIMITS };
    assert_eq!(alive("panic", &LIMITS), 0);
    assert_eq!(alive("loop", &soon), 0);
    assert_eq!(alive("allocate", &little), 0);
    // A failed row is an answer like another.
    assert_eq!(alive("fail", &LIMITS), 1);
}

#[test]
fn idle_instances_are_no_more_than_allowed_whoever_uses_them() {
    let runtime = runtime(ReuseOptions { idle_max: 2, ..UNWATCHED });
    let transforms =
        [trusted(&runtime, &evil("honest")), trusted(&runtime, &evil("nothing")), trusted(&runtime, &evil("nil"))];
    std::thread::scope(|scope| {
        for transform in transforms.iter().cycle().take(6) {
            scope.spawn(move || assert!((0..300).all(|_| value(transform) == 3.0)));
        }
    });
    let alive: u64 = transforms.iter().map(|transform| transform.metrics().instances_alive).sum();
    assert!(alive <= 2, "{alive} instances are idle");
}
