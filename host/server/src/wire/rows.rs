//! The bodies of `POST /push` and `POST /write-to-online-store`: rows to be stored, as columns of values.
//!
//! ```json
//! {"push_source_name": "weather", "df": {"origin": ["JFK"], "wind_speed": [7.5], "event_timestamp": ["2013-01-01T05:00:00"]}}
//! ```
//!
//! | key | what |
//! |---|---|
//! | `push_source_name` | for `/push`: a source, and so every feature view of it that is kept online; or a feature view |
//! | `feature_view_name` | for `/write-to-online-store`: the feature view |
//! | `df` | for each join key and each column a list with a value for every row |
//! | `to` | for `/push`: `online`, the only one there is here |
//! | `transform_on_write` | whether the view's transform is still to be called on the rows; where absent, it is if they have its inputs |
//! | `allow_registry_cache` | read and ignored, since Feast's client sends it |
//!
//! `event_timestamp` says when a row happened, `created` when it became known; both may also have the names that the
//! view's source has for them. Columns that nobody needs are passed over, for a stream brings what it has.

use arrow::array::{ArrayRef, RecordBatch};
use serde::Deserialize;
use skewless_runtime::ScalarType;
use skewless_store::online_writes::{OnlineWrite, RowContent};

use super::columns::Columns;
use super::request::{batch, list};
use super::{Column, RequestError, Role, json_text};

/// What Feast calls the column that says when a row happened.
const EVENT_TIMESTAMP: &str = "event_timestamp";

/// What Feast's client calls the column that says when a row became known.
const CREATED: &str = "created";

/// The body of `/write-to-online-store`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct WriteRequest<'a> {
    /// where the rows go
    pub feature_view_name: String,
    /// the rows
    #[serde(borrow)]
    pub df: SentRows<'a>,
    /// whether the view's transform is still to be called
    pub transform_on_write: Option<bool>,
    #[serde(rename = "allow_registry_cache")]
    _ignored: Option<serde::de::IgnoredAny>,
}

/// The body of `/push`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct PushRequest<'a> {
    /// a source or a feature view
    pub push_source_name: String,
    /// the rows
    #[serde(borrow)]
    pub df: SentRows<'a>,
    /// whether the views' transforms are still to be called
    pub transform_on_write: Option<bool>,
    to: Option<String>,
    #[serde(rename = "allow_registry_cache")]
    _ignored: Option<serde::de::IgnoredAny>,
}

/// Rows as they came.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct SentRows<'a>(#[serde(borrow)] Columns<'a>);

/// Rows for one feature view, in its types.
#[derive(Debug)]
pub struct TypedRows {
    /// join keys and columns
    pub batch: RecordBatch,
    /// what the columns are
    pub content: RowContent,
    /// when each row happened
    pub event_timestamps: ArrayRef,
    /// when each row became known
    pub created_timestamps: Option<ArrayRef>,
}

impl<'a> WriteRequest<'a> {
    /// Reads everything but the rows.
    ///
    /// # Errors
    /// Says which part of the body is not as it must be.
    pub fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        json_text::parse(body)
    }
}

impl<'a> PushRequest<'a> {
    /// Reads everything but the rows.
    ///
    /// # Errors
    /// Says which part of the body is not as it must be, also where the rows are meant for the offline store.
    pub fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        let request: Self = json_text::parse(body)?;
        match &request.to {
            Some(to) if to != "online" => Err(RequestError::To { found: to.clone() }),
            _ => Ok(request),
        }
    }
}

impl SentRows<'_> {
    /// The rows for `view`, in its types.
    ///
    /// # Errors
    /// Says which column is missing, or which value of which row does not fit.
    pub fn typed(&self, view: &OnlineWrite, transform_on_write: Option<bool>) -> Result<TypedRows, RequestError> {
        let content = match transform_on_write {
            Some(false) => RowContent::Features,
            Some(true) => RowContent::Source,
            None if self.has_all(view.columns(RowContent::Source)) => RowContent::Source,
            None if self.has_all(view.columns(RowContent::Features)) => RowContent::Features,
            None => RowContent::Source,
        };
        let event_timestamp = self.time_column(view.timestamp_field(), EVENT_TIMESTAMP, Role::RowTimestamp);
        let created = self.time_column(view.created_timestamp_column().unwrap_or(CREATED), CREATED, Role::RowCreated);
        let mut needed = columns(view.join_keys(), Role::RowKey);
        needed.push(event_timestamp);
        needed.extend(columns(view.columns(content), Role::RowValue));
        let values = needed.iter().map(|column| self.read(column, &needed)).collect::<Result<Vec<_>, _>>()?;
        let event_timestamps = ArrayRef::clone(&values[view.join_keys().len()]);
        let created_timestamps = self.0.get(&created.name).map(|raw| created.read(raw)).transpose()?;
        let (mut all, mut arrays) = (needed.iter().collect::<Vec<_>>(), values);
        if let Some(timestamps) = &created_timestamps {
            all.push(&created);
            arrays.push(ArrayRef::clone(timestamps));
        }
        Ok(TypedRows { batch: batch(&all, arrays)?, content, event_timestamps, created_timestamps })
    }

    fn has_all(&self, columns: &[(String, skewless_runtime::DataType)]) -> bool {
        columns.iter().all(|(name, _)| self.0.get(name).is_some())
    }

    /// A column of instants: by the `name` of the view's source, or else by `feasts`.
    fn time_column(&self, name: &str, feasts: &str, role: Role) -> Column {
        let name = if self.0.get(name).is_some() { name } else { feasts };
        Column { name: name.to_owned(), data_type: ScalarType::Timestamp.into(), role }
    }

    fn read(&self, column: &Column, needed: &[Column]) -> Result<ArrayRef, RequestError> {
        match self.0.get(&column.name) {
            Some(raw) => column.read(raw),
            None => Err(RequestError::Missing { column: column.clone(), needed: list(needed) }),
        }
    }
}

fn columns(named: &[(String, skewless_runtime::DataType)], role: Role) -> Vec<Column> {
    named.iter().map(|(name, data_type)| Column { name: name.clone(), data_type: *data_type, role }).collect()
}
