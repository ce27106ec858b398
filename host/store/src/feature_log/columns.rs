//! Columns that grow by the rows of one request after the other.

use std::sync::Arc;

use arrow::array::builder::{BooleanBuilder, GenericByteBuilder, NullBufferBuilder, PrimitiveBuilder};
use arrow::array::{Array, ArrayRef, BooleanArray, GenericByteArray, ListArray, PrimitiveArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, ByteArrayType, DataType as ArrowType, FieldRef, Float32Type, Float64Type, GenericBinaryType,
    GenericStringType, Int32Type, Int64Type, TimestampMicrosecondType,
};
use skewless_runtime::{DataType, ScalarType};

use super::cells::{CellColumn, InCell};
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// Which rows of a column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Picked<'a> {
    /// rows that follow each other
    Range { first: usize, rows: usize },
    /// these, in order
    Some(&'a [usize]),
}

impl Picked<'_> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Range { rows, .. } => rows,
            Self::Some(rows) => rows.len(),
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        (0..self.len()).map(move |place| match self {
            Self::Range { first, .. } => first + place,
            Self::Some(rows) => rows[place],
        })
    }
}

/// A column that grows. What it is given must have its type.
pub(super) trait Grow: Send {
    /// Adds the picked rows of `values`.
    ///
    /// # Errors
    /// For a column of another type, and where the column can't grow any more. It is not to be used after that.
    fn append(&mut self, values: &dyn Array, picked: Picked<'_>) -> Result<()>;

    /// Adds a value for each cell. A list has no cell.
    ///
    /// # Errors
    /// As [`Grow::append`].
    fn append_cells(&mut self, cells: CellColumn<'_>) -> Result<()>;

    /// All that was added, in order.
    fn finish(&mut self) -> ArrayRef;
}

/// An empty column of a type, with room for some rows.
pub(super) fn column(data_type: DataType, room: usize) -> Box<dyn Grow> {
    match data_type {
        DataType::Scalar(scalar) => scalars(scalar, room),
        DataType::List(scalar) => {
            let ArrowType::List(element) = data_type.to_arrow() else { unreachable!("a list is a list in Arrow too") };
            Box::new(Lists {
                element,
                offsets: vec![0],
                nulls: NullBufferBuilder::new(0),
                values: scalars(scalar, room),
            })
        }
    }
}

fn scalars(scalar: ScalarType, room: usize) -> Box<dyn Grow> {
    match scalar {
        ScalarType::Bool => Box::new(BooleanBuilder::with_capacity(room)),
        ScalarType::Int32 => Box::new(PrimitiveBuilder::<Int32Type>::with_capacity(room)),
        ScalarType::Int64 => Box::new(PrimitiveBuilder::<Int64Type>::with_capacity(room)),
        ScalarType::Float32 => Box::new(PrimitiveBuilder::<Float32Type>::with_capacity(room)),
        ScalarType::Float64 => Box::new(PrimitiveBuilder::<Float64Type>::with_capacity(room)),
        ScalarType::String => Box::new(GenericByteBuilder::<GenericStringType<i32>>::with_capacity(room, 0)),
        ScalarType::Bytes => Box::new(GenericByteBuilder::<GenericBinaryType<i32>>::with_capacity(room, 0)),
        ScalarType::Timestamp => Box::new(instants(room)),
    }
}

/// An empty column of instants, with room for some rows.
pub(super) fn instants(room: usize) -> PrimitiveBuilder<TimestampMicrosecondType> {
    PrimitiveBuilder::with_capacity(room).with_data_type(ScalarType::Timestamp.to_arrow())
}

/// What a column that grows is given, as what it must be.
fn of_type<T: 'static>(values: &dyn Array) -> Result<&T> {
    values.as_any().downcast_ref().ok_or_else(|| not_as_prepared(values))
}

pub(super) fn not_as_prepared(values: &dyn Array) -> Error {
    Error::corrupt(format!("a column of type {} is not what the feature log was prepared for", values.data_type()))
}

impl<T: ArrowPrimitiveType<Native: InCell>> Grow for PrimitiveBuilder<T> {
    fn append(&mut self, values: &dyn Array, picked: Picked<'_>) -> Result<()> {
        let values: &PrimitiveArray<T> = of_type(values)?;
        match (picked, values.nulls()) {
            (Picked::Range { first, rows }, None) => self.append_slice(&values.values()[first..first + rows]),
            (Picked::Range { first: 0, rows }, Some(_)) if rows == values.len() => self.append_array(values),
            _ => self.extend_from_iter_option(picked.rows().map(|row| values.is_valid(row).then(|| values.value(row)))),
        }
        Ok(())
    }

    fn append_cells(&mut self, cells: CellColumn<'_>) -> Result<()> {
        cells.cells().for_each(|cell| self.append_option(cell.map(InCell::of_cell)));
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(Self::finish(self))
    }
}

impl Grow for BooleanBuilder {
    fn append(&mut self, values: &dyn Array, picked: Picked<'_>) -> Result<()> {
        let values: &BooleanArray = of_type(values)?;
        picked.rows().for_each(|row| self.append_option(values.is_valid(row).then(|| values.value(row))));
        Ok(())
    }

    fn append_cells(&mut self, cells: CellColumn<'_>) -> Result<()> {
        cells.cells().for_each(|cell| self.append_option(cell.map(|cell| cell != 0)));
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(Self::finish(self))
    }
}

/// Bytes of texts that a column with offsets of 32 bits holds.
const COLUMN_BYTES_MAX: usize = i32::MAX as usize;

pub(super) fn too_much() -> Error {
    Error::corrupt("rows of the feature log have 2 GiB in one column before they are encoded: lower its queue_capacity")
}

/// What bytes are as a text, or as bytes.
trait OfBytes {
    fn of_bytes(bytes: &[u8]) -> Result<&Self>;
}

impl OfBytes for str {
    fn of_bytes(bytes: &[u8]) -> Result<&Self> {
        str::from_utf8(bytes).map_err(|error| Error::corrupt("a text of the feature log is not UTF-8").because(error))
    }
}

impl OfBytes for [u8] {
    fn of_bytes(bytes: &[u8]) -> Result<&Self> {
        Ok(bytes)
    }
}

impl<T: ByteArrayType<Offset = i32, Native: OfBytes>> Grow for GenericByteBuilder<T> {
    fn append(&mut self, values: &dyn Array, picked: Picked<'_>) -> Result<()> {
        let values: &GenericByteArray<T> = of_type(values)?;
        // More than the picked rows need, and quickly known.
        if self.values_slice().len() + values.value_data().len() > COLUMN_BYTES_MAX {
            return Err(too_much());
        }
        match picked {
            Picked::Range { first: 0, rows } if rows == values.len() => self.append_array(values).map_err(arrow_error),
            _ => {
                picked.rows().for_each(|row| self.append_option(values.is_valid(row).then(|| values.value(row))));
                Ok(())
            }
        }
    }

    fn append_cells(&mut self, cells: CellColumn<'_>) -> Result<()> {
        if self.values_slice().len() + cells.bytes_len() > COLUMN_BYTES_MAX {
            return Err(too_much());
        }
        cells.texts().try_for_each(|text| {
            self.append_option(text.map(T::Native::of_bytes).transpose()?);
            Ok(())
        })
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(Self::finish(self))
    }
}

/// A column of lists.
struct Lists {
    element: FieldRef,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    values: Box<dyn Grow>,
}

impl Grow for Lists {
    fn append(&mut self, values: &dyn Array, picked: Picked<'_>) -> Result<()> {
        let lists: &ListArray = of_type(values)?;
        let offsets = lists.value_offsets();
        let mut end = self.offsets[self.offsets.len() - 1];
        for row in picked.rows() {
            let is_valid = lists.is_valid(row);
            let length = if is_valid { offsets[row + 1] - offsets[row] } else { 0 };
            end = end.checked_add(length).ok_or_else(too_much)?;
            self.values
                .append(lists.values(), Picked::Range { first: offsets[row] as usize, rows: length as usize })?;
            self.nulls.append(is_valid);
            self.offsets.push(end);
        }
        Ok(())
    }

    fn append_cells(&mut self, _: CellColumn<'_>) -> Result<()> {
        unreachable!("a list has no cell")
    }

    fn finish(&mut self) -> ArrayRef {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut self.offsets, vec![0])));
        Arc::new(ListArray::new(Arc::clone(&self.element), offsets, self.values.finish(), self.nulls.finish()))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };
    use arrow::compute::{concat, interleave};

    use super::super::cells::Cells;
    use super::*;

    /// Of each kind of column some with nulls and empty values.
    fn columns() -> Vec<(DataType, ArrayRef)> {
        let lists =
            vec![Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(2)]), Some(vec![Some(3), Some(4)])];
        let texts = [Some("a"), None, Some(""), Some("ü"), Some("longer")];
        let times = TimestampMicrosecondArray::from(vec![Some(1), None, Some(i64::MIN), Some(3), Some(4)]);
        vec![
            (
                ScalarType::Bool.into(),
                Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), None, Some(true)])),
            ),
            (ScalarType::Int32.into(), Arc::new(Int32Array::from(vec![Some(-1), None, Some(i32::MIN), None, Some(4)]))),
            (ScalarType::Int64.into(), Arc::new(Int64Array::from(vec![1, 2, 3, 4, i64::MAX]))),
            (
                ScalarType::Float32.into(),
                Arc::new(Float32Array::from(vec![Some(-0.0), None, Some(f32::NAN), Some(f32::MIN), None])),
            ),
            (
                ScalarType::Float64.into(),
                Arc::new(Float64Array::from(vec![Some(-0.0), None, Some(f64::NAN), None, None])),
            ),
            (ScalarType::String.into(), Arc::new(StringArray::from_iter(texts))),
            (ScalarType::Bytes.into(), Arc::new(BinaryArray::from_iter(texts.map(|text| text.map(str::as_bytes))))),
            (ScalarType::Timestamp.into(), Arc::new(times.with_timezone("UTC"))),
            (DataType::List(ScalarType::Int64), Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
        ]
    }

    /// The type of a column that is no list.
    fn scalar(data_type: DataType) -> Option<ScalarType> {
        match data_type {
            DataType::Scalar(scalar) => Some(scalar),
            DataType::List(_) => None,
        }
    }

    #[test]
    fn a_column_has_the_picked_rows_one_request_after_the_other() {
        for (data_type, values) in columns() {
            let mut grown = column(data_type, 0);
            let middle = values.slice(1, 3);
            grown.append(&values, Picked::Range { first: 0, rows: 5 }).unwrap();
            grown.append(&middle, Picked::Range { first: 0, rows: 3 }).unwrap();
            grown.append(&middle, Picked::Range { first: 1, rows: 1 }).unwrap();
            grown.append(&values, Picked::Some(&[0, 3, 4])).unwrap();
            let some = interleave(&[&*values], &[(0, 0), (0, 3), (0, 4)]).unwrap();
            let expected = concat(&[&*values, &*middle, &*values.slice(2, 1), &*some]).unwrap();
            assert_eq!(&grown.finish(), &expected, "{data_type}");
            // And starts anew.
            grown.append(&values, Picked::Some(&[4])).unwrap();
            assert_eq!(&grown.finish(), &values.slice(4, 1), "{data_type}");
        }
    }

    #[test]
    fn values_come_to_columns_by_way_of_cells_as_they_are() {
        let kinds = columns().into_iter().filter_map(|(kind, values)| Some((scalar(kind)?, values)));
        // More columns than bits of a word, and rows of more than one block.
        let columns: Vec<_> = std::iter::repeat_n(kinds.collect::<Vec<_>>(), 9).flatten().collect();
        let rows = (0..5).cycle().take(150);
        let mut cells = Cells::new(columns.len());
        for row in rows {
            cells.start_row();
            columns.iter().for_each(|(scalar, values)| cells.push_value(values, *scalar, row).unwrap());
        }
        let mut grown: Vec<_> = columns.iter().map(|(scalar, _)| scalars(*scalar, 0)).collect();
        for block in cells.blocks() {
            let mut cells = block.columns();
            grown.iter_mut().for_each(|grown| grown.append_cells(cells.column()).unwrap());
        }
        for ((scalar, values), grown) in columns.iter().zip(&mut grown) {
            assert_eq!(&grown.finish(), &concat(&[&**values; 30]).unwrap(), "{scalar}");
        }
    }

    #[test]
    fn a_column_of_another_type_is_refused() {
        let texts = StringArray::from(vec!["a"]);
        for (data_type, _) in columns().into_iter().filter(|(data_type, _)| *data_type != ScalarType::String.into()) {
            let appended = column(data_type, 0).append(&texts, Picked::Range { first: 0, rows: 1 });
            let pushed = scalar(data_type).map(|scalar| Cells::new(1).push_value(&texts, scalar, 0));
            for refused in [Some(appended), pushed].into_iter().flatten() {
                let error = refused.unwrap_err();
                insta::allow_duplicates! {
                    insta::assert_snapshot!(error, @"a column of type Utf8 is not what the feature log was prepared for");
                }
            }
        }
    }
}
