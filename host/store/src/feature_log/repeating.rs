//! A column of a log file whose values repeat: a dictionary of them, and for each row which of them it is.
//!
//! parquet's own writer makes the same of a column, for every type and setting that there is. To log all that a server answers, it needs more than all
//! else of the log together; this one needs half of that, since it does one thing: the columns are numbers, texts, or lists of them, can be
//! null, and have one data page in a row group. Nothing is compressed beyond the dictionary: so few bits for each row gain nothing from it.

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{Array, AsArray as _, BinaryArray, ListArray, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, DataType as ArrowType, TimeUnit};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use twox_hash::XxHash64;

use super::batch::{NO_ROW, repeated};
use super::slots::{FREE, Slots, folded};

/// Different values beyond which they don't repeat enough.
const VALUES_MAX: usize = 1 << 14;

/// Rows to add at a time: then it is seen soon where they don't.
pub(super) const ROWS_AT_ONCE: usize = 1 << 13;

/// The column of a row group.
pub(super) struct RepeatingColumn {
    column: ColumnDescPtr,
    dictionary: Dictionary,
    /// which value each row has that has one
    numbers: Vec<u32>,
    levels: Levels,
}

/// Which rows have a value, in Parquet's words.
enum Levels {
    Flat(NullBufferBuilder),
    /// 0 for a null, 1 for an empty list, 2 for a null in a list, 3 for a value in one; and 1 behind the first of a list
    Lists {
        rows: usize,
        definition: Vec<u32>,
        repetition: Vec<u32>,
    },
}

/// Values that are to be added.
enum Typed<'a> {
    Fours(ScalarBuffer<u32>),
    Eights(ScalarBuffer<u64>),
    Texts(&'a StringArray),
    Bytes(&'a BinaryArray),
}

/// The values, each once.
struct Dictionary {
    values: Values,
    /// as the dictionary's page has them
    page: Vec<u8>,
    slots: Slots,
}

enum Values {
    /// of so many bytes, as numbers of 64 bits
    Fixed(usize, Vec<u64>),
    /// where each starts in the page
    Texts(Vec<u32>),
}

impl RepeatingColumn {
    /// A column without rows; `None` for a type that it can't have.
    pub(super) fn new(data_type: &ArrowType, column: ColumnDescPtr) -> Option<Self> {
        let (value_type, levels) = match data_type {
            ArrowType::List(element) => {
                (element.data_type(), Levels::Lists { rows: 0, definition: Vec::new(), repetition: Vec::new() })
            }
            flat => (flat, Levels::Flat(NullBufferBuilder::new(0))),
        };
        let values = match value_type {
            ArrowType::Int32 | ArrowType::Float32 => Values::Fixed(4, Vec::new()),
            ArrowType::Int64 | ArrowType::Float64 | ArrowType::Timestamp(TimeUnit::Microsecond, _) => {
                Values::Fixed(8, Vec::new())
            }
            ArrowType::Utf8 | ArrowType::Binary => Values::Texts(Vec::new()),
            _ => return None,
        };
        let dictionary = Dictionary { values, page: Vec::new(), slots: Slots::default() };
        Some(Self { column, dictionary, numbers: Vec::new(), levels })
    }

    /// Adds rows of the column's type.
    pub(super) fn append(&mut self, rows: &dyn Array) {
        match (&mut self.levels, rows.as_list_opt::<i32>()) {
            (Levels::Lists { rows, definition, repetition }, Some(lists)) => {
                *rows += lists.len();
                push_levels(lists, definition, repetition);
                let (first, end) = (lists.value_offsets()[0], lists.value_offsets()[lists.len()]);
                self.append_values(&*lists.values().slice(first as usize, (end - first) as usize));
            }
            (Levels::Flat(nulls), _) => {
                match rows.nulls() {
                    Some(rows) => nulls.append_buffer(rows),
                    None => nulls.append_n_non_nulls(rows.len()),
                }
                self.append_values(rows);
            }
            (Levels::Lists { .. }, None) => unreachable!("the column has lists"),
        }
    }

    /// Adds rows of which each is that of `values` whose place `rows` says, or null where that says [`NO_ROW`]: every value is looked up once,
    /// however often it is there.
    ///
    /// # Errors
    /// Where they can't be put together.
    pub(super) fn append_repeated(&mut self, rows: &ScalarBuffer<u32>, values: &dyn Array) -> Result<()> {
        let Levels::Flat(nulls) = &mut self.levels else {
            self.append(&*repeated(rows, values)?);
            return Ok(());
        };
        let valid = values.nulls().filter(|valid| valid.null_count() > 0);
        if valid.is_some_and(|valid| valid.null_count() == valid.len()) {
            nulls.append_n_nulls(rows.len());
            return Ok(());
        }
        let is_valid = |row: u32| row != NO_ROW && valid.is_none_or(|valid| valid.is_valid(row as usize));
        let (typed, dictionary, mut numbers) = (Typed::of(values), &mut self.dictionary, vec![FREE; values.len()]);
        let mut number = |row: u32| {
            let number = &mut numbers[row as usize];
            if *number == FREE {
                *number = dictionary.number(&typed, row as usize);
            }
            *number
        };
        if valid.is_none() && !rows.contains(&NO_ROW) {
            nulls.append_n_non_nulls(rows.len());
            self.numbers.extend(rows.iter().map(|row| number(*row)));
        } else {
            let present = NullBuffer::new(BooleanBuffer::collect_bool(rows.len(), |row| is_valid(rows[row])));
            nulls.append_buffer(&present);
            self.numbers.extend(present.valid_indices().map(|row| number(rows[row])));
        }
        Ok(())
    }

    fn append_values(&mut self, rows: &dyn Array) {
        let (typed, dictionary) = (Typed::of(rows), &mut self.dictionary);
        self.numbers.reserve(rows.len() - rows.null_count());
        match rows.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.numbers.extend((0..rows.len()).map(|row| dictionary.number(&typed, row))),
            Some(nulls) => self.numbers.extend(nulls.valid_indices().map(|row| dictionary.number(&typed, row))),
        }
    }

    /// Whether the values repeat. Else no rows can be added any more.
    pub(super) fn repeats(&self) -> bool {
        self.dictionary.len() <= VALUES_MAX
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.dictionary.page.len() * 2 + self.dictionary.len() * 8 + self.numbers.len() * 4 + self.levels.bytes()
    }

    /// Bytes that it will have, more or less.
    pub(super) fn size(&self) -> usize {
        self.dictionary.page.len() + (self.numbers.len() * self.dictionary.bits() + self.levels.len() * 3) / 8
    }

    /// The column's pages, and what the row group says of them. What is added after that is the next row group's, in the same memory: new
    /// memory costs more than what is written to it.
    ///
    /// # Errors
    /// Where it would be larger than a page can be.
    pub(super) fn finish(&mut self) -> Result<(Bytes, ColumnCloseResult)> {
        let (rows, values) = (self.levels.rows(), self.levels.len());
        let mut chunk = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut chunk);
        let mut sizes = 0;
        let is_empty = self.dictionary.len() == 0;
        if !is_empty {
            let (num_values, buf) = (self.dictionary.len() as u32, Bytes::copy_from_slice(&self.dictionary.page));
            let page = Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false };
            sizes += write(&mut writer, page)?;
        }
        let data_page_offset = sizes;
        let encoding = if is_empty { Encoding::PLAIN } else { Encoding::RLE_DICTIONARY };
        let page = Page::DataPage {
            buf: self.data_page().into(),
            num_values: values as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        sizes += write(&mut writer, page)?;
        let metadata = ColumnChunkMetaData::builder(Arc::clone(&self.column))
            .set_compression(Compression::UNCOMPRESSED)
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, encoding])
            .set_num_values(values as i64)
            .set_total_compressed_size(sizes as i64)
            .set_total_uncompressed_size(sizes as i64)
            .set_data_page_offset(data_page_offset as i64)
            .set_dictionary_page_offset((!is_empty).then_some(0))
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: sizes as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        self.clear();
        Ok((chunk.into_inner()?.into(), close))
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.levels.clear();
        self.dictionary.clear();
    }

    /// Which rows have a value, and which values those are.
    fn data_page(&mut self) -> Vec<u8> {
        let mut page = self.levels.encoded();
        if !self.numbers.is_empty() {
            let bits = self.dictionary.bits();
            page.push(bits as u8);
            match self.dictionary.len() {
                1 => push_run(self.numbers.len(), 0, &mut page),
                _ => push_packed(&self.numbers, bits, &mut page),
            }
        }
        page
    }
}

impl Levels {
    fn rows(&self) -> usize {
        match self {
            Self::Flat(nulls) => nulls.len(),
            Self::Lists { rows, .. } => *rows,
        }
    }

    /// How many there are.
    fn len(&self) -> usize {
        match self {
            Self::Flat(nulls) => nulls.len(),
            Self::Lists { definition, .. } => definition.len(),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Flat(nulls) => drop(nulls.finish()),
            Self::Lists { rows, definition, repetition } => {
                *rows = 0;
                definition.clear();
                repetition.clear();
            }
        }
    }

    /// Bytes in memory.
    fn bytes(&self) -> usize {
        match self {
            Self::Flat(nulls) => nulls.len() / 8,
            Self::Lists { definition, .. } => definition.len() * 8,
        }
    }

    /// As a page has them: of lists, first what is repeated.
    fn encoded(&mut self) -> Vec<u8> {
        let mut page = Vec::new();
        match self {
            Self::Flat(nulls) => {
                let rows = nulls.len();
                push_sized(&mut page, |page| match nulls.finish() {
                    Some(nulls) if nulls.null_count() == rows => push_run(rows, 0, page),
                    // Arrow's bits are Parquet's levels.
                    Some(nulls) => {
                        push_varint((rows.div_ceil(8) as u64) << 1 | 1, page);
                        page.extend_from_slice(&nulls.inner().sliced()[..rows.div_ceil(8)]);
                    }
                    None => push_run(rows, 1, page),
                });
            }
            Self::Lists { definition, repetition, .. } => {
                push_sized(&mut page, |page| push_packed(repetition, 1, page));
                push_sized(&mut page, |page| push_packed(definition, 2, page));
            }
        }
        page
    }
}

/// Adds the levels of lists.
fn push_levels(lists: &ListArray, definition: &mut Vec<u32>, repetition: &mut Vec<u32>) {
    let values = lists.values().nulls().filter(|nulls| nulls.null_count() > 0);
    for row in 0..lists.len() {
        let (first, end) = (lists.value_offsets()[row] as usize, lists.value_offsets()[row + 1] as usize);
        if first == end {
            definition.push(u32::from(lists.is_valid(row)));
            repetition.push(0);
        }
        for value in first..end {
            definition.push(if values.is_some_and(|values| values.is_null(value)) { 2 } else { 3 });
            repetition.push(u32::from(value > first));
        }
    }
}

impl Dictionary {
    fn len(&self) -> usize {
        match &self.values {
            Values::Fixed(_, values) => values.len(),
            Values::Texts(starts) => starts.len(),
        }
    }

    fn clear(&mut self) {
        match &mut self.values {
            Values::Fixed(_, values) => values.clear(),
            Values::Texts(starts) => starts.clear(),
        }
        self.page.clear();
        self.slots.clear();
    }

    /// Bits of a value's number.
    fn bits(&self) -> usize {
        (usize::BITS - self.len().saturating_sub(1).leading_zeros()).max(1) as usize
    }

    /// The number of a value, which gets one where it has none.
    fn number(&mut self, values: &Typed<'_>, row: usize) -> u32 {
        match values {
            Typed::Fours(values) => self.fixed(u64::from(values[row])),
            Typed::Eights(values) => self.fixed(values[row]),
            Typed::Texts(values) => self.text(values.value(row).as_bytes()),
            Typed::Bytes(values) => self.text(values.value(row)),
        }
    }

    fn fixed(&mut self, value: u64) -> u32 {
        let Values::Fixed(width, values) = &mut self.values else { unreachable!("the column has fixed values") };
        match self.slots.find(folded(value), |number| values[number as usize] == value) {
            Ok(number) => number,
            Err(slot) => {
                values.push(value);
                self.page.extend_from_slice(&value.to_le_bytes()[..*width]);
                self.slots.take(slot, values.len(), |number| folded(values[number]))
            }
        }
    }

    fn text(&mut self, text: &[u8]) -> u32 {
        let Values::Texts(starts) = &mut self.values else { unreachable!("the column has texts") };
        let is = |number| text_at(&self.page, starts[number as usize]) == text;
        match self.slots.find(XxHash64::oneshot(0, text), is) {
            Ok(number) => number,
            Err(slot) => {
                starts.push(self.page.len() as u32);
                self.page.extend_from_slice(&(text.len() as u32).to_le_bytes());
                self.page.extend_from_slice(text);
                let hash = |number: usize| XxHash64::oneshot(0, text_at(&self.page, starts[number]));
                self.slots.take(slot, starts.len(), hash)
            }
        }
    }
}

impl<'a> Typed<'a> {
    fn of(values: &'a dyn Array) -> Self {
        match values.data_type() {
            ArrowType::Utf8 => Self::Texts(values.as_string()),
            ArrowType::Binary => Self::Bytes(values.as_binary()),
            ArrowType::Int32 | ArrowType::Float32 => Self::Fours(bits(values)),
            _ => Self::Eights(bits(values)),
        }
    }
}

/// The text that starts in a dictionary's page with its length.
fn text_at(page: &[u8], start: u32) -> &[u8] {
    let start = start as usize;
    let length = page[start..start + 4].iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
    &page[start + 4..start + 4 + length]
}

/// The bits of numbers, one for each row.
fn bits<T: ArrowNativeType>(rows: &dyn Array) -> ScalarBuffer<T> {
    let data = rows.to_data();
    ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len())
}

/// Writes a page, and says how many bytes it has.
fn write(writer: &mut SerializedPageWriter<'_, Vec<u8>>, page: Page) -> Result<usize> {
    let bytes = page.buffer().len();
    Ok(writer.write_page(CompressedPage::new(page, bytes))?.compressed_size)
}

/// Adds what `push` adds, behind its size.
fn push_sized(page: &mut Vec<u8>, push: impl FnOnce(&mut Vec<u8>)) {
    let start = page.len();
    page.extend_from_slice(&[0; 4]);
    push(page);
    let size = (page.len() - start - 4) as u32;
    page[start..start + 4].copy_from_slice(&size.to_le_bytes());
}

/// Adds `rows` times one value of at most 8 bits.
fn push_run(rows: usize, value: u8, page: &mut Vec<u8>) {
    push_varint((rows as u64) << 1, page);
    page.push(value);
}

/// Adds numbers of so many bits, in groups of 8.
fn push_packed(numbers: &[u32], bits: usize, page: &mut Vec<u8>) {
    let groups = numbers.len().div_ceil(8);
    push_varint((groups as u64) << 1 | 1, page);
    let end = page.len() + groups * bits;
    page.reserve(groups * bits + 8);
    let (mut packed, mut filled) = (0_u64, 0);
    for number in numbers {
        packed |= u64::from(*number) << filled;
        filled += bits;
        if filled >= 32 {
            page.extend_from_slice(&(packed as u32).to_le_bytes());
            packed >>= 32;
            filled -= 32;
        }
    }
    page.extend_from_slice(&packed.to_le_bytes());
    page.resize(end, 0);
}

fn push_varint(mut number: u64, page: &mut Vec<u8>) {
    while number >= 0x80 {
        page.push(number as u8 | 0x80);
        number >>= 7;
    }
    page.push(number as u8);
}

#[cfg(test)]
mod tests;
