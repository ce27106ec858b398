//! `POST /push` and `POST /write-to-online-store`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use skewless_store::online_writes::OnlineWritten;
use tracing::Span;

use super::{ServerState, unread};
use crate::failure::Failure;
use crate::writes;

/// Feast answers 200 without a body.
pub(super) async fn push(
    State(state): State<Arc<ServerState>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let body = body.map_err(|rejection| unread(&rejection))?;
    log(&state.work(move |serving, _| writes::push(&serving.store, &body)).await?);
    Ok(StatusCode::OK.into_response())
}

/// Feast answers 200 with `null`.
pub(super) async fn write_to_online_store(
    State(state): State<Arc<ServerState>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let body = body.map_err(|rejection| unread(&rejection))?;
    log(&state.work(move |serving, _| writes::write_to_online_store(&serving.store, &body)).await?);
    Ok(Json(()).into_response())
}

/// Neither answer has a place for what became of the rows.
fn log(written: &[OnlineWritten]) {
    Span::current().record("rows", written.iter().map(|view| view.written + view.skipped_older).sum::<u64>());
    for OnlineWritten { feature_view, written, skipped_older, failed_rows } in written {
        tracing::info!(feature_view, written, skipped_older, failed_rows, "rows were sent");
    }
}
