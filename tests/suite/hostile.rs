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
    insta::assert_snapshot!(victim.refusal(deep(100_000)), @"422 the request can't be read as JSON of the expected form: it is a list, expected an object");
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": {}}}"#, deep(100_000))), @r#"422 `features[0]` is a list: expected a string such as "view:feature""#);
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": ["user_stats"], "entities": {{"user_id": {}}}}}"#, deep(100_000))), @"400 `entities.user_id[0]` is a list, but join key `user_id` is int64: send a whole number from -9223372036854775808 to 9223372036854775807");
    insta::assert_snapshot!(victim.refusal(r#"{"entities":"#.repeat(100_000)), @"422 the request can't be read as JSON of the expected form: EOF while parsing a value at line 1 column 1200000");
}

#[test]
fn more_rows_or_bytes_than_anybody_needs_are_refused() {
    let victim = Victim::new();
    let ids = (0..1_000_000).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": ["user_stats"], "entities": {{"user_id": [{ids}]}}}}"#)), @"400 `entities.user_id` has more than 100000 rows: send them in parts");
    let features = vec![r#""user_stats""#; 100_000].join(",");
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": [{features}], "entities": {{"user_id": [1]}}}}"#)), @"400 more than 1000 features are asked for: make a feature service of them, or ask in parts");
    let columns = (0..5_000).map(|column| format!(r#""c{column}": [1]"#)).collect::<Vec<_>>().join(",");
    insta::assert_snapshot!(victim.refusal(format!(r#"{{"features": ["user_stats"], "entities": {{{columns}}}}}"#)), @"422 the request can't be read as JSON of the expected form: there are more than 1000 columns at line 1 column 11939");
    // Only said, not sent.
    let head =
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99999999999\r\n\r\n";
    insta::assert_snapshot!(told(&victim.server.exchange(head.as_bytes()).unwrap()), @"413 the request has more than 16777216 bytes: ask for fewer rows at a time");
}

/// Bodies that nobody can mean.
const WRONG: [&str; 23] = [
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
];

#[test]
fn wrong_types_and_words_are_refused() {
    let victim = Victim::new();
    let mut refusals = Vec::new();
    for body in WRONG {
        refusals.push(format!("{body}\n    {}", victim.refusal(body)));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    {"features": ["user_stats"], "entities": {"user_id": ["one"]}}
        400 `entities.user_id[0]` is "one" (a string), but join key `user_id` is int64: send a whole number from -9223372036854775808 to 9223372036854775807
    {"features": ["user_stats"], "entities": {"user_id": [1.5]}}
        400 `entities.user_id[0]` is 1.5 (a number), but join key `user_id` is int64: send a whole number from -9223372036854775808 to 9223372036854775807
    {"features": ["user_stats"], "entities": {"user_id": [null]}}
        400 `entities.user_id[0]` is null, but join key `user_id` is int64: send a whole number from -9223372036854775808 to 9223372036854775807
    {"features": ["user_stats"], "entities": {"user_id": 1}}
        422 `entities.user_id` is 1 (a number): expected a list with a value for each row
    {"features": ["user_stats"], "entities": [{"user_id": 1}]}
        422 the request can't be read as JSON of the expected form: invalid type: sequence, expected an object with a list for each column at line 1 column 41
    {"features": "user_stats", "entities": {"user_id": [1]}}
        422 `features` is "user_stats" (a string): expected a list of strings such as "view:feature"
    {"features": [1], "entities": {"user_id": [1]}}
        422 `features[0]` is 1 (a number): expected a string such as "view:feature"
    {"features": ["user_stats"], "entities": {"user_id": []}}
        400 `entities.user_id` is empty: send at least one row
    {"features": ["user_stats"], "entities": {"user_id": [1, 2], "user_id": [1]}}
        422 the request can't be read as JSON of the expected form: column `user_id` is given twice at line 1 column 70
    {"features": ["user_stats"], "entities": {"user_id": [9223372036854775808]}}
        400 `entities.user_id[0]` is 9223372036854775808 (a number), but join key `user_id` is int64: send a whole number from -9223372036854775808 to 9223372036854775807
    {"features": ["user_stats"], "entities": {"user_id": [1e999]}}
        422 `entities.user_id[0]` can't be read: its number is out of range, or its string has a broken escape
    {"features": ["user_stats"], "entities": {"user_id": [1]}, "full_feature_names": "yes"}
        422 `full_feature_names` is "yes" (a string): expected true or false
    {"features": ["user_stats"], "entities": {"user_id": [1]}, "event_timestamp": "soon"}
        400 `event_timestamp` is "soon" (a string): expected a string such as "2013-01-01T05:00:00Z", or whole seconds since 1970
    {"features": ["user_stats"], "entities": {"user_id": [1]}, "feature": 1}
        422 the request can't be read as JSON of the expected form: unknown field `feature`, expected one of `features`, `feature_service`, `entities`, `full_feature_names`, `event_timestamp`, `include_feature_view_version_metadata` at line 1 column 68
    {"features": ["user_stats"], "feature_service": "model", "entities": {"user_id": [1]}}
        400 both `features` and `feature_service` are given: send one of them
    {"features": ["user_stats"], "entities": {"user": [1]}}
        400 `entities.user` is of no use: the features asked for need join key `user_id` (int64)
    {"features": ["user_stats"]}
        400 join key `user_id` (int64) is missing from `entities`: the features asked for need join key `user_id` (int64)
    {"features": ["efficiency"], "entities": {"user_id": [1, 2], "spend": [1]}}
        400 `entities.spend` has 1 values and `entities.user_id` has 2: each needs one for every row

        422 the request can't be read as JSON of the expected form: EOF while parsing a value at line 1 column 0
    null
        422 the request can't be read as JSON of the expected form: invalid type: null, expected an object at line 1 column 4
    []
        422 the request can't be read as JSON of the expected form: it is a list, expected an object
    {
        422 the request can't be read as JSON of the expected form: EOF while parsing an object at line 1 column 1
    features=user_stats
        422 the request can't be read as JSON of the expected form: expected ident at line 1 column 2
    "#);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let victim = Victim::new();
    insta::assert_snapshot!(victim.refusal(b"{\"features\": [\"\xff\xfe\"]}"), @"422 the request is not UTF-8: byte 15 can't be read");
    insta::assert_snapshot!(victim.refusal([0; 100]), @"422 the request can't be read as JSON of the expected form: expected value at line 1 column 1");
    insta::assert_snapshot!(victim.refusal(r#"{"features": ["\ud800"]}"#), @"422 `features[0]` can't be read: its number is out of range, or its string has a broken escape");
    insta::assert_snapshot!(victim.refusal([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), @"422 the request is not UTF-8: byte 1 can't be read");
}

#[test]
fn slow_cut_off_and_contradictory_requests_are_refused() {
    let victim = Victim::new();
    let post =
        |headers: &str, body: &str| format!("POST /get-online-features HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}");
    let exchange = |request: String| victim.server.exchange(request.as_bytes());
    insta::assert_snapshot!(told(&exchange(post("content-length: 500\r\n", "{")).unwrap()), @"408 the request's body did not arrive within 0.5 s: send it faster, or ask for fewer rows at a time");
    insta::assert_snapshot!(told(&exchange(post("transfer-encoding: chunked\r\n", "5\r\n{\"fea\r\n")).unwrap()), @"408 the request's body did not arrive within 0.5 s: send it faster, or ask for fewer rows at a time");
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
    insta::assert_snapshot!(told(&with(format!("x-long: {}\r\n", "x".repeat(40_000)))), @"431 the request's path and headers have 40048 bytes, 32768 are allowed");
    insta::assert_snapshot!(told(&with((0..120).map(|number| format!("x-{number}: y\r\n")).collect())), @"431 the request has 123 headers, 100 are allowed");
    let endless = format!("GET /health HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(10_000_000));
    assert!(victim.server.exchange(endless.as_bytes()).is_none_or(|answer| answer.status == 431));
}
