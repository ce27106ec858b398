//! Routes, and what surrounds a request.
//!
//! | route | what | who |
//! |---|---|---|
//! | `POST /get-online-features` | features for some rows, in the form of [`wire`](crate::wire); any content type | `read_online` |
//! | `POST /push`, `POST /write-to-online-store` | rows for the online store, in the form of [`wire::rows`](crate::wire::rows) | `write_online` |
//! | `POST /materialize`, `POST /materialize-incremental` | from the sources to the online store | `admin` |
//! | `POST /feast.serving.ServingService/…` | the same features by gRPC: `grpc` | `read_online` |
//! | other services of gRPC | its health and reflection | everybody |
//! | `GET /health` | 200 while it can answer, with the project and the commit it serves from | everybody |
//! | `GET /metrics` | counters for Prometheus | `read_online`, or everybody |
//! | `GET /openapi.json` | the routes, for programs | everybody |
//!
//! To answer means to read a store and to call WebAssembly. A small request is answered on the thread that watches its
//! connection: Redis is waited for without a thread, a file is read in microseconds, and transforms that took less than a
//! millisecond of late are called at once (`at_once`). All else, large requests, slow transforms, clusters and writes, goes to
//! tokio's blocking threads, so that it delays no other's bytes, and to few of them at once, two for each core: others
//! wait for their turn, for a while: `admission`.

mod body;
mod connection;
mod directory;
mod head;
mod health;
mod limits;
mod materialize;
mod request_id;
mod routes;
mod serve;
mod state;
mod trace;
mod write;

use std::sync::Arc;

use axum::extract::{FromRequest as _, State};
use axum::http::{Method, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use tower::ServiceExt as _;

use self::body::RequestBody;
use self::directory::Directory;
use self::routes::{Access, Guard, Pace, Routes};
use crate::admission::Admission;
use crate::auth::Role;
use crate::failure::Failure;
use crate::prepared::{Answer, AnswerError};
use crate::wire::protobuf::{GetOnlineFeaturesRequest, GetOnlineFeaturesResponse};
use crate::wire::{Request, RequestText, instant};
use crate::{grpc, openapi};

pub use limits::Limits;
pub use serve::{serve, serve_metrics};
pub(crate) use state::Serving;
pub use state::{Clock, ServerOptions, ServerState};
pub(crate) use trace::Rows;

/// Where features are asked for.
const FEATURES: &str = "/get-online-features";

/// The longest body that is read on the thread that watches its connection: some tenths of a millisecond.
const BODY_BYTES_AT_ONCE: usize = 64 << 10;

impl Serving {
    /// The answer to the body of a request, in JSON.
    async fn answer(&self, body: &[u8], now: Timestamp, admission: &Admission) -> Result<Answer, AnswerError> {
        let request = RequestText::parse(body)?;
        let prepared = self.prepared.prepare_text(&self.store, &request)?;
        let at = request.event_timestamp()?.unwrap_or_else(|| instant::micros(now));
        let rows = request.entity_rows(prepared.columns())?;
        let features = prepared.features(&rows, at, now, admission).await?;
        prepared.json(&rows, &features)
    }

    /// The same, for a caller that may wait.
    fn answer_blocking(&self, body: &[u8], now: Timestamp) -> Result<Answer, AnswerError> {
        let request = Request::parse(body)?;
        self.prepared.prepare(&self.store, &request.question)?.answer(&request, now)
    }

    /// The answer to a request in protobuf, which is always about `now`.
    pub(crate) async fn answer_message(
        &self,
        request: &GetOnlineFeaturesRequest,
        now: Timestamp,
        admission: &Admission,
    ) -> Result<GetOnlineFeaturesResponse, AnswerError> {
        let prepared = self.prepared.prepare(&self.store, &request.question()?)?;
        let rows = request.entity_rows(prepared.columns())?;
        let features = prepared.features(&rows, instant::micros(now), now, admission).await?;
        prepared.message(&rows, &features)
    }
}

/// What answers requests.
pub struct App {
    state: Arc<ServerState>,
    routes: Router,
    /// what stands before the features, where they are served
    features: Option<Guard>,
}

impl App {
    /// The answer to `request`, whatever that is.
    pub async fn answer(&self, request: axum::extract::Request) -> Response {
        trace::trace(&self.state, request, |request| self.route(request)).await
    }

    /// Features are asked for thousands of times a second, and go past the router: its layers took about an eighth of the time.
    async fn route(&self, request: axum::extract::Request) -> Response {
        match &self.features {
            Some(guard) if request.uri().path() == FEATURES && request.method() == Method::POST => {
                let state = Arc::clone(&self.state);
                // Boxed, since what surrounds it would move all of it from one to the next.
                let answer = async |request| Box::pin(get_online_features(State(state), request)).await.into_response();
                routes::guarded(guard, request, answer).await
            }
            _ => match self.routes.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        }
    }
}

/// What answers from what is in `state`.
pub fn app(state: Arc<ServerState>) -> App {
    let needs = Access::Needs;
    let features = Guard::new(&state, FEATURES, needs(Role::ReadOnline), Pace::Request);
    let mut routes = Routes::new(&state)
        .add(FEATURES, needs(Role::ReadOnline), Pace::Request, post(get_online_features))
        .add("/push", needs(Role::WriteOnline), Pace::Request, post(write::push))
        .add("/write-to-online-store", needs(Role::WriteOnline), Pace::Request, post(write::write_to_online_store))
        .add("/materialize", needs(Role::Admin), Pace::Job, post(materialize::materialize))
        .add("/materialize-incremental", needs(Role::Admin), Pace::Job, post(materialize::materialize_incremental))
        .add("/health", Access::Open, Pace::Request, get(health::health))
        .merge("feast.serving.ServingService", needs(Role::ReadOnline), grpc::serving_routes())
        .merge("grpc", Access::Open, grpc::public_routes());
    if !state.metrics_elsewhere {
        routes = add_metrics(routes, &state);
    }
    App { features: Some(features), routes: finish(routes, &state), state }
}

/// Only the route of the metrics, for a listener of its own.
pub fn metrics_app(state: Arc<ServerState>) -> App {
    App { features: None, routes: finish(add_metrics(Routes::new(&state), &state), &state), state }
}

fn add_metrics(routes: Routes, state: &ServerState) -> Routes {
    let access = if state.open_metrics { Access::Open } else { Access::Needs(Role::ReadOnline) };
    routes.add("/metrics", access, Pace::Request, get(metrics))
}

/// Adds what describes the routes, and what answers where there is none.
fn finish(routes: Routes, state: &Arc<ServerState>) -> Router {
    let document = openapi::document(routes.paths());
    let directory = Arc::new(Directory::of(&document));
    let other_method = Arc::clone(&directory);
    let document = Json(document);
    routes
        .add(openapi::PATH, Access::Open, Pace::Request, get(|| async move { document }))
        .finish()
        .fallback(move |uri: Uri| async move { directory.no_such_path(uri.path()) })
        .method_not_allowed_fallback(move |method: Method, uri: Uri| async move {
            other_method.no_such_method(&method, uri.path())
        })
        .with_state(Arc::clone(state))
}

async fn get_online_features(
    State(state): State<Arc<ServerState>>,
    request: axum::extract::Request,
) -> Result<Response, Failure> {
    let RequestBody(body) = RequestBody::from_request(request, &state).await?;
    let Answer { body, rows } = match body.len() {
        ..=BODY_BYTES_AT_ONCE => {
            let serving = state.serving.load_full();
            serving.answer(&body, (state.clock)(), &state.admission).await?
        }
        _ => state.work(move |serving, now| serving.answer_blocking(&body, now)).await?,
    };
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    response.extensions_mut().insert(Rows(rows));
    Ok(response)
}

async fn metrics(State(state): State<Arc<ServerState>>) -> Response {
    ([(header::CONTENT_TYPE, crate::metrics::CONTENT_TYPE)], crate::metrics::text(&state)).into_response()
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod connection_tests;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;
