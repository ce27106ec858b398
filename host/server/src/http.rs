//! Routes, and what surrounds a request.
//!
//! | route | what | who |
//! |---|---|---|
//! | `POST /get-online-features` | features for some rows, in the form of [`wire`](crate::wire); any content type | `read_online` |
//! | `GET /health` | 200 while it can answer, with the project and the commit it serves from | everybody |
//! | `GET /metrics` | counters for Prometheus | `read_online`, or everybody |
//! | `GET /openapi.json` | the routes, for programs | everybody |
//!
//! To answer means to read a file and to call WebAssembly: microseconds to milliseconds in which a thread is busy or
//! waits for a disk. That happens on tokio's blocking threads, never on those that watch the connections, so that one
//! slow request delays no other's bytes; and on few of them at once, two for each core, since more would only take the
//! cores from each other. Other requests wait for their turn, for a while: `admission`.

mod admission;
mod body;
mod connection;
mod head;
mod health;
mod limits;
mod request_id;
mod routes;
mod serve;
mod state;
mod trace;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use jiff::Timestamp;

use self::body::RequestBody;
use self::routes::{Access, Pace, Routes};
use self::trace::Rows;
use crate::auth::Role;
use crate::failure::Failure;
use crate::openapi;
use crate::prepared::Answer;
use crate::wire::{BODY_BYTES_MAX, Request};

pub(crate) use admission::Shed;
pub use limits::Limits;
pub use serve::{serve, serve_metrics};
pub(crate) use state::Serving;
pub use state::{Clock, ServerOptions, ServerState};

impl Serving {
    fn answer(&self, body: &[u8], now: Timestamp) -> Result<Answer, Failure> {
        let request = Request::parse(body)?;
        Ok(self.prepared.prepare(&self.store, &request.question)?.answer(&request, now)?)
    }
}

/// The routes, over what is in `state`.
pub fn app(state: Arc<ServerState>) -> Router {
    let mut routes = Routes::new(&state)
        .add("/get-online-features", Access::Needs(Role::ReadOnline), Pace::Request, post(get_online_features))
        .add("/health", Access::Open, Pace::Request, get(health::health));
    if !state.metrics_elsewhere {
        routes = add_metrics(routes, &state);
    }
    finish(routes, state)
}

/// Only the route of the metrics, for a listener of its own.
pub fn metrics_app(state: Arc<ServerState>) -> Router {
    finish(add_metrics(Routes::new(&state), &state), state)
}

fn add_metrics(routes: Routes, state: &ServerState) -> Routes {
    let access = if state.open_metrics { Access::Open } else { Access::Needs(Role::ReadOnline) };
    routes.add("/metrics", access, Pace::Request, get(metrics))
}

/// Adds what describes the routes, and what surrounds all of them.
fn finish(routes: Routes, state: Arc<ServerState>) -> Router {
    let document = Json(openapi::document(routes.paths()));
    routes
        .add(openapi::PATH, Access::Open, Pace::Request, get(|| async move { document }))
        .finish()
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(head::bounded))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), trace::trace))
        .with_state(state)
}

async fn get_online_features(
    State(state): State<Arc<ServerState>>,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let Answer { body, rows } = state.work(move |serving, now| serving.answer(&body, now)).await?;
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    response.extensions_mut().insert(Rows(rows));
    Ok(response)
}

async fn metrics(State(state): State<Arc<ServerState>>) -> Response {
    ([(header::CONTENT_TYPE, crate::metrics::CONTENT_TYPE)], crate::metrics::text(&state)).into_response()
}

async fn no_such_path(uri: Uri) -> Failure {
    let path = uri.path();
    let message = format!("there is no `{path}` here: use `POST /get-online-features` or `GET /health`");
    Failure::new(StatusCode::NOT_FOUND, message)
}

async fn no_such_method(method: Method, uri: Uri) -> Failure {
    let path = uri.path();
    let message = format!("`{path}` can't be asked with {method}: use `POST /get-online-features` or `GET /health`");
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod connection_tests;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;
