//! What can be wrong with a request.

use skewless_store::Error;
use skewless_store::definitions::BadReference;

use super::{BODY_BYTES_MAX, COLUMNS_MAX, Column, FEATURES_MAX, ROWS_MAX};

/// A request that can't be answered as it is. Each message says what to change.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The body is longer than any request may be.
    #[error("the request has {bytes} bytes, {BODY_BYTES_MAX} are allowed: ask for fewer rows at a time")]
    TooLong {
        /// its length
        bytes: usize,
    },
    /// The body is not UTF-8.
    #[error("the request is not UTF-8: byte {at} can't be read")]
    NotUtf8 {
        /// the position of the first wrong byte
        at: usize,
    },
    /// The body is not JSON, or not an object with the keys of a request.
    #[error("the request can't be read as JSON of the expected form: {reason}")]
    Json {
        /// what is wrong, and the line and column
        reason: String,
    },
    /// A part of the request is of another kind than it must be.
    #[error("`{path}` is {found}: expected {expected}")]
    Shape {
        /// where in the request
        path: String,
        /// what is there
        found: String,
        /// what must be there
        expected: &'static str,
    },
    /// A number no double can hold, or a text with a broken escape.
    #[error("`{path}` can't be read: its number is out of range, or its string has a broken escape")]
    Unreadable {
        /// where in the request
        path: String,
    },
    /// An entry of `features` that can't be the name of a feature.
    #[error("`features[{position}]`: {reason}")]
    Reference {
        /// its place in the list
        position: usize,
        /// what is wrong with it
        reason: BadReference,
    },
    /// More features than a request may list.
    #[error("more than {FEATURES_MAX} features are asked for: make a feature service of them, or ask in parts")]
    TooManyFeatures,
    /// Both ways of saying which features.
    #[error("both `features` and `feature_service` are given: send one of them")]
    TwoSelections,
    /// An instant that is none.
    #[error("`event_timestamp` is {found}: expected {}", super::instant::EXPECTED)]
    EventTimestamp {
        /// what is there
        found: String,
    },
    /// A value that does not fit its column.
    #[error("`{path}` is {found}, but {column}: send {expected}")]
    Value {
        /// where in the request
        path: String,
        /// what is there
        found: String,
        /// what the column is
        column: Column,
        /// what fits
        expected: String,
    },
    /// A column that the features need and the request lacks.
    #[error("{} `{}` ({}) is missing from `{}`: {}", .column.role, .column.name, .column.data_type, .column.role.part(), needed_by(.column, .needed))]
    Missing {
        /// the column
        column: Column,
        /// all that are needed
        needed: String,
    },
    /// A column that no feature asked for needs.
    #[error("`entities.{name}` is of no use: the features asked for need {needed}")]
    Unknown {
        /// its name
        name: String,
        /// all that are needed
        needed: String,
    },
    /// Columns that are not of one length.
    #[error("`{name}` has {rows} values and `{first}` has {first_rows}: each needs one for every row")]
    Lengths {
        /// where in the request a column is
        name: String,
        /// its values
        rows: usize,
        /// where the first column is
        first: String,
        /// its values
        first_rows: usize,
    },
    /// Columns of no rows.
    #[error("`{name}` is empty: send at least one row")]
    NoRows {
        /// where the first column is
        name: String,
    },
    /// More rows than a request may have.
    #[error("`{name}` has more than {ROWS_MAX} rows: send them in parts")]
    TooManyRows {
        /// where the column is
        name: String,
    },
    /// A column among the entities and again among the request's context.
    #[error("`{name}` is given in `entities` and in `request_context`: send it once")]
    GivenTwice {
        /// its name
        name: String,
    },
    /// More columns than a request may have.
    #[error("there are {count} columns, {COLUMNS_MAX} are allowed")]
    TooManyColumns {
        /// how many there are
        count: usize,
    },
    /// Rows for a store that can't be written to from here.
    #[error("`to` is {found:?}: rows go \"online\" from here; the offline store is the files that sources name")]
    To {
        /// what is there
        found: String,
    },
    /// An interval without a start or an end.
    #[error("`{field}` is missing: send an instant such as \"2013-01-01T05:00:00Z\", or `disable_event_timestamp`")]
    NoInstant {
        /// the field
        field: &'static str,
    },
    /// An instant that can't be read.
    #[error("`{field}` is {found:?}: send an instant such as \"2013-01-01T05:00:00Z\"")]
    Instant {
        /// the field
        field: &'static str,
        /// what is there
        found: String,
    },
    /// A version of a feature view, which is a word of Feast's.
    #[error("`version` is given: feature views have no versions here; leave it out")]
    Version,
}

fn needed_by(column: &Column, needed: &str) -> String {
    match column.role.part() {
        "df" => format!("the rows need {needed}"),
        _ => format!("the features asked for need {needed}"),
    }
}

impl RequestError {
    /// Whether the request has the wrong form, rather than the wrong values.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::NotUtf8 { .. } | Self::Json { .. } | Self::Shape { .. } | Self::Unreadable { .. })
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Self::invalid_input(error.to_string())
    }
}
