//! Proof of parity: a component enters, a certificate leaves, or the few rows that show why there is none.
//!
//! The contract says that a row's outputs depend on that row alone. So there is one measure: what a row yields alone, on
//! a fresh instance ([`reference`]). Everything that must make no difference is a way to compute the same rows in other
//! company, another order, on an instance that has computed before, or on another engine ([`relations`]); each is a
//! schedule of calls ([`schedule`]), whose rows must come out the same, to the bit. Where they don't, rows are left out
//! until each of the rest is needed ([`shrink`]).
//!
//! The rows are drawn from a seed ([`corpus`]), with values of the user's sources among them.

mod corpus;
mod edges;
mod reference;
mod relations;
mod schedule;
mod shrink;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;

use crate::cache::CompiledCache;
use crate::certificate::{Certificate, CorpusSummary, RelationResult};
use crate::encode::Inputs;
use crate::engine::Compilation;
use crate::error::Error;
use crate::limits::Limits;
use crate::rows::Rows;
use crate::runtime::{Runtime, RuntimeOptions};
use crate::transform::Transform;
use reference::Reference;
use relations::Relation;
use schedule::{Deviation, Schedule};

/// Looser than any user's, since whole batches of a corpus go into one call.
const LIMITS: Limits = Limits {
    memory_bytes_max: 1 << 30,
    table_elements_max: 60_000,
    deadline: Duration::from_secs(60),
    calls_max: usize::MAX,
    rows_max: usize::MAX,
    input_bytes_max: 1 << 30,
    output_bytes_max: 1 << 30,
};

/// How a component is verified.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// how many rows are drawn
    pub rows: usize,
    /// what they are drawn from
    pub seed: u64,
    /// values of inputs, by their names, that are to be among the rows; of the inputs' types
    pub samples: BTreeMap<String, ArrayRef>,
    /// where compiled components are kept
    pub cache: Option<CompiledCache>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { rows: 10_000, seed: 0, samples: BTreeMap::new(), cache: None }
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Verification {
    /// to be kept beside the component, whether it passed or not
    pub certificate: Certificate,
    /// the rows that show that it did not pass
    pub difference: Option<Difference>,
    /// a row for which the transform panics or fails the whole batch, and the error: no loss of parity, but likely a
    /// mistake, since it takes the rows beside it along
    pub row_without_result: Option<(RecordBatch, String)>,
}

/// The fewest rows found for which a relation is broken.
#[derive(Debug, Clone)]
pub struct Difference {
    /// what made a difference
    pub relation: String,
    /// the calls, in order, by the rows' numbers in the corpus
    pub calls: Vec<Vec<u32>>,
    /// whether one instance answered them all
    pub one_instance: bool,
    /// the call that differed, from 0
    pub call: usize,
    /// the first of its rows that differed, from 0; `None` where it failed as a whole
    pub row: Option<usize>,
    /// the inputs of all calls' rows, one after the other
    pub inputs: RecordBatch,
    /// what each of them yields alone
    pub alone: RecordBatch,
    /// what the rows of the call that differed yielded instead, or why it failed
    pub found: Result<RecordBatch, String>,
}

/// Verifies a component; `progress` hears what is tried, before it is.
///
/// # Errors
/// As [`Runtime::load`] for bytes that are no transform; whatever the component computes, or does instead, is a result.
pub fn verify(bytes: &[u8], options: &VerifyOptions, progress: &mut dyn FnMut(&str)) -> Result<Verification, Error> {
    progress("each row alone");
    let transform = load(bytes, Compilation::Optimized, options)?;
    let signature = transform.signature();
    let schema = transform.input_schema();
    let corpus = corpus::draw(&signature.inputs, schema, &options.samples, options.rows, options.seed);
    let corpus = corpus.map_err(|error| Error::Input {
        transform: signature.name.clone(),
        reason: format!("its samples are of another type: {error}"),
    })?;
    let mut summary = summary(&transform, &corpus, options);
    let reference = Reference::compute(&transform, corpus, &LIMITS)?;
    summary.rows_without_result = reference.bad.len();
    let mut results = vec![describe_again(&transform, &reference)?];
    let mut difference = None;
    let mut loaded = (Compilation::Optimized, transform.clone());
    for relation in relations::relations(&reference.good, options.seed) {
        if !results.iter().all(|result| result.holds) {
            break;
        }
        progress(&relation.name);
        if loaded.0 != relation.compilation {
            loaded = (relation.compilation, load(bytes, relation.compilation, options)?);
        }
        let deviation = relation.schedule.run(&loaded.1, &reference, &LIMITS);
        results.push(RelationResult {
            relation: relation.name.clone(),
            calls: relation.schedule.calls.len(),
            rows: relation.schedule.rows(),
            holds: deviation.is_none(),
        });
        if let Some(deviation) = deviation {
            progress("fewer rows that show the difference");
            difference = Some(fewest(&loaded.1, &relation, &deviation, &reference));
        }
    }
    let certificate = Certificate::new(signature.name.clone(), transform.digest(), summary, results);
    let bad = reference.bad.first();
    let row_without_result = bad.map(|(row, error)| (reference.corpus.slice(*row, 1), error.to_string()));
    Ok(Verification { certificate, difference, row_without_result })
}

fn load(bytes: &[u8], compilation: Compilation, options: &VerifyOptions) -> Result<Transform, Error> {
    let runtime = RuntimeOptions {
        calls_max: 2,
        compile_time_max: Duration::from_secs(600),
        cache: options.cache.clone(),
        reuse: None,
        ..RuntimeOptions::default()
    };
    Runtime::compiling(compilation, runtime)?.load(bytes)
}

fn summary(transform: &Transform, corpus: &RecordBatch, options: &VerifyOptions) -> CorpusSummary {
    let fields = &transform.signature().inputs;
    let rows = Rows { count: corpus.num_rows(), columns: corpus.columns().to_vec() };
    let sampled = fields.iter().filter(|field| options.samples.contains_key(&field.name));
    CorpusSummary {
        seed: options.seed,
        rows: options.rows,
        rows_without_result: 0,
        sampled_inputs: sampled.map(|field| field.name.clone()).collect(),
        sha256: Inputs::new(&rows, fields).sha256(),
    }
}

/// Whether an instance says the same of itself before and after it computed.
fn describe_again(transform: &Transform, reference: &Reference) -> Result<RelationResult, Error> {
    let rows = &reference.good[..reference.good.len().min(1)];
    let (before, instance) = transform.signature_on(None, &LIMITS)?;
    let (_, instance) = transform.apply_on(Some(instance), &reference.inputs(rows), &LIMITS)?;
    let (after, _) = transform.signature_on(Some(instance), &LIMITS)?;
    let holds = [before, after].iter().all(|signature| signature == transform.signature());
    Ok(RelationResult { relation: "describe, before and after a call".to_owned(), calls: 3, rows: rows.len(), holds })
}

/// Leaves out rows of a relation's schedule for as long as it still deviates.
fn fewest(transform: &Transform, relation: &Relation, first: &Deviation, reference: &Reference) -> Difference {
    let whole = relation.schedule.until(first.call);
    let run = |schedule: &Schedule| schedule.run(transform, reference, &LIMITS);
    let places = shrink::shrink(whole.rows(), |places| run(&whole.only(places)).is_some());
    let schedule = whole.only(&places);
    // What deviates by chance may not do it again; then what was seen first is shown.
    let (schedule, deviation) = match run(&schedule) {
        Some(deviation) => (schedule.until(deviation.call), deviation),
        None => (whole, first.clone()),
    };
    let rows = schedule.calls.concat();
    Difference {
        relation: relation.name.clone(),
        inputs: reference.inputs(&rows),
        alone: reference.outputs(&rows),
        call: schedule.calls.len() - 1,
        row: deviation.place,
        one_instance: schedule.one_instance,
        calls: schedule.calls,
        found: deviation.found.map(|output| output.batch),
    }
}

/// One row of nulls.
fn null_row(schema: &SchemaRef) -> RecordBatch {
    let columns = schema.fields().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).expect("every output is nullable")
}
