//! From the rows of the views to the features of the answer: the part that training sets and requests share.
//!
//! Enter: a [`FeatureSet`], the `ViewRows` of each of its views, the request's fields and the instant of each row. Leave: the
//! [`Features`], computed by the transforms where they are on demand. There is no second way.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::compute::concat;
use serde::{Deserialize, Serialize};
use skewless_runtime::{Limits, Output};

use crate::Result;
use crate::compute::compute;
use crate::feature_log::KeptRows;
use crate::feature_set::{FeatureSet, Input, OnDemand, Origin};
use crate::status::Status;
use crate::view_rows::{ViewRows, arrow_error};

/// The features asked for, one value a row and feature. A clone shares them.
#[derive(Clone)]
pub struct Features {
    columns: Arc<[FeatureColumn]>,
    views: Arc<[ViewRows]>,
    computed: Arc<[Output]>,
    other_versions: Vec<String>,
    /// what was read, where it is to be logged
    kept: Option<Arc<KeptRows>>,
}

/// How many values have which status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusCounts {
    /// values that are there
    pub present: u64,
    /// null in the source, or computed as null
    pub null_value: u64,
    /// the entity has no row by then
    pub not_found: u64,
    /// the entity's row is older than the view's ttl
    pub outside_max_age: u64,
    /// the transform failed on the row
    pub invalid: u64,
}

impl std::ops::AddAssign for StatusCounts {
    fn add_assign(&mut self, other: Self) {
        self.present += other.present;
        self.null_value += other.null_value;
        self.not_found += other.not_found;
        self.outside_max_age += other.outside_max_age;
        self.invalid += other.invalid;
    }
}

struct FeatureColumn {
    origin: Origin,
    values: ArrayRef,
}

/// What is asked for beside the stored features: the request's fields, by name, and the instant of each row in µs.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) request: RecordBatch,
    pub(crate) event_timestamps: Vec<i64>,
}

/// What is computed of: the rows of each view of the set, and what is asked for beside them, as in [`Asked`].
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) views: &'a [ViewRows],
    pub(crate) request: &'a RecordBatch,
    pub(crate) event_timestamps: &'a [i64],
}

/// What was computed, for each on-demand view of the set.
pub(crate) type Computed = Vec<Output>;

impl Features {
    /// Computes what is on demand, and puts the features in the set's order.
    ///
    /// # Errors
    /// [`ErrorKind::Transform`](crate::ErrorKind::Transform) where a transform fails as a whole or breaks a limit.
    pub(crate) fn compute(set: &FeatureSet, views: Vec<ViewRows>, asked: &Asked, limits: Limits) -> Result<Self> {
        let rows = [asked.rows(&views)];
        let compute = |view: &OnDemand| compute(&view.component, &inputs(view, &rows)?, limits);
        let computed = set.on_demand.iter().map(compute).collect::<Result<Vec<_>>>()?;
        Ok(Self::of(set, views, computed))
    }

    /// The same for several requests, with one call of each transform for all of them. Since rows are independent, nobody can tell.
    ///
    /// # Errors
    /// As [`Features::compute`]: the rows of one request may make the call fail for all.
    pub(crate) fn compute_together(set: &FeatureSet, requests: &[Rows<'_>], limits: Limits) -> Result<Vec<Computed>> {
        let mut computed: Vec<Computed> = requests.iter().map(|_| Vec::with_capacity(set.on_demand.len())).collect();
        for view in &set.on_demand {
            let output = compute(&view.component, &inputs(view, requests)?, limits)?;
            let mut first = 0;
            for (rows, computed) in requests.iter().zip(&mut computed) {
                computed.push(output.slice(first, rows.count()));
                first += rows.count();
            }
        }
        Ok(computed)
    }

    /// The features of one request, in the set's order, of what was stored and what was computed.
    pub(crate) fn of(set: &FeatureSet, views: Vec<ViewRows>, computed: Computed) -> Self {
        let values = |origin: Origin| match origin {
            Origin::Stored { view, column } => &views[view].columns[column],
            Origin::Computed { on_demand, output } => computed[on_demand].batch.column(output),
        };
        let column = |origin: Origin| FeatureColumn { origin, values: Arc::clone(values(origin)) };
        let columns = set.outputs.iter().map(|output| column(output.origin)).collect();
        Self { columns, views: views.into(), computed: computed.into(), other_versions: Vec::new(), kept: None }
    }

    /// The rows read of each view of the set.
    pub(crate) fn views(&self) -> &[ViewRows] {
        &self.views
    }

    /// What was computed for each on-demand view of the set.
    pub(crate) fn computed(&self) -> &[Output] {
        &self.computed
    }

    /// The same features, with the views of which stored rows are another version's.
    #[must_use]
    pub(crate) fn with_other_versions(self, other_versions: Vec<String>) -> Self {
        Self { other_versions, ..self }
    }

    /// The same features, with what was read for those of their rows that are to be logged.
    #[must_use]
    pub(crate) fn with_kept(self, kept: Option<KeptRows>) -> Self {
        Self { kept: kept.map(Arc::new), ..self }
    }

    /// What was read for those rows that are to be logged; `None` where there are none.
    pub(crate) fn kept(&self) -> Option<&KeptRows> {
        self.kept.as_deref()
    }

    /// The feature views of which rows were computed by another version of their transform than the one that is applied
    /// here: they, or this server's state of the registry, are old.
    #[must_use]
    pub fn other_versions(&self) -> &[String] {
        &self.other_versions
    }

    /// The values of feature number `feature`, one a row.
    #[must_use]
    pub fn values(&self, feature: usize) -> &ArrayRef {
        &self.columns[feature].values
    }

    /// How many features there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Why the value of feature number `feature` in `row` is there or isn't.
    #[must_use]
    pub fn status(&self, feature: usize, row: usize) -> Status {
        let FeatureColumn { origin, values } = &self.columns[feature];
        match *origin {
            Origin::Stored { view, column } => self.views[view].status(column, row),
            Origin::Computed { on_demand, .. } if self.failure(on_demand, row).is_some() => Status::Invalid,
            Origin::Computed { .. } if values.is_null(row) => Status::NullValue,
            Origin::Computed { .. } => Status::Present,
        }
    }

    /// How many values of feature number `feature` are there, and how many are null for which reason.
    #[must_use]
    pub fn counts(&self, feature: usize) -> StatusCounts {
        let FeatureColumn { origin, values } = &self.columns[feature];
        let (rows, nulls) = (values.len() as u64, values.logical_null_count() as u64);
        let present = rows - nulls;
        match *origin {
            // What is not there is null.
            _ if nulls == 0 => StatusCounts { present, ..StatusCounts::default() },
            Origin::Stored { view, .. } => {
                let count = |status| self.views[view].statuses.iter().filter(|found| **found == status).count() as u64;
                let (not_found, outside_max_age) = (count(Status::NotFound), count(Status::OutsideMaxAge));
                let null_value = nulls - not_found - outside_max_age;
                StatusCounts { present, null_value, not_found, outside_max_age, invalid: 0 }
            }
            Origin::Computed { on_demand, .. } => {
                let invalid = self.computed[on_demand].failures.len() as u64;
                StatusCounts { present, null_value: nulls - invalid, invalid, ..StatusCounts::default() }
            }
        }
    }

    /// Why a transform failed on `row`, where feature number `feature` is computed on demand and it did.
    #[must_use]
    pub fn failure_reason(&self, feature: usize, row: usize) -> Option<&str> {
        match self.columns[feature].origin {
            Origin::Stored { .. } => None,
            Origin::Computed { on_demand, .. } => self.failure(on_demand, row),
        }
    }

    /// The first row on which a transform failed, and why, where feature number `feature` is computed on demand and it did.
    #[must_use]
    pub fn first_failure(&self, feature: usize) -> Option<(usize, &str)> {
        let Origin::Computed { on_demand, .. } = self.columns[feature].origin else { return None };
        self.computed[on_demand].failures.first().map(|failure| (failure.row, failure.reason.as_str()))
    }

    /// When the stored row behind a value happened, in µs; `None` where there is none or the value is computed on demand.
    #[must_use]
    pub fn event_timestamp(&self, feature: usize, row: usize) -> Option<i64> {
        match self.columns[feature].origin {
            Origin::Stored { view, .. } => self.views[view].event_timestamps[row],
            Origin::Computed { .. } => None,
        }
    }

    /// The number of the view whose rows feature number `feature` is read from; `None` where it is computed on demand. Features
    /// of one view have the same event timestamps.
    #[must_use]
    pub fn stored_view(&self, feature: usize) -> Option<usize> {
        match self.columns[feature].origin {
            Origin::Stored { view, .. } => Some(view),
            Origin::Computed { .. } => None,
        }
    }

    fn failure(&self, on_demand: usize, row: usize) -> Option<&str> {
        let failures = &self.computed[on_demand].failures;
        let place = failures.binary_search_by_key(&row, |failure| failure.row).ok()?;
        Some(&failures[place].reason)
    }
}

impl Asked {
    /// Its rows, of which these `views` were read.
    pub(crate) fn rows<'a>(&'a self, views: &'a [ViewRows]) -> Rows<'a> {
        Rows { views, request: &self.request, event_timestamps: &self.event_timestamps }
    }
}

impl Rows<'_> {
    /// How many there are.
    fn count(self) -> usize {
        self.event_timestamps.len()
    }

    fn input(self, input: &Input) -> ArrayRef {
        match input {
            Input::Stored { view, column } => Arc::clone(&self.views[*view].columns[*column]),
            Input::Request(name) => {
                Arc::clone(self.request.column_by_name(name).expect("the request was checked to have its fields"))
            }
            Input::EventTimestamp => {
                Arc::new(TimestampMicrosecondArray::from(self.event_timestamps.to_vec()).with_timezone("UTC"))
            }
        }
    }
}

/// Exactly the inputs that the transform declares, under the names it gives them: of all requests, one behind the other.
pub(crate) fn inputs(view: &OnDemand, requests: &[Rows<'_>]) -> Result<RecordBatch> {
    let column = |input: &Input| match requests {
        [rows] => Ok(rows.input(input)),
        _ => {
            let parts: Vec<ArrayRef> = requests.iter().map(|rows| rows.input(input)).collect();
            concat(&parts.iter().map(|part| &**part).collect::<Vec<_>>())
        }
    };
    let columns = view.inputs.iter().map(column).collect::<Result<_, _>>().map_err(arrow_error)?;
    let rows = requests.iter().map(|rows| rows.count()).sum();
    let (schema, options) =
        (Arc::clone(view.component.transform.input_schema()), RecordBatchOptions::new().with_row_count(Some(rows)));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(arrow_error)
}
