//! The rows of one feature view for some entities at some instants.
//!
//! Both the point-in-time join and the online store find, for each entity row, the newest row of a view or none. Here
//! the two meet: [`ViewRows::at`] applies the view's ttl, the same way to both, and from here on nobody can tell
//! which of them it was.

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::nullif;

use crate::definitions::FeatureView;
use crate::status::Status;
use crate::{Error, Result};

/// One row of a feature view for each entity row, or nulls and why.
#[derive(Debug, Clone)]
pub(crate) struct ViewRows {
    /// the columns read, null where `statuses` is not [`Status::Present`]
    pub(crate) columns: Vec<ArrayRef>,
    /// when each row happened, in µs; `None` where there is no row
    pub(crate) event_timestamps: Vec<Option<i64>>,
    /// whether each row is there: present, not found, or outside its ttl
    pub(crate) statuses: Vec<Status>,
    /// when each row became known, in µs; `None` where there is no row or nobody said. No elements: not looked at
    pub(crate) created_timestamps: Vec<Option<i64>>,
    /// the first 8 bytes of the digest of the component that made each row; `None` where none did. No elements: not looked at
    pub(crate) components: Vec<Option<u64>>,
}

impl ViewRows {
    /// The rows found, each looked at from its instant `at`: what is older than the view's ttl is withheld, and so is what
    /// had not happened yet. (The join finds no such rows; the online store, which keeps the newest row only, may.)
    pub(crate) fn at(
        view: &FeatureView,
        columns: Vec<ArrayRef>,
        event_timestamps: Vec<Option<i64>>,
        at: &[i64],
    ) -> Result<Self> {
        let status = |(event_timestamp, at): (&Option<i64>, &i64)| match event_timestamp {
            None => Status::NotFound,
            Some(event_timestamp) if event_timestamp > at => Status::NotFound,
            Some(event_timestamp) if view.is_live(*event_timestamp, *at) => Status::Present,
            Some(_) => Status::OutsideMaxAge,
        };
        let statuses: Vec<Status> = event_timestamps.iter().zip(at).map(status).collect();
        Self::with_statuses(columns, event_timestamps, statuses)
    }

    /// The rows found, of which it is known already whether each is there.
    pub(crate) fn with_statuses(
        columns: Vec<ArrayRef>,
        event_timestamps: Vec<Option<i64>>,
        statuses: Vec<Status>,
    ) -> Result<Self> {
        let columns = withhold(columns, &statuses)?;
        let found =
            |(event_timestamp, status): (Option<i64>, &Status)| event_timestamp.filter(|_| *status != Status::NotFound);
        let event_timestamps = event_timestamps.into_iter().zip(&statuses).map(found).collect();
        Ok(Self { columns, event_timestamps, statuses, created_timestamps: Vec::new(), components: Vec::new() })
    }

    /// The same rows, with when each became known and which component made it.
    #[must_use]
    pub(crate) fn with_origins(
        self,
        mut created_timestamps: Vec<Option<i64>>,
        mut components: Vec<Option<u64>>,
    ) -> Self {
        for (row, event_timestamp) in self.event_timestamps.iter().enumerate() {
            if event_timestamp.is_none() {
                (created_timestamps[row], components[row]) = (None, None);
            }
        }
        Self { created_timestamps, components, ..self }
    }

    /// Which rows are there.
    pub(crate) fn present(&self) -> BooleanArray {
        self.statuses.iter().map(|status| Some(*status == Status::Present)).collect()
    }

    /// The status of the value of `column` in `row`.
    pub(crate) fn status(&self, column: usize, row: usize) -> Status {
        match self.statuses[row] {
            Status::Present if self.columns[column].is_null(row) => Status::NullValue,
            status => status,
        }
    }
}

/// Nulls where a row can't be used.
fn withhold(columns: Vec<ArrayRef>, statuses: &[Status]) -> Result<Vec<ArrayRef>> {
    let unusable = BooleanArray::from_iter(statuses.iter().map(|status| Some(*status != Status::Present)));
    if unusable.true_count() == 0 {
        return Ok(columns);
    }
    let null = |column: &ArrayRef| nullif(column, &unusable);
    columns.iter().map(null).collect::<Result<_, _>>().map_err(arrow_error)
}

/// An Arrow kernel refused what earlier checks let pass.
pub(crate) fn arrow_error(error: arrow::error::ArrowError) -> Error {
    Error::corrupt("columns that were checked could not be combined").because(error)
}
