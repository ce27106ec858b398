//! The entity key of a row inside a plan: one column, of integers where that is enough.
//!
//! A single join key of an integer type, or of instants, is compared and hashed as 64 bits; a single string as its bytes. Several
//! join keys are the bytes that stand for an entity everywhere else, [`encode_keys`].

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeBinaryArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Int64Type};
use skewless_runtime::{DataType, ScalarType};

use crate::Result;
use crate::online::encode_keys;
use crate::view_rows::arrow_error;

/// The join keys that find the rows of a view, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinKeys(Vec<(String, DataType)>);

impl JoinKeys {
    pub(crate) fn new(mut join_keys: Vec<(String, DataType)>) -> Self {
        join_keys.sort();
        Self(join_keys)
    }

    /// Their names and types, in the order in which [`JoinKeys::encode`] wants the columns.
    pub(crate) fn columns(&self) -> &[(String, DataType)] {
        &self.0
    }

    /// The Arrow type of the key column.
    pub(crate) fn arrow_type(&self) -> ArrowType {
        match self.0.as_slice() {
            [(_, DataType::Scalar(ScalarType::Int32 | ScalarType::Int64 | ScalarType::Timestamp))] => ArrowType::Int64,
            _ => ArrowType::LargeBinary,
        }
    }

    /// The key of each row, from columns without nulls.
    ///
    /// # Errors
    /// For types that can't identify an entity.
    pub(crate) fn encode(&self, columns: &[ArrayRef]) -> Result<ArrayRef> {
        match self.0.as_slice() {
            [(_, DataType::Scalar(ScalarType::Timestamp))] => {
                let instants = columns[0].as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
                Ok(Arc::new(instants.reinterpret_cast::<Int64Type>()))
            }
            [(_, DataType::Scalar(ScalarType::Int32 | ScalarType::Int64))] => {
                cast(&columns[0], &ArrowType::Int64).map_err(arrow_error)
            }
            [(_, DataType::Scalar(ScalarType::String | ScalarType::Bytes))] => {
                cast(&columns[0], &ArrowType::LargeBinary).map_err(arrow_error)
            }
            keys => {
                let named: Vec<_> =
                    keys.iter().zip(columns).map(|((name, _), column)| (name.as_str(), Arc::clone(column))).collect();
                Ok(Arc::new(encode_keys(&named)?))
            }
        }
    }
}

/// A key column, looked at row by row.
#[derive(Debug, Clone)]
pub(super) enum Keys {
    Integers(arrow::array::Int64Array),
    Bytes(LargeBinaryArray),
}

impl Keys {
    /// Looks at a column made by [`JoinKeys::encode`].
    pub(super) fn of(column: &dyn Array) -> Self {
        match column.as_primitive_opt::<Int64Type>() {
            Some(integers) => Self::Integers(integers.clone()),
            None => Self::Bytes(column.as_binary::<i64>().clone()),
        }
    }

    /// How the key in `row` compares with the key in `other_row` of `other`.
    pub(super) fn compare(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        match (self, other) {
            (Self::Integers(a), Self::Integers(b)) => a.value(row).cmp(&b.value(other_row)),
            (Self::Bytes(a), Self::Bytes(b)) => a.value(row).cmp(b.value(other_row)),
            _ => unreachable!("both sides of a join have keys of one type"),
        }
    }
}
