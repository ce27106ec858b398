//! The bytes that stand for one entity.
//!
//! Enters: the join key columns of many rows. Leaves: one byte string for each row. Two rows have the same bytes
//! exactly when they have the same join keys by name, type and value, so neither (1, 23) and (12, 3) nor
//! `origin = AA` and `carrier = AA` meet. The order of the columns does not matter.
//!
//! For each join key, in the order of their names:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | length of the name |
//! | n | the name, UTF-8 |
//! | 1 | the type: 1 string, 2 bytes, 3 int32, 4 int64, 5 timestamp |
//! | 4, 8, or 4 + n | the value: int32; int64 or timestamp in µs; string or bytes after their length; numbers big-endian |
//!
//! Stored rows are found by these bytes: changing them loses every row.

use arrow::array::{Array, ArrayRef, AsArray, LargeBinaryArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use skewless_runtime::{DataType, ScalarType};

use crate::Error;

/// Join keys that make no entity key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A row does not say which entity it is about.
    #[error("join key `{join_key}` is null in row {row}: every row needs a value for it")]
    Null {
        /// the join key that is null
        join_key: String,
        /// the first such row, from 0
        row: usize,
    },
    /// The column's type can't identify an entity.
    #[error("join key `{join_key}` has type {data_type}: use string, bytes, int32, int64 or timestamp")]
    Type {
        /// the join key
        join_key: String,
        /// its column's type
        data_type: String,
    },
    /// The name does not fit its length byte.
    #[error("the name of join key `{join_key}` has {} bytes: use at most 255", join_key.len())]
    Name {
        /// the join key
        join_key: String,
    },
    /// Two columns for one join key.
    #[error("join key `{join_key}` is given twice: give it once")]
    Twice {
        /// the join key
        join_key: String,
    },
    /// Columns that do not have a value each for the same rows.
    #[error("join key `{join_key}` has {rows} rows where the first has {expected}: give each a value for every row")]
    Length {
        /// the join key
        join_key: String,
        /// its rows
        rows: usize,
        /// the rows of the first join key
        expected: usize,
    },
    /// No join keys at all.
    #[error("no join keys: an entity has at least one")]
    Empty,
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::invalid_input(error.to_string())
    }
}

/// The entity key of each row, from its join keys: name and column, in any order.
///
/// # Errors
///
/// Where a join key is null, has a type that identifies nothing, or does not have as many rows as the others.
pub fn encode_keys(join_keys: &[(&str, ArrayRef)]) -> Result<LargeBinaryArray, KeyError> {
    let mut columns = join_keys.iter().map(|(name, array)| JoinKey::new(name, array)).collect::<Result<Vec<_>, _>>()?;
    let rows = join_keys.first().ok_or(KeyError::Empty)?.1.len();
    for (name, array) in join_keys {
        if array.len() != rows {
            return Err(KeyError::Length { join_key: (*name).to_owned(), rows: array.len(), expected: rows });
        }
    }
    columns.sort_unstable_by_key(|column| column.name);
    if let Some(pair) = columns.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(KeyError::Twice { join_key: pair[0].name.to_owned() });
    }

    let mut bytes = Vec::with_capacity(rows * columns.iter().map(|column| column.prefix.len() + 16).sum::<usize>());
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0);
    for row in 0..rows {
        for column in &columns {
            bytes.extend_from_slice(&column.prefix);
            column.values.append(row, &mut bytes);
        }
        offsets.push(i64::try_from(bytes.len()).expect("memory holds less than 2^63 bytes"));
    }
    Ok(LargeBinaryArray::new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes), None))
}

struct JoinKey<'a> {
    name: &'a str,
    /// what precedes the value in every row
    prefix: Vec<u8>,
    values: Values<'a>,
}

enum Values<'a> {
    String(&'a arrow::array::StringArray),
    Bytes(&'a arrow::array::BinaryArray),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
}

impl<'a> JoinKey<'a> {
    fn new(name: &'a str, array: &'a ArrayRef) -> Result<Self, KeyError> {
        let (tag, values) = match DataType::from_arrow(array.data_type()) {
            Some(DataType::Scalar(ScalarType::String)) => (1, Values::String(array.as_string())),
            Some(DataType::Scalar(ScalarType::Bytes)) => (2, Values::Bytes(array.as_binary())),
            Some(DataType::Scalar(ScalarType::Int32)) => (3, Values::Int32(array.as_primitive::<Int32Type>().values())),
            Some(DataType::Scalar(ScalarType::Int64)) => (4, Values::Int64(array.as_primitive::<Int64Type>().values())),
            Some(DataType::Scalar(ScalarType::Timestamp)) => {
                (5, Values::Int64(array.as_primitive::<TimestampMicrosecondType>().values()))
            }
            ours => {
                let data_type = ours.map_or_else(|| array.data_type().to_string(), |ours| ours.to_string());
                return Err(KeyError::Type { join_key: name.to_owned(), data_type });
            }
        };
        if array.null_count() > 0
            && let Some(row) = (0..array.len()).find(|row| array.is_null(*row))
        {
            return Err(KeyError::Null { join_key: name.to_owned(), row });
        }
        let length = u8::try_from(name.len()).map_err(|_| KeyError::Name { join_key: name.to_owned() })?;
        Ok(Self { name, prefix: [&[length], name.as_bytes(), &[tag]].concat(), values })
    }
}

impl Values<'_> {
    fn append(&self, row: usize, bytes: &mut Vec<u8>) {
        match self {
            Self::String(values) => append_bytes(values.value(row).as_bytes(), bytes),
            Self::Bytes(values) => append_bytes(values.value(row), bytes),
            Self::Int32(values) => bytes.extend_from_slice(&values[row].to_be_bytes()),
            Self::Int64(values) => bytes.extend_from_slice(&values[row].to_be_bytes()),
        }
    }
}

fn append_bytes(value: &[u8], bytes: &mut Vec<u8>) {
    let length = u32::try_from(value.len()).expect("a column with 32-bit offsets holds less than 2 GiB");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(value);
}

#[cfg(test)]
mod tests;
