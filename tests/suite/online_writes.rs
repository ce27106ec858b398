//! Rows that somebody sends to the server, and materialization that somebody asks it for.

use crate::http::Server;
use crate::redis_server::RedisServer;
use crate::support::{TestRepository, component, int64s, strings, table, timestamps};

/// Two views of one source, one of them with a transform; what is materialized is from January 2024.
fn server() -> Server {
    let yaml = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: orders, path: orders.parquet, timestamp_field: happened}
  - {name: unused, path: orders.parquet, timestamp_field: happened}
transforms:
  - {name: purchases_per_dollar, path: RATIO}
feature_views:
  - {name: totals, entities: [user], source: orders, schema: [{name: purchases, type: int64}]}
  - name: ratios
    entities: [user]
    source: orders
    transform: {name: purchases_per_dollar}
    schema: [{name: purchases_per_dollar, type: float64}]
  - {name: offline, entities: [user], source: orders, online: false, schema: [{name: purchases, type: int64}]}
"#;
    let yaml = yaml.replace("RATIO", &component("purchases_per_dollar").display().to_string());
    let orders = table(&[
        ("user_id", int64s(&[1, 2, 2])),
        ("purchases", int64s(&[10, 20, 30])),
        ("spend", std::sync::Arc::new(arrow::array::Float64Array::from(vec![5.0, 5.0, 5.0]))),
        ("happened", timestamps(&["2024-01-10T00:00:00Z", "2024-01-20T00:00:00Z", "2024-03-01T00:00:00Z"])),
    ]);
    Server::start(TestRepository::new(&yaml).data("orders.parquet", &orders))
}

/// The values of both views for users 1, 2 and 3.
fn stored(server: &Server) -> String {
    let body = r#"{"features": ["totals", "ratios"], "entities": {"user_id": [1, 2, 3]}}"#;
    let answer: serde_json::Value = serde_json::from_str(&server.ask(body)).unwrap();
    format!("{} {}", answer["results"][1]["values"], answer["results"][2]["values"])
}

fn told(server: &Server, path: &str, body: &str) -> String {
    let (status, answer) = server.post(path, body);
    format!("{status} {answer}")
}

#[test]
fn a_push_to_a_source_reaches_each_of_its_views_and_is_transformed() {
    let server = server();
    assert_eq!(stored(&server), "[10,20,null] [2.0,4.0,null]");
    let push = r#"{"push_source_name": "orders", "to": "online", "allow_registry_cache": true, "transform_on_write": true,
        "df": {"user_id": [1, 3], "purchases": [11.0, 33], "spend": [2, null], "color": ["red", "blue"],
            "happened": ["2024-02-01 12:00:00", "2024-02-01T00:00:00+01:00"]}}"#;
    assert_eq!(told(&server, "/push", push), "200 ");
    assert_eq!(stored(&server), "[11,20,33] [5.5,4.0,null]");
}

#[test]
fn a_row_that_is_older_than_the_stored_one_is_not_stored() {
    let server = server();
    let write = |instant: &str, purchases: u32| {
        let body = format!(
            r#"{{"feature_view_name": "totals", "df": {{"user_id": [2], "purchases": [{purchases}], "event_timestamp": ["{instant}"], "created": [null]}}}}"#
        );
        assert_eq!(told(&server, "/write-to-online-store", &body), "200 null");
    };
    write("2024-01-19T00:00:00", 1);
    assert_eq!(stored(&server), "[10,20,null] [2.0,4.0,null]");
    write("2024-01-21T00:00:00", 2);
    assert_eq!(stored(&server), "[10,2,null] [2.0,4.0,null]");
}

#[test]
fn features_that_were_computed_elsewhere_are_stored_as_they_are() {
    let server = server();
    let df = r#""df": {"user_id": [3], "purchases_per_dollar": [0.125], "event_timestamp": [1706745600]}"#;
    for (manner, expected) in
        [("", "[10,20,null] [2.0,4.0,0.125]"), (r#", "transform_on_write": false"#, "[10,20,null] [2.0,4.0,0.125]")]
    {
        let body = format!(r#"{{"feature_view_name": "ratios", {df}{manner}}}"#);
        assert_eq!(told(&server, "/write-to-online-store", &body), "200 null");
        assert_eq!(stored(&server), expected);
    }
    let body = format!(r#"{{"feature_view_name": "ratios", {df}, "transform_on_write": true}}"#);
    insta::assert_snapshot!(told(&server, "/write-to-online-store", &body), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastEntityDFMissingColumnsError\",\"message\":\"column `purchases` (int64) is missing from `df`: the rows need join key `user_id` (int64), event timestamp `event_timestamp` (timestamp), column `purchases` (int64) and column `spend` (float64)\"}""#);
}

#[test]
fn rows_that_can_not_be_stored_are_refused_and_none_of_them_is() {
    let server = server();
    let push = |body: &str| told(&server, "/push", body);
    insta::assert_snapshot!(push(r#"{"push_source_name": "order", "df": {}}"#), @r#"404 "{\"module\":\"feast.errors\",\"class\":\"PushSourceNotFoundException\",\"message\":\"unknown source `order`: did you mean `orders`?\"}""#);
    insta::assert_snapshot!(push(r#"{"push_source_name": "unused", "df": {}}"#), @r#"404 "{\"module\":\"feast.errors\",\"class\":\"PushSourceNotFoundException\",\"message\":\"no feature view of source `unused` is kept online\"}""#);
    insta::assert_snapshot!(push(r#"{"push_source_name": "offline", "df": {}}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"feature view `offline` is not kept online (`online: false`)\"}""#);
    insta::assert_snapshot!(push(r#"{"push_source_name": "orders", "to": "offline", "df": {}}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"`to` is \\\"offline\\\": rows go \\\"online\\\" from here; the offline store is the files that sources name\"}""#);
    insta::assert_snapshot!(push(r#"{"push_source_name": "totals", "df": {"user_id": [1]}}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastEntityDFMissingColumnsError\",\"message\":\"event timestamp `event_timestamp` (timestamp) is missing from `df`: the rows need join key `user_id` (int64), event timestamp `event_timestamp` (timestamp) and column `purchases` (int64)\"}""#);
    insta::assert_snapshot!(push(r#"{"push_source_name": "totals", "df": {"user_id": [1, null], "purchases": [1, 2], "event_timestamp": [0, 0]}}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"`df.user_id[1]` is null, but join key `user_id` is int64: send a whole number from -9223372036854775808 to 9223372036854775807\"}""#);
    insta::assert_snapshot!(push(r#"{"push_source_name": "totals", "df": {"user_id": [1, 3], "purchases": [1], "event_timestamp": [0, 0]}}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"`df.purchases` has 1 values and `df.user_id` has 2: each needs one for every row\"}""#);
    insta::assert_snapshot!(push(r#"{"push_source_name": "totals", "df": {"user_id": [3], "purchases": ["1"], "event_timestamp": [0]}}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"`df.purchases[0]` is \\\"1\\\" (a string), but column `purchases` is int64: send a whole number from -9223372036854775808 to 9223372036854775807\"}""#);
    insta::assert_snapshot!(push(r#"{"push_source_name": "totals", "rows": []}"#), @r#"422 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request can't be read as JSON of the expected form: unknown field `rows`, expected one of `push_source_name`, `df`, `transform_on_write`, `to`, `allow_registry_cache` at line 1 column 37\"}""#);
    insta::assert_snapshot!(told(&server, "/write-to-online-store", r#"{"feature_view_name": "total", "df": {}}"#), @r#"404 "{\"module\":\"feast.errors\",\"class\":\"FeatureViewNotFoundException\",\"message\":\"unknown feature view `total`: did you mean `totals`?\"}""#);
    assert_eq!(stored(&server), "[10,20,null] [2.0,4.0,null]");
}

#[test]
fn a_server_materializes_what_is_asked_for() {
    let server = server();
    let body = r#"{"start_ts": "2024-02-01T00:00:00", "end_ts": "2024-04-01T00:00:00Z", "feature_views": ["totals"]}"#;
    assert_eq!(told(&server, "/materialize", body), "200 null");
    assert_eq!(stored(&server), "[10,30,null] [2.0,4.0,null]");
    // From where the command's run ended, for the other view.
    assert_eq!(told(&server, "/materialize-incremental", r#"{"end_ts": "2024-04-01T00:00:00"}"#), "200 null");
    assert_eq!(stored(&server), "[10,30,null] [2.0,6.0,null]");
    insta::assert_snapshot!(told(&server, "/materialize-incremental?async=true", r#"{"end_ts": "2024-05-01T00:00:00", "feature_views": ["ratios"]}"#), @r#"202 {"feature_views":["ratios"],"status":"accepted"}"#);
}

#[test]
fn what_can_not_be_materialized_is_refused() {
    let server = server();
    let ask = |body: &str| told(&server, "/materialize", body);
    insta::assert_snapshot!(ask(r#"{"start_ts": "2024-02-01", "end_ts": "2024-01-01"}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the interval starts at 2024-02-01T00:00:00Z, after its end at 2024-01-01T00:00:00Z\"}""#);
    insta::assert_snapshot!(ask(r#"{"end_ts": "2024-01-01"}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"`start_ts` is missing: send an instant such as \\\"2013-01-01T05:00:00Z\\\", or `disable_event_timestamp`\"}""#);
    insta::assert_snapshot!(ask(r#"{"disable_event_timestamp": true, "feature_views": ["total"]}"#), @r#"404 "{\"module\":\"feast.errors\",\"class\":\"FeastObjectNotFoundException\",\"message\":\"unknown feature view `total`: did you mean `totals`?\"}""#);
    insta::assert_snapshot!(ask(r#"{"disable_event_timestamp": true, "feature_views": ["offline"]}"#), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"feature view `offline` is not kept online (`online: false`)\"}""#);
}

/// A source of two views for different entities; the second has a transform that does what `what` says.
fn users_and_shops(redis: &RedisServer) -> Server {
    let yaml = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: string}]}
  - {name: shop, join_keys: [{name: shop_id, type: string}]}
sources:
  - {name: orders, path: orders.parquet, timestamp_field: happened}
transforms:
  - {name: misbehaviour, path: MISBEHAVIOUR}
feature_views:
  - {name: by_buyer, entities: [user], source: orders, schema: [{name: what, type: string}]}
  - name: by_shop
    entities: [shop]
    source: orders
    transform: {name: misbehaviour}
    schema: [{name: misbehaviour, type: int64}]
  - {name: last_seen, entities: [shop], source: orders, schema: [{name: user_id, type: string}]}
"#;
    let yaml = yaml.replace("MISBEHAVIOUR", &component("misbehaviour").display().to_string());
    let texts = |name, value| (name, strings(&[value]));
    let happened = ("happened", timestamps(&["2024-01-10T00:00:00Z"]));
    let orders = table(&[texts("user_id", "U0"), texts("shop_id", "S0"), texts("what", "nothing"), happened]);
    let repository = TestRepository::new(&yaml).data("orders.parquet", &orders);
    std::fs::write(repository.path().join("skewless.yaml"), redis.settings_yaml()).unwrap();
    Server::start(repository)
}

#[test]
fn where_one_of_several_views_fails_the_answer_says_which_have_the_rows() {
    let redis = RedisServer::start();
    let server = users_and_shops(&redis);
    let push = |shop: &str, what: &str| {
        let body = format!(
            r#"{{"push_source_name": "orders", "df": {{"user_id": ["U1"], "shop_id": ["{shop}"], "what": ["{what}"],
                "happened": ["2024-01-20T00:00:00"]}}}}"#
        );
        let told = told(&server, "/push", &body).replace(&redis.port().to_string(), "PORT");
        // The rest of one is the digest of a component.
        told.split("; its component is").next().unwrap().to_owned()
    };
    // Keys are the entities' and more, in bytes.
    let stored = |entity: &str| {
        let fields = "local key = redis.call('keys', '*' .. ARGV[1] .. '*')[1]
            return key and table.concat(redis.call('hkeys', key), ' ') or 'nothing'";
        redis.cli(&["eval", fields, "0", entity])
    };
    // What is wrong with the rows is wrong for all views.
    insta::assert_snapshot!(push("S1", "panic"), @r#"422 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"transform `misbehaviour` trapped: wasm trap: wasm `unreachable` instruction executed; it wrote: panicked at tests/guests/misbehaviour/src/lib.rs:25:20:\\nthe row asks for it"#);
    assert_eq!((stored("U1").as_str(), stored("S1").as_str()), ("nothing", "nothing"));
    // What is wrong with the store may be wrong for one.
    let spoil = "local key = redis.call('keys', '*' .. ARGV[1] .. '*')[1]
        redis.call('del', key)
        redis.call('set', key, 'something else')";
    redis.cli(&["eval", spoil, "0", "S0"]);
    insta::assert_snapshot!(push("S0", "fine"), @r#"500 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"key `test:{\\\\x07shop_id\\\\x01\\\\x00\\\\x00\\\\x00\\\\x02S0}` in online store redis://127.0.0.1:PORT/0 is not a hash: something else writes to the keys of this project; delete the key, or give the project a database of its own; rows are stored: all for `by_buyer`, maybe some for `by_shop`, none for `last_seen`; sending them again does no harm\"}""#);
    assert_eq!((stored("U1").as_str(), push("S2", "fine").as_str()), ("by_buyer", "200 "));
    assert_eq!(stored("S2"), "by_shop last_seen");
}
