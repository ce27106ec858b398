//! Outputs that are not what the signature says.

use skewless_sdk::contract::{Column, Output, ScalarValues, Values, VariableValues};

use crate::failure;
use crate::impure::texts;

/// Spoils `output`, of `rows` rows, as `deed` says; leaves it alone where `deed` is none of these.
pub(crate) fn corrupt(deed: &str, output: &mut Output, rows: usize) {
    let end = i32::MAX;
    match deed {
        "rows: one more" => numbers(output).push(0.0),
        "rows: none" => numbers(output).clear(),
        "column: missing" => drop(output.columns.pop()),
        "column: one more" => output.columns.push(column(ScalarValues::Float64s(vec![0.0; rows]))),
        "column: order" => output.columns.swap(0, 1),
        "column: type" => output.columns[0] = column(ScalarValues::Int64s(vec![0; rows])),
        "column: float32" => output.columns[0] = column(ScalarValues::Float32s(vec![0.0; rows])),
        "offsets: out of order" => labels(output).offsets[1] = -1,
        "offsets: past the end" => *labels(output).offsets.last_mut().unwrap_or(&mut 0) = end,
        "offsets: too few" => drop(labels(output).offsets.pop()),
        "offsets: first" => labels(output).offsets[0] = 1,
        "offsets: none" => labels(output).offsets.clear(),
        "utf-8" => *labels(output) = texts(&vec![b"\xff".as_slice(); rows]),
        // Valid as a whole, but cut within a character.
        "utf-8: cut" => {
            let mut values = vec![b"".as_slice(); rows];
            values[..2].copy_from_slice(&[b"\xc3", b"\xa9"]);
            *labels(output) = texts(&values);
        }
        "validity: short" => output.columns[0].validity = Some(Vec::new()),
        "validity: long" => output.columns[0].validity = Some(vec![0xff; rows / 8 + 2]),
        "null" => output.columns[0].validity = Some(vec![0; rows.div_ceil(8)]),
        "failure: no such row" => output.failures.push(failure(rows as u32)),
        "failure: twice" => output.failures.extend([failure(0), failure(0)]),
        "huge output" => *labels(output) = texts(&vec!["x".repeat(1 << 20).as_bytes(); rows]),
        _ => {}
    }
}

fn column(values: ScalarValues) -> Column {
    Column { values: Values::Scalars(values), validity: None }
}

fn numbers(output: &mut Output) -> &mut Vec<f64> {
    match &mut output.columns[0].values {
        Values::Scalars(ScalarValues::Float64s(values)) => values,
        _ => unreachable!("the first output is one of numbers"),
    }
}

fn labels(output: &mut Output) -> &mut VariableValues {
    match &mut output.columns[1].values {
        Values::Scalars(ScalarValues::Strings(values)) => values,
        _ => unreachable!("the second output is one of texts"),
    }
}
