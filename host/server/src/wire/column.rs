//! A column that a request must bring, and how it is read.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, NullBufferBuilder};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;
use serde_json::value::RawValue;
use skewless_runtime::{DataType, ScalarType};
use skewless_store::FeatureSet;

use super::list::{each, scalar};
use super::scalar::Scalar;
use super::values::{Unfit, ValuesBuilder, expected};
use super::{ROWS_MAX, RequestError};

/// A column that the features of a request need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// its name among the request's `entities`
    pub name: String,
    /// the type of its values
    pub data_type: DataType,
    /// what it is for
    pub role: Role,
}

/// What a column of a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It says which entity a row is about; never null, and part of the answer.
    JoinKey,
    /// It is an input of on-demand features.
    RequestField,
}

impl Column {
    /// The columns that `set` needs: its join keys, then its request fields.
    #[must_use]
    pub fn needed_by(set: &FeatureSet) -> Vec<Self> {
        let column = |name: &str, data_type, role| Self { name: name.to_owned(), data_type, role };
        let join_keys = set.join_keys().iter().map(|key| column(&key.name, key.data_type, Role::JoinKey));
        let is_join_key = |name: &str| set.join_keys().iter().any(|key| key.name == name);
        let fields = set.request_fields().iter().filter(|(name, _)| !is_join_key(name));
        join_keys.chain(fields.map(|(name, data_type)| column(name, *data_type, Role::RequestField))).collect()
    }

    /// The Arrow column of a JSON list.
    pub(super) fn read(&self, raw: &RawValue) -> Result<ArrayRef, RequestError> {
        match self.data_type {
            DataType::Scalar(scalar_type) => self.read_scalars(raw, scalar_type),
            DataType::List(element_type) => self.read_lists(raw, element_type),
        }
    }

    fn read_scalars(&self, raw: &RawValue, scalar_type: ScalarType) -> Result<ArrayRef, RequestError> {
        let mut values = ValuesBuilder::new(scalar_type);
        self.each_row(raw, |row, scalar: Scalar<'_>| {
            if scalar == Scalar::Null && self.role == Role::JoinKey {
                return Err(self.unfit(self.path(Some(row)), &scalar));
            }
            values.append(&scalar).map_err(|Unfit| self.unfit(self.path(Some(row)), &scalar))
        })?;
        Ok(values.finish())
    }

    fn read_lists(&self, raw: &RawValue, element_type: ScalarType) -> Result<ArrayRef, RequestError> {
        let mut elements = ValuesBuilder::new(element_type);
        let (mut lengths, mut valid) = (Vec::new(), NullBufferBuilder::new(0));
        self.each_row(raw, |row, list: &RawValue| {
            let row_path = || self.path(Some(row));
            let outside = scalar(list, row_path)?;
            match outside {
                Scalar::Null => lengths.push(0),
                Scalar::List => lengths.push(self.read_list(list, row, &mut elements)?),
                _ => return Err(self.unfit(row_path(), &outside)),
            }
            valid.append(outside == Scalar::List);
            Ok(())
        })?;
        let item = Arc::new(Field::new_list_field(element_type.to_arrow(), true));
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::new(item, offsets, elements.finish(), valid.finish())))
    }

    /// Appends the elements of one list, and returns how many they are.
    fn read_list(&self, list: &RawValue, row: usize, elements: &mut ValuesBuilder) -> Result<usize, RequestError> {
        let path = |position: usize| format!("{}[{position}]", self.path(Some(row)));
        let list_path = |position: Option<usize>| position.map_or_else(|| self.path(Some(row)), path);
        each(list, list_path, "a list", |position, element: Scalar<'_>| {
            elements.append(&element).map_err(|Unfit| self.unfit(path(position), &element))
        })
    }

    fn each_row<'a, T: serde::Deserialize<'a>>(
        &self,
        raw: &'a RawValue,
        mut take: impl FnMut(usize, T) -> Result<(), RequestError>,
    ) -> Result<usize, RequestError> {
        each(
            raw,
            |row| self.path(row),
            "a list with a value for each row",
            |row, value| {
                if row == ROWS_MAX {
                    return Err(RequestError::TooManyRows { name: self.name.clone() });
                }
                take(row, value)
            },
        )
    }

    fn path(&self, row: Option<usize>) -> String {
        match row {
            None => format!("entities.{}", self.name),
            Some(row) => format!("entities.{}[{row}]", self.name),
        }
    }

    fn unfit(&self, path: String, found: &Scalar<'_>) -> RequestError {
        let expected = match self.data_type {
            DataType::Scalar(scalar_type) => expected(scalar_type).to_owned(),
            DataType::List(element_type) => format!("a list, of which each element is {}", expected(element_type)),
        };
        RequestError::Value { path, found: found.to_string(), column: self.clone(), expected }
    }
}

/// As in "join key `tailnum` is string".
impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` is {}", self.role, self.name, self.data_type)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::JoinKey => "join key",
            Self::RequestField => "request field",
        })
    }
}
