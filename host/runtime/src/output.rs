//! What a transform computed: the guest's columns, checked against the signature, as Arrow.

use std::sync::Arc;

use arrow::array::{BooleanBufferBuilder, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::SchemaRef;

use crate::bindings::skewless::transform::types::Output as GuestOutput;
use crate::data_type::Field;
use crate::decode;
use crate::signature::shorten;

/// What a row failure's reason is cut to.
pub(crate) const REASON_BYTES_MAX: usize = 1_024;

/// What a transform computed for a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The signature's outputs, in order, as many rows as went in, in the same order.
    pub batch: RecordBatch,
    /// The rows that failed, in ascending order; all their outputs are null.
    pub failures: Vec<RowFailure>,
}

/// A row that a transform could not compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFailure {
    /// its number in the batch, from 0
    pub row: usize,
    /// why, in the transform's words; at most 1,024 bytes
    pub reason: String,
}

impl Output {
    /// No rows.
    pub(crate) fn empty(schema: &SchemaRef) -> Self {
        Self { batch: RecordBatch::new_empty(Arc::clone(schema)), failures: Vec::new() }
    }

    /// That of `rows` rows alone, from number `first` on.
    ///
    /// # Panics
    /// Where there are not as many rows.
    #[must_use]
    pub fn slice(&self, first: usize, rows: usize) -> Self {
        let failures = self.failures.iter().filter(|failure| (first..first + rows).contains(&failure.row));
        let failures = failures.map(|failure| RowFailure { row: failure.row - first, reason: failure.reason.clone() });
        Self { batch: self.batch.slice(first, rows), failures: failures.collect() }
    }

    /// What the guest returned for `rows` rows, of which nothing is believed.
    ///
    /// # Errors
    /// Says what does not fit the signature's outputs, `fields`.
    pub(crate) fn check(
        output: GuestOutput,
        fields: &[Field],
        schema: &SchemaRef,
        rows: usize,
    ) -> Result<Self, String> {
        if output.columns.len() != fields.len() {
            return Err(format!("{} columns, the signature has {}", output.columns.len(), fields.len()));
        }
        let mut failures = Vec::with_capacity(output.failures.len());
        for failure in output.failures {
            let row = failure.row as usize;
            if row >= rows {
                return Err(format!("row {row} failed, but the batch has {rows} rows"));
            }
            failures.push(RowFailure { row, reason: shorten(&failure.reason, REASON_BYTES_MAX).to_owned() });
        }
        failures.sort_by_key(|failure| failure.row);
        if let Some(twice) = failures.windows(2).find(|pair| pair[0].row == pair[1].row) {
            return Err(format!("row {} failed twice", twice[0].row));
        }
        let computed = (!failures.is_empty()).then(|| computed_rows(&failures, rows));
        let columns = output.columns.into_iter().zip(fields);
        let columns = columns.map(|(column, field)| decode::column(column, field, rows, computed.as_ref()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| error.to_string())?;
        Ok(Self { batch, failures })
    }
}

/// Valid where a row was computed.
fn computed_rows(failures: &[RowFailure], rows: usize) -> NullBuffer {
    let mut computed = BooleanBufferBuilder::new(rows);
    computed.append_n(rows, true);
    failures.iter().for_each(|failure| computed.set_bit(failure.row, false));
    NullBuffer::new(computed.finish())
}
