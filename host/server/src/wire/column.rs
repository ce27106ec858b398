//! A column that a request must bring, and how it is read.

use std::fmt;

use arrow::array::ArrayRef;
use serde_json::value::RawValue;
use skewless_runtime::{DataType, ScalarType};
use skewless_store::FeatureSet;

use super::list::{each, scalar};
use super::numbers::numbers;
use super::protobuf::Value;
use super::scalar::Scalar;
use super::values::{ListsBuilder, Unfit, ValuesBuilder, expected};
use super::{ROWS_MAX, RequestError};

/// A column that the features of a request need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// its name among the request's columns
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
    /// It says which entity a row to be stored is about; never null.
    RowKey,
    /// It is a value of rows to be stored.
    RowValue,
    /// It says when a row to be stored happened; never null.
    RowTimestamp,
    /// It says when a row to be stored became known.
    RowCreated,
}

impl Role {
    /// Whether every row needs a value.
    const fn is_required(self) -> bool {
        matches!(self, Self::JoinKey | Self::RowKey | Self::RowTimestamp)
    }

    /// The part of a request in which the column is.
    pub(crate) const fn part(self) -> &'static str {
        match self {
            Self::JoinKey | Self::RequestField => "entities",
            Self::RowKey | Self::RowValue | Self::RowTimestamp | Self::RowCreated => "df",
        }
    }
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
        numbers(raw, scalar_type).map_or_else(|| self.read_one_by_one(raw, scalar_type), Ok)
    }

    pub(super) fn read_one_by_one(&self, raw: &RawValue, scalar_type: ScalarType) -> Result<ArrayRef, RequestError> {
        let mut values = ValuesBuilder::new(scalar_type, raw.get().len());
        self.each_row(raw, |row, scalar: Scalar<'_>| self.append(&mut values, row, &scalar))?;
        Ok(values.finish())
    }

    fn read_lists(&self, raw: &RawValue, element_type: ScalarType) -> Result<ArrayRef, RequestError> {
        let mut lists = ListsBuilder::new(element_type, raw.get().len());
        self.each_row(raw, |row, list: &RawValue| {
            let outside = scalar(list, || self.path(Some(row)))?;
            match outside {
                Scalar::List => lists.append(|elements| self.read_list(list, row, elements)),
                _ => self.append_null(&mut lists, row, &outside),
            }
        })?;
        Ok(lists.finish(element_type))
    }

    /// The Arrow column of values from protobuf.
    pub(super) fn read_messages(&self, values: &[Value]) -> Result<ArrayRef, RequestError> {
        if values.len() > ROWS_MAX {
            return Err(RequestError::TooManyRows { name: self.path(None) });
        }
        match self.data_type {
            DataType::Scalar(scalar_type) => {
                let mut column = ValuesBuilder::new(scalar_type, 8 * values.len());
                for (row, value) in values.iter().enumerate() {
                    self.append(&mut column, row, &value.scalar())?;
                }
                Ok(column.finish())
            }
            DataType::List(element_type) => {
                let mut lists = ListsBuilder::new(element_type, 0);
                for (row, value) in values.iter().enumerate() {
                    match value.elements() {
                        Some(elements) => lists.append(|list| self.append_all(list, row, &elements))?,
                        None => self.append_null(&mut lists, row, &value.scalar())?,
                    }
                }
                Ok(lists.finish(element_type))
            }
        }
    }

    fn append(&self, values: &mut ValuesBuilder, row: usize, scalar: &Scalar<'_>) -> Result<(), RequestError> {
        if *scalar == Scalar::Null && self.role.is_required() {
            return Err(self.unfit(self.path(Some(row)), scalar));
        }
        values.append(scalar).map_err(|Unfit| self.unfit(self.path(Some(row)), scalar))
    }

    fn append_null(&self, lists: &mut ListsBuilder, row: usize, scalar: &Scalar<'_>) -> Result<(), RequestError> {
        if *scalar != Scalar::Null {
            return Err(self.unfit(self.path(Some(row)), scalar));
        }
        lists.append_null();
        Ok(())
    }

    fn append_all(&self, list: &mut ValuesBuilder, row: usize, elements: &[Scalar<'_>]) -> Result<usize, RequestError> {
        for (position, element) in elements.iter().enumerate() {
            let path = || format!("{}[{position}]", self.path(Some(row)));
            list.append(element).map_err(|Unfit| self.unfit(path(), element))?;
        }
        Ok(elements.len())
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
                    return Err(RequestError::TooManyRows { name: self.path(None) });
                }
                take(row, value)
            },
        )
    }

    /// Where in the request it is, or one of its rows.
    pub(super) fn path(&self, row: Option<usize>) -> String {
        let (part, name) = (self.role.part(), &self.name);
        match row {
            None => format!("{part}.{name}"),
            Some(row) => format!("{part}.{name}[{row}]"),
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
            Self::RowKey => "join key",
            Self::RowValue => "column",
            Self::RowTimestamp => "event timestamp",
            Self::RowCreated => "created timestamp",
        })
    }
}
