//! Requests that no honest client sends: a 4xx with a message each, and the next request is answered.

use crate::feature_server::{Answer, FeatureServer, REQUEST, users};
use crate::support::TestRepository;

struct Victim {
    server: FeatureServer,
    _repository: TestRepository,
}

impl Victim {
    fn new() -> Self {
        let repository = users("");
        let server = FeatureServer::start(repository.path(), &["--head-timeout", "500ms", "--body-timeout", "500ms"]);
        Self { server, _repository: repository }
    }

    /// Status and message of the refusal.
    fn refusal(&self, body: impl AsRef<[u8]>) -> String {
        let answer = self.server.request("POST", "/get-online-features", "", body.as_ref());
        told(&answer)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.server.ask(REQUEST).status, 200, "the server is not what it was");
        }
    }
}

fn told(answer: &Answer) -> String {
    assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.body);
    let envelope: String =
        serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no envelope: {}", answer.body));
    let envelope: serde_json::Value = serde_json::from_str(&envelope).unwrap();
    format!("{} {}", answer.status, envelope["message"].as_str().unwrap())
}

#[test]
fn json_of_any_depth_is_refused() {
    let victim = Victim::new();
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    insta::assert_snapshot!(victim.refusal(deep(100_000)), @"");
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": {}}}"#, deep(100_000))), @"");
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": ["user_stats"], "entities": {{"user_id": {}}}}}"#, deep(100_000))), @"");
    insta::assert_snapshot!(victim.refusal(r#"{"entities":"#.repeat(100_000)), @"");
}

#[test]
fn more_rows_or_bytes_than_anybody_needs_are_refused() {
    let victim = Victim::new();
    let ids = (0..1_000_000).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": ["user_stats"], "entities": {{"user_id": [{ids}]}}}}"#)), @"");
    let features = vec![r#""user_stats""#; 100_000].join(",");
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": [{features}], "entities": {{"user_id": [1]}}}}"#)), @"");
    let columns = (0..5_000).map(|column| format!(r#""c{column}": [1]"#)).collect::<Vec<_>>().join(",");
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": ["user_stats"], "entities": {{{columns}}}}}"#)), @"");
    // Only said, not sent.
    let head =
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99999999999\r\n\r\n";
    insta::assert_snapshot!(told(&victim.server.exchange(head.as_bytes()).unwrap()), @"");
}

#[test]
fn wrong_types_and_words_are_refused() {
    let victim = Victim::new();
    let mut refusals = Vec::new();
    for body in [
        r#"{"features": ["user_stats"], "entities": {"user_id": ["one"]}}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": [1.5]}}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": [null]}}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": 1}}"#,
        r#"{"features": ["user_stats"], "entities": [{"user_id": 1}]}"#,
        r#"{"features": "user_stats", "entities": {"user_id": [1]}}"#,
        r#"{"features": [1], "entities": {"user_id": [1]}}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": []}}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": [1, 2], "user_id": [1]}}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": [9223372036854775808]}}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": [1e999]}}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": [1]}, "full_feature_names": "yes"}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": [1]}, "event_timestamp": "soon"}"#,
        r#"{"features": ["user_stats"], "entities": {"user_id": [1]}, "feature": 1}"#,
        r#"{"features": ["user_stats"], "feature_service": "model", "entities": {"user_id": [1]}}"#,
        r#"{"features": ["user_stats"], "entities": {"user": [1]}}"#,
        r#"{"features": ["user_stats"]}"#,
        r#"{"features": ["efficiency"], "entities": {"user_id": [1, 2], "spend": [1]}}"#,
        "",
        "null",
        "[]",
        "{",
        "features=user_stats",
        "\u{feff}{}",
    ] {
        refusals.push(format!("{body}\n    {}", victim.refusal(body)));
    }
    insta::assert_snapshot!(refusals.join("\n"), @"");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let victim = Victim::new();
    insta::assert_snapshot!(victim.refusal(b"{\"features\": [\"\xff\xfe\"]}"), @"");
    insta::assert_snapshot!(victim.refusal([0; 100]), @"");
    insta::assert_snapshot!(victim.refusal(r#"{"features": ["\ud800"]}"#), @"");
    insta::assert_snapshot!(victim.refusal([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), @"");
}

#[test]
fn slow_cut_off_and_contradictory_requests_are_refused() {
    let victim = Victim::new();
    let post =
        |headers: &str, body: &str| format!("POST /get-online-features HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}");
    let exchange = |request: String| victim.server.exchange(request.as_bytes());
    insta::assert_snapshot!(told(&exchange(post("content-length: 500\r\n", "{")).unwrap()), @"");
    insta::assert_snapshot!(told(&exchange(post("transfer-encoding: chunked\r\n", "5\r\n{\"fea\r\n")).unwrap()), @"");
    // Without a whole head there is nobody to answer to.
    assert!(exchange("POST /get-online-features HTTP/1.1\r\nx-slow: ".to_owned()).is_none());
    for headers in ["content-length: -5\r\n", "content-length: 5\r\ncontent-length: 6\r\n", "content-length: 5x\r\n"] {
        assert_eq!(exchange(post(headers, "{}")).unwrap().status, 400, "{headers}");
    }
    // Both ways to say where a body ends: one of them must count, and the connection ends there.
    let smuggled = post(
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "2\r\n{}\r\n0\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n",
    );
    let answer = exchange(smuggled).unwrap();
    assert_eq!((answer.status, answer.body.matches("HTTP/1.1").count()), (400, 0), "{}", answer.body);
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let victim = Victim::new();
    let with = |headers: String| victim.server.request("GET", "/health", &headers, b"");
    insta::assert_snapshot!(told(&with(format!("x-long: {}\r\n", "x".repeat(40_000)))), @"");
    insta::assert_snapshot!(told(&with((0..120).map(|number| format!("x-{number}: y\r\n")).collect())), @"");
    let endless = format!("GET /health HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(10_000_000));
    assert!(victim.server.exchange(endless.as_bytes()).is_none_or(|answer| answer.status == 431));
}
