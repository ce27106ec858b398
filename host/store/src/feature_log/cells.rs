//! Values of some rows, one row behind the other, on their way to columns.

use arrow::array::{Array, ArrowPrimitiveType, AsArray as _};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use skewless_runtime::ScalarType;

use super::columns::{not_as_prepared, too_much};
use crate::Result;

/// Rows of equally many cells. A cell has the bits of a number, or the place of a text, or no value.
#[derive(Default)]
pub(super) struct Cells {
    cells: Vec<Option<u64>>,
    bytes: Vec<u8>,
}

/// One column of them.
#[derive(Clone, Copy)]
pub(super) struct CellColumn<'a> {
    cells: &'a Cells,
    column: usize,
    /// how many columns there are
    columns: usize,
}

/// What has place in a cell.
pub(super) trait InCell: Copy {
    fn to_cell(self) -> u64;
    fn of_cell(cell: u64) -> Self;
}

macro_rules! in_cell {
    ($number:ty, $bits:ty, $to_bits:expr, $of_bits:expr) => {
        impl InCell for $number {
            fn to_cell(self) -> u64 {
                u64::from($to_bits(self))
            }

            fn of_cell(cell: u64) -> Self {
                $of_bits(cell as $bits)
            }
        }
    };
}

in_cell!(i32, u32, i32::cast_unsigned, u32::cast_signed);
in_cell!(i64, u64, i64::cast_unsigned, u64::cast_signed);
in_cell!(u32, u32, u32::from, u32::from);
in_cell!(f32, u32, f32::to_bits, f32::from_bits);
in_cell!(f64, u64, f64::to_bits, f64::from_bits);

impl Cells {
    /// How many bytes texts take.
    pub(super) fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.bytes.clear();
    }

    /// Adds the next cell.
    pub(super) fn push(&mut self, value: Option<impl InCell>) {
        self.cells.push(value.map(InCell::to_cell));
    }

    /// Adds the next cell, of a text.
    ///
    /// # Errors
    /// Where all texts together are too long.
    pub(super) fn push_text(&mut self, text: Option<&[u8]>) -> Result<()> {
        let place = text.map(|text| self.place(text)).transpose()?;
        self.cells.push(place);
        Ok(())
    }

    /// Adds the next cell: a row of values that are no lists.
    ///
    /// # Errors
    /// For values of another type, and as [`Cells::push_text`].
    pub(super) fn push_value(&mut self, values: &dyn Array, scalar: ScalarType, row: usize) -> Result<()> {
        if values.is_null(row) && values.data_type() == &scalar.to_arrow() {
            self.cells.push(None);
            return Ok(());
        }
        match scalar {
            ScalarType::Bool => {
                let value = values.as_boolean_opt().ok_or_else(|| not_as_prepared(values))?.value(row);
                self.push(Some(u32::from(value)));
            }
            ScalarType::Int32 => self.push(Some(number::<Int32Type>(values, row)?)),
            ScalarType::Int64 => self.push(Some(number::<Int64Type>(values, row)?)),
            ScalarType::Float32 => self.push(Some(number::<Float32Type>(values, row)?)),
            ScalarType::Float64 => self.push(Some(number::<Float64Type>(values, row)?)),
            ScalarType::Timestamp => self.push(Some(number::<TimestampMicrosecondType>(values, row)?)),
            ScalarType::String => {
                let values = values.as_string_opt::<i32>().ok_or_else(|| not_as_prepared(values))?;
                self.push_text(Some(values.value(row).as_bytes()))?;
            }
            ScalarType::Bytes => {
                let values = values.as_binary_opt::<i32>().ok_or_else(|| not_as_prepared(values))?;
                self.push_text(Some(values.value(row)))?;
            }
        }
        Ok(())
    }

    /// Where `text` is kept.
    ///
    /// # Errors
    /// As [`Cells::push_text`].
    pub(super) fn place(&mut self, text: &[u8]) -> Result<u64> {
        let (Ok(start), Ok(length)) = (u32::try_from(self.bytes.len()), u32::try_from(text.len())) else {
            return Err(too_much());
        };
        self.bytes.extend_from_slice(text);
        Ok(u64::from(start) << 32 | u64::from(length))
    }

    /// The text that is kept at a place.
    pub(super) fn text(&self, place: u64) -> &[u8] {
        let (start, length) = ((place >> 32) as usize, place as u32 as usize);
        &self.bytes[start..start + length]
    }

    /// One of so many columns.
    pub(super) fn column(&self, column: usize, columns: usize) -> CellColumn<'_> {
        CellColumn { cells: self, column, columns }
    }
}

impl<'a> CellColumn<'a> {
    /// Its cells, row by row.
    pub(super) fn cells(self) -> impl ExactSizeIterator<Item = Option<u64>> + 'a {
        let cells = &self.cells.cells;
        cells[self.column.min(cells.len())..].iter().step_by(self.columns).copied()
    }

    /// Its texts, row by row.
    pub(super) fn texts(self) -> impl ExactSizeIterator<Item = Option<&'a [u8]>> {
        self.cells().map(move |cell| cell.map(|place| self.cells.text(place)))
    }

    /// How many bytes all texts take, also those of other columns.
    pub(super) fn bytes_len(self) -> usize {
        self.cells.bytes_len()
    }
}

/// A number of a row that has one.
fn number<T: ArrowPrimitiveType>(values: &dyn Array, row: usize) -> Result<T::Native> {
    Ok(values.as_primitive_opt::<T>().ok_or_else(|| not_as_prepared(values))?.value(row))
}
