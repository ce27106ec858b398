//! Who may ask what, as callers hear of it.

use std::sync::Arc;

use axum::body::Body;
use axum::http;
use jiff::Timestamp;
use skewless_store::definitions::AuthSettings;

use super::{App, FEATURES, ServerOptions, ServerState, app, metrics_app};
use crate::auth::Authenticator;
use crate::planes::Planes;

/// `reader` has the key `read`, `stranger` the key `strange`.
const KEYS: &str = r#"[
    {"name": "reader", "sha256": "40c8e24a13d0e9a3ff1b6d8e1e9c2e1fa4d8a5f3b5fa0ee8e30d1b3c1d0e1d6a", "roles": ["fleet:read_online"]},
    {"name": "stranger", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "roles": ["shop:admin"]}
]"#;

async fn state(planes: &Planes, options: ServerOptions) -> Arc<ServerState> {
    use sha2::{Digest as _, Sha256};
    let hash = |key: &str| Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let keys = KEYS.replace("40c8e24a13d0e9a3ff1b6d8e1e9c2e1fa4d8a5f3b5fa0ee8e30d1b3c1d0e1d6a", &hash("read"));
    let keys = keys.replace(&"0".repeat(64), &hash("strange"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys.json"), keys).unwrap();
    let settings = AuthSettings::ApiKey { keys_file: "keys.json".into() };
    let auth = Authenticator::open(folder.path(), &settings, Timestamp::UNIX_EPOCH).await.unwrap();
    let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    Arc::new(ServerState::with_options(Arc::clone(&planes.store), clock, ServerOptions { auth, ..options }))
}

/// Status, some headers, and body.
async fn ask(app: App, path: &str, key: Option<&str>, content_type: &str) -> String {
    let method = if path.starts_with("/get") { "POST" } else { "GET" };
    let mut request = http::Request::builder().method(method).uri(path).header("content-type", content_type);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let body = r#"{"feature_service": "model", "entities": {"tailnum": ["N1"]}}"#;
    let response = app.answer(request.body(Body::from(body)).unwrap()).await;
    let (head, body) = response.into_parts();
    let told = ["www-authenticate", "grpc-status", "grpc-message"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}: {} ", head.headers.get(name)?.to_str().unwrap())));
    let told: String = told.collect();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    format!("{} {told}{}", head.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_route_is_for_those_who_have_its_role_in_this_project() {
    let planes = Planes::new().await;
    let state = state(&planes, ServerOptions::default()).await;
    let ask = async |key| ask(app(Arc::clone(&state)), FEATURES, key, "application/json").await;
    assert!(ask(Some("read")).await.starts_with("200 "));
    insta::assert_snapshot!(ask(None).await, @r#"401 www-authenticate: Bearer realm="skewless" "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request does not say who asks: send `authorization: Bearer …` with a key or token\"}""#);
    insta::assert_snapshot!(ask(Some("guess")).await, @r#"401 www-authenticate: Bearer realm="skewless" "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the key is not known: ask whoever runs the server whether it was withdrawn\"}""#);
    insta::assert_snapshot!(ask(Some("strange")).await, @r#"403 "{\"module\":\"feast.errors\",\"class\":\"FeastPermissionError\",\"message\":\"`stranger` does not have the role `read_online` in project `fleet`: ask whoever runs the server for it\"}""#);
}

#[tokio::test]
async fn clients_of_grpc_hear_it_in_their_own_words() {
    let planes = Planes::new().await;
    let state = state(&planes, ServerOptions::default()).await;
    let ask = async |key| ask(app(Arc::clone(&state)), FEATURES, key, "application/grpc+proto").await;
    insta::assert_snapshot!(ask(None).await, @"200 grpc-status: 16 grpc-message: %7B%22module%22:%22feast.errors%22,%22class%22:%22FeastError%22,%22message%22:%22the%20request%20does%20not%20say%20who%20asks:%20send%20%60authorization:%20Bearer%20%E2%80%A6%60%20with%20a%20key%20or%20token%22%7D");
    insta::assert_snapshot!(ask(Some("strange")).await, @"200 grpc-status: 7 grpc-message: %7B%22module%22:%22feast.errors%22,%22class%22:%22FeastPermissionError%22,%22message%22:%22%60stranger%60%20does%20not%20have%20the%20role%20%60read_online%60%20in%20project%20%60fleet%60:%20ask%20whoever%20runs%20the%20server%20for%20it%22%7D");
}

#[tokio::test]
async fn health_and_the_document_are_open_and_metrics_where_that_is_said() {
    let planes = Planes::new().await;
    let closed = state(&planes, ServerOptions::default()).await;
    let status = async |router, path, key| ask(router, path, key, "").await[..3].to_owned();
    assert_eq!(status(app(Arc::clone(&closed)), "/health", None).await, "200");
    assert_eq!(status(app(Arc::clone(&closed)), "/openapi.json", None).await, "200");
    assert_eq!(status(app(Arc::clone(&closed)), "/metrics", None).await, "401");
    assert_eq!(status(app(Arc::clone(&closed)), "/metrics", Some("read")).await, "200");
    let open = state(&planes, ServerOptions { open_metrics: true, ..ServerOptions::default() }).await;
    assert_eq!(status(app(open), "/metrics", None).await, "200");
    let elsewhere = state(&planes, ServerOptions { metrics_elsewhere: true, ..ServerOptions::default() }).await;
    assert_eq!(status(app(Arc::clone(&elsewhere)), "/metrics", Some("read")).await, "404");
    assert_eq!(status(metrics_app(Arc::clone(&elsewhere)), "/metrics", Some("read")).await, "200");
    assert_eq!(status(metrics_app(elsewhere), FEATURES, Some("read")).await, "404");
}
