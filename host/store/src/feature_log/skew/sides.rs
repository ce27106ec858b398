//! The logged rows and the recomputed ones beside each other.

use std::collections::HashMap;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::super::compare::{differing, numbers, same_number, shown};
use super::super::layout::{LOG_TIMESTAMP, REQUEST_ID, REQUEST_ROW};
use super::super::metadata::LogMetadata;
use super::super::reader::{instants, status, text, texts};
use super::cause::{Cause, Explained, Found, Values, stored};
use super::history::History;
use super::input_column;
use super::report::SkewedValue;
use crate::Result;
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::feature_set::{FeatureSet, Input, OnDemand};

/// Both sides of the rows of one question.
pub(super) struct Sides<'a> {
    metadata: &'a LogMetadata,
    set: &'a FeatureSet,
    logged: &'a RecordBatch,
    recomputed: &'a RecordBatch,
    at: TimestampMicrosecondArray,
    served_at: TimestampMicrosecondArray,
    request_ids: StringArray,
    /// for each view of the set, how its rows were found on both sides
    views: Vec<(ViewSide, ViewSide)>,
    /// of the features that views read, the rows that differ; found when they are asked for
    inputs: HashMap<String, Vec<usize>>,
}

/// How the rows of a view were found on one side; `None` where the log knows nothing of the view.
struct ViewSide {
    status: StringArray,
    event_timestamps: TimestampMicrosecondArray,
    created_timestamps: TimestampMicrosecondArray,
    components: StringArray,
}

impl ViewSide {
    fn new(batch: &RecordBatch, view: &str) -> Result<Self> {
        Ok(Self {
            status: texts(batch, &format!("{view}@status"))?,
            event_timestamps: instants(batch, &format!("{view}@event_timestamp"))?,
            created_timestamps: instants(batch, &format!("{view}@created_timestamp"))?,
            components: texts(batch, &format!("{view}@component"))?,
        })
    }

    fn row(&self, row: usize) -> Found<'_> {
        let time = |times: &TimestampMicrosecondArray| times.is_valid(row).then(|| times.value(row));
        Found {
            status: status(&self.status, row),
            event_timestamp: time(&self.event_timestamps),
            created_timestamp: time(&self.created_timestamps),
            component: text(&self.components, row),
        }
    }
}

/// A view that the log knows nothing of, as one without rows.
fn unknown_view(rows: usize) -> ViewSide {
    let times = || TimestampMicrosecondArray::new_null(rows).with_timezone("UTC");
    ViewSide {
        status: StringArray::from(vec!["NOT_FOUND"; rows]),
        event_timestamps: times(),
        created_timestamps: times(),
        components: StringArray::new_null(rows),
    }
}

impl<'a> Sides<'a> {
    pub(super) fn new(
        metadata: &'a LogMetadata,
        set: &'a FeatureSet,
        logged: &'a RecordBatch,
        recomputed: &'a RecordBatch,
    ) -> Result<Self> {
        let view = |stored: &crate::feature_set::StoredView| {
            let name = &stored.view.name;
            let was_read = logged.column_by_name(&format!("{name}@status")).is_some();
            let left = if was_read { ViewSide::new(logged, name)? } else { unknown_view(logged.num_rows()) };
            Ok((left, ViewSide::new(recomputed, name)?))
        };
        Ok(Self {
            at: instants(logged, EVENT_TIMESTAMP)?,
            served_at: instants(logged, LOG_TIMESTAMP)?,
            request_ids: texts(logged, REQUEST_ID)?,
            views: set.views.iter().map(view).collect::<Result<_>>()?,
            inputs: HashMap::new(),
            metadata,
            set,
            logged,
            recomputed,
        })
    }

    /// When the rows were served, in µs, for which the online store had no row and the source has one; each instant once.
    pub(super) fn served_without_a_row(&self) -> Vec<i64> {
        let without = |row: usize| {
            self.views
                .iter()
                .any(|(left, right)| left.event_timestamps.is_null(row) && right.event_timestamps.is_valid(row))
        };
        let mut served: Vec<i64> =
            (0..self.logged.num_rows()).filter(|row| without(*row)).map(|row| self.served_at.value(row)).collect();
        served.sort_unstable();
        served.dedup();
        served
    }

    /// Why the value of `feature` differs in `row`.
    pub(super) fn explain(
        &mut self,
        feature: &str,
        values: (&ArrayRef, &ArrayRef),
        row: usize,
        history: &History<'_>,
    ) -> Result<Explained> {
        let view = feature.split_once(':').map_or(feature, |(view, _)| view);
        if let Some(place) = self.set.views.iter().position(|stored| stored.view.name == view) {
            return Ok(self.stored(place, relation(values, row), row, history));
        }
        let set = self.set;
        match set.on_demand.iter().find(|known| known.name == view) {
            Some(view) => self.computed(view, relation(values, row), row, history),
            None => Ok(Cause::Unexplained.into()),
        }
    }

    fn stored(&self, view: usize, values: Values, row: usize, history: &History<'_>) -> Explained {
        let (left, right) = &self.views[view];
        let (name, served_at) = (&self.set.views[view].view.name, self.served_at.value(row));
        stored(left.row(row), right.row(row), values, self.at.value(row), |instant| {
            history.was_materialized(name, instant, served_at)
        })
    }

    /// What is computed differs for another component, or for the first cause among what it is computed from, or of itself.
    fn computed(&mut self, view: &OnDemand, values: Values, row: usize, history: &History<'_>) -> Result<Explained> {
        let digest = view.component.transform.digest().to_string();
        if self.metadata.digest(&view.name).is_some_and(|logged| logged != digest) {
            return Ok(Cause::ComponentVersion.into());
        }
        let mut first: Option<Explained> = None;
        for input in &view.inputs {
            let Input::Stored { view, column } = input else { continue };
            let name = input_column(self.set, *view, *column);
            if !self.input_differs(&name, row)? {
                continue;
            }
            let sides = self.logged.column_by_name(&name).zip(self.recomputed.column_by_name(&name));
            let values = sides.map_or(Values::OtherTypes, |sides| relation(sides, row));
            let explained = self.stored(*view, values, row, history);
            first = Some(first.filter(|first| first.cause <= explained.cause).unwrap_or(explained));
        }
        Ok(first.unwrap_or_else(|| self.of_itself(&view.name, values, row).into()))
    }

    /// Why the output of one component over the same inputs differs.
    fn of_itself(&self, view: &str, values: Values, row: usize) -> Cause {
        if values != Values::Other {
            return Cause::TypeOrCodec;
        }
        let column = format!("{view}@status");
        let failed = |batch| texts(batch, &column).is_ok_and(|statuses| status(&statuses, row) == "INVALID");
        if failed(self.logged) || failed(self.recomputed) { Cause::FailedRow } else { Cause::Unexplained }
    }

    fn input_differs(&mut self, name: &str, row: usize) -> Result<bool> {
        if !self.inputs.contains_key(name) {
            let sides = self.logged.column_by_name(name).zip(self.recomputed.column_by_name(name));
            let rows = match sides {
                Some((left, right)) if self.metadata.hiding(name).is_none() => differing(left, right)?,
                _ => Vec::new(),
            };
            self.inputs.insert(name.to_owned(), rows);
        }
        Ok(self.inputs[name].binary_search(&row).is_ok())
    }

    /// The value for the report.
    pub(super) fn value(
        &self,
        row: usize,
        (left, right): (&ArrayRef, &ArrayRef),
        explained: &Explained,
    ) -> SkewedValue {
        let entity = self.metadata.join_keys.iter().filter_map(|(name, _)| {
            let column = self.logged.column_by_name(name)?;
            Some(format!("{name}={}", shown(column, row)))
        });
        let request_row = self.logged.column_by_name(REQUEST_ROW).map_or_else(String::new, |rows| shown(rows, row));
        let one = |values: &ArrayRef| numbers(&values.slice(row, 1)).and_then(|numbers| numbers[0]);
        SkewedValue {
            request: format!("{}/{request_row}", text(&self.request_ids, row)),
            entity: entity.collect::<Vec<_>>().join(" "),
            event_timestamp: self.at.value(row),
            logged: shown(left, row),
            recomputed: shown(right, row),
            size: one(left).zip(one(right)).map(|(left, right)| (left - right).abs()),
            age_seconds: explained.age.map(|age| age as f64 / 1e6),
        }
    }
}

/// How two values that differ relate.
fn relation((left, right): (&ArrayRef, &ArrayRef), row: usize) -> Values {
    let (left, right) = (left.slice(row, 1), right.slice(row, 1));
    if left.data_type() != right.data_type() {
        return Values::OtherTypes;
    }
    match numbers(&left).zip(numbers(&right)).and_then(|(left, right)| left[0].zip(right[0])) {
        // Integers beyond 2^53 are not one number only because their doubles are.
        Some((left, right)) if left.fract() != 0.0 || left.abs() < 9e15 => {
            if same_number(left, right) {
                Values::SameNumber
            } else {
                Values::Other
            }
        }
        _ => Values::Other,
    }
}
