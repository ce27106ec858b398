//! The server against its own description, by schemathesis: requests of every form that the document allows and many
//! that it doesn't.

use std::process::Command;

use crate::feature_server::{FeatureServer, users};
use crate::support::printed;

#[test]
fn answers_are_what_the_document_says_whatever_is_asked() {
    let program = std::env::var("SKEWLESS_SCHEMATHESIS")
        .expect("SKEWLESS_SCHEMATHESIS names the program `schemathesis`: scripts/test.sh gets it, or pip install it");
    let repository = users("");
    let server = FeatureServer::start(repository.path(), &[]);
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                  response_headers_conformance";
    let output = Command::new(program)
        .args(["run", &format!("{}/openapi.json", server.url), "--checks", checks])
        .args(["--max-examples", "100", "--seed", "1", "--mode", "all", "--no-color", "--workers", "1"])
        .args(["--generation-database", "none"])
        .current_dir(repository.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output));
}
