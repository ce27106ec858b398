//! Ourselves, through the interface that the store uses.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use skewless_runtime::{Limits, Runtime, RuntimeOptions, Transform, VerifyOptions, verify};
use wit_component::ComponentEncoder;

use crate::agreement::Values;
use crate::data::Function;
use crate::timing::Contender;

/// The form in which a transform is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Rows,
    Columns,
}

/// The bytes of all components, as `skewless build` makes them.
pub(crate) struct Components {
    transforms: HashMap<(&'static str, Form), Vec<u8>>,
    busy: Vec<u8>,
    /// the module of arrow-udf, which is no component
    pub(crate) arrow_udf: Vec<u8>,
}

impl Components {
    /// Reads the modules below `folder`, and makes components of ours.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let module = |name: &str| {
            let path = folder.join(format!("{name}.wasm"));
            fs::read(&path).with_context(|| format!("`{}` is missing: run build_guests.sh", path.display()))
        };
        let mut transforms = HashMap::new();
        for name in Function::ALL.map(Function::name) {
            transforms.insert((name, Form::Rows), encode(&module(&format!("{name}.rows"))?)?);
            transforms.insert((name, Form::Columns), encode(&module(&format!("{name}.columns"))?)?);
        }
        Ok(Self { transforms, busy: encode(&module("busy.rows")?)?, arrow_udf: module("arrow_udf")? })
    }

    pub(crate) fn of(&self, function: Function, form: Form) -> &[u8] {
        &self.transforms[&(function.name(), form)]
    }

    /// The transform that keeps its instance for a while.
    pub(crate) fn busy(&self) -> &[u8] {
        &self.busy
    }
}

fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(module)?.encode()
}

/// The runtime as the server has it, a fresh instance for each call.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Runtime::new(RuntimeOptions::default())?)
}

/// A transform whose instances are reused, as the server does it: with a certificate, recycled, and compared with fresh
/// ones now and then.
pub(crate) fn reusing(component: &[u8]) -> Result<Option<Transform>> {
    let options = VerifyOptions { rows: 1_000, ..VerifyOptions::default() };
    let verification = verify(component, &options, &mut |_| {})?;
    let transform = runtime()?.load(component)?;
    transform.reuse_instances(&verification.certificate)?;
    Ok(Some(transform))
}

/// `transform` as a contender on `batch`.
pub(crate) fn contender<'a>(name: &str, transform: Transform, batch: &'a RecordBatch) -> Result<Contender<'a>> {
    let values = Values::of(transform.apply(batch, &Limits::BATCH)?.batch.column(0));
    Ok(Contender::new(name, values, move || {
        black_box(transform.apply(black_box(batch), &Limits::BATCH)?);
        Ok(())
    }))
}
