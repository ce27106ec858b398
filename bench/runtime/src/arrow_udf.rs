//! arrow-udf-runtime: the same functions as a core module, called with Arrow IPC, on an instance that it reuses.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow_58::array::{
    Array as _, ArrayRef as ArrayRef58, AsArray as _, Float64Array as Float64Array58, Int64Array as Int64Array58,
    RecordBatch as RecordBatch58, StringArray as StringArray58,
};
use arrow_58::datatypes::{DataType as DataType58, Float64Type as Float64Type58};
use arrow_udf_runtime::wasm::{FunctionHandle, Runtime};

use crate::agreement::Values;
use crate::data::Function;
use crate::timing::Contender;

/// The module with all three functions as a contender for one of them, on `batch`.
pub(crate) fn contender<'a>(
    name: &str,
    module: &[u8],
    function: Function,
    batch: &RecordBatch,
) -> Result<Contender<'a>> {
    let runtime = Runtime::new(module).context("arrow-udf-runtime doesn't take its module")?;
    let handle = find(&runtime, function)?;
    let batch = batch_58(batch)?;
    let values = values(&runtime.call(&handle, &batch)?);
    Ok(Contender::new(name, values, move || {
        black_box(runtime.call(&handle, black_box(&batch))?);
        Ok(())
    }))
}

fn find(runtime: &Runtime, function: Function) -> Result<FunctionHandle> {
    let (inputs, output) = match function {
        Function::Ratio => (vec![DataType58::Float64, DataType58::Int64], DataType58::Float64),
        Function::Haversine => (vec![DataType58::Float64; 4], DataType58::Float64),
        Function::EmailDomain => (vec![DataType58::Utf8], DataType58::Utf8),
    };
    runtime.find_function(function.name(), inputs, output)
}

/// The same rows in the version of Arrow that arrow-udf speaks.
fn batch_58(batch: &RecordBatch) -> Result<RecordBatch58> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
        let array: ArrayRef58 = match array.data_type() {
            DataType::Float64 => Arc::new(Float64Array58::from(array.as_primitive::<Float64Type>().values().to_vec())),
            DataType::Int64 => Arc::new(Int64Array58::from(array.as_primitive::<Int64Type>().values().to_vec())),
            _ => Arc::new(StringArray58::from_iter(array.as_string::<i32>().iter())),
        };
        (field.name().clone(), array)
    });
    Ok(RecordBatch58::try_from_iter(columns)?)
}

fn values(output: &RecordBatch58) -> Values {
    let column = output.column(0);
    match column.data_type() {
        DataType58::Float64 => Values::Floats(column.as_primitive::<Float64Type58>().iter().collect()),
        _ => Values::Texts(column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()),
    }
}
