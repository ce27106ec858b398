//! The body of a request: bounded in length and in time.

use std::sync::Arc;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;

use super::ServerState;
use crate::failure::Failure;
use crate::wire::BODY_BYTES_MAX;

/// A body that arrived whole.
pub(crate) struct RequestBody(pub(crate) Bytes);

impl FromRequest<Arc<ServerState>> for RequestBody {
    type Rejection = Failure;

    async fn from_request(mut request: Request, state: &Arc<ServerState>) -> Result<Self, Failure> {
        let body_max = state.limits().body_max;
        if request.body().size_hint().lower() > BODY_BYTES_MAX as u64 {
            // Said before anything of it came.
            return Err(too_long());
        }
        DefaultBodyLimit::max(BODY_BYTES_MAX).apply(&mut request);
        match tokio::time::timeout(body_max, Bytes::from_request(request, state)).await {
            Ok(body) => body.map(Self).map_err(|rejection| unread(&rejection)),
            Err(_) => {
                let message = format!(
                    "the request's body did not arrive within {} s: send it faster, or ask for fewer rows at a time",
                    body_max.as_secs_f64()
                );
                Err(Failure::new(StatusCode::REQUEST_TIMEOUT, message))
            }
        }
    }
}

fn too_long() -> Failure {
    let message = format!("the request has more than {BODY_BYTES_MAX} bytes: ask for fewer rows at a time");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

fn unread(rejection: &BytesRejection) -> Failure {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_long(),
        status => Failure::new(status, format!("the request's body could not be read: {}", rejection.body_text())),
    }
}
