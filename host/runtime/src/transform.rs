//! A loaded transform, and the one way to its values.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::bindings::TransformPre;
use crate::bindings::skewless::transform::types::Output as GuestOutput;
use crate::call::{self, CallState};
use crate::data_type::{Field, Signature};
use crate::decode;
use crate::digest::Digest;
use crate::encode::Inputs;
use crate::error::{Error, Limit};
use crate::limits::Limits;
use crate::runtime::Shared;
use crate::signature;

/// What a row failure's reason is cut to.
const REASON_BYTES_MAX: usize = 1_024;

/// A transform that is loaded: compiled, linked, and its signature known. Cheap to clone, and shared by threads.
#[derive(Clone)]
pub struct Transform {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    instance: TransformPre<CallState>,
    digest: Digest,
    size_bytes: usize,
    imports: Vec<String>,
    signature: Signature,
    input_schema: SchemaRef,
    output_schema: SchemaRef,
}

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

impl Transform {
    /// Asks a linked component for its signature.
    pub(crate) fn describe(
        shared: Arc<Shared>,
        instance: TransformPre<CallState>,
        digest: Digest,
        size_bytes: usize,
        imports: Vec<String>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let (signature, _) =
            call::run(&shared, &instance, "(describe)", limits, |guest, store| guest.call_describe(store))?;
        let signature = signature::check(signature)?;
        let (input_schema, output_schema) = (schema(&signature.inputs), schema(&signature.outputs));
        let inner = Inner { shared, instance, digest, size_bytes, imports, signature, input_schema, output_schema };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The SHA-256 of the component's bytes.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.inner.digest
    }

    /// The component's size in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.inner.size_bytes
    }

    /// The imports that carry functions: none, or `skewless:transform/diagnostics@…`.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.inner.imports
    }

    /// What it takes and yields.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.inner.signature
    }

    /// The Arrow schema of its inputs; every column nullable.
    #[must_use]
    pub fn input_schema(&self) -> &SchemaRef {
        &self.inner.input_schema
    }

    /// The Arrow schema of its outputs; every column nullable.
    #[must_use]
    pub fn output_schema(&self) -> &SchemaRef {
        &self.inner.output_schema
    }

    /// Computes the outputs for `batch`, which holds at least the declared inputs, by name and of their type.
    ///
    /// A row with a null in an input that is not nullable yields nulls and isn't shown to the transform. A batch over
    /// `limits.rows_max` or `limits.input_bytes_max` takes several calls; since rows are independent, nobody can tell.
    ///
    /// # Errors
    /// [`Error::Input`] where an input is missing or has another type; [`Error::Failed`], [`Error::Trap`],
    /// [`Error::LimitExceeded`] and [`Error::Output`] for what the transform does; [`Error::Overloaded`].
    pub fn apply(&self, batch: &RecordBatch, limits: &Limits) -> Result<Output, Error> {
        let inputs = self.select(batch)?;
        let Some(shown) = self.shown_rows(&inputs) else { return self.apply_in_pieces(inputs, limits) };
        let some = filter_record_batch(&inputs, &BooleanArray::new(shown.clone(), None));
        let output = self.apply_in_pieces(some.map_err(|error| self.input_error(error.to_string()))?, limits)?;
        scatter(&output, &shown).map_err(|error| self.output_error(error.to_string()))
    }

    /// The declared inputs, in order.
    fn select(&self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let column = |field: &Field| {
            let array = batch
                .column_by_name(&field.name)
                .ok_or_else(|| self.input_error(format!("input `{}` ({}) is missing", field.name, field.data_type)))?;
            let (found, declared) = (array.data_type(), field.data_type);
            if *found != declared.to_arrow() {
                return Err(self.input_error(format!("input `{}` is {declared}, the batch holds {found}", field.name)));
            }
            Ok(Arc::clone(array))
        };
        let columns = self.inner.signature.inputs.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.inner.input_schema), columns, &options)
            .map_err(|error| self.input_error(error.to_string()))
    }

    /// Which rows the transform may see: those without a null in an input that is not nullable. `None`: all.
    fn shown_rows(&self, inputs: &RecordBatch) -> Option<BooleanBuffer> {
        let fields = self.inner.signature.inputs.iter().zip(inputs.columns());
        let nulls = fields.filter(|(field, _)| !field.nullable).map(|(_, array)| array.nulls());
        let valid = nulls.fold(None, |all, nulls| NullBuffer::union(all.as_ref(), nulls));
        valid.filter(|valid| valid.null_count() > 0).map(NullBuffer::into_inner)
    }

    /// Halves what is too large for one call until it fits.
    fn apply_in_pieces(&self, inputs: RecordBatch, limits: &Limits) -> Result<Output, Error> {
        let mut pending = vec![inputs];
        let mut outputs = Vec::new();
        while let Some(piece) = pending.pop() {
            let (rows, bytes) = (piece.num_rows(), input_bytes(&piece));
            if rows <= limits.rows_max.max(1) && bytes <= limits.input_bytes_max {
                outputs.push(self.call(&piece, limits)?);
            } else if rows <= 1 {
                let limit = Limit::InputBytes { bytes, max_bytes: limits.input_bytes_max };
                return Err(Error::LimitExceeded { transform: self.name(), limit });
            } else {
                pending.push(piece.slice(rows / 2, rows - rows / 2));
                pending.push(piece.slice(0, rows / 2));
            }
        }
        join(outputs).map_err(|error| self.output_error(error.to_string()))
    }

    /// One call on a fresh instance.
    fn call(&self, batch: &RecordBatch, limits: &Limits) -> Result<Output, Error> {
        if batch.num_rows() == 0 {
            let batch = RecordBatch::new_empty(Arc::clone(&self.inner.output_schema));
            return Ok(Output { batch, failures: Vec::new() });
        }
        let inputs = Inputs::new(batch, &self.inner.signature.inputs);
        let Inner { shared, instance, signature, .. } = &*self.inner;
        let (result, diagnostics) = call::run(shared, instance, &signature.name, limits, |guest, store| {
            guest.call_apply(store, inputs.rows(), &inputs.parameters())
        })?;
        if !diagnostics.is_empty() {
            tracing::debug!(transform = signature.name, diagnostics, "a transform wrote diagnostics");
        }
        let output = result.map_err(|message| {
            let message = signature::shorten(&message, REASON_BYTES_MAX).to_owned();
            Error::Failed { transform: self.name(), message }
        })?;
        self.check(output, batch.num_rows()).map_err(|reason| self.output_error(reason))
    }

    /// What the guest returned → Arrow, checked against the signature.
    fn check(&self, output: GuestOutput, rows: usize) -> Result<Output, String> {
        let fields = &self.inner.signature.outputs;
        if output.columns.len() != fields.len() {
            return Err(format!("{} columns, the signature has {}", output.columns.len(), fields.len()));
        }
        let mut failures = Vec::with_capacity(output.failures.len());
        for failure in output.failures {
            let row = failure.row as usize;
            if row >= rows {
                return Err(format!("row {row} failed, but the batch has {rows} rows"));
            }
            failures.push(RowFailure { row, reason: signature::shorten(&failure.reason, REASON_BYTES_MAX).to_owned() });
        }
        failures.sort_by_key(|failure| failure.row);
        if let Some(twice) = failures.windows(2).find(|pair| pair[0].row == pair[1].row) {
            return Err(format!("row {} failed twice", twice[0].row));
        }
        let computed = (!failures.is_empty()).then(|| computed_rows(&failures, rows));
        let columns = output.columns.into_iter().zip(fields);
        let columns = columns.map(|(column, field)| decode::column(column, field, rows, computed.as_ref()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.inner.output_schema), columns);
        Ok(Output { batch: batch.map_err(|error| error.to_string())?, failures })
    }

    fn name(&self) -> String {
        self.inner.signature.name.clone()
    }

    fn input_error(&self, reason: String) -> Error {
        Error::Input { transform: self.name(), reason }
    }

    fn output_error(&self, reason: String) -> Error {
        Error::Output { transform: self.name(), reason }
    }
}

fn schema(fields: &[Field]) -> SchemaRef {
    Arc::new(Schema::new(fields.iter().map(Field::to_arrow).collect::<Vec<_>>()))
}

/// The bytes of the rows themselves, however large the buffers behind them are.
fn input_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|array| array.to_data().get_slice_memory_size().unwrap_or(usize::MAX)).sum()
}

/// Valid where a row was computed.
fn computed_rows(failures: &[RowFailure], rows: usize) -> NullBuffer {
    let mut computed = BooleanBufferBuilder::new(rows);
    computed.append_n(rows, true);
    failures.iter().for_each(|failure| computed.set_bit(failure.row, false));
    NullBuffer::new(computed.finish())
}

/// The outputs of consecutive pieces as one.
fn join(mut outputs: Vec<Output>) -> Result<Output, ArrowError> {
    if outputs.len() == 1 {
        return Ok(outputs.remove(0));
    }
    let schema = outputs[0].batch.schema();
    let batch = concat_batches(&schema, outputs.iter().map(|output| &output.batch))?;
    let mut failures = Vec::new();
    let mut first_row = 0;
    for output in outputs {
        failures
            .extend(output.failures.into_iter().map(|failure| RowFailure { row: failure.row + first_row, ..failure }));
        first_row += output.batch.num_rows();
    }
    Ok(Output { batch, failures })
}

/// Puts computed rows back where they came from; the rows between are null.
fn scatter(output: &Output, shown: &BooleanBuffer) -> Result<Output, ArrowError> {
    let mut next = 0_u32..;
    let from: UInt32Array = shown.iter().map(|shown| if shown { next.next() } else { None }).collect();
    let batch = take_record_batch(&output.batch, &from)?;
    let places: Vec<usize> = shown.set_indices().collect();
    let place = |failure: &RowFailure| RowFailure { row: places[failure.row], reason: failure.reason.clone() };
    Ok(Output { batch, failures: output.failures.iter().map(place).collect() })
}
