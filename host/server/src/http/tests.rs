use axum::body::Body;
use axum::http;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::*;
use crate::planes::{KNOWN_AT, Planes};
use crate::wire::BODY_BYTES_MAX;

/// A server twelve hours after the planes' facts.
fn state(planes: &Planes) -> Arc<ServerState> {
    let noon = Timestamp::from_microsecond(KNOWN_AT).unwrap() + jiff::SignedDuration::from_hours(12);
    Arc::new(ServerState::new(Arc::clone(&planes.store), Arc::new(move || noon)))
}

async fn respond(planes: &Planes, request: http::Request<Body>) -> String {
    let response = app(state(planes)).answer(request).await;
    let status = response.status().as_u16();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    format!("{status} {}", String::from_utf8(body.to_vec()).unwrap())
}

async fn ask(planes: &Planes, body: &str) -> String {
    let request = http::Request::post("/get-online-features").body(Body::from(body.to_owned())).unwrap();
    respond(planes, request).await
}

#[tokio::test]
async fn rows_are_answered_in_the_order_in_which_they_are_asked_for() {
    let planes = Planes::new().await;
    let body = r#"{"features": ["facts:speed", "facts:seats"], "entities": {"tailnum": ["N2", "N0", "N1", "N1"]}}"#;
    insta::assert_snapshot!(ask(&planes, body).await, @r#"200 {"results":[{"values":["N2","N0","N1","N1"],"statuses":["PRESENT","PRESENT","PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":["NaN",null,0.10000000149011612,0.10000000149011612],"statuses":["PRESENT","NOT_FOUND","PRESENT","PRESENT"],"event_timestamps":["2013-01-01T00:00:00Z","1970-01-01T00:00:00Z","2013-01-01T00:00:00Z","2013-01-01T00:00:00Z"]},{"values":[null,null,9223372036854775807,9223372036854775807],"statuses":["NULL_VALUE","NOT_FOUND","PRESENT","PRESENT"],"event_timestamps":["2013-01-01T00:00:00Z","1970-01-01T00:00:00Z","2013-01-01T00:00:00Z","2013-01-01T00:00:00Z"]}],"metadata":{"feature_names":["tailnum","speed","seats"]}}"#);
}

#[tokio::test]
async fn a_service_answers_with_its_features_by_their_full_names() {
    let planes = Planes::new().await;
    let body = r#"{"feature_service": "model", "entities": {"tailnum": ["N1"]}, "full_feature_names": true}"#;
    insta::assert_snapshot!(ask(&planes, body).await, @r#"200 {"results":[{"values":["N1"],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},{"values":[0.10000000149011612],"statuses":["PRESENT"],"event_timestamps":["2013-01-01T00:00:00Z"]},{"values":[9223372036854775807],"statuses":["PRESENT"],"event_timestamps":["2013-01-01T00:00:00Z"]}],"metadata":{"feature_names":["tailnum","facts__speed","facts__seats"]}}"#);
}

#[tokio::test]
async fn a_value_is_withheld_a_microsecond_after_its_ttl() {
    let planes = Planes::new().await;
    let at = |time: &str| {
        format!(r#"{{"features": ["facts:seats"], "entities": {{"tailnum": ["N1"]}}, "event_timestamp": "{time}"}}"#)
    };
    assert!(
        ask(&planes, &at("2013-01-02T00:00:00Z"))
            .await
            .contains(r#"{"values":[9223372036854775807],"statuses":["PRESENT"]"#)
    );
    let after = ask(&planes, &at("2013-01-02T00:00:00.000001Z")).await;
    assert!(
        after.contains(
            r#"{"values":[null],"statuses":["OUTSIDE_MAX_AGE"],"event_timestamps":["2013-01-01T00:00:00Z"]}"#
        )
    );
}

#[tokio::test]
async fn any_content_type_will_do() {
    let planes = Planes::new().await;
    for content_type in ["application/json", "application/x-www-form-urlencoded", "text/plain"] {
        let body = Body::from(r#"{"feature_service": "model", "entities": {"tailnum": ["N1"]}}"#);
        let request = http::Request::post("/get-online-features").header(header::CONTENT_TYPE, content_type);
        assert!(respond(&planes, request.body(body).unwrap()).await.starts_with("200 "), "{content_type}");
    }
}

#[tokio::test]
async fn health_says_what_is_served() {
    let planes = Planes::new().await;
    let request = http::Request::get("/health").body(Body::empty()).unwrap();
    insta::assert_snapshot!(respond(&planes, request).await, @r#"200 {"status":"ok","project":"fleet","registry_commit":1,"registry_commit_age_seconds":1357041600,"registry_checked_seconds_ago":0,"registry_error":null,"online_store_error":null}"#);
}

#[tokio::test]
async fn what_is_not_applied_is_not_found() {
    let planes = Planes::new().await;
    insta::assert_snapshot!(ask(&planes, r#"{"feature_service": "modle"}"#).await, @r#"404 "{\"module\":\"feast.errors\",\"class\":\"FeatureServiceNotFoundException\",\"message\":\"unknown feature service `modle`: did you mean `model`?\"}""#);
    insta::assert_snapshot!(ask(&planes, r#"{"features": ["fact:seats"]}"#).await, @r#"404 "{\"module\":\"feast.errors\",\"class\":\"FeatureViewNotFoundException\",\"message\":\"unknown feature view `fact`: did you mean `facts`?\"}""#);
    let feature = ask(&planes, r#"{"features": ["facts:seat"]}"#).await;
    assert!(feature.starts_with("404 ") && feature.contains("FeastObjectNotFoundException"), "{feature}");
    assert!(feature.contains("did you mean `seats`?"), "{feature}");
}

#[tokio::test]
async fn what_can_not_be_answered_is_refused() {
    let planes = Planes::new().await;
    insta::assert_snapshot!(ask(&planes, "").await, @r#"422 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request can't be read as JSON of the expected form: EOF while parsing a value at line 1 column 0\"}""#);
    insta::assert_snapshot!(ask(&planes, r#"{"entities": {"tailnum": ["N1"]}}"#).await, @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"no features are asked for: name a feature service or some features\"}""#);
    insta::assert_snapshot!(ask(&planes, r#"{"feature_service": "model"}"#).await, @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastEntityDFMissingColumnsError\",\"message\":\"join key `tailnum` (string) is missing from `entities`: the features asked for need join key `tailnum` (string)\"}""#);
    insta::assert_snapshot!(ask(&planes, r#"{"feature_service": "model", "entities": {"tailnum": [1]}}"#).await, @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"`entities.tailnum[0]` is 1 (a number), but join key `tailnum` is string: send a string\"}""#);
    insta::assert_snapshot!(ask(&planes, r#"{"features": ["facts:seats", "plans:seats"]}"#).await, @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeatureNameCollisionError\",\"message\":\"`facts:seats` and `plans:seats` would both be called `seats`; ask for full feature names, or for one of them\"}""#);
    insta::assert_snapshot!(ask(&planes, r#"{"features": ["history:owner"]}"#).await, @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"feature view `history` is not kept online (`online: false`), so no request can be answered from it\"}""#);
    insta::assert_snapshot!(ask(&planes, &" ".repeat(BODY_BYTES_MAX + 1)).await, @r#"413 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request has more than 16777216 bytes: ask for fewer rows at a time\"}""#);
}

#[tokio::test]
async fn other_paths_and_methods_say_which_there_are() {
    let planes = Planes::new().await;
    let get = |path| respond(&planes, http::Request::get(path).body(Body::empty()).unwrap());
    insta::assert_snapshot!(get("/get-online-feature").await, @r#"404 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"there is no `/get-online-feature` here: did you mean `POST /get-online-features`?\"}""#);
    insta::assert_snapshot!(get("/").await, @r#"404 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"there is no `/` here: there are `POST /get-online-features`, `GET /health`, `POST /materialize`, `POST /materialize-incremental`, `GET /metrics`, `GET /openapi.json`, `POST /push`, `POST /write-to-online-store`\"}""#);
    insta::assert_snapshot!(get("/get-online-features").await, @r#"405 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"`/get-online-features` can't be asked with GET: use POST\"}""#);
}

#[tokio::test]
async fn a_method_that_is_not_allowed_is_answered_with_those_that_are() {
    let planes = Planes::new().await;
    for (method, path, allowed) in [
        ("GET", "/push", "POST"),
        ("DELETE", "/health", "GET,HEAD"),
        ("PUT", "/feast.serving.ServingService/GetOnlineFeatures", "POST"),
    ] {
        let request = http::Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = app(state(&planes)).answer(request).await;
        assert_eq!(response.status(), http::StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!(response.headers()[header::ALLOW], allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_row_that_can_not_be_read_is_the_servers_fault() {
    let planes = Planes::new().await;
    planes.damage();
    let body = r#"{"feature_service": "model", "entities": {"tailnum": ["N1"]}}"#;
    insta::assert_snapshot!(ask(&planes, body).await, @r#"500 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"row 0 of feature view `facts` can't be read: the schema it was stored by, 25478e04ba2cefbb, is not known to this registry: run `skewless materialize` for `facts`, or use the registry that wrote it\"}""#);
}

#[tokio::test]
async fn a_request_under_way_is_answered_after_the_server_was_asked_to_end() {
    const BODY: &str = r#"{"feature_service": "model", "entities": {"tailnum": ["N1"]}}"#;
    let planes = Planes::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shut_down, shutdown) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, state(&planes), None, async { shutdown.await.unwrap() }));

    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // The handler reads the body once the server says so, and from then on the request is under way.
    let mut line = [0; 12];
    connection.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 100");

    shut_down.send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    connection.write_all(BODY.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("200 OK") && answer.contains("PRESENT"), "{answer}");
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_panics_is_answered_with_500_to_http_and_to_grpc() {
    let ask = |content_type| {
        let request = http::Request::post("/panics").header(header::CONTENT_TYPE, content_type).body(Body::empty());
        trace::answered(request.unwrap(), async |_| panic!("on purpose"))
    };
    let response = ask("application/json").await;
    assert_eq!(response.status(), http::StatusCode::INTERNAL_SERVER_ERROR);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("the request was interrupted"), "{body:?}");
    let response = ask("application/grpc").await;
    assert_eq!(response.headers()["grpc-status"], (tonic::Code::Internal as i32).to_string());
}
