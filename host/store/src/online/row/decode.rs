//! Packed rows into Arrow columns.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType as ArrowType;
use skewless_runtime::DataType;

use super::column::{ColumnBuilder, Cursor, is_set};
use super::{Header, RowDamage, RowTime};
use crate::Result;
use crate::row_schema::RowSchema;

/// How to read the rows of one feature view: made once, used by every request.
#[derive(Debug)]
pub struct RowPlan {
    feature_view: String,
    /// the columns to build, each once, and the Arrow types that carry them
    columns: Vec<(String, DataType)>,
    arrow: Vec<ArrowType>,
    /// for each feature asked for, its column
    wanted: Vec<usize>,
    /// one for each known schema
    layouts: Vec<Layout>,
}

/// How the rows of one schema fill the columns.
#[derive(Debug)]
struct Layout {
    schema_id: u64,
    /// type of each stored value, and the column that wants it
    values: Vec<(DataType, Option<usize>)>,
    /// the columns this schema has no value for
    absent: Vec<usize>,
}

impl RowPlan {
    /// A plan for reading the features `wanted` of `feature_view` from rows of any of the `known` schemas.
    ///
    /// A feature that a row's schema does not have, or has with another type, reads as null.
    #[must_use]
    pub fn new(feature_view: &str, known: &[RowSchema], wanted: &[(String, DataType)]) -> Self {
        let mut columns: Vec<(String, DataType)> = Vec::new();
        let position = |field: &(String, DataType)| {
            columns.iter().position(|column| column == field).unwrap_or_else(|| {
                columns.push(field.clone());
                columns.len() - 1
            })
        };
        let wanted = wanted.iter().map(position).collect();
        let layouts = known.iter().map(|schema| Layout::new(schema, &columns)).collect();
        let arrow = columns.iter().map(|(_, data_type)| data_type.to_arrow()).collect();
        Self { feature_view: feature_view.to_owned(), columns, arrow, wanted, layouts }
    }
}

impl Layout {
    fn new(schema: &RowSchema, columns: &[(String, DataType)]) -> Self {
        let column_of = |field| columns.iter().position(|column| column == field);
        let values = schema.fields.iter().map(|field| (field.1, column_of(field))).collect();
        let absent = (0..columns.len()).filter(|column| !schema.fields.contains(&columns[*column])).collect();
        Self { schema_id: schema.id, values, absent }
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
    columns: Vec<ColumnBuilder>,
    times: Vec<Option<RowTime>>,
    components: Vec<Option<u64>>,
}

impl<'a> RowDecoder<'a> {
    /// A decoder with room for `rows`.
    #[must_use]
    pub fn new(plan: &'a RowPlan, rows: usize) -> Self {
        let columns = plan.columns.iter().map(|(_, data_type)| ColumnBuilder::new(*data_type, rows)).collect();
        Self { plan, columns, times: Vec::with_capacity(rows), components: Vec::with_capacity(rows) }
    }

    /// Appends a stored row, or a row of nulls where nothing is stored.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) where the row is damaged, or written by a schema or a version of this
    /// program that is not known here. It then counts as a row where nothing is stored, with columns of no meaning.
    pub fn push(&mut self, row: Option<&[u8]>) -> Result<()> {
        let index = self.times.len();
        let header = match row.map(|row| self.append(row)) {
            Some(Ok(header)) => Ok(Some(header)),
            Some(Err(damage)) => Err(damage),
            None => Ok(None),
        };
        if !matches!(header, Ok(Some(_))) {
            self.columns.iter_mut().filter(|column| column.len() == index).for_each(ColumnBuilder::append_null);
        }
        let found = header.as_ref().ok().copied().flatten();
        self.times.push(found.map(|header| header.time));
        self.components.push(found.and_then(|header| header.component));
        header.map(drop).map_err(|damage| damage.describe(&self.plan.feature_view, &format!("row {index}")))
    }

    /// The columns of the rows pushed.
    #[must_use]
    pub fn finish(self) -> RowBatch {
        let columns = self.columns.into_iter().zip(&self.plan.arrow);
        let columns: Vec<_> = columns.map(|(column, arrow)| column.finish(arrow)).collect();
        let columns = self.plan.wanted.iter().map(|column| Arc::clone(&columns[*column])).collect();
        RowBatch { columns, times: self.times, components: self.components }
    }

    fn append(&mut self, row: &[u8]) -> Result<Header, RowDamage> {
        let (header, values) = Header::split(row)?;
        let layout = self.plan.layouts.iter().find(|layout| layout.schema_id == header.schema_id);
        let layout = layout.ok_or(RowDamage::UnknownSchema(header.schema_id))?;
        let mut cursor = Cursor(values);
        let bitmap = cursor.take(layout.values.len().div_ceil(8))?;
        for (index, (data_type, column)) in layout.values.iter().enumerate() {
            match (is_set(bitmap, index), column) {
                (true, Some(column)) => self.columns[*column].append(&mut cursor)?,
                (true, None) => cursor.skip(*data_type)?,
                (false, Some(column)) => self.columns[*column].append_null(),
                (false, None) => {}
            }
        }
        match cursor.0.len() {
            0 => {}
            trailing => return Err(RowDamage::Trailing(trailing)),
        }
        for column in &layout.absent {
            self.columns[*column].append_null();
        }
        Ok(header)
    }
}
