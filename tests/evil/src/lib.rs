//! Transforms that break the contract. Which way, says a mark in the module, over which the tests write.
//!
//! Inputs: `id` (int64), `number` (float64), `text` (string). Outputs: `value` (float64), `label` (string). The honest
//! one yields `id + number` and `text`.

#[cfg(target_family = "wasm")]
mod border;
mod corrupt;
mod impure;

use std::hint::black_box;

use skewless_sdk::Transform;
use skewless_sdk::contract::{
    Column, DataType, Field, Output, RowFailure, ScalarType, ScalarValues, Signature, Values, VariableValues,
};

/// What is written over: 32 bytes, the name of an evil deed and spaces.
static DEED: [u8; 32] = *b"evil deed: honest               ";

/// The transform.
#[derive(Debug)]
pub struct Evil;

/// What the inputs hold.
struct Inputs<'a> {
    rows: usize,
    ids: &'a [i64],
    numbers: &'a [f64],
    texts: &'a VariableValues,
}

fn deed() -> &'static str {
    let deed = black_box(&DEED);
    std::str::from_utf8(deed).unwrap_or_default().trim_start_matches("evil deed:").trim()
}

impl Transform for Evil {
    fn signature() -> Signature {
        let mut signature = honest_signature();
        match deed() {
            "describe: slow" => forever(),
            "describe: changes" => signature.documentation = format!("asked {} times", impure::count()),
            "describe: no name" => signature.name.clear(),
            "describe: twin names" => signature.outputs[1].name = "value".to_owned(),
            "describe: no output" => signature.outputs.clear(),
            "describe: endless" => signature.documentation = "x".repeat(1 << 20),
            _ => {}
        }
        signature
    }

    fn apply(rows: usize, columns: &[Column]) -> Result<Output, String> {
        let inputs = Inputs::of(rows, columns);
        match deed() {
            "loop" => forever(),
            "recurse" => return Err(recurse(black_box(1)).to_string()),
            "memory bomb" => memory_bomb(),
            "trap" => panic!("as it pleases"),
            "diagnostics" => flood(),
            _ => {}
        }
        let mut output = impure::output(deed(), &inputs);
        corrupt::corrupt(deed(), &mut output, rows);
        Ok(output)
    }
}

impl<'a> Inputs<'a> {
    fn of(rows: usize, columns: &'a [Column]) -> Self {
        match columns {
            [
                Column { values: Values::Scalars(ScalarValues::Int64s(ids)), .. },
                Column { values: Values::Scalars(ScalarValues::Float64s(numbers)), .. },
                Column { values: Values::Scalars(ScalarValues::Strings(texts)), .. },
            ] => Self { rows, ids, numbers, texts },
            _ => unreachable!("the host passes what the signature says"),
        }
    }
}

fn honest_signature() -> Signature {
    let field = |name: &str, scalar| Field {
        name: name.to_owned(),
        data_type: DataType::Scalar(scalar),
        nullable: false,
        logical_type: None,
        documentation: String::new(),
    };
    Signature {
        name: "evil".to_owned(),
        version: "1".to_owned(),
        documentation: "Looks harmless.".to_owned(),
        inputs: vec![
            field("id", ScalarType::Int64),
            field("number", ScalarType::Float64),
            field("text", ScalarType::String),
        ],
        outputs: vec![field("value", ScalarType::Float64), field("label", ScalarType::String)],
    }
}

/// An output of these columns, without failures.
fn output(values: Vec<f64>, labels: VariableValues) -> Output {
    let column = |values| Column { values: Values::Scalars(values), validity: None };
    Output {
        columns: vec![column(ScalarValues::Float64s(values)), column(ScalarValues::Strings(labels))],
        failures: Vec::new(),
    }
}

fn failure(row: u32) -> RowFailure {
    RowFailure { row, reason: "it says so".to_owned() }
}

fn forever() {
    loop {
        black_box(());
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn recurse(depth: i64) -> i64 {
    black_box([depth; 64])[7] + recurse(black_box(depth + 1))
}

fn memory_bomb() {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; 1 << 20]);
        black_box(&kept);
    }
}

/// Far more than the host keeps.
fn flood() {
    #[cfg(target_family = "wasm")]
    for _ in 0..10_000 {
        border::write(&[b'x'; 1_000]);
    }
    panic!("after much talk");
}
