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
//! | `<view>@status` | null where the row was there; else `NOT_FOUND`, `OUTSIDE_MAX_AGE`, or `INVALID` of an on-demand view |
//! | `<view>@failure` | why the transform of an on-demand view failed on the row |
//!
//! The status of a feature is that of its view. Where that is null, it is `PRESENT`, or `NULL_VALUE` of a null. (Format 1 has the
//! word `PRESENT` for the null.) Names of definitions have neither `:` nor `@`, so no two columns have one name.
//!
//! A [`Growth`] takes the rows of one request after the other, and becomes a batch of these columns. What was read of a view, all of its
//! columns but the status, is kept by [`DistinctRows`](super::distinct::DistinctRows) meanwhile, as it is stored.

use std::sync::Arc;

use arrow::array::builder::StringBuilder;
use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use skewless_runtime::{DataType, Output, ScalarType};

use super::batch::{LoggedBatch, LoggedColumn};
use super::columns::Picked;
use super::growth::{Growing, Growth};
use super::metadata::Hiding;
use super::sensitive::Hider;
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::feature_set::{FeatureSet, Origin};
use crate::features::{Asked, Features};
use crate::online::RowPlan;
use crate::view_rows::{ViewRows, arrow_error};
use crate::{Error, Result};

pub(super) const REQUEST_ID: &str = "__request_id";
pub(super) const REQUEST_ROW: &str = "__request_row";
pub(super) const LOG_TIMESTAMP: &str = "__log_timestamp";

/// The rows of one request, with what was answered.
pub(super) struct LoggedRows<'a> {
    /// which request it was
    pub(super) request_id: &'a str,
    /// the instants that the rows are about
    pub(super) event_timestamps: Instants<'a>,
    /// when it was served, in µs
    pub(super) served_at: i64,
    /// join keys and request fields by name
    pub(super) asked: &'a RecordBatch,
    pub(super) features: &'a Features,
    /// which of the rows are logged
    pub(super) picked: Picked<'a>,
}

/// The instants of rows, in µs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Instants<'a> {
    /// one for all rows
    One(i64),
    /// one for each row
    Each(&'a [i64]),
}

/// The columns of the log of one question.
#[derive(Debug)]
pub(crate) struct Layout {
    schema: SchemaRef,
    columns: Vec<(Column, bool)>,
    /// how many views the set has
    views: usize,
}

/// Where the values of a column come from, by the kind of the column.
#[derive(Debug, Clone)]
pub(super) enum Column {
    Text(Text),
    Instant(Instant),
    RequestRow,
    Value(Value, DataType),
    /// what was read of a view of the set, by its place
    Read(usize, Read),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    RequestId,
    /// of a view of the set, by its place
    Status(usize),
    /// of an on-demand view of the set, by its place
    ComputedStatus(usize),
    Failure(usize),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Instant {
    Served,
    Event,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    /// a feature, by its place
    Feature(usize, DataType),
    EventTimestamp,
    CreatedTimestamp,
    Component,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// a join key or request field, by its name
    Asked(String),
    /// an output of an on-demand view of the set, both by their places
    Computed(usize, usize),
}

/// The name of the column of a feature.
pub(super) fn feature_column(view: &str, feature: &str) -> String {
    format!("{view}:{feature}")
}

impl Layout {
    /// The log of what `set` comes to; `hiding` says which columns are hashed or left out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where a join key or a request field is called like a
    /// column of the log.
    pub(super) fn new(set: &FeatureSet, hiding: impl Fn(&str) -> Option<Hiding>) -> Result<Self> {
        let mut builder = Builder { fields: Vec::new(), columns: Vec::new() };
        builder.add(REQUEST_ID, None, Column::Text(Text::RequestId));
        builder.add(REQUEST_ROW, None, Column::RequestRow);
        builder.add(LOG_TIMESTAMP, None, Column::Instant(Instant::Served));
        builder.add(EVENT_TIMESTAMP, None, Column::Instant(Instant::Event));
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
                builder.add(name, hiding(name), Column::Value(Value::Asked(name.clone()), data_type));
            }
        }
        for (view, stored) in set.views.iter().enumerate() {
            let name = &stored.view.name;
            for (place, (feature, data_type)) in stored.features.iter().enumerate() {
                let column = feature_column(name, feature);
                builder.add(&column, hiding(&column), Column::Read(view, Read::Feature(place, *data_type)));
            }
            builder.add(&format!("{name}@status"), None, Column::Text(Text::Status(view)));
            builder.add(&format!("{name}@event_timestamp"), None, Column::Read(view, Read::EventTimestamp));
            builder.add(&format!("{name}@created_timestamp"), None, Column::Read(view, Read::CreatedTimestamp));
            builder.add(&format!("{name}@component"), None, Column::Read(view, Read::Component));
        }
        builder.add_on_demand(set, &hiding);
        let Builder { fields, columns } = builder;
        Ok(Self { schema: Arc::new(Schema::new(fields)), columns, views: set.views.len() })
    }

    /// The columns.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the offline store answers, as if it had been served: of no request, at no time.
    ///
    /// # Errors
    /// As [`Growth::append`].
    pub(crate) fn of_history(&self, asked: &Asked, features: &Features) -> Result<RecordBatch> {
        let count = asked.event_timestamps.len();
        let rows = LoggedRows {
            request_id: "",
            event_timestamps: Instants::Each(&asked.event_timestamps),
            served_at: 0,
            asked: &asked.request,
            features,
            picked: Picked::Range { first: 0, rows: count },
        };
        let column = |(column, _): &(Column, bool)| match column {
            Column::Read(view, read) => Ok(read.of(&features.views()[*view])),
            other => {
                let mut growing = other.growing(count);
                growing.append(&rows, 0)?;
                Ok(growing.finish(count))
            }
        };
        let columns = self.columns.iter().map(column).collect::<Result<_>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(arrow_error)
    }

    /// How many views are read.
    pub(super) fn views(&self) -> usize {
        self.views
    }

    /// No rows yet, and room for some.
    pub(super) fn growth(&self, room: usize) -> Growth {
        Growth::new(self.columns.iter().map(|(column, _)| column), self.views, room)
    }

    /// The rows of `growth` as the log has them; `plans` read what was stored of each view.
    ///
    /// # Errors
    /// Where columns can't be put together, which none that were answered from should.
    pub(super) fn batch(&self, growth: Growth, plans: &[RowPlan], hider: Option<&Hider>) -> Result<LoggedBatch> {
        let (grown, views, rows) = growth.finish()?;
        let views = views.into_iter().zip(plans).map(|(rows, plan)| rows.finish(plan));
        let views = views.collect::<Result<Vec<_>>>()?;
        let mut columns = Vec::with_capacity(self.columns.len());
        for ((_, hashed), growing) in self.columns.iter().zip(grown) {
            let column = match growing {
                Growing::Read(view, read) => {
                    let (rows, stored) = &views[view];
                    LoggedColumn::Repeated { rows: rows.clone(), values: read.of(stored) }
                }
                grown => LoggedColumn::Plain(grown.finish(rows)),
            };
            columns.push(match (hashed, hider) {
                (true, Some(hider)) => column.map(|values| hider.hash(values))?,
                _ => column,
            });
        }
        Ok(LoggedBatch::new(Arc::clone(&self.schema), columns, rows))
    }
}

struct Builder {
    fields: Vec<Field>,
    columns: Vec<(Column, bool)>,
}

impl Builder {
    fn add(&mut self, name: &str, hiding: Option<Hiding>, column: Column) {
        let data_type = match hiding {
            None => column.data_type(),
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
                    self.add(&name, hiding(&name), Column::Value(Value::Computed(place, value), output.data_type));
                }
            }
            let name = &view.name;
            self.add(&format!("{name}@status"), None, Column::Text(Text::ComputedStatus(place)));
            self.add(&format!("{name}@failure"), None, Column::Text(Text::Failure(place)));
        }
    }
}

impl Column {
    fn data_type(&self) -> ArrowType {
        match self {
            Self::Text(_) => ArrowType::Utf8,
            Self::Instant(_) => ScalarType::Timestamp.to_arrow(),
            Self::RequestRow => ArrowType::UInt32,
            Self::Value(_, data_type) | Self::Read(_, Read::Feature(_, data_type)) => data_type.to_arrow(),
            Self::Read(_, Read::EventTimestamp | Read::CreatedTimestamp) => ScalarType::Timestamp.to_arrow(),
            Self::Read(_, Read::Component) => ArrowType::Utf8,
        }
    }
}

impl Read {
    /// The column of what was read.
    fn of(self, rows: &ViewRows) -> ArrayRef {
        let times = |times: &[Option<i64>]| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from_iter(times.iter().copied()).with_timezone("UTC"))
        };
        match self {
            Self::Feature(place, _) => Arc::clone(&rows.columns[place]),
            Self::EventTimestamp => times(&rows.event_timestamps),
            Self::CreatedTimestamp => times(&rows.created_timestamps),
            Self::Component => Arc::new(components(&rows.components)),
        }
    }
}

/// Which component made each row, if one did.
fn components(components: &[Option<u64>]) -> StringArray {
    // One component made the rows of a view, but for those that are older than it.
    let mut last = (0, format!("{:016x}", 0));
    let mut texts = StringBuilder::with_capacity(components.len(), components.len() * 16);
    for component in components {
        match component {
            None => texts.append_null(),
            Some(component) => {
                if *component != last.0 {
                    last = (*component, format!("{component:016x}"));
                }
                texts.append_value(&last.1);
            }
        }
    }
    texts.finish()
}

/// For each row why the transform failed on it, if it did.
pub(super) fn failures(output: &Output) -> impl Iterator<Item = Option<&str>> + '_ {
    let mut failures = output.failures.iter().peekable();
    (0..output.batch.num_rows())
        .map(move |row| failures.next_if(|failure| failure.row == row).map(|failure| failure.reason.as_str()))
}
