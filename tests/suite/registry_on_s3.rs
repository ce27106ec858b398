//! The registry on a real S3 server, written to by processes of their own.

use std::process::{Child, Stdio};

use crate::s3_server::{Fault, Proxy, S3Server};
use crate::support::{TestRepository, printed, skewless};

const YAML: &str =
    "entities:\n  - {name: user, join_keys: [{name: user_id, type: int64}], description: \"DESCRIPTION\"}\n";

/// A repository whose registry is at `address`, and that differs from others by `description`.
fn repository(address: &str, description: &str) -> TestRepository {
    let repository = TestRepository::new(&YAML.replace("DESCRIPTION", description));
    std::fs::write(repository.path().join("skewless.yaml"), format!("project: test\nregistry: {address}\n")).unwrap();
    repository
}

fn start_apply(repository: &TestRepository, environment: &[(&str, String)]) -> Child {
    let mut command = skewless(repository.path());
    command.arg("apply").envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn applies_at_one_instant_are_commits_or_clear_conflicts_and_none_is_lost() {
    let server = S3Server::shared();
    let bucket = server.bucket("registry");
    let mut commits = 0;
    for round in 0..2 {
        let repositories: Vec<TestRepository> =
            (0..6).map(|writer| repository("s3://registry/main", &format!("round {round}, writer {writer}"))).collect();
        let writers: Vec<Child> =
            repositories.iter().map(|repository| start_apply(repository, &server.environment())).collect();
        let outputs: Vec<_> = writers.into_iter().map(|writer| writer.wait_with_output().unwrap()).collect();
        let made = outputs.iter().filter(|output| output.status.success()).count();
        assert!(made >= 1, "nobody committed");
        for output in outputs.iter().filter(|output| !output.status.success()) {
            let told = printed(output);
            assert!(told.contains("somebody applied other definitions meanwhile"), "{told}");
        }
        commits += made;
        let numbers: Vec<String> = (1..=commits).map(|number| format!("main/test/log/{number:020}.json")).collect();
        assert_eq!(bucket.keys("main/"), numbers);
    }
    let last = repository("s3://registry/main", "the last");
    let output = start_apply(&last, &server.environment()).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(bucket.keys("main/").len(), commits + 1);
}

/// The program tries again, and finds what it wrote the first time.
#[test]
fn a_commit_whose_answer_was_lost_is_no_conflict() {
    let server = S3Server::shared();
    let bucket = server.bucket("lost-answer");
    let proxy = Proxy::start(server, Fault::LoseAnswer, 1, "PUT /lost-answer/main/test/log/");
    let repository = repository("s3://lost-answer/main", "");
    let output = start_apply(&repository, &server.environment_at(&proxy.url)).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!((bucket.keys("main/").len(), proxy.faults()), (1, 1));
}

#[test]
fn credentials_come_from_the_environment_and_others_are_refused() {
    let server = S3Server::with_credentials();
    let repository = repository("s3://bucket/registry", "");
    let output = start_apply(&repository, &server.environment()).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    let mut wrong = server.environment();
    wrong.retain(|(name, _)| *name != "AWS_ACCESS_KEY_ID");
    wrong.push(("AWS_ACCESS_KEY_ID", "AKIAOFSOMEBODYELSE00".to_owned()));
    let output = start_apply(&repository, &wrong).wait_with_output().unwrap();
    let told = printed(&output);
    let told = told.split(": Generic").next().unwrap();
    insta::assert_snapshot!(told, @"error: can't list the log in the registry `s3://bucket/registry`, the store refuses: check the credentials in the environment and what they may do");
}

#[test]
fn https_is_spoken_too() {
    let server = S3Server::with_tls();
    let repository = repository("s3://bucket/registry", "");
    let mut environment = server.environment();
    let output = start_apply(&repository, &environment).wait_with_output().unwrap();
    assert!(!output.status.success(), "a certificate that nobody signed was accepted");
    let told = printed(&output);
    let told = told.split(": Generic").next().unwrap();
    insta::assert_snapshot!(told, @"error: can't list the log in the registry `s3://bucket/registry`, the store can't be reached");
    environment.push(("AWS_ALLOW_INVALID_CERTIFICATES", "true".to_owned()));
    let output = start_apply(&repository, &environment).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
}
