//! The head of a request: what HTTP lets through is still more than any caller needs.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};

use crate::failure::Failure;

/// Bytes of a request's headers, and of its path. The connection lets twice as much through, so that there is a message.
pub(super) const HEAD_BYTES_MAX: usize = 32 << 10;

/// How many headers a request may have. The connection lets twice as many through.
pub(super) const HEADERS_MAX: usize = 100;

/// 431 for a head that is too large.
pub(super) fn refusal(request: &Request) -> Option<Failure> {
    let uri_bytes = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let message = excess(request.headers(), uri_bytes)?;
    Some(Failure::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message))
}

fn excess(headers: &HeaderMap, uri_bytes: usize) -> Option<String> {
    if headers.len() > HEADERS_MAX {
        return Some(format!("the request has {} headers, {HEADERS_MAX} are allowed", headers.len()));
    }
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() + uri_bytes;
    (bytes > HEAD_BYTES_MAX)
        .then(|| format!("the request's path and headers have {bytes} bytes, {HEAD_BYTES_MAX} are allowed"))
}
