//! Routes, and what surrounds a request.
//!
//! | route | what |
//! |---|---|
//! | `POST /get-online-features` | features for some rows, in the form of [`wire`](crate::wire); any content type |
//! | `POST /push`, `POST /write-to-online-store` | rows for the online store, in the form of [`wire::rows`](crate::wire::rows) |
//! | `POST /materialize`, `POST /materialize-incremental` | from the sources to the online store |
//! | `POST /feast.serving.ServingService/…` and other services of gRPC | see `grpc` |
//! | `GET /health` | 200 while it serves, with the project and the commit it serves from |
//!
//! To answer means to read a store and to call WebAssembly. A small request is answered on the thread that watches its
//! connection: Redis is waited for without a thread, a file is read in microseconds, and transforms that took less than a
//! millisecond the last time are called at once. All else, large requests, slow transforms, clusters and writes, goes to
//! tokio's blocking threads, so that it delays no other's bytes; writes go to few of them at once, two for each core.

mod materialize;
mod serve;
mod trace;
mod write;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use jiff::Timestamp;
use serde::Serialize;
use skewless_store::FeatureStore;
use tokio::sync::Semaphore;
use tracing::Span;

use self::materialize::Jobs;
use crate::failure::Failure;
use crate::grpc;
use crate::prepared::{Answer, AnswerError, PreparedCache};
use crate::wire::protobuf::{GetOnlineFeaturesRequest, GetOnlineFeaturesResponse};
use crate::wire::{BODY_BYTES_MAX, Request, instant};

pub use serve::serve;

/// How many requests are computed at once for each core. More than one, so that the cores are busy while some wait for
/// the disk.
const REQUESTS_PER_CORE: usize = 2;

/// The longest body that is read on the thread that watches its connection: some tenths of a millisecond.
const BODY_BYTES_AT_ONCE: usize = 64 << 10;

/// What tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything that requests share.
pub struct ServerState {
    pub(crate) serving: Serving,
    pub(crate) clock: Clock,
    pub(crate) turns: Arc<Semaphore>,
    jobs: Arc<Jobs>,
}

/// What is served. Questions are prepared for one state of the store, so that both change together or not at all.
pub(crate) struct Serving {
    pub(crate) store: Arc<FeatureStore>,
    pub(crate) prepared: PreparedCache,
}

impl ServerState {
    /// Serves from `store`, and asks `clock` for the instant of requests that name none.
    #[must_use]
    pub fn new(store: Arc<FeatureStore>, clock: Clock) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = Arc::new(Semaphore::new(cores * REQUESTS_PER_CORE));
        let serving = Serving { store, prepared: PreparedCache::default() };
        Self { serving, clock, turns, jobs: Arc::default() }
    }

    /// What `work` makes of what is served at the clock's time, on a thread that may wait, once it is its turn.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Serving, Timestamp) -> Result<T, AnswerError> + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("nobody closes the semaphore");
        let (state, span) = (Arc::clone(self), Span::current());
        let worked = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, even where the caller has gone meanwhile.
            let _turn = turn;
            span.in_scope(|| work(&state.serving, (state.clock)()))
        });
        Ok(worked.await.map_err(|_| interrupted())??)
    }
}

impl Serving {
    /// The answer to the body of a request, in JSON.
    async fn answer(&self, body: &[u8], now: Timestamp, turns: &Arc<Semaphore>) -> Result<Answer, AnswerError> {
        let request = Request::parse(body)?;
        let prepared = self.prepared.prepare(&self.store, &request.question)?;
        let rows = request.entity_rows(prepared.columns())?;
        let at = request.event_timestamp.unwrap_or_else(|| instant::micros(now));
        let features = prepared.features(&rows, at, now, turns).await?;
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
        turns: &Arc<Semaphore>,
    ) -> Result<GetOnlineFeaturesResponse, AnswerError> {
        let prepared = self.prepared.prepare(&self.store, &request.question()?)?;
        let rows = request.entity_rows(prepared.columns())?;
        let features = prepared.features(&rows, instant::micros(now), now, turns).await?;
        prepared.message(&rows, &features)
    }
}

/// The routes, over what is in `state`.
pub fn app(state: Arc<ServerState>) -> Router {
    Router::new()
        .route("/get-online-features", post(get_online_features))
        .route("/push", post(write::push))
        .route("/write-to-online-store", post(write::write_to_online_store))
        .route("/materialize", post(materialize::materialize))
        .route("/materialize-incremental", post(materialize::materialize_incremental))
        .route("/health", get(health))
        .merge(grpc::routes())
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(trace::trace))
        .with_state(state)
}

async fn get_online_features(
    State(state): State<Arc<ServerState>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let body = body.map_err(|rejection| unread(&rejection))?;
    let Answer { body, rows } = match body.len() {
        ..=BODY_BYTES_AT_ONCE => state.serving.answer(&body, (state.clock)(), &state.turns).await?,
        _ => state.work(move |serving, now| serving.answer_blocking(&body, now)).await?,
    };
    Span::current().record("rows", rows);
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

fn unread(rejection: &BytesRejection) -> Failure {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request has more than {BODY_BYTES_MAX} bytes: ask for fewer rows at a time"),
        ),
        status => Failure::new(status, format!("the request's body could not be read: {}", rejection.body_text())),
    }
}

fn interrupted() -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the request was interrupted: the server's log says why")
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    project: String,
    registry_commit: u64,
}

async fn health(State(state): State<Arc<ServerState>>) -> Json<Health> {
    let commit = state.serving.store.commit();
    Json(Health { status: "ok", project: commit.state.project.clone(), registry_commit: commit.number })
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
mod tests;
