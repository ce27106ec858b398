//! One span for each request, and one event at its end.

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::failure::Failure;

/// Runs the request in a span with method, path, and then status, rows, duration, and the message of an error.
///
/// An answer is an event of level `debug`, for there are many; what the caller did wrong is `info`, what the server did
/// wrong is `error`.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let span =
        tracing::info_span!("request", %method, path, status = Empty, rows = Empty, duration_us = Empty, error = Empty);
    let start = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("status", status.as_u16());
    span.record("duration_us", u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
    if let Some(failure) = response.extensions().get::<Failure>() {
        span.record("error", failure.message());
    }
    span.in_scope(|| match status.as_u16() {
        500.. => tracing::error!("failed"),
        400.. => tracing::info!("refused"),
        _ => tracing::debug!("answered"),
    });
    response
}
