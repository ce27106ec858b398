//! Packed rows into Arrow columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBufferBuilder};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType as ArrowType;
use skewless_runtime::DataType;

use super::column::{ColumnBuilder, Cursor, is_set, width};
use super::numbers::{Numbers, Slot, Slots};
use super::{Header, RowDamage, RowTime};
use crate::Result;
use crate::row_schema::RowSchema;

/// How to read the rows of one feature view: made once, used by every request.
#[derive(Debug)]
pub struct RowPlan {
    feature_view: String,
    /// the columns to build, each once
    columns: Vec<PlannedColumn>,
    /// the columns of numbers among them
    slots: Slots,
    /// the types of the others
    others: Vec<DataType>,
    /// for each feature asked for, its column
    wanted: Vec<usize>,
    /// one for each known schema
    layouts: Vec<Layout>,
}

/// A column to build.
#[derive(Debug)]
struct PlannedColumn {
    /// the Arrow type that carries its own
    arrow: ArrowType,
    target: Target,
}

/// Where the values of a column go.
#[derive(Debug, Clone, Copy)]
enum Target {
    Number(Slot),
    /// among the columns that are no numbers
    Other(usize),
}

/// How the rows of one schema fill the columns.
#[derive(Debug)]
struct Layout {
    schema_id: u64,
    /// type of each stored value, and the column that wants it
    values: Vec<(DataType, Option<usize>)>,
    /// the columns this schema has no value for
    absent: Vec<usize>,
    /// where the values of a row stand that has all of them; `None` where that is not always the same
    fixed: Option<FixedLayout>,
}

/// A row of numbers without nulls.
#[derive(Debug)]
struct FixedLayout {
    /// the bitmap that says so
    bitmap: Vec<u8>,
    /// how long such a row is, without its header
    bytes: usize,
    /// for each value that is wanted, where it goes and where it stands
    fours: Vec<(usize, usize)>,
    eights: Vec<(usize, usize)>,
}

impl RowPlan {
    /// A plan for reading the features `wanted` of `feature_view` from rows of any of the `known` schemas.
    ///
    /// A feature that a row's schema does not have, or has with another type, reads as null.
    #[must_use]
    pub fn new(feature_view: &str, known: &[RowSchema], wanted: &[(String, DataType)]) -> Self {
        let mut fields: Vec<(String, DataType)> = Vec::new();
        let position = |field: &(String, DataType)| {
            fields.iter().position(|column| column == field).unwrap_or_else(|| {
                fields.push(field.clone());
                fields.len() - 1
            })
        };
        let wanted = wanted.iter().map(position).collect();
        let (mut slots, mut others) = (Slots::default(), Vec::new());
        let column = |(_, data_type): &(String, DataType)| {
            let slot = match data_type {
                DataType::Scalar(scalar) => slots.add(*scalar),
                DataType::List(_) => None,
            };
            let target = slot.map_or_else(
                || {
                    others.push(*data_type);
                    Target::Other(others.len() - 1)
                },
                Target::Number,
            );
            PlannedColumn { arrow: data_type.to_arrow(), target }
        };
        let columns: Vec<PlannedColumn> = fields.iter().map(column).collect();
        let layouts = known.iter().map(|schema| Layout::new(schema, &fields, &columns)).collect();
        Self { feature_view: feature_view.to_owned(), columns, slots, others, wanted, layouts }
    }
}

impl Layout {
    fn new(schema: &RowSchema, fields: &[(String, DataType)], columns: &[PlannedColumn]) -> Self {
        let column_of = |field| fields.iter().position(|column| column == field);
        let values: Vec<_> = schema.fields.iter().map(|field| (field.1, column_of(field))).collect();
        let absent: Vec<usize> = (0..fields.len()).filter(|column| !schema.fields.contains(&fields[*column])).collect();
        let fixed = if absent.is_empty() { FixedLayout::new(&values, columns) } else { None };
        Self { schema_id: schema.id, values, absent, fixed }
    }
}

impl FixedLayout {
    /// `None` where a value is of no fixed width, or wanted and no number.
    fn new(values: &[(DataType, Option<usize>)], columns: &[PlannedColumn]) -> Option<Self> {
        let mut bitmap = vec![0; values.len().div_ceil(8)];
        let (mut fours, mut eights) = (Vec::new(), Vec::new());
        let mut end = bitmap.len();
        for (index, (data_type, column)) in values.iter().enumerate() {
            bitmap[index / 8] |= 1 << (index % 8);
            let DataType::Scalar(scalar) = data_type else { return None };
            match column.map(|column| columns[column].target) {
                Some(Target::Number(Slot::Four(slot))) => fours.push((slot, end)),
                Some(Target::Number(Slot::Eight(slot))) => eights.push((slot, end)),
                Some(Target::Other(_)) => return None,
                None => {}
            }
            end += width(*scalar)?;
        }
        Some(Self { bitmap, bytes: end, fours, eights })
    }

    /// Sets the values of `row`, unless it is no such row.
    fn set(&self, values: &[u8], numbers: &mut Numbers, row: usize) -> bool {
        if values.len() != self.bytes || !values.starts_with(&self.bitmap) {
            return false;
        }
        for (slot, at) in &self.eights {
            numbers.set_eight(*slot, row, *values[*at..].first_chunk().expect("the row has this value"));
        }
        for (slot, at) in &self.fours {
            numbers.set_four(*slot, row, *values[*at..].first_chunk().expect("the row has this value"));
        }
        true
    }
}

/// What was stored, one row for each row pushed.
#[derive(Debug, Clone)]
pub struct RowBatch {
    /// the features asked for, in that order; null where nothing is stored
    pub columns: Vec<ArrayRef>,
    /// when each row happened and became known; `None` where nothing is stored
    pub times: Vec<Option<RowTime>>,
    /// the first 8 bytes of the digest of the component that made each row, read big-endian; `None` where none did
    pub components: Vec<Option<u64>>,
}

/// Reads packed rows into columns, one pass over each.
#[derive(Debug)]
pub struct RowDecoder<'a> {
    plan: &'a RowPlan,
    numbers: Numbers,
    others: Vec<ColumnBuilder>,
    /// the rows that are null in every column, ascending
    missing: Vec<usize>,
    /// column and row of each other null of a column of numbers
    nulls: Vec<(usize, usize)>,
    times: Vec<Option<RowTime>>,
    components: Vec<Option<u64>>,
}

impl<'a> RowDecoder<'a> {
    /// A decoder with room for `rows`.
    #[must_use]
    pub fn new(plan: &'a RowPlan, rows: usize) -> Self {
        Self {
            plan,
            numbers: Numbers::new(plan.slots, rows),
            others: plan.others.iter().map(|data_type| ColumnBuilder::new(*data_type, rows)).collect(),
            missing: Vec::new(),
            nulls: Vec::new(),
            times: Vec::with_capacity(rows),
            components: Vec::with_capacity(rows),
        }
    }

    /// Appends a stored row, or a row of nulls where nothing is stored.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) where the row is damaged, or written by a schema or a version of this
    /// program that is not known here. It then counts as a row where nothing is stored.
    pub fn push(&mut self, row: Option<&[u8]>) -> Result<()> {
        let index = self.times.len();
        self.numbers.reserve(index);
        let header = match row.map(|row| self.append(index, row)) {
            Some(Ok(header)) => Ok(Some(header)),
            Some(Err(damage)) => Err(damage),
            None => Ok(None),
        };
        if !matches!(header, Ok(Some(_))) {
            self.missing.push(index);
            self.others.iter_mut().filter(|column| column.len() == index).for_each(ColumnBuilder::append_null);
        }
        let found = header.as_ref().ok().copied().flatten();
        self.times.push(found.map(|header| header.time));
        self.components.push(found.and_then(|header| header.component));
        header.map(drop).map_err(|damage| damage.describe(&self.plan.feature_view, &format!("row {index}")))
    }

    /// The columns of the rows pushed.
    #[must_use]
    pub fn finish(self) -> RowBatch {
        let rows = self.times.len();
        let nulls = nulls(rows, &self.missing, &self.nulls, self.plan.columns.len());
        let numbers = self.numbers.finish();
        let mut others: Vec<_> = self.others.into_iter().map(Some).collect();
        let column = |(column, nulls): (&PlannedColumn, Option<NullBuffer>)| match column.target {
            Target::Number(slot) => numbers.column(slot, &column.arrow, rows, nulls),
            Target::Other(place) => others[place].take().expect("each column is built once").finish(&column.arrow),
        };
        let columns: Vec<ArrayRef> = self.plan.columns.iter().zip(nulls).map(column).collect();
        let columns = self.plan.wanted.iter().map(|column| Arc::clone(&columns[*column])).collect();
        RowBatch { columns, times: self.times, components: self.components }
    }

    fn append(&mut self, index: usize, row: &[u8]) -> Result<Header, RowDamage> {
        let (header, values) = Header::split(row)?;
        let plan = self.plan;
        let layout = plan.layouts.iter().find(|layout| layout.schema_id == header.schema_id);
        let layout = layout.ok_or(RowDamage::UnknownSchema(header.schema_id))?;
        let is_set = layout.fixed.as_ref().is_some_and(|fixed| fixed.set(values, &mut self.numbers, index));
        if !is_set {
            self.append_values(index, values, layout)?;
        }
        Ok(header)
    }

    /// Appends one value after the other.
    fn append_values(&mut self, index: usize, values: &[u8], layout: &Layout) -> Result<(), RowDamage> {
        let mut cursor = Cursor(values);
        let bitmap = cursor.take(layout.values.len().div_ceil(8))?;
        for (value, (data_type, column)) in layout.values.iter().enumerate() {
            match (is_set(bitmap, value), column) {
                (true, Some(column)) => match self.plan.columns[*column].target {
                    Target::Number(Slot::Four(slot)) => self.numbers.set_four(slot, index, cursor.array()?),
                    Target::Number(Slot::Eight(slot)) => self.numbers.set_eight(slot, index, cursor.array()?),
                    Target::Other(place) => self.others[place].append(&mut cursor)?,
                },
                (true, None) => cursor.skip(*data_type)?,
                (false, Some(column)) => self.append_null(index, *column),
                (false, None) => {}
            }
        }
        match cursor.0.len() {
            0 => {}
            trailing => return Err(RowDamage::Trailing(trailing)),
        }
        layout.absent.iter().for_each(|column| self.append_null(index, *column));
        Ok(())
    }

    fn append_null(&mut self, index: usize, column: usize) {
        match self.plan.columns[column].target {
            Target::Number(_) => self.nulls.push((column, index)),
            Target::Other(place) => self.others[place].append_null(),
        }
    }
}

/// The nulls of each column of numbers, of `columns`: those of the `missing` rows, which all columns share, and its own, `single`, by
/// column and row.
fn nulls(rows: usize, missing: &[usize], single: &[(usize, usize)], columns: usize) -> Vec<Option<NullBuffer>> {
    let without = |missing: &[usize]| {
        let mut bits = BooleanBufferBuilder::new(rows);
        bits.append_n(rows, true);
        missing.iter().for_each(|row| bits.set_bit(*row, false));
        bits
    };
    let shared = (!missing.is_empty()).then(|| NullBuffer::new(without(missing).finish()));
    if single.is_empty() {
        return vec![shared; columns];
    }
    let mut own: Vec<Option<BooleanBufferBuilder>> = std::iter::repeat_with(|| None).take(columns).collect();
    for (column, row) in single {
        own[*column].get_or_insert_with(|| without(missing)).set_bit(*row, false);
    }
    let nulls = |own: Option<BooleanBufferBuilder>| match own {
        Some(mut bits) => Some(NullBuffer::new(bits.finish())),
        None => shared.clone(),
    };
    own.into_iter().map(nulls).collect()
}
