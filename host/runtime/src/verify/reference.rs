//! What each row of the corpus is, alone on a fresh instance: the measure for everything else.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};

use crate::error::Error;
use crate::limits::Limits;
use crate::transform::Transform;

/// The rows of a corpus, and what each of them yields.
pub(super) struct Reference {
    pub(super) corpus: RecordBatch,
    /// the outputs of the rows that have a result; of others, nulls
    outputs: RecordBatch,
    /// why the transform failed a row, where it did
    reasons: Vec<Option<String>>,
    /// the rows that have a result
    pub(super) good: Vec<u32>,
    /// the other rows, and why no call can compute them: it traps, or fails the batch
    pub(super) bad: Vec<(usize, Error)>,
}

impl Reference {
    /// Computes every row alone.
    ///
    /// # Errors
    /// Where the runtime refuses to work; what the transform does is a result.
    pub(super) fn compute(transform: &Transform, corpus: RecordBatch, limits: &Limits) -> Result<Self, Error> {
        let none = RecordBatch::new_empty(std::sync::Arc::clone(transform.output_schema()));
        let null = super::null_row(transform.output_schema());
        let rows = corpus.num_rows();
        let mut outputs = Vec::with_capacity(rows + 1);
        outputs.push(none);
        let (mut reasons, mut good, mut bad) = (Vec::with_capacity(rows), Vec::with_capacity(rows), Vec::new());
        for row in 0..rows {
            match transform.apply_on(None, &corpus.slice(row, 1), limits) {
                Ok((mut output, _)) => {
                    reasons.push(output.failures.pop().map(|failure| failure.reason));
                    good.push(row as u32);
                    outputs.push(output.batch);
                }
                Err(error @ (Error::Overloaded { .. } | Error::Input { .. })) => return Err(error),
                Err(error) => {
                    reasons.push(None);
                    bad.push((row, error));
                    outputs.push(null.clone());
                }
            }
        }
        let outputs = concat_batches(transform.output_schema(), &outputs).expect("outputs of one transform");
        Ok(Self { corpus, outputs, reasons, good, bad })
    }

    /// The inputs of `rows`, in this order.
    pub(super) fn inputs(&self, rows: &[u32]) -> RecordBatch {
        rows_of(&self.corpus, rows)
    }

    /// What `rows` must yield, in this order.
    pub(super) fn outputs(&self, rows: &[u32]) -> RecordBatch {
        rows_of(&self.outputs, rows)
    }

    /// Why the transform fails `row`, where it does.
    pub(super) fn reason(&self, row: u32) -> Option<&str> {
        self.reasons[row as usize].as_deref()
    }
}

fn rows_of(batch: &RecordBatch, rows: &[u32]) -> RecordBatch {
    if batch.num_columns() == 0 {
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
        return RecordBatch::try_new_with_options(batch.schema(), Vec::new(), &options).expect("no columns");
    }
    take_record_batch(batch, &UInt32Array::from(rows.to_vec())).expect("rows of the corpus")
}
