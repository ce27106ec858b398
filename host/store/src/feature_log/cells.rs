//! Values of some rows, one row behind the other, on their way to columns.

use arrow::array::{Array, ArrowPrimitiveType, AsArray as _};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use skewless_runtime::ScalarType;

use super::columns::{not_as_prepared, too_much};
use crate::Result;

/// Rows of equally many cells, in blocks that come to columns one after the other. A cell has the bits of a number, or the place of a text, or
/// no value.
pub(super) struct Cells {
    /// how many cells a row has
    columns: usize,
    full: Vec<Block>,
    /// the last block, which has room
    open: Block,
    /// the column of the next cell
    column: usize,
}

/// So many rows at most, that a core's nearest cache has them while they come to columns.
const BLOCK_ROWS: usize = 64;

/// Some of the rows.
#[derive(Default)]
pub(super) struct Block {
    rows: usize,
    /// for each row a bit for each column that has a value there, in so many words
    present: Vec<u64>,
    words: usize,
    /// the values that there are
    values: Vec<u64>,
    /// the texts, one behind the other
    bytes: Vec<u8>,
}

/// The columns of a block, from the first on.
pub(super) struct BlockColumns<'a> {
    block: &'a Block,
    /// the next one
    column: usize,
    /// where each row has its next value
    next: [usize; BLOCK_ROWS],
    cells: [Option<u64>; BLOCK_ROWS],
}

/// One column of them.
#[derive(Clone, Copy)]
pub(super) struct CellColumn<'a> {
    cells: &'a [Option<u64>],
    bytes: &'a [u8],
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
    /// No rows, of so many cells each.
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, full: Vec::new(), open: Block::like(&Block::default(), columns), column: 0 }
    }

    /// The cells that are added next are those of another row.
    pub(super) fn start_row(&mut self) {
        if self.open.rows == BLOCK_ROWS {
            let next = Block::like(&self.open, self.columns);
            self.full.push(std::mem::replace(&mut self.open, next));
        }
        self.open.rows += 1;
        self.open.present.resize(self.open.rows * self.open.words, 0);
        self.column = 0;
    }

    fn add(&mut self, cell: Option<u64>) {
        if let Some(value) = cell {
            let row = self.open.present.len() - self.open.words;
            self.open.present[row + self.column / 64] |= 1 << (self.column % 64);
            self.open.values.push(value);
        }
        self.column += 1;
    }

    /// Adds the next cell.
    pub(super) fn push(&mut self, value: Option<impl InCell>) {
        self.add(value.map(InCell::to_cell));
    }

    /// Adds the next cell, of a text.
    ///
    /// # Errors
    /// Where texts are too long.
    pub(super) fn push_text(&mut self, text: Option<&[u8]>) -> Result<()> {
        let place = text.map(|text| self.open.place(text)).transpose()?;
        self.add(place);
        Ok(())
    }

    /// Adds the next cell: a row of values that are no lists.
    ///
    /// # Errors
    /// For values of another type, and as [`Cells::push_text`].
    pub(super) fn push_value(&mut self, values: &dyn Array, scalar: ScalarType, row: usize) -> Result<()> {
        if values.is_null(row) && values.data_type() == &scalar.to_arrow() {
            self.add(None);
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

    /// The rows, from the first on; no block is empty.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.full.iter().chain([&self.open].into_iter().filter(|block| block.rows > 0))
    }
}

impl Block {
    /// Without rows, with room for those of `before`.
    fn like(before: &Self, columns: usize) -> Self {
        Self {
            rows: 0,
            present: Vec::with_capacity(before.present.len()),
            words: columns.div_ceil(64),
            values: Vec::with_capacity(before.values.len()),
            bytes: Vec::with_capacity(before.bytes.len()),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Puts a text behind the others, and says where it is.
    fn place(&mut self, text: &[u8]) -> Result<u64> {
        let (Ok(start), Ok(length)) = (u32::try_from(self.bytes.len()), u32::try_from(text.len())) else {
            return Err(too_much());
        };
        self.bytes.extend_from_slice(text);
        Ok(u64::from(start) << 32 | u64::from(length))
    }

    pub(super) fn columns(&self) -> BlockColumns<'_> {
        let mut next = [0; BLOCK_ROWS];
        let mut before = 0;
        for (next, present) in next.iter_mut().zip(self.present.chunks_exact(self.words)) {
            *next = before;
            before += present.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        }
        BlockColumns { block: self, column: 0, next, cells: [None; BLOCK_ROWS] }
    }
}

impl BlockColumns<'_> {
    /// The next column.
    pub(super) fn column(&mut self) -> CellColumn<'_> {
        let Block { rows, present, words, values, bytes } = self.block;
        let (word, bit) = (self.column / 64, self.column % 64);
        let rows = self.cells[..*rows].iter_mut().zip(&mut self.next).zip(present.chunks_exact(*words));
        for ((cell, next), present) in rows {
            let is_present = present[word] >> bit & 1;
            *cell = (is_present == 1).then(|| values[*next]);
            *next += is_present as usize;
        }
        self.column += 1;
        CellColumn { cells: &self.cells[..self.block.rows], bytes }
    }
}

impl<'a> CellColumn<'a> {
    /// Its cells, row by row.
    pub(super) fn cells(self) -> impl ExactSizeIterator<Item = Option<u64>> + 'a {
        self.cells.iter().copied()
    }

    /// Its texts, row by row.
    pub(super) fn texts(self) -> impl ExactSizeIterator<Item = Option<&'a [u8]>> {
        let text = |place: u64| {
            let (start, length) = ((place >> 32) as usize, place as u32 as usize);
            &self.bytes[start..start + length]
        };
        self.cells().map(move |cell| cell.map(text))
    }

    /// How many bytes all texts of these rows take, also those of other columns.
    pub(super) fn bytes_len(self) -> usize {
        self.bytes.len()
    }
}

/// A number of a row that has one.
fn number<T: ArrowPrimitiveType>(values: &dyn Array, row: usize) -> Result<T::Native> {
    Ok(values.as_primitive_opt::<T>().ok_or_else(|| not_as_prepared(values))?.value(row))
}
