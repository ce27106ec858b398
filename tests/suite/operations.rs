//! How a feature server is run: its end, new commits, who may ask, what it logs, and where its spans go.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::feature_server::{Answer, FeatureServer, REQUEST, run, users, wait_until};
use crate::redis_server::free_port;
use crate::support::{printed, skewless};

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
}

#[test]
fn a_server_that_is_asked_to_end_answers_what_is_under_way_and_refuses_others() {
    let repository = users("");
    let mut server = FeatureServer::start(repository.path(), &[]);
    let mut connection = server.connect();
    let head = format!(
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        REQUEST.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    // The body is asked for once the request is under way.
    let mut line = [0; 12];
    connection.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"HTTP/1.1 100");
    server.terminate();
    let address = server.url.split_once("://").unwrap().1;
    wait_until("connections are refused", || TcpStream::connect(address).is_err());
    connection.write_all(REQUEST.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("HTTP/1.1 200 OK") && answer.contains("PRESENT"), "{answer}");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_request_that_does_not_end_is_cut_off_when_the_server_must() {
    let repository = users("");
    let mut server = FeatureServer::start(repository.path(), &["--drain-timeout", "200ms"]);
    let mut connection = server.connect();
    connection.write_all(b"POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").unwrap();
    assert_eq!(server.get("/health").status, 200);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn what_is_applied_is_served_soon_and_a_broken_commit_leaves_the_one_before_it() {
    const SERVICE: &str =
        r#"{"feature_service": "model", "entities": {"user_id": [1]}, "event_timestamp": "2024-01-20T00:00:00Z"}"#;
    let repository = users("");
    let server = FeatureServer::start(repository.path(), &["--registry-poll", "50ms"]);
    assert_eq!(server.ask(SERVICE).status, 404);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut statuses = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                statuses.push(server.ask(REQUEST).status);
            }
            statuses
        });
        let file = repository.path().join("features.yaml");
        let yaml = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{yaml}feature_services: [{{name: model, features: [user_stats]}}]\n")).unwrap();
        run(repository.path(), &["apply"]);
        wait_until("the new service is served", || server.ask(SERVICE).status == 200);
        let commit = json(&server.get("/health"))["registry_commit"].as_u64().unwrap();

        let broken = repository.path().join(format!("registry/test/log/{:020}.json", commit + 1));
        std::fs::write(&broken, "{").unwrap();
        wait_until("the broken commit is told", || !json(&server.get("/health"))["registry_error"].is_null());
        let health = server.get("/health");
        let told = json(&health);
        assert_eq!(
            (health.status, told["status"].as_str(), told["registry_commit"].as_u64()),
            (200, Some("ok"), Some(commit))
        );
        let error = told["registry_error"].as_str().unwrap();
        assert!(error.contains(&format!("{:020}.json` is damaged: restore the file", commit + 1)), "{error}");
        assert!(server.metric(r#"skewless_registry_reloads_total{result="failed"}"#).unwrap() >= 1.0);
        assert_eq!(server.ask(SERVICE).status, 200);

        std::fs::remove_file(&broken).unwrap();
        wait_until("all is well again", || json(&server.get("/health"))["registry_error"].is_null());
        stop.store(true, Ordering::Relaxed);
        let statuses = asking.join().unwrap();
        assert!(statuses.len() > 10 && statuses.iter().all(|status| *status == 200), "{statuses:?}");
    });
}

#[test]
fn a_server_that_others_can_reach_must_know_who_asks_or_be_told_that_it_need_not() {
    let repository = users("");
    let refused = skewless(repository.path()).args(["serve", "--host", "0.0.0.0", "--port", "0"]).output().unwrap();
    insta::assert_snapshot!(printed(&refused).trim(), @"error: on 0.0.0.0, everybody who reaches it could ask this server: say who may under `feature_server.auth` in skewless.yaml, or `--no-auth` where that is meant");
    assert_eq!(refused.status.code(), Some(1));
    let server = FeatureServer::start(repository.path(), &["--host", "0.0.0.0", "--no-auth"]);
    assert_eq!(server.ask(REQUEST).status, 200);
}

#[test]
fn a_caller_shows_a_key_that_may_be_withdrawn() {
    let settings = "feature_server:\n  auth: {type: api_key, keys_file: \"${KEYS}.json\"}\n  open_metrics: true\n";
    let repository = users("");
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let keys = format!(r#"[{{"name": "scorer", "sha256": "{hash}", "roles": ["test:read_online"]}}]"#);
    std::fs::write(repository.path().join("keys.json"), keys).unwrap();
    std::fs::write(repository.path().join("skewless.yaml"), format!("project: test\n{settings}")).unwrap();
    let arguments = ["--host", "0.0.0.0", "--registry-poll", "50ms"];
    let server = FeatureServer::with(repository.path(), &arguments, |command| command.env("KEYS", "keys"));
    let ask = |headers: &str| server.request("POST", "/get-online-features", headers, REQUEST.as_bytes());
    assert_eq!(ask("authorization: Bearer secret\r\n").status, 200);
    let nobody = ask("");
    assert_eq!(nobody.status, 401);
    assert!(nobody.head.contains("www-authenticate: Bearer realm=\"skewless\""), "{}", nobody.head);
    assert_eq!(server.get("/metrics").status, 200);
    std::fs::write(repository.path().join("keys.json"), "[]").unwrap();
    wait_until("the key is withdrawn", || ask("authorization: Bearer secret\r\n").status == 401);
    let both = skewless(repository.path()).args(["serve", "--no-auth"]).env("KEYS", "keys").output().unwrap();
    insta::assert_snapshot!(printed(&both).trim(), @"error: `--no-auth` contradicts `feature_server.auth` in skewless.yaml: leave out one of them");
}

#[test]
fn metrics_may_have_a_port_of_their_own() {
    let repository = users("");
    let address = format!("127.0.0.1:{}", free_port());
    let server = FeatureServer::start(repository.path(), &["--metrics-address", &address]);
    assert_eq!(server.ask(REQUEST).status, 200);
    assert_eq!(server.get("/metrics").status, 404);
    let metrics = ureq::get(format!("http://{address}/metrics")).call().unwrap().body_mut().read_to_string().unwrap();
    for line in [
        r#"skewless_requests_total{route="/get-online-features",status="200"} 1"#,
        r#"skewless_transform_calls_total{transform="purchases_per_dollar"} 1"#,
        r#"skewless_feature_values_total{feature_view="efficiency",status="PRESENT"} 2"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in\n{metrics}");
    }
    assert!(metrics.contains(r#"skewless_feature_view_freshness_age_seconds{feature_view="user_stats"}"#), "{metrics}");
}

#[test]
fn a_request_is_known_by_its_id_in_the_answer_and_in_the_log() {
    let repository = users("");
    let arguments = ["--log-level", "info", "--log-format", "json"];
    let mut server = FeatureServer::with(repository.path(), &arguments, |command| command.stderr(Stdio::piped()));
    let answer = server.request("POST", "/get-online-features", "x-request-id: order-66\r\n", b"{}");
    assert_eq!(answer.status, 400);
    assert!(answer.head.contains("x-request-id: order-66"), "{}", answer.head);
    assert!(server.ask(REQUEST).head.contains("x-request-id: "));
    let stderr = server.stderr();
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let lines = BufReader::new(stderr).lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let lines: Vec<Value> = lines.collect();
    let line = lines.iter().find(|line| line["message"] == "refused").unwrap_or_else(|| panic!("{lines:?}"));
    let span = &line["span"];
    assert_eq!((&span["request_id"], &span["status"]), (&"order-66".into(), &400.into()), "{line}");
    assert_eq!(span["error"], "no features are asked for: name a feature service or some features");
}
