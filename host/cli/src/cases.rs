//! The cases of a transform: `cases.json` enters, each case is asked of a component, and what differs leaves.
//!
//! Values are in the JSON of requests and answers (`skewless_server::wire`), and are compared as text, to the last bit;
//! `"-0.0"` is written in quotes, since many readers of JSON lose its sign. The file holds for every language. What a
//! mathematical library computes differs between languages in the last bits, so a case may allow an output some units
//! in the last place: `"ulps": {"distance": 2}`. The values are those of the Rust transform, to which nothing is
//! allowed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use skewless_runtime::{DataType, Limits, Output, ScalarType, Transform};
use skewless_server::wire::{Column, Request, ResponseWriter, Role};
use skewless_store::Status;

use crate::failure::{Failure, Result};

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cases {
    #[serde(rename = "description")]
    _description: Option<String>,
    pub(crate) cases: Vec<Case>,
}

/// What a transform must answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    inputs: Map<String, Value>,
    outputs: Map<String, Value>,
    #[serde(default)]
    failures: Vec<FailedRow>,
    #[serde(default)]
    ulps: BTreeMap<String, u64>,
}

/// A row that must fail, and what its reason must say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FailedRow {
    row: usize,
    #[serde(default)]
    reason_contains: String,
}

impl Cases {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::impossible(format!("`{}` holds no cases: {error}", path.display())))
    }
}

impl Case {
    /// The rows to ask about, as columns of the transform's types.
    ///
    /// # Errors
    /// Which input is missing, of no use, or has a value that doesn't fit.
    pub(crate) fn rows(&self, transform: &Transform) -> Result<RecordBatch, String> {
        if !self.inputs.is_empty() && self.inputs.values().all(|values| values == &json!([])) {
            return Ok(RecordBatch::new_empty(Arc::clone(transform.input_schema())));
        }
        let body = json!({"features": [transform.signature().name], "entities": sendable(&json!(self.inputs))});
        let body = body.to_string();
        let fields = transform.signature().inputs.iter();
        let columns = fields.map(|field| Column {
            name: field.name.clone(),
            data_type: field.data_type,
            role: Role::RequestField,
        });
        let request = Request::parse(body.as_bytes()).map_err(|error| error.to_string())?;
        let rows = request.entity_rows(&columns.collect::<Vec<_>>()).map_err(|error| error.to_string())?;
        Ok(rows.batch().clone())
    }

    /// What differs from what the transform must answer; nothing where it passes.
    pub(crate) fn differences(&self, transform: &Transform, exact: bool) -> Vec<String> {
        let rows = match self.rows(transform) {
            Ok(rows) => rows,
            Err(reason) => return vec![reason],
        };
        match transform.apply(&rows, &Limits::BATCH) {
            Ok(output) => {
                let mut differences = self.differing_values(transform, &output, exact);
                differences.extend(self.differing_failures(&output));
                differences
            }
            Err(error) => vec![error.to_string()],
        }
    }

    fn differing_values(&self, transform: &Transform, output: &Output, exact: bool) -> Vec<String> {
        let fields = &transform.signature().outputs;
        let unknown = self.outputs.keys().filter(|name| fields.iter().all(|field| field.name != **name));
        let mut differences: Vec<String> = unknown.map(|name| format!("there is no output `{name}`")).collect();
        for (field, values) in fields.iter().zip(output.batch.columns()) {
            let name = &field.name;
            let Some(Value::Array(expected)) = self.outputs.get(name) else {
                differences.push(format!("the case has no list of values for output `{name}`"));
                continue;
            };
            let allowed = if exact { 0 } else { self.ulps.get(name).copied().unwrap_or(0) };
            let found = json_values(name, values);
            if found.len() != expected.len() {
                let (found, expected) = (found.len(), expected.len());
                differences.push(format!("output `{name}` has {found} values, expected {expected}"));
                continue;
            }
            let rows = found.iter().zip(expected).enumerate();
            let differing = rows.filter(|(_, (found, expected))| !same(found, expected, field.data_type, allowed));
            differences.extend(differing.map(|(row, (found, expected))| {
                format!("output `{name}`, row {row}: {}, expected {}", written(found), written(expected))
            }));
        }
        differences
    }

    fn differing_failures(&self, output: &Output) -> Vec<String> {
        let expected = |row: usize| self.failures.iter().find(|failure| failure.row == row);
        let unexpected = output.failures.iter().filter_map(|failure| match expected(failure.row) {
            None => Some(format!("row {} failed: {}", failure.row, failure.reason)),
            Some(expected) if failure.reason.contains(&expected.reason_contains) => None,
            Some(FailedRow { row, reason_contains }) => {
                Some(format!("row {row} failed: {}, expected {reason_contains:?}", failure.reason))
            }
        });
        let failed = |row: usize| output.failures.iter().any(|failure| failure.row == row);
        let missing = self.failures.iter().filter(|failure| !failed(failure.row));
        unexpected.chain(missing.map(|failure| format!("row {} did not fail", failure.row))).collect()
    }
}

/// The cases write negative zero in quotes; a request has it as a number.
fn sendable(value: &Value) -> Value {
    match value {
        Value::String(text) if text == "-0.0" => json!(-0.0),
        Value::Array(elements) => elements.iter().map(sendable).collect(),
        Value::Object(columns) => columns.iter().map(|(name, values)| (name.clone(), sendable(values))).collect(),
        other => other.clone(),
    }
}

/// A column as an answer has it.
fn json_values(name: &str, values: &ArrayRef) -> Vec<Value> {
    let mut writer = ResponseWriter::new();
    writer.column(name, values, |_| (Status::Present, None)).expect("an output has the type of a feature");
    let mut answer: Value = serde_json::from_slice(&writer.finish()).expect("an answer is JSON");
    match answer["results"][0]["values"].take() {
        Value::Array(values) => values,
        _ => unreachable!("the values of a column are a list"),
    }
}

/// Whether two values are one, but for so many units in the last place.
fn same(found: &Value, expected: &Value, data_type: DataType, ulps: u64) -> bool {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            let pairs = || found.iter().zip(expected);
            found.len() == expected.len() && pairs().all(|(found, expected)| same(found, expected, data_type, ulps))
        }
        _ if ulps == 0 => written(found) == written(expected),
        _ => match (double(found), double(expected)) {
            (Some(found), Some(expected)) => distance(found, expected, data_type) <= ulps,
            _ => written(found) == written(expected),
        },
    }
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) if text == "-0.0" => Some(-0.0),
        _ => value.as_f64(),
    }
}

/// How many values of the type lie between two.
fn distance(found: f64, expected: f64, data_type: DataType) -> u64 {
    let (DataType::Scalar(scalar) | DataType::List(scalar)) = data_type;
    let place = |value: f64| match scalar {
        ScalarType::Float32 => ordered(u64::from((value as f32).to_bits()) << 32) >> 32,
        _ => ordered(value.to_bits()),
    };
    place(found).abs_diff(place(expected))
}

/// The bits of a number that is none of a kind, in the order of the numbers.
fn ordered(bits: u64) -> i64 {
    let bits = bits.cast_signed();
    if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits }
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) if text == "-0.0" => "-0.0".to_owned(),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(written).collect();
            format!("[{}]", elements.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOAT64: DataType = DataType::Scalar(ScalarType::Float64);

    #[test]
    fn values_are_one_to_the_last_bit() {
        for (found, expected, result) in [
            (json!(0.1), json!(0.1), true),
            (json!(0.1), json!(0.10000000000000002), false),
            (json!(-0.0), json!("-0.0"), true),
            (json!(0.0), json!("-0.0"), false),
            (json!(5), json!(5.0), false),
            (json!("NaN"), json!("NaN"), true),
            (json!([1.0, null]), json!([1.0, null]), true),
            (json!([1.0, -0.0]), json!([1.0, "-0.0"]), true),
            (json!([1.0]), json!([1.0, null]), false),
        ] {
            assert_eq!(same(&found, &expected, FLOAT64, 0), result, "{found} {expected}");
        }
    }

    #[test]
    fn units_in_the_last_place_are_those_of_the_type() {
        let next = |value: f64, steps: u64| json!(f64::from_bits(value.to_bits() + steps));
        assert!(same(&next(1.5, 2), &json!(1.5), FLOAT64, 2));
        assert!(!same(&next(1.5, 3), &json!(1.5), FLOAT64, 2));
        assert!(same(&json!([next(1.5, 1)]), &json!([1.5]), DataType::List(ScalarType::Float64), 1));
        let single = f64::from(f32::from_bits(1.5_f32.to_bits() + 2));
        assert!(same(&json!(single), &json!(1.5), DataType::Scalar(ScalarType::Float32), 2));
        assert!(!same(&json!(single), &json!(1.5), DataType::Scalar(ScalarType::Float32), 1));
        assert_eq!(distance(-0.0, 0.0, FLOAT64), 0);
        assert_eq!(distance(-5e-324, 5e-324, FLOAT64), 2);
        assert!(!same(&json!("NaN"), &json!(1.0), FLOAT64, 1_000));
    }
}
