//! `POST /push` and `POST /write-to-online-store`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use skewless_store::online_writes::OnlineWritten;

use super::body::RequestBody;
use super::{Rows, ServerState};
use crate::failure::Failure;
use crate::writes;

/// Feast answers 200 without a body.
pub(super) async fn push(
    State(state): State<Arc<ServerState>>,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let written = state.work(move |serving, _| writes::push(&serving.store, &body)).await?;
    Ok(answer(StatusCode::OK.into_response(), &written))
}

/// Feast answers 200 with `null`.
pub(super) async fn write_to_online_store(
    State(state): State<Arc<ServerState>>,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    let written = state.work(move |serving, _| writes::write_to_online_store(&serving.store, &body)).await?;
    Ok(answer(Json(()).into_response(), &written))
}

/// Neither answer has a place for what became of the rows, so the log says it.
fn answer(mut response: Response, written: &[OnlineWritten]) -> Response {
    for OnlineWritten { feature_view, written, skipped_older, failed_rows } in written {
        tracing::info!(feature_view, written, skipped_older, failed_rows, "rows were sent");
    }
    let rows = written.iter().map(|view| view.written + view.skipped_older).sum::<u64>();
    response.extensions_mut().insert(Rows(usize::try_from(rows).unwrap_or(usize::MAX)));
    response
}
