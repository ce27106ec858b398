//! The server as a client meets it: a process of its own, asked over HTTP.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow::array::Float64Array;

use crate::support::{TestRepository, component, int64s, printed, skewless, table, timestamps};

/// A server of a repository; asked to end when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
    _repository: TestRepository,
}

impl Server {
    pub(crate) fn start(repository: TestRepository) -> Self {
        for arguments in [["apply"].as_slice(), &["materialize", "2024-01-01", "2024-02-01"]] {
            let output = skewless(repository.path()).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", printed(&output));
        }
        let mut command = skewless(repository.path());
        let mut process = command.args(["serve", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().last().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Self { process, url, _repository: repository }
    }

    /// Status and body.
    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.post(format!("{}{path}", self.url)).send(body).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    pub(crate) fn ask(&self, body: &str) -> String {
        let (status, answer) = self.post("/get-online-features", body);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn refusal(&self, body: &str) -> String {
        let (status, answer) = self.post("/get-online-features", body);
        format!("{status} {answer}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An on-demand view over a request field of every type.
pub(crate) const EVERYTHING: &str = "  - name: everything
    transform: mixture
    inputs: {instant: event_timestamp}
    request:
      - {name: integer, type: int64}
      - {name: number, type: float64}
      - {name: single, type: float32}
      - {name: flag, type: bool}
      - {name: text, type: string}
      - {name: raw, type: bytes}
      - {name: list, type: list<float64>}
";

fn server() -> Server {
    let yaml = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: users, path: users.parquet, timestamp_field: event_timestamp}
transforms:
  - {name: purchases_per_dollar, path: RATIO}
  - {name: mixture, path: MIXTURE}
feature_views:
  - name: user_stats
    entities: [user]
    source: users
    ttl: 30d
    schema: [{name: purchases, type: int64}, {name: avg_spend, type: float64}]
on_demand_feature_views:
  - {name: efficiency, transform: purchases_per_dollar, sources: [user_stats], request: [{name: spend, type: float64}]}
EVERYTHING"#;
    let yaml = yaml.replace("RATIO", &component("purchases_per_dollar").display().to_string());
    let yaml = yaml.replace("EVERYTHING", EVERYTHING);
    let yaml = yaml.replace("MIXTURE", &component("mixture").display().to_string());
    let users = table(&[
        ("user_id", int64s(&[1, 2])),
        ("purchases", int64s(&[12, 7])),
        ("avg_spend", Arc::new(Float64Array::from(vec![Some(f64::NAN), None]))),
        ("event_timestamp", timestamps(&["2024-01-15T00:00:00Z", "2024-01-15T06:30:00.25Z"])),
    ]);
    Server::start(TestRepository::new(&yaml).data("users.parquet", &users))
}

#[test]
fn answers_have_feasts_shape_with_stored_features_request_data_and_statuses() {
    let server = server();
    insta::assert_snapshot!(server.ask(r#"{"features": ["user_stats:avg_spend", "efficiency", "user_stats:purchases"],
        "entities": {"user_id": [2, 1, 9], "spend": [35, 0.0, 1]}, "event_timestamp": "2024-01-20T00:00:00Z"}"#), @r#"{"results":[{"values":[2,1,9],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[null,"NaN",null],"statuses":["NULL_VALUE","PRESENT","NOT_FOUND"],"event_timestamps":["2024-01-15T06:30:00.250Z","2024-01-15T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[0.2,null,null],"statuses":["PRESENT","NULL_VALUE","NULL_VALUE"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[7,12,null],"statuses":["PRESENT","PRESENT","NOT_FOUND"],"event_timestamps":["2024-01-15T06:30:00.250Z","2024-01-15T00:00:00Z","1970-01-01T00:00:00Z"]}],"metadata":{"feature_names":["user_id","avg_spend","purchases_per_dollar","purchases"]}}"#);
    insta::assert_snapshot!(server.ask(r#"{"features": ["user_stats:purchases"], "full_feature_names": true,
        "entities": {"user_id": [1]}, "event_timestamp": "2024-03-01T00:00:00Z"}"#), @r#"{"results":[{"values":[1],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[null],"statuses":["OUTSIDE_MAX_AGE"],"event_timestamps":["2024-01-15T00:00:00Z"]}],"metadata":{"feature_names":["user_id","user_stats__purchases"]}}"#);
}

#[test]
fn a_failed_row_is_null_and_the_others_are_answered() {
    let server = server();
    insta::assert_snapshot!(server.ask(r#"{"features": ["everything:shouted", "everything:next_day", "everything:negated"],
        "entities": {"integer": [1, 2], "number": ["NaN", null], "single": [-0.0, 1], "flag": [true, null],
            "text": ["fine", "fail"], "raw": ["AAE=", null], "list": [[1, null], null]},
        "event_timestamp": "2024-01-20T00:00:00Z"}"#), @r#"{"results":[{"values":["4 FINE",null],"statuses":["PRESENT","INVALID"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":["2024-01-21T00:00:00Z",null],"statuses":["PRESENT","INVALID"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[0.0,null],"statuses":["PRESENT","INVALID"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]}],"metadata":{"feature_names":["shouted","next_day","negated"]}}"#);
}

#[test]
fn what_the_caller_did_wrong_is_a_4xx_that_feasts_client_understands() {
    let server = server();
    insta::assert_snapshot!(server.refusal(r#"{"features": ["user_stat:purchases"], "entities": {"user_id": [1]}}"#), @r#"404 "{\"module\":\"feast.errors\",\"class\":\"FeatureViewNotFoundException\",\"message\":\"unknown feature view `user_stat`: did you mean `user_stats`?\"}""#);
    insta::assert_snapshot!(server.refusal(r#"{"features": ["user_stats"], "entities": {"user_id": ["1"]}}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"`entities.user_id[0]` is \\\"1\\\" (a string), but join key `user_id` is int64: send a whole number from -9223372036854775808 to 9223372036854775807\"}""#);
    insta::assert_snapshot!(server.refusal(r#"{"features": ["user_stats"], "entities": {}}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastEntityDFMissingColumnsError\",\"message\":\"join key `user_id` (int64) is missing from `entities`: the features asked for need join key `user_id` (int64)\"}""#);
    insta::assert_snapshot!(server.refusal(r#"{"features": ["user_stats"], "entities": {"user_id": [1]"#), @r#"422 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request can't be read as JSON of the expected form: EOF while parsing an object at line 1 column 56\"}""#);
}

#[test]
fn health_says_what_is_served_and_sigterm_ends_the_server_in_order() {
    let mut server = server();
    let health = ureq::get(format!("{}/health", server.url)).call().unwrap().body_mut().read_to_string().unwrap();
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    let served = ["status", "project", "registry_commit"].map(|key| health[key].to_string());
    assert_eq!(served, [r#""ok""#, r#""test""#, "2"]);
    let killed = Command::new("kill").arg(server.process.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert!(server.process.wait().unwrap().success());
}
