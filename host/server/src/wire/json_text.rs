//! The body of a request, as JSON of a form.

use serde::Deserialize;

use super::{BODY_BYTES_MAX, RequestError};

/// Reads `body` as an object of the form `T`.
///
/// # Errors
/// [`RequestError::TooLong`], [`RequestError::NotUtf8`] and [`RequestError::Json`], each of which says where.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, RequestError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(RequestError::TooLong { bytes: body.len() });
    }
    let text = std::str::from_utf8(body).map_err(|error| RequestError::NotUtf8 { at: error.valid_up_to() })?;
    if text.trim_ascii_start().starts_with('[') {
        // Else its elements would be taken for the keys, one by one.
        return Err(RequestError::Json { reason: "it is a list, expected an object".to_owned() });
    }
    serde_json::from_str(text).map_err(|error| RequestError::Json { reason: error.to_string() })
}
