//! The same source without a sandbox: plain loops over Arrow arrays, compiled into this program.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringBuilder};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{Float64Type, Int64Type};

use crate::data::Function;

/// One output column for a batch of the function's inputs.
pub(crate) fn apply(function: Function, batch: &RecordBatch) -> ArrayRef {
    match function {
        Function::Ratio => ratio(batch),
        Function::Haversine => haversine(batch),
        Function::EmailDomain => email_domain(batch),
    }
}

fn ratio(batch: &RecordBatch) -> ArrayRef {
    let spend = batch.column(0).as_primitive::<Float64Type>().values();
    let orders = batch.column(1).as_primitive::<Int64Type>().values();
    let mut values = Vec::with_capacity(spend.len());
    // A byte a row first: the compiler makes a better loop of it than of single bits.
    let mut valid = Vec::with_capacity(spend.len());
    for (spend, orders) in spend.iter().zip(orders) {
        let ratio = functions::ratio(*spend, *orders);
        values.push(ratio.unwrap_or_default());
        valid.push(ratio.is_some());
    }
    let nulls = NullBuffer::new(BooleanBuffer::from(valid));
    Arc::new(Float64Array::new(values.into(), (nulls.null_count() > 0).then_some(nulls)))
}

fn haversine(batch: &RecordBatch) -> ArrayRef {
    let column = |index: usize| batch.column(index).as_primitive::<Float64Type>().values().iter();
    let rows = column(0).zip(column(1)).zip(column(2).zip(column(3)));
    let distances = rows.map(|(from, to)| functions::haversine(*from.0, *from.1, *to.0, *to.1));
    Arc::new(Float64Array::from_iter_values(distances))
}

fn email_domain(batch: &RecordBatch) -> ArrayRef {
    let emails = batch.column(0).as_string::<i32>();
    let mut domains = StringBuilder::with_capacity(emails.len(), emails.value_data().len());
    for row in 0..emails.len() {
        domains.append_option(functions::email_domain(emails.value(row)));
    }
    Arc::new(domains.finish())
}
