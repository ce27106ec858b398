//! The call alone: wasmtime, and the contract's columns as they lie. No Arrow comes out, nothing is checked, nothing is
//! counted, nobody waits for a turn. It is the floor under every call, and what the table in DESIGN.md measured.

use std::hint::black_box;

use anyhow::{Result, ensure};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Inlining, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter, Store};

use self::bindings::TransformPre;
use self::bindings::skewless::transform::diagnostics;
use self::bindings::skewless::transform::types::{
    self, ColumnParam, ColumnResult, ScalarValuesParam, ScalarValuesResult, ValuesParam, ValuesResult,
    VariableValuesParam,
};
use crate::agreement::Values;
use crate::timing::Contender;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "transform",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// What is written to `diagnostics` goes nowhere; memory is counted.
#[derive(Default)]
struct Nowhere {
    memory_bytes: usize,
}

impl ResourceLimiter for Nowhere {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.memory_bytes += desired - current;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, _desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

impl diagnostics::Host for Nowhere {
    fn write(&mut self, _message: Vec<u8>) {}
}

impl types::Host for Nowhere {}

/// The engine as `host/runtime/src/engine.rs` sets it.
fn linked(component: &[u8]) -> wasmtime::Result<(Engine, TransformPre<Nowhere>)> {
    let mut pool = PoolingAllocationConfig::new();
    pool.table_elements(60_000)
        .max_memory_size(1 << 30)
        .total_memories(100)
        .linear_memory_keep_resident(512 << 10)
        .table_keep_resident(64 << 10);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .compiler_inlining(Inlining::Yes)
        .concurrency_support(false)
        .epoch_interruption(true)
        .wasm_relaxed_simd(false);
    let engine = Engine::new(&config)?;
    let mut linker = Linker::new(&engine);
    bindings::Transform::add_to_linker::<_, HasSelf<Nowhere>>(&mut linker, |state| state)?;
    let instance = linker.instantiate_pre(&Component::new(&engine, component)?)?;
    Ok((engine, TransformPre::new(instance)?))
}

fn store(engine: &Engine) -> Store<Nowhere> {
    let mut store = Store::new(engine, Nowhere::default());
    // Nobody ticks.
    store.set_epoch_deadline(1);
    store
}

/// The linear memory of an instance after one call.
pub(crate) fn memory_bytes(component: &[u8], batch: &RecordBatch) -> Result<usize> {
    let (engine, instance) = linked(component).map_err(plain)?;
    let mut store = store(&engine);
    store.limiter(|state| state);
    let guest = instance.instantiate(&mut store).map_err(plain)?;
    let output = guest.call_apply(&mut store, rows(batch), &columns(batch)).map_err(plain)?;
    output.map_err(anyhow::Error::msg)?;
    Ok(store.data().memory_bytes)
}

/// A fresh instance for each call.
pub(crate) fn fresh<'a>(name: &str, component: &[u8], batch: &'a RecordBatch) -> Result<Contender<'a>> {
    let (engine, instance) = linked(component).map_err(plain)?;
    let call = move || -> wasmtime::Result<Vec<ColumnResult>> {
        let mut store = store(&engine);
        let guest = instance.instantiate(&mut store)?;
        let output = guest.call_apply(&mut store, rows(batch), &columns(black_box(batch)))?;
        Ok(output.map_err(wasmtime::Error::msg)?.columns)
    };
    contender(name, batch, call)
}

/// One instance for all calls.
pub(crate) fn reused<'a>(name: &str, component: &[u8], batch: &'a RecordBatch) -> Result<Contender<'a>> {
    let (engine, instance) = linked(component).map_err(plain)?;
    let mut store = store(&engine);
    let guest = instance.instantiate(&mut store).map_err(plain)?;
    let call = move || -> wasmtime::Result<Vec<ColumnResult>> {
        let output = guest.call_apply(&mut store, rows(batch), &columns(black_box(batch)))?;
        Ok(output.map_err(wasmtime::Error::msg)?.columns)
    };
    contender(name, batch, call)
}

fn contender<'a>(
    name: &str,
    batch: &RecordBatch,
    mut call: impl FnMut() -> wasmtime::Result<Vec<ColumnResult>> + 'a,
) -> Result<Contender<'a>> {
    let columns = call().map_err(plain)?;
    ensure!(columns.len() == 1, "{name} returned {} columns", columns.len());
    let values = values(&columns[0], batch.num_rows());
    Ok(Contender::new(name, values, move || {
        black_box(call().map_err(plain)?);
        Ok(())
    }))
}

/// wasmtime's errors are no standard errors.
fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

fn rows(batch: &RecordBatch) -> u32 {
    u32::try_from(batch.num_rows()).expect("batches are small")
}

fn columns(batch: &RecordBatch) -> Vec<ColumnParam<'_>> {
    let column = |column| ColumnParam { values: ValuesParam::Scalars(scalars(column)), validity: None };
    batch.columns().iter().map(column).collect()
}

fn scalars(column: &ArrayRef) -> ScalarValuesParam<'_> {
    match column.data_type() {
        DataType::Int64 => ScalarValuesParam::Int64s(column.as_primitive::<Int64Type>().values()),
        DataType::Float64 => ScalarValuesParam::Float64s(column.as_primitive::<Float64Type>().values()),
        _ => {
            let texts = column.as_string::<i32>();
            let (offsets, data) = (texts.value_offsets(), texts.value_data());
            ScalarValuesParam::Strings(VariableValuesParam { offsets, data })
        }
    }
}

fn values(column: &ColumnResult, rows: usize) -> Values {
    let valid = |row: usize| column.validity.as_ref().is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1);
    match &column.values {
        ValuesResult::Scalars(ScalarValuesResult::Float64s(numbers)) => {
            Values::Floats((0..rows).map(|row| valid(row).then(|| numbers[row])).collect())
        }
        ValuesResult::Scalars(ScalarValuesResult::Strings(texts)) => {
            let text = |row: usize| {
                let bytes = &texts.data[texts.offsets[row] as usize..texts.offsets[row + 1] as usize];
                String::from_utf8_lossy(bytes).into_owned()
            };
            Values::Texts((0..rows).map(|row| valid(row).then(|| text(row))).collect())
        }
        _ => Values::Texts(Vec::new()),
    }
}
