//! Feast's own clients, as they come from PyPI, ask a server. What they must see is in `feast/client.py`.

use std::ffi::OsStr;
use std::process::Command;
use std::sync::Arc;

use arrow::array::Float64Array;

use crate::http::{EVERYTHING, Server};
use crate::support::{TestRepository, component, int64s, printed, project, strings, table, timestamps};

/// Where `scripts/test.sh` has put the clients.
const PYTHON: &str = "SKEWLESS_FEAST_PYTHON";

const DEFINITIONS: &str = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: users, path: users.parquet, timestamp_field: event_timestamp}
transforms:
  - {name: purchases_per_dollar, path: RATIO}
  - {name: email_domain, path: EMAIL}
  - {name: mixture, path: MIXTURE}
feature_views:
  - name: user_stats
    entities: [user]
    source: users
    schema: [{name: purchases, type: int64}, {name: avg_spend, type: float64}, {name: visits, type: int64}]
  - name: recent
    entities: [user]
    source: users
    ttl: 30d
    schema: [{name: visits, type: int64}]
  - name: contacts
    entities: [user]
    source: users
    schema: [{name: email, type: string}]
on_demand_feature_views:
  - {name: efficiency, transform: purchases_per_dollar, sources: [user_stats], request: [{name: spend, type: float64}]}
  - {name: mail, transform: email_domain, sources: [contacts]}
EVERYTHINGfeature_services:
  - {name: model, features: ["user_stats:purchases", "efficiency"]}
"#;

fn server() -> Server {
    let path = |name| component(name).display().to_string();
    let yaml = DEFINITIONS
        .replace("EVERYTHING", EVERYTHING)
        .replace("RATIO", &path("purchases_per_dollar"))
        .replace("EMAIL", &path("email_domain"))
        .replace("MIXTURE", &path("mixture"));
    let users = table(&[
        ("user_id", int64s(&[1, 2])),
        ("purchases", int64s(&[12, 7])),
        ("avg_spend", Arc::new(Float64Array::from(vec![Some(7.25), None]))),
        ("visits", int64s(&[1, 2])),
        ("email", strings(&["somebody@example.org", "ada@GMail.com"])),
        ("event_timestamp", timestamps(&["2024-01-15T00:00:00Z", "2024-01-15T06:30:00.25Z"])),
    ]);
    Server::start(TestRepository::new(&yaml).data("users.parquet", &users))
}

/// Runs a check of `feast/client.py`.
fn check(arguments: [&OsStr; 3]) {
    let python = std::env::var_os(PYTHON).unwrap_or_else(|| {
        panic!(
            "Feast's clients are not here: run scripts/test.sh, which gets them, or set {PYTHON} to a Python that has what \
             tests/suite/feast/requirements.txt lists"
        )
    });
    let mut command = Command::new(python);
    command.arg(project().join("tests/suite/feast/client.py")).args(arguments).env("FEAST_USAGE", "False");
    let output = command.output().unwrap();
    assert!(output.status.success() && printed(&output).contains("as it must be"), "{}", printed(&output));
}

fn ask(name: &str) {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    check([server.url.as_ref(), folder.path().as_os_str(), name.as_ref()]);
}

#[test]
fn feasts_client_reads_stored_and_on_demand_features_with_their_types_and_statuses() {
    ask("features");
}

#[test]
fn feasts_client_reads_a_feature_service_by_full_names() {
    ask("service");
}

#[test]
fn feasts_client_is_told_that_a_value_is_past_its_ttl() {
    ask("old_values");
}

#[test]
fn feasts_client_raises_its_own_exceptions_with_the_servers_words() {
    ask("errors");
}

#[test]
fn what_feasts_client_writes_is_read_back_and_an_older_row_is_not_stored() {
    ask("write");
}

#[test]
fn feasts_grpc_stub_reads_a_feature_service() {
    ask("grpc_features");
}

#[test]
fn every_type_passes_through_feasts_grpc_messages() {
    ask("grpc_types");
}

#[test]
fn errors_over_grpc_have_a_code_and_feasts_exception() {
    ask("grpc_errors");
}

#[test]
fn reflection_shows_messages_that_are_feasts() {
    ask("grpc_reflection");
}

#[test]
fn the_descriptors_that_are_checked_in_are_those_of_the_proto_files() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("descriptors.binpb");
    let proto = project().join("host/server/proto");
    std::fs::copy(proto.join("descriptors.binpb"), &copy).unwrap();
    check([proto.as_os_str(), copy.as_os_str(), "descriptors".as_ref()]);
}
