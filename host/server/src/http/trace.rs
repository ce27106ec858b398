//! One span for each request, one event at its end, and its place in the counters.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::request_id::REQUEST_ID;
use super::routes::RouteName;
use super::state::interrupted;
use super::{ServerState, head};
use crate::failure::{Failure, Protocol};
use crate::telemetry::follow_caller;

/// How many rows an answer is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows(pub(crate) usize);

/// What requests to no route are counted as; by their paths they would be without number.
const NO_ROUTE: &str = "other";

/// Runs the request in a span with id, method, path, and then caller, status, rows, duration, and the message of an error.
/// The span is part of the caller's trace, where it says that it has one.
///
/// An answer is an event of level `debug`, for there are many; what the caller did wrong is `info`, what the server did
/// wrong is `error`, and that it can't answer now is `warn`, once a second.
pub(super) async fn trace<F>(state: &ServerState, request: Request, inner: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let id = state.request_ids.of(request.headers());
    let (method, path) = (request.method(), request.uri().path());
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        request_id = id.to_str().unwrap_or_default(),
        %method,
        path,
        caller = Empty,
        status = Empty,
        rows = Empty,
        duration_us = Empty,
        error = Empty
    );
    follow_caller(&span, request.headers());
    let start = Instant::now();
    let mut response = answered(request, inner).instrument(span.clone()).await;
    let failure = response.extensions().get::<Failure>();
    // An answer of gRPC is a success to HTTP, whatever it says.
    let (status, time) = (failure.map_or(response.status(), Failure::status), start.elapsed());
    let error = failure.map(Failure::message);
    let route = response.extensions().get::<RouteName>().map_or(NO_ROUTE, |route| route.0);
    state.metrics.request(route, status.as_u16(), time);
    span.record("status", status.as_u16());
    span.record("duration_us", u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    if let Some(Rows(rows)) = response.extensions().get::<Rows>() {
        state.metrics.rows(route, *rows);
        span.record("rows", rows);
    }
    span.record("error", error);
    // Where only warnings are logged, so that the span is not, its event says what it is about.
    let request_id = id.to_str().unwrap_or_default();
    span.in_scope(|| match status.as_u16() {
        503 if state.is_worth_a_line() => tracing::warn!(request_id, route, status = 503, error, "sent away"),
        503 => tracing::debug!("sent away"),
        500.. => tracing::error!(request_id, route, status = status.as_u16(), error, "failed"),
        400.. => tracing::info!("refused"),
        _ => tracing::debug!("answered"),
    });
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Runs the request, unless its head is too large, and answers with 500 where that panics: the connection has other requests,
/// and so has the thread.
pub(super) async fn answered<F>(request: Request, inner: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    if let Some(refusal) = head::refusal(&request) {
        return refusal.into_response();
    }
    let protocol = Protocol::of(request.headers());
    let answered = AssertUnwindSafe(inner(request)).catch_unwind().await;
    answered.unwrap_or_else(|_| interrupted().into_response_in(protocol))
}
