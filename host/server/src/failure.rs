//! What went wrong → an HTTP status, and a body that Feast's client turns into one of its own exceptions.
//!
//! The body is a JSON string that holds a JSON object: `"{\"module\": …, \"class\": …, \"message\": …}"`. Feast's
//! client imports the class from the module and raises it with the message, or fails where it can't read that.
//!
//! | status | what |
//! |---|---|
//! | 401, 403 | nobody known; somebody who may not |
//! | 400 | values that don't fit; columns that are missing or of no use |
//! | 404 | a feature service, view or feature that is not applied; a path that is not there |
//! | 405, 413 | another method; a body that is too long |
//! | 408, 431 | a body that is too slow; a head that is too large |
//! | 409 | somebody else was faster |
//! | 422 | not JSON, or not of the form of a request; a transform that fails on all rows of this request |
//! | 500 | what is stored or applied can't be read |
//! | 503 | the store or an identity provider does not answer; too many calls are under way. With `Retry-After` |
//!
//! What the caller did is never a 5xx: Feast's client would send it again, three times.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use skewless_store::{Error, ErrorKind};

use crate::grpc;
use crate::prepared::AnswerError;
use crate::wire::{RequestError, Role};

/// A request that fails, as its caller hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    status: StatusCode,
    class: &'static str,
    message: String,
}

/// The longest message, in characters. Messages repeat what was sent, which can be long.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// When a client may try again what was sent away, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How a client can say who it is.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"skewless\"");

/// The class of errors that have none of their own, in `feast.errors`.
const ANY_ERROR: &str = "FeastError";

#[derive(Serialize)]
struct Envelope<'a> {
    module: &'static str,
    class: &'a str,
    message: &'a str,
}

/// What a caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

impl Protocol {
    /// What a request with `headers` is in.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if content_type.starts_with(b"application/grpc") { Self::Grpc } else { Self::Http }
    }
}

impl Failure {
    /// A failure that Feast has no class for.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
            message.truncate(end);
            message.push('…');
        }
        Self { status, class: ANY_ERROR, message }
    }

    /// Nobody that is known asks: 401.
    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// Somebody asks who may not: 403.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message).of_class("FeastPermissionError")
    }

    fn of_class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What went wrong, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What Feast's client makes an exception of: a JSON object.
    #[must_use]
    pub fn envelope(&self) -> String {
        let envelope = Envelope { module: "feast.errors", class: self.class, message: &self.message };
        serde_json::to_string(&envelope).expect("texts are JSON")
    }

    /// The answer in words that the caller understands: for gRPC, whose clients read no bodies, a status of its own.
    pub(crate) fn into_response_in(self, protocol: Protocol) -> Response {
        if protocol == Protocol::Http {
            return self.into_response();
        }
        let mut response = grpc::status(&self).into_http();
        response.extensions_mut().insert(self);
        response
    }

    /// The body, for programs.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::to_string(&self.envelope()).expect("a text is JSON")
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/json")], self.body()).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => drop(headers.insert(header::RETRY_AFTER, RETRY_AFTER)),
            StatusCode::UNAUTHORIZED => drop(headers.insert(header::WWW_AUTHENTICATE, BEARER)),
            _ => {}
        }
        // For the log, where the body is gone already.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Request(error) => error.into(),
            AnswerError::UnknownService(error) => Self::from(error).of_class("FeatureServiceNotFoundException"),
            AnswerError::UnknownView(error) => Self::from(error).of_class("FeatureViewNotFoundException"),
            AnswerError::UnknownPushSource(error) => Self::from(error).of_class("PushSourceNotFoundException"),
            AnswerError::NameCollision(error) => Self::from(error).of_class("FeatureNameCollisionError"),
            AnswerError::Overload(overload) => Self::new(StatusCode::SERVICE_UNAVAILABLE, overload.to_string()),
            AnswerError::Store(error) => error.into(),
        }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        let status = match &error {
            RequestError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            error if error.is_malformed() => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_REQUEST,
        };
        let class = match &error {
            RequestError::Missing { column, .. } if column.role == Role::RequestField => {
                "RequestDataNotFoundInEntityRowsException"
            }
            RequestError::Missing { .. } => "FeastEntityDFMissingColumnsError",
            _ => ANY_ERROR,
        };
        Self::new(status, error.to_string()).of_class(class)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (status, class) = match error.kind() {
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "FeastObjectNotFoundException"),
            ErrorKind::InvalidInput => (StatusCode::BAD_REQUEST, ANY_ERROR),
            ErrorKind::Conflict => (StatusCode::CONFLICT, ANY_ERROR),
            ErrorKind::Transform => (StatusCode::UNPROCESSABLE_ENTITY, ANY_ERROR),
            ErrorKind::InvalidDefinition | ErrorKind::Corrupt => (StatusCode::INTERNAL_SERVER_ERROR, ANY_ERROR),
            ErrorKind::Unavailable | ErrorKind::OutOfMemory => (StatusCode::SERVICE_UNAVAILABLE, ANY_ERROR),
        };
        Self::new(status, error.to_string()).of_class(class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Column;

    fn told(failure: impl Into<Failure>) -> String {
        let failure = failure.into();
        format!("{} {}", failure.status().as_u16(), failure.body())
    }

    fn of_kind(kind: ErrorKind) -> String {
        told(Error::new(kind, "what went wrong"))
    }

    #[test]
    fn each_kind_of_error_has_its_status() {
        insta::assert_snapshot!(of_kind(ErrorKind::NotFound), @r#"404 "{\"module\":\"feast.errors\",\"class\":\"FeastObjectNotFoundException\",\"message\":\"what went wrong\"}""#);
        insta::assert_snapshot!(of_kind(ErrorKind::InvalidInput), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"what went wrong\"}""#);
        insta::assert_snapshot!(of_kind(ErrorKind::Conflict), @r#"409 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"what went wrong\"}""#);
        insta::assert_snapshot!(of_kind(ErrorKind::Transform), @r#"422 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"what went wrong\"}""#);
        insta::assert_snapshot!(of_kind(ErrorKind::Unavailable), @r#"503 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"what went wrong\"}""#);
        insta::assert_snapshot!(of_kind(ErrorKind::Corrupt), @r#"500 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"what went wrong\"}""#);
        insta::assert_snapshot!(of_kind(ErrorKind::InvalidDefinition), @r#"500 "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"what went wrong\"}""#);
    }

    #[test]
    fn what_feast_has_a_class_for_gets_it() {
        let error = || Error::not_found("unknown feature view `wether`: did you mean `weather`?");
        insta::assert_snapshot!(told(AnswerError::UnknownView(error())), @r#"404 "{\"module\":\"feast.errors\",\"class\":\"FeatureViewNotFoundException\",\"message\":\"unknown feature view `wether`: did you mean `weather`?\"}""#);
        assert!(told(AnswerError::UnknownService(error())).contains("FeatureServiceNotFoundException"));
        assert!(told(AnswerError::NameCollision(error())).contains("FeatureNameCollisionError"));
        let missing = |role| RequestError::Missing {
            column: Column { name: "a".into(), data_type: skewless_runtime::ScalarType::Int64.into(), role },
            needed: "request field `a` (int64)".into(),
        };
        insta::assert_snapshot!(told(missing(Role::RequestField)), @r#"400 "{\"module\":\"feast.errors\",\"class\":\"RequestDataNotFoundInEntityRowsException\",\"message\":\"request field `a` (int64) is missing from `entities`: the features asked for need request field `a` (int64)\"}""#);
        assert!(told(missing(Role::JoinKey)).contains("FeastEntityDFMissingColumnsError"));
    }

    #[test]
    fn the_form_the_values_and_the_length_of_a_request_have_a_status_each() {
        assert!(told(RequestError::NotUtf8 { at: 3 }).starts_with("422 "));
        assert!(told(RequestError::TwoSelections).starts_with("400 "));
        assert!(told(RequestError::TooLong { bytes: 20_000_000 }).starts_with("413 "));
    }

    #[test]
    fn a_message_repeats_only_so_much() {
        let failure = Failure::new(StatusCode::BAD_REQUEST, "é".repeat(1 << 20));
        assert_eq!(failure.message(), format!("{}…", "é".repeat(MESSAGE_CHARS_MAX)));
    }

    #[test]
    fn the_body_is_a_text_that_holds_an_object() {
        let body = Failure::new(StatusCode::BAD_REQUEST, r#"`a` is "b""#).body();
        let text: String = serde_json::from_str(&body).unwrap();
        let object: std::collections::BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
        assert_eq!(object["module"], "feast.errors");
        assert_eq!(object["class"], "FeastError");
        assert_eq!(object["message"], r#"`a` is "b""#);
    }
}
