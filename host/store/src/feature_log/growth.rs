//! Rows of requests that grow into columns.
//!
//! A request adds its rows to one column after the other. Each of some dozens of columns lies somewhere else in memory, so that to add a
//! single row is mostly to wait for memory. Such rows are put one behind the other ([`Cells`]), and come to the columns when all rows are
//! taken, in the log's own thread.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::array::builder::{ArrayBuilder as _, StringBuilder, TimestampMicrosecondBuilder, UInt32Builder};
use skewless_runtime::{DataType, Output};

use super::cells::{CellColumn, Cells};
use super::columns::{self, Grow};
use super::distinct::DistinctRows;
use super::kept::KeptRows;
use super::layout::{Column, Instant, Instants, LoggedRows, Read, Text, Value};
use crate::status::Status;
use crate::{Error, Result};

/// Rows of requests as columns, before any is hashed.
pub(super) struct Growth {
    columns: Vec<Growing>,
    /// of each view of the set
    views: Vec<DistinctRows>,
    rows: usize,
    /// rows that come behind those, each alone in its request; `None` where not all columns have cells
    single: Option<SingleRows>,
}

/// A column that grows.
pub(super) enum Growing {
    /// rows that are null are added with the next one that is not, which seldom comes
    Text(Text, StringBuilder),
    Instant(Instant, TimestampMicrosecondBuilder),
    RequestRow(UInt32Builder),
    /// with the place among the entity rows' columns where it was last
    Value(Value, usize, Box<dyn Grow>),
    /// grows with its view
    Read(usize, Read),
}

/// Rows that were each alone in its request.
struct SingleRows {
    /// those columns that do not grow with a view, each with the place among the entity rows' columns where it was last
    columns: Vec<(Column, usize)>,
    /// a cell for each of these columns, then one for each view: what is stored
    cells: Cells,
    /// of each row's views
    statuses: Vec<Status>,
    rows: usize,
}

impl Growth {
    /// No rows yet, and room for some of so many views.
    pub(super) fn new<'a>(columns: impl Iterator<Item = &'a Column> + Clone, views: usize, room: usize) -> Self {
        Self {
            columns: columns.clone().map(|column| column.growing(room)).collect(),
            views: std::iter::repeat_with(|| DistinctRows::with_room(room)).take(views).collect(),
            rows: 0,
            single: SingleRows::of(columns, views),
        }
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows + self.single.as_ref().map_or(0, |single| single.rows)
    }

    /// Adds the picked rows of a request, for which `kept` was read.
    ///
    /// # Errors
    /// Where a column is missing, has another type, or can't grow any more. There is no batch to be made of the rest then.
    pub(super) fn append(&mut self, rows: &LoggedRows<'_>, kept: &KeptRows) -> Result<()> {
        if let (1, Some(single)) = (rows.picked.len(), &mut self.single) {
            return single.push(rows, kept);
        }
        self.columns.iter_mut().try_for_each(|growing| growing.append(rows, self.rows))?;
        for (place, (view, read)) in self.views.iter_mut().zip(rows.features.views()).enumerate() {
            let statuses = rows.picked.rows().map(|row| read.statuses[row]);
            view.extend(kept.view(place).zip(statuses));
        }
        self.rows += rows.picked.len();
        Ok(())
    }

    /// Adds the single rows to the columns.
    fn append_single(&mut self) -> Result<()> {
        let Some(single) = self.single.take() else { return Ok(()) };
        let mut statuses = single.statuses.as_slice();
        for block in single.cells.blocks() {
            let mut cells = block.columns();
            for growing in self.columns.iter_mut().filter(|growing| !matches!(growing, Growing::Read(..))) {
                growing.append_cells(cells.column(), self.rows)?;
            }
            let views = self.views.len();
            for (place, view) in self.views.iter_mut().enumerate() {
                let statuses = statuses[place..].iter().step_by(views).copied();
                view.extend(cells.column().texts().zip(statuses));
            }
            statuses = &statuses[block.rows() * views..];
            self.rows += block.rows();
        }
        Ok(())
    }

    /// The columns, the rows of each view, and how many rows there are.
    ///
    /// # Errors
    /// As [`Growth::append`].
    pub(super) fn finish(mut self) -> Result<(Vec<Growing>, Vec<DistinctRows>, usize)> {
        self.append_single()?;
        Ok((self.columns, self.views, self.rows))
    }
}

impl SingleRows {
    /// No rows yet; `None` for columns without cells.
    fn of<'a>(columns: impl Iterator<Item = &'a Column>, views: usize) -> Option<Self> {
        let columns: Vec<_> =
            columns.filter(|column| !matches!(column, Column::Read(..))).map(|column| (column.clone(), 0)).collect();
        let is_list = |(column, _): &(Column, usize)| matches!(column, Column::Value(_, DataType::List(_)));
        if columns.iter().any(is_list) {
            return None;
        }
        let cells = Cells::new(columns.len() + views);
        Some(Self { columns, cells, statuses: Vec::new(), rows: 0 })
    }

    /// Adds the picked row of a request.
    ///
    /// # Errors
    /// As [`Growth::append`].
    fn push(&mut self, rows: &LoggedRows<'_>, kept: &KeptRows) -> Result<()> {
        for row in rows.picked.rows() {
            self.cells.start_row();
            for (column, last) in &mut self.columns {
                column.push_cell(rows, row, last, &mut self.cells)?;
            }
            for (view, read) in rows.features.views().iter().enumerate() {
                self.cells.push_text(kept.view(view).next().flatten())?;
                self.statuses.push(read.statuses[row]);
            }
            self.rows += 1;
        }
        Ok(())
    }
}

impl Column {
    /// The column without rows, and room for some.
    pub(super) fn growing(&self, room: usize) -> Growing {
        match self {
            Self::Text(text) => Growing::Text(*text, StringBuilder::with_capacity(room, 0)),
            Self::Instant(instant) => Growing::Instant(*instant, columns::instants(room)),
            Self::RequestRow => Growing::RequestRow(UInt32Builder::with_capacity(room)),
            Self::Value(value, data_type) => Growing::Value(value.clone(), 0, columns::column(*data_type, room)),
            Self::Read(view, read) => Growing::Read(*view, *read),
        }
    }

    /// Adds its cell of a row; `last` is as of [`Value::of`].
    fn push_cell(&self, rows: &LoggedRows<'_>, row: usize, last: &mut usize, cells: &mut Cells) -> Result<()> {
        match self {
            Self::Text(text) => cells.push_text(text.of(rows, row).map(str::as_bytes))?,
            Self::Instant(instant) => cells.push(Some(instant.of(rows, row))),
            Self::RequestRow => cells.push(Some(row as u32)),
            Self::Value(value, DataType::Scalar(scalar)) => cells.push_value(&**value.of(rows, last)?, *scalar, row)?,
            Self::Value(_, DataType::List(_)) | Self::Read(..) => unreachable!("it has no cell"),
        }
        Ok(())
    }
}

impl Growing {
    /// Adds the picked rows of a request, where there are `before` rows.
    pub(super) fn append(&mut self, rows: &LoggedRows<'_>, before: usize) -> Result<()> {
        match self {
            Self::Text(text, texts) => text.append(rows, before, texts),
            Self::Instant(instant, instants) => instant.append(rows, instants),
            Self::RequestRow(numbers) => rows.picked.rows().for_each(|row| numbers.append_value(row as u32)),
            Self::Value(value, place, values) => values.append(&**value.of(rows, place)?, rows.picked)?,
            Self::Read(..) => {}
        }
        Ok(())
    }

    /// Adds single rows, where there are `before` rows.
    fn append_cells(&mut self, cells: CellColumn<'_>, before: usize) -> Result<()> {
        match self {
            Self::Text(_, texts) => {
                if cells.cells().any(|cell| cell.is_some()) {
                    texts.append_nulls(before - texts.len());
                    texts.append_cells(cells)?;
                }
                Ok(())
            }
            Self::Instant(_, instants) => instants.append_cells(cells),
            Self::RequestRow(numbers) => numbers.append_cells(cells),
            Self::Value(_, _, values) => values.append_cells(cells),
            Self::Read(..) => Ok(()),
        }
    }

    /// All `rows` of them.
    pub(super) fn finish(self, rows: usize) -> ArrayRef {
        match self {
            Self::Text(_, mut texts) => {
                texts.append_nulls(rows - texts.len());
                Arc::new(texts.finish())
            }
            Self::Instant(_, mut instants) => Arc::new(instants.finish()),
            Self::RequestRow(mut numbers) => Arc::new(numbers.finish()),
            Self::Value(_, _, mut values) => values.finish(),
            Self::Read(..) => unreachable!("it is made of its view"),
        }
    }
}

impl Text {
    /// That of a row, if it has one.
    fn of<'a>(self, rows: &LoggedRows<'a>, row: usize) -> Option<&'a str> {
        let features = rows.features;
        match self {
            Self::RequestId => Some(rows.request_id),
            Self::Status(view) => {
                let status = features.views()[view].statuses[row];
                (status != Status::Present).then(|| status.as_str())
            }
            Self::ComputedStatus(view) => failure(&features.computed()[view], row).map(|_| Status::Invalid.as_str()),
            Self::Failure(view) => failure(&features.computed()[view], row),
        }
    }

    fn append(self, rows: &LoggedRows<'_>, before: usize, texts: &mut StringBuilder) {
        match self {
            Self::RequestId => return texts.append_value_n(rows.request_id, rows.picked.len()),
            Self::ComputedStatus(view) | Self::Failure(view) if rows.features.computed()[view].failures.is_empty() => {
                return;
            }
            _ => {}
        }
        if rows.picked.rows().any(|row| self.of(rows, row).is_some()) {
            texts.append_nulls(before - texts.len());
            rows.picked.rows().for_each(|row| texts.append_option(self.of(rows, row)));
        }
    }
}

impl Instant {
    /// That of a row.
    fn of(self, rows: &LoggedRows<'_>, row: usize) -> i64 {
        match (self, rows.event_timestamps) {
            (Self::Served, _) => rows.served_at,
            (Self::Event, Instants::One(at)) => at,
            (Self::Event, Instants::Each(at)) => at[row],
        }
    }

    fn append(self, rows: &LoggedRows<'_>, instants: &mut TimestampMicrosecondBuilder) {
        match (self, rows.event_timestamps) {
            (Self::Served, _) => instants.append_value_n(rows.served_at, rows.picked.len()),
            (Self::Event, Instants::One(at)) => instants.append_value_n(at, rows.picked.len()),
            (Self::Event, Instants::Each(at)) => {
                instants.extend_from_iter_option(rows.picked.rows().map(|row| Some(at[row])));
            }
        }
    }
}

impl Value {
    /// Its column; `place` is where one of the entity rows was in the request before, which mostly is where it is.
    fn of<'a>(&self, rows: &LoggedRows<'a>, place: &mut usize) -> Result<&'a ArrayRef> {
        match self {
            Self::Asked(name) => {
                let fields = rows.asked.schema_ref().fields();
                if fields.get(*place).is_none_or(|field| field.name() != name) {
                    let missing = || Error::invalid_input(format!("`{name}` is missing from the entity rows"));
                    *place = fields.iter().position(|field| field.name() == name).ok_or_else(missing)?;
                }
                Ok(rows.asked.column(*place))
            }
            Self::Computed(view, output) => Ok(rows.features.computed()[*view].batch.column(*output)),
        }
    }
}

/// Why the transform failed on `row`, if it did.
fn failure(output: &Output, row: usize) -> Option<&str> {
    let place = output.failures.binary_search_by_key(&row, |failure| failure.row).ok()?;
    Some(&output.failures[place].reason)
}
