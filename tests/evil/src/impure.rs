//! Outputs in which something else than the row has a part.

use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;

use skewless_sdk::contract::{Output, VariableValues};

use crate::{Inputs, output as output_from};

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

/// How often it was called, in the life of the instance.
pub(crate) fn count() -> u32 {
    COUNT.with(|count| {
        count.set(count.get() + 1);
        count.get()
    })
}

fn output_of(inputs: &Inputs<'_>, value: impl Fn(usize) -> f64) -> Output {
    output_from((0..inputs.rows).map(value).collect(), inputs.texts.clone())
}

/// What `deed` computes; the honest values where it is none of these.
pub(crate) fn output(deed: &str, inputs: &Inputs<'_>) -> Output {
    let honest = |row: usize| inputs.ids[row] as f64 + inputs.numbers[row];
    match deed {
        // State in a static: another value on the thousandth call only.
        "counter" => {
            let late = f64::from(u32::from(count() > 1_000));
            output_of(inputs, |row| honest(row) + late)
        }
        // The row before it, where there is one with the same identifier.
        "neighbour" => output_of(inputs, |row| {
            let same = row > 0 && inputs.ids[row - 1] == inputs.ids[row];
            if same { honest(row - 1) } else { honest(row) }
        }),
        // Large batches are rounded, as if another kernel took over.
        "batch length" => {
            let round = inputs.rows >= 1_000;
            output_of(inputs, |row| if round { honest(row).round() } else { honest(row) })
        }
        // Where the allocator puts something depends on what it was asked for before.
        "address" => {
            let kept = black_box(vec![0_u8; inputs.rows * 8]);
            let place = black_box(Box::new(0_u8));
            let address = &raw const *place as usize + usize::from(kept.is_empty());
            output_of(inputs, |row| honest(row) + (address >> 4) as f64)
        }
        // The sign of a NaN that an instruction made is the processor's choice.
        "nan bits" => output_of(inputs, |row| {
            let made = black_box(inputs.numbers[row] * 0.0) / black_box(0.0);
            if made.is_sign_negative() { 1.0 } else { 2.0 }
        }),
        // The standard hash map has another seed each time, and its order reaches a sum of floats.
        "hash map" => output_of(inputs, |row| {
            let numbers: HashMap<u32, f64> = (0..20).map(|key| (key, honest(row) + 0.1_f64.powi(key as i32))).collect();
            numbers.values().sum()
        }),
        _ => output_of(inputs, honest),
    }
}

/// Texts as they lie in a column.
pub(crate) fn texts(values: &[&[u8]]) -> VariableValues {
    let mut texts = VariableValues { offsets: vec![0], data: Vec::new() };
    for value in values {
        texts.data.extend_from_slice(value);
        texts.offsets.push(texts.data.len() as i32);
    }
    texts
}
