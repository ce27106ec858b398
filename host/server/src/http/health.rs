//! `GET /health`: whether requests can be answered, and from what.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::LargeBinaryArray;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use skewless_store::online::{OnlineStore, ReadRequest};

use super::ServerState;

/// How long the online store may take to answer before it counts as away.
const STORE_MAX: Duration = Duration::from_secs(2);

/// What is said of the server.
#[derive(Serialize)]
struct Health {
    /// `ok` where requests can be answered, else `unavailable`
    status: &'static str,
    project: String,
    /// the commit that is served
    registry_commit: u64,
    /// how long ago it was made, in seconds
    registry_commit_age_seconds: i64,
    /// how long ago the registry was last asked for a newer one, and answered, in seconds
    registry_checked_seconds_ago: i64,
    /// why there may be a newer commit that is not served
    registry_error: Option<String>,
    /// why the online store can't be read
    online_store_error: Option<String>,
}

/// 200 where requests can be answered; 503 where the online store can't be read. A commit that can't be served is told
/// but harms nobody: the one before it is served.
pub(super) async fn health(State(state): State<Arc<ServerState>>) -> Response {
    let store = Arc::clone(&state.serving.load().store);
    let online_store_error = reachable(Arc::clone(store.online())).await.err();
    let now = (state.clock)();
    let seconds_since = |then: jiff::Timestamp| now.duration_since(then).as_secs();
    let reload = state.reload.status();
    let health = Health {
        status: if online_store_error.is_none() { "ok" } else { "unavailable" },
        project: store.commit().state.project.clone(),
        registry_commit: store.commit().number,
        registry_commit_age_seconds: seconds_since(store.commit().at),
        registry_checked_seconds_ago: seconds_since(reload.checked_at),
        registry_error: reload.error,
        online_store_error,
    };
    let status = if health.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, Json(health)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Reads an entity that is not there.
async fn reachable(online: Arc<dyn OnlineStore>) -> Result<(), String> {
    let read = tokio::task::spawn_blocking(move || {
        let keys = LargeBinaryArray::from(vec![b"health".as_slice()]);
        online.read(&[ReadRequest { feature_view: "health", keys: &keys }], &mut |_, _| Ok(()))
    });
    match tokio::time::timeout(STORE_MAX, read).await {
        Ok(Ok(read)) => read.map_err(|error| error.to_string()),
        Ok(Err(_)) => Err("the read was interrupted: the server's log says why".to_owned()),
        Err(_) => Err(format!("the online store did not answer within {} s", STORE_MAX.as_secs())),
    }
}
