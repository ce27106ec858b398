//! Which column of a log holds what.
//!
//! | column | what |
//! |---|---|
//! | `__request_id`, `__request_row` | which request, and which of its rows, from 0 |
//! | `__log_timestamp` | when it was served |
//! | `event_timestamp` | the instant that was asked about |
//! | `<join key>`, `<request field>` | what was sent |
//! | `<view>:<feature>` | a stored feature as it was read, null where it was withheld; or an output of an on-demand view |
//! | `<view>@event_timestamp`, `@created_timestamp` | when the row that was read happened, and became known |
//! | `<view>@component` | the first 8 bytes of the digest of the component that made the row, where one did |
//! | `<view>@status` | `PRESENT`, `NOT_FOUND`, `OUTSIDE_MAX_AGE`; for an on-demand view `PRESENT` or `INVALID` |
//! | `<view>@failure` | why the transform of an on-demand view failed on the row |
//!
//! The status of a feature is that of its view, or `NULL_VALUE` where the view's is `PRESENT` and the value null. Names of
//! definitions have neither `:` nor `@`, so no two columns have one name.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{concat, interleave};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use skewless_runtime::Output;

use super::metadata::Hiding;
use super::sensitive::Hider;
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::feature_set::{FeatureSet, Origin};
use crate::features::{Asked, Features};
use crate::status::Status;
use crate::view_rows::{ViewRows, arrow_error};
use crate::{Error, Result};

pub(super) const REQUEST_ID: &str = "__request_id";
pub(super) const REQUEST_ROW: &str = "__request_row";
pub(super) const LOG_TIMESTAMP: &str = "__log_timestamp";

/// The rows of one request, with what was answered.
pub(super) struct LoggedRows {
    /// which request it was
    pub(super) request_id: String,
    /// the instant that each row is about, in µs
    pub(super) event_timestamps: Vec<i64>,
    /// when it was served, in µs
    pub(super) served_at: i64,
    /// join keys and request fields by name
    pub(super) asked: RecordBatch,
    pub(super) features: Features,
    /// which of the rows are logged, in order; `None`: all
    pub(super) picked: Option<Vec<usize>>,
}

/// The columns of the log of one question.
#[derive(Debug)]
pub(crate) struct Layout {
    schema: SchemaRef,
    columns: Vec<(Column, bool)>,
}

#[derive(Debug, Clone)]
enum Column {
    RequestId,
    RequestRow,
    ServedAt,
    EventTimestamp,
    Asked(String),
    View(usize, OfView),
    OnDemand(usize, OfOnDemand),
}

#[derive(Debug, Clone, Copy)]
enum OfView {
    Value(usize),
    Status,
    EventTimestamp,
    CreatedTimestamp,
    Component,
}

#[derive(Debug, Clone, Copy)]
enum OfOnDemand {
    Value(usize),
    Status,
    Failure,
}

/// The name of the column of a feature.
pub(super) fn feature_column(view: &str, feature: &str) -> String {
    format!("{view}:{feature}")
}

fn instants() -> ArrowType {
    ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

impl Layout {
    /// The log of what `set` comes to; `hiding` says which columns are hashed or left out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where a join key or a request field is called like a
    /// column of the log.
    pub(super) fn new(set: &FeatureSet, hiding: impl Fn(&str) -> Option<Hiding>) -> Result<Self> {
        let mut builder = Builder { fields: Vec::new(), columns: Vec::new() };
        builder.add(REQUEST_ID, ArrowType::Utf8, None, Column::RequestId);
        builder.add(REQUEST_ROW, ArrowType::UInt32, None, Column::RequestRow);
        builder.add(LOG_TIMESTAMP, instants(), None, Column::ServedAt);
        builder.add(EVENT_TIMESTAMP, instants(), None, Column::EventTimestamp);
        let join_keys = set.join_keys().iter().map(|key| (&key.name, key.data_type));
        let mut asked: Vec<&str> = Vec::new();
        for (name, data_type) in
            join_keys.chain(set.request_fields().iter().map(|(name, data_type)| (name, *data_type)))
        {
            if name == EVENT_TIMESTAMP {
                return Err(Error::invalid_input(format!(
                    "`{name}` is a column of every log: call the join key or field otherwise"
                )));
            }
            if !asked.contains(&name.as_str()) {
                asked.push(name);
                builder.add(name, data_type.to_arrow(), hiding(name), Column::Asked(name.clone()));
            }
        }
        for (view, stored) in set.views.iter().enumerate() {
            let name = &stored.view.name;
            for (place, (feature, data_type)) in stored.features.iter().enumerate() {
                let column = feature_column(name, feature);
                let hidden = hiding(&column);
                builder.add(&column, data_type.to_arrow(), hidden, Column::View(view, OfView::Value(place)));
            }
            builder.add(&format!("{name}@status"), ArrowType::Utf8, None, Column::View(view, OfView::Status));
            let times = [("event_timestamp", OfView::EventTimestamp), ("created_timestamp", OfView::CreatedTimestamp)];
            for (what, column) in times {
                builder.add(&format!("{name}@{what}"), instants(), None, Column::View(view, column));
            }
            builder.add(&format!("{name}@component"), ArrowType::Utf8, None, Column::View(view, OfView::Component));
        }
        builder.add_on_demand(set, &hiding);
        let Builder { fields, columns } = builder;
        Ok(Self { schema: Arc::new(Schema::new(fields)), columns })
    }

    /// The columns.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the offline store answers, as if it had been served: of no request, at no time.
    ///
    /// # Errors
    /// As [`Layout::batch`].
    pub(crate) fn of_history(&self, asked: Asked, features: Features) -> Result<RecordBatch> {
        let Asked { request: asked, event_timestamps } = asked;
        let rows =
            LoggedRows { request_id: String::new(), event_timestamps, served_at: 0, asked, features, picked: None };
        self.batch(&[rows], None)
    }

    /// The rows of `requests` as the log has them.
    ///
    /// # Errors
    /// Where columns can't be put together, which none that were answered from should.
    pub(super) fn batch(&self, requests: &[LoggedRows], hider: Option<&Hider>) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, hashed) in &self.columns {
            let values = column.of(requests)?;
            columns.push(match (hashed, hider) {
                (true, Some(hider)) => hider.hash(&values)?,
                _ => values,
            });
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(arrow_error)
    }
}

struct Builder {
    fields: Vec<Field>,
    columns: Vec<(Column, bool)>,
}

impl Builder {
    fn add(&mut self, name: &str, data_type: ArrowType, hiding: Option<Hiding>, column: Column) {
        let data_type = match hiding {
            None => data_type,
            Some(Hiding::Hash) => ArrowType::Utf8,
            Some(Hiding::Omit) => return,
        };
        self.fields.push(Field::new(name, data_type, true));
        self.columns.push((column, hiding == Some(Hiding::Hash)));
    }

    fn add_on_demand(&mut self, set: &FeatureSet, hiding: impl Fn(&str) -> Option<Hiding>) {
        for (place, view) in set.on_demand.iter().enumerate() {
            for output in set.outputs() {
                if let Origin::Computed { on_demand, output: value } = output.origin
                    && on_demand == place
                {
                    let name = feature_column(&output.view, &output.feature);
                    let (hidden, column) = (hiding(&name), Column::OnDemand(place, OfOnDemand::Value(value)));
                    self.add(&name, output.data_type.to_arrow(), hidden, column);
                }
            }
            let name = &view.name;
            self.add(&format!("{name}@status"), ArrowType::Utf8, None, Column::OnDemand(place, OfOnDemand::Status));
            self.add(&format!("{name}@failure"), ArrowType::Utf8, None, Column::OnDemand(place, OfOnDemand::Failure));
        }
    }
}

impl LoggedRows {
    fn rows(&self) -> usize {
        self.event_timestamps.len()
    }

    /// How many rows are logged.
    pub(super) fn picked_rows(&self) -> usize {
        self.picked.as_ref().map_or(self.rows(), Vec::len)
    }

    /// The rows that are logged.
    fn picks(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.picked_rows()).map(|place| self.picked.as_ref().map_or(place, |picked| picked[place]))
    }
}

impl Column {
    fn of(&self, requests: &[LoggedRows]) -> Result<ArrayRef> {
        Ok(match self {
            Self::RequestId => {
                let ids = requests
                    .iter()
                    .flat_map(|request| std::iter::repeat_n(&*request.request_id, request.picked_rows()));
                strings(ids)
            }
            Self::RequestRow => Arc::new(UInt32Array::from_iter_values(
                requests.iter().flat_map(LoggedRows::picks).map(|row| row as u32),
            )),
            Self::ServedAt => {
                let times =
                    requests.iter().flat_map(|request| std::iter::repeat_n(request.served_at, request.picked_rows()));
                micros(times.map(Some))
            }
            Self::EventTimestamp => {
                let times = |request: &'_ LoggedRows| {
                    request.picks().map(|row| Some(request.event_timestamps[row])).collect::<Vec<_>>()
                };
                micros(requests.iter().flat_map(times))
            }
            Self::Asked(name) => {
                let column = |request: &LoggedRows| request.asked.column_by_name(name).cloned();
                let columns = requests.iter().map(column).collect::<Option<Vec<_>>>();
                let missing = || Error::invalid_input(format!("`{name}` is missing from the entity rows"));
                together(requests, columns.ok_or_else(missing)?)?
            }
            Self::View(view, column) => column.of(requests, *view)?,
            Self::OnDemand(view, column) => column.of(requests, *view)?,
        })
    }
}

impl OfView {
    fn of(self, requests: &[LoggedRows], view: usize) -> Result<ArrayRef> {
        let rows = || requests.iter().map(|request| &request.features.views()[view]);
        let picked = || requests.iter().map(|request| (request, &request.features.views()[view]));
        let times = |of: fn(&ViewRows) -> &Vec<Option<i64>>| {
            requests.iter().flat_map(move |request| {
                let known = of(&request.features.views()[view]);
                request.picks().map(move |row| known.get(row).copied().flatten())
            })
        };
        Ok(match self {
            Self::Value(column) => together(requests, rows().map(|rows| Arc::clone(&rows.columns[column])).collect())?,
            Self::Status => {
                let statuses =
                    picked().flat_map(|(request, rows)| request.picks().map(|row| rows.statuses[row].as_str()));
                strings(statuses)
            }
            Self::EventTimestamp => micros(times(|rows| &rows.event_timestamps)),
            Self::CreatedTimestamp => micros(times(|rows| &rows.created_timestamps)),
            Self::Component => {
                let components = requests.iter().flat_map(|request| {
                    let known = &request.features.views()[view].components;
                    request.picks().map(move |row| known.get(row).copied().flatten())
                });
                Arc::new(
                    components.map(|digest| digest.map(|digest| format!("{digest:016x}"))).collect::<StringArray>(),
                )
            }
        })
    }
}

impl OfOnDemand {
    fn of(self, requests: &[LoggedRows], view: usize) -> Result<ArrayRef> {
        let outputs = || requests.iter().map(|request| &request.features.computed()[view]);
        let picked = || {
            requests.iter().flat_map(|request| {
                let output = &request.features.computed()[view];
                request.picks().map(move |row| failure(output, row))
            })
        };
        Ok(match self {
            Self::Value(output) => {
                together(requests, outputs().map(|computed| Arc::clone(computed.batch.column(output))).collect())?
            }
            Self::Status => {
                let word = |failed| if failed { Status::Invalid.as_str() } else { Status::Present.as_str() };
                let statuses = picked().map(|failure| word(failure.is_some()));
                strings(statuses)
            }
            Self::Failure => {
                let mut reasons = StringBuilder::new();
                picked().for_each(|failure| reasons.append_option(failure));
                Arc::new(reasons.finish())
            }
        })
    }
}

/// For each row why the transform failed on it, if it did.
pub(super) fn failures(output: &Output) -> impl Iterator<Item = Option<&str>> + '_ {
    let mut failures = output.failures.iter().peekable();
    (0..output.batch.num_rows())
        .map(move |row| failures.next_if(|failure| failure.row == row).map(|failure| failure.reason.as_str()))
}

/// Why the transform failed on `row`, if it did.
fn failure(output: &Output, row: usize) -> Option<&str> {
    let place = output.failures.binary_search_by_key(&row, |failure| failure.row).ok()?;
    Some(&output.failures[place].reason)
}

fn micros(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn strings<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<StringArray>())
}

/// The picked rows of the columns of all requests, one request after the other.
fn together(requests: &[LoggedRows], columns: Vec<ArrayRef>) -> Result<ArrayRef> {
    let arrays = || columns.iter().map(|column| &**column as &dyn Array).collect::<Vec<_>>();
    if requests.iter().all(|request| request.picked.is_none()) {
        return match columns.as_slice() {
            [only] => Ok(Arc::clone(only)),
            _ => concat(&arrays()).map_err(arrow_error),
        };
    }
    let picks = |(number, request): (usize, &LoggedRows)| request.picks().map(|row| (number, row)).collect::<Vec<_>>();
    let picks: Vec<(usize, usize)> = requests.iter().enumerate().flat_map(picks).collect();
    interleave(&arrays(), &picks).map_err(arrow_error)
}
