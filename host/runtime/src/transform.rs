//! A loaded transform, and the one way to its values.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};

use crate::bindings::TransformPre;
use crate::call::{CallState, Instance, Source};
use crate::certificate::Certificate;
use crate::data_type::{Field, Signature};
use crate::digest::Digest;
use crate::encode::Inputs;
use crate::error::{Error, Limit};
use crate::limits::Limits;
use crate::metrics::{Metrics, TransformMetrics};
use crate::output::{Output, REASON_BYTES_MAX};
use crate::permits::Permits;
use crate::reuse::{Kept, Reuse};
use crate::rows::{self, Rows};
use crate::runtime::Shared;
use crate::signature;

/// A transform that is loaded: compiled, linked, and its signature known. Cheap to clone, and shared by threads.
#[derive(Clone)]
pub struct Transform {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    component: TransformPre<CallState>,
    digest: Digest,
    size_bytes: usize,
    imports: Vec<String>,
    signature: Signature,
    input_schema: SchemaRef,
    output_schema: SchemaRef,
    permits: Permits,
    metrics: Arc<Metrics>,
    /// set once a certificate allows it
    reuse: OnceLock<Reuse>,
}

impl Transform {
    /// Asks a linked component for its signature.
    pub(crate) fn describe(
        shared: Arc<Shared>,
        component: TransformPre<CallState>,
        digest: Digest,
        size_bytes: usize,
        imports: Vec<String>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let metrics = Arc::default();
        let transform = "(describe)";
        let source = Source { engine: &shared.engine, component: &component, transform, metrics: &metrics };
        let instance = Instance::fresh(&source, limits)?;
        let (signature, ..) = instance.call(transform, limits, |guest, store| guest.call_describe(store))?;
        let signature = signature::check(signature)?;
        let (input_schema, output_schema) = (schema(&signature.inputs), schema(&signature.outputs));
        let (permits, reuse) = (Permits::default(), OnceLock::new());
        let inner = Inner {
            shared,
            component,
            digest,
            size_bytes,
            imports,
            signature,
            input_schema,
            output_schema,
            permits,
            metrics,
            reuse,
        };
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

    /// What was counted of it, and of its clones, since it was loaded.
    #[must_use]
    pub fn metrics(&self) -> TransformMetrics {
        self.inner.metrics.snapshot()
    }

    /// Allows it, and its clones, to keep instances from call to call, as the runtime's options say; nothing happens
    /// where they say none. See [`ReuseOptions`](crate::ReuseOptions) for what watches over it.
    ///
    /// # Errors
    /// [`Error::Certificate`] where `certificate` is of another component, another engine, or of a component that failed.
    pub fn reuse_instances(&self, certificate: &Certificate) -> Result<(), Error> {
        certificate.covers(self.digest()).map_err(|reason| Error::Certificate { reason })?;
        if let Some(options) = &self.inner.shared.options.reuse {
            self.inner.reuse.get_or_init(|| Reuse::new(options, &self.inner.shared.idle));
        }
        Ok(())
    }

    /// Whether instances are kept from call to call: allowed by a certificate, and no comparison has failed since.
    #[must_use]
    pub fn reuses_instances(&self) -> bool {
        self.inner.reuse.get().is_some_and(Reuse::is_on)
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
        self.apply_by(batch, limits, &mut |rows| self.call(rows, limits))
    }

    /// The same on one instance, which is given back unless a call fails; for `verify`, that compares instances.
    pub(crate) fn apply_on(
        &self,
        instance: Option<Instance>,
        batch: &RecordBatch,
        limits: &Limits,
    ) -> Result<(Output, Instance), Error> {
        let mut kept = Some(instance.map_or_else(|| self.instance(limits), Ok)?);
        let output = self.apply_by(batch, limits, &mut |rows| {
            let instance = kept.take().map_or_else(|| self.instance(limits), Ok)?;
            let (output, instance) = self.call_on(instance, &self.inputs(rows), limits)?;
            kept = Some(instance);
            Ok(output)
        })?;
        Ok((output, kept.map_or_else(|| self.instance(limits), Ok)?))
    }

    /// What an instance says of itself; for `verify`, that asks twice.
    pub(crate) fn signature_on(
        &self,
        instance: Option<Instance>,
        limits: &Limits,
    ) -> Result<(Signature, Instance), Error> {
        let instance = instance.map_or_else(|| self.instance(limits), Ok)?;
        let (signature, _, instance) =
            instance.call(&self.signature().name, limits, |guest, store| guest.call_describe(store))?;
        Ok((signature::check(signature)?, instance))
    }

    /// `apply`, with `call` for each piece that fits a call.
    fn apply_by(
        &self,
        batch: &RecordBatch,
        limits: &Limits,
        call: &mut dyn FnMut(&Rows) -> Result<Output, Error>,
    ) -> Result<Output, Error> {
        let rows = self.select(batch)?;
        let Some(shown) = rows.shown(&self.signature().inputs) else { return self.apply_pieces(rows, limits, call) };
        let some = rows.only(&shown).map_err(|error| self.input_error(error.to_string()))?;
        let output = self.apply_pieces(some, limits, call)?;
        rows::scatter(&output, &shown).map_err(|error| self.output_error(error.to_string()))
    }

    /// The declared inputs, in order.
    fn select(&self, batch: &RecordBatch) -> Result<Rows, Error> {
        let schema = batch.schema_ref();
        if Arc::ptr_eq(schema, &self.inner.input_schema) {
            return Ok(Rows { count: batch.num_rows(), columns: batch.columns().to_vec() });
        }
        let column = |(field, wanted): (&Field, &Arc<arrow::datatypes::Field>)| -> Result<ArrayRef, Error> {
            let array = batch
                .column_by_name(&field.name)
                .ok_or_else(|| self.input_error(format!("input `{}` ({}) is missing", field.name, field.data_type)))?;
            let (found, declared) = (array.data_type(), field.data_type);
            if found != wanted.data_type() {
                return Err(self.input_error(format!("input `{}` is {declared}, the batch holds {found}", field.name)));
            }
            Ok(Arc::clone(array))
        };
        let fields = self.signature().inputs.iter().zip(self.inner.input_schema.fields());
        Ok(Rows { count: batch.num_rows(), columns: fields.map(column).collect::<Result<_, _>>()? })
    }

    fn apply_pieces(
        &self,
        rows: Rows,
        limits: &Limits,
        call: &mut dyn FnMut(&Rows) -> Result<Output, Error>,
    ) -> Result<Output, Error> {
        let fields = &self.signature().inputs;
        if rows.count == 0 {
            return Ok(Output::empty(&self.inner.output_schema));
        }
        if rows.fit(fields, limits) {
            return call(&rows);
        }
        let pieces = rows.pieces(fields, limits).map_err(|row| {
            let limit = Limit::InputBytes { bytes: row.bytes, max_bytes: limits.input_bytes_max };
            let error = Error::LimitExceeded { transform: self.name(), limit };
            self.inner.metrics.failure(&error);
            error
        })?;
        let outputs = pieces.iter().map(call).collect::<Result<_, _>>()?;
        rows::join(outputs).map_err(|error| self.output_error(error.to_string()))
    }

    /// One call: on a kept instance where that is allowed, else on a fresh one.
    fn call(&self, rows: &Rows, limits: &Limits) -> Result<Output, Error> {
        let Inner { shared, permits, metrics, reuse, .. } = &*self.inner;
        let admitted = shared.admit(&self.signature().name, permits, limits.calls_max);
        let _permits = admitted.inspect_err(|error| metrics.failure(error))?;
        let started = Instant::now();
        let inputs = self.inputs(rows);
        let result = match reuse.get().filter(|reuse| reuse.is_on()) {
            Some(reuse) => self.call_kept(reuse, &inputs, limits),
            None => self.call_fresh(&inputs, limits),
        };
        metrics.call(rows.count, started.elapsed(), result.as_ref().map(|output| output.failures.len()));
        result
    }

    fn call_fresh(&self, inputs: &Inputs, limits: &Limits) -> Result<Output, Error> {
        Ok(self.call_on(self.instance(limits)?, inputs, limits)?.0)
    }

    /// On an idle instance, or on a fresh one that will be idle. Now and then the former is compared with the latter.
    fn call_kept(&self, reuse: &Reuse, inputs: &Inputs, limits: &Limits) -> Result<Output, Error> {
        let Some(Kept { instance, calls_left }) = reuse.take() else {
            let (output, instance) = self.call_on(self.instance(limits)?, inputs, limits)?;
            reuse.give_back(reuse.keep(instance));
            return Ok(output);
        };
        self.inner.metrics.reused();
        let result = self.call_on(instance, inputs, limits).map(|(output, instance)| {
            reuse.give_back(Kept { instance, calls_left });
            output
        });
        if reuse.is_shadowed() { self.shadow(reuse, inputs, limits, result) } else { result }
    }

    /// Repeats a call on a fresh instance. What that says is the answer, and the end of the reuse if it differs.
    fn shadow(
        &self,
        reuse: &Reuse,
        inputs: &Inputs,
        limits: &Limits,
        reused: Result<Output, Error>,
    ) -> Result<Output, Error> {
        let fresh = self.call_fresh(inputs, limits);
        let Some(equal) = agree(&reused, &fresh) else { return reused };
        self.inner.metrics.shadow(equal);
        if !equal {
            reuse.turn_off();
            let (transform, digest) = (self.name(), self.digest());
            tracing::error!(transform, %digest, ?reused, ?fresh, "a reused instance computed something else than a fresh one: its transform keeps state; instances are not reused any more");
        }
        fresh
    }

    /// One call on `instance`, which comes back unless the call failed.
    fn call_on(&self, instance: Instance, inputs: &Inputs, limits: &Limits) -> Result<(Output, Instance), Error> {
        let Inner { signature, output_schema, .. } = &*self.inner;
        let (result, diagnostics, instance) = instance.call(&signature.name, limits, |guest, store| {
            guest.call_apply(store, inputs.rows(), &inputs.parameters())
        })?;
        if !diagnostics.is_empty() {
            let diagnostics = String::from_utf8_lossy(&diagnostics);
            tracing::debug!(transform = signature.name, %diagnostics, "a transform wrote diagnostics");
        }
        let output = result.map_err(|message| {
            let message = signature::shorten(&message, REASON_BYTES_MAX).to_owned();
            Error::Failed { transform: self.name(), message }
        })?;
        let rows = inputs.rows() as usize;
        let output = Output::check(output, &signature.outputs, output_schema, rows);
        Ok((output.map_err(|reason| self.output_error(reason))?, instance))
    }

    fn instance(&self, limits: &Limits) -> Result<Instance, Error> {
        let Inner { shared, component, signature, metrics, .. } = &*self.inner;
        Instance::fresh(&Source { engine: &shared.engine, component, transform: &signature.name, metrics }, limits)
    }

    fn inputs(&self, rows: &Rows) -> Inputs {
        Inputs::new(rows, &self.signature().inputs)
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

/// Whether two results are the same to the bit; `None` where one of them met a limit, which time and chance decide.
fn agree(a: &Result<Output, Error>, b: &Result<Output, Error>) -> Option<bool> {
    let by_chance = |result: &Result<Output, Error>| matches!(result, Err(Error::LimitExceeded { .. }));
    if by_chance(a) || by_chance(b) {
        return None;
    }
    Some(match (a, b) {
        // Arrow compares numbers by their bits, and these are canonical.
        (Ok(a), Ok(b)) => a == b,
        (Err(a), Err(b)) => a.to_string() == b.to_string(),
        _ => false,
    })
}
