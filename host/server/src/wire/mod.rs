//! Requests and answers as JSON and [protobuf], in the words of Feast's feature servers; nothing here knows of HTTP.
//!
//! Enters: the body of a request, columns of values. Leaves: entity rows as Arrow columns, in exactly the types
//! of the join keys and request fields. And back: features as Arrow columns enter, the body of the answer leaves. What
//! is said here of a value holds in both directions, so that a feature of one answer can be sent with the next request
//! and has not lost a bit:
//!
//! | type | JSON |
//! |---|---|
//! | bool | `true`, `false` |
//! | int32, int64 | a number without fraction, exact; also read from `1001.0`, as clients send what was in a table with nulls |
//! | float32, float64 | the shortest number that reads back as the same double, always with a fraction or an exponent; float32 as the double of the same value |
//! | not a number, infinities | `"NaN"`, `"Infinity"`, `"-Infinity"`, as protobuf's JSON mapping has them |
//! | string | a string |
//! | bytes | base64, with padding |
//! | timestamp | RFC 3339 in UTC with as many of its digits as needed: 0, 3 or 6; also read with an offset, and from whole seconds since 1970 |
//! | `list<…>` | an array |
//! | null | `null` |
//!
//! Two of these differ from Feast, which can't answer with a NaN at all, and drops the fraction of a timestamp's seconds.

pub mod ask;
mod column;
mod columns;
mod error;
pub(crate) mod instant;
mod json_text;
mod list;
pub mod materialization;
mod numbers;
pub mod protobuf;
pub mod request;
pub mod response;
pub mod rows;
mod scalar;
mod values;

pub use column::{Column, Role};
pub use error::RequestError;
pub use request::{EntityRows, Question, Request, RequestText};
pub use response::ResponseWriter;

/// The longest body of a request, in bytes. What is read from it takes at most some ten times as much memory.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// The most rows of one request; for more, a training set is the better question.
pub const ROWS_MAX: usize = 100_000;

/// The most features that one request may list.
pub const FEATURES_MAX: usize = 1_000;

/// The most columns of one request.
pub const COLUMNS_MAX: usize = 1_000;
