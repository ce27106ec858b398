//! What `verify` found, for people and for programs.

use std::path::Path;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Value, json};
use skewless_runtime::{Certificate, Difference, Verification};
use skewless_store::certification::certificate_path;

use crate::output::Output;
use crate::table::{Table, counted, grouped, short_digest};

/// The most rows that are shown of a difference.
const ROWS_SHOWN: usize = 20;

/// The whole story of one component.
pub(crate) fn told(
    path: &Path,
    certificate: &Certificate,
    verification: Option<&Verification>,
    output: &Output,
) -> String {
    let Certificate { transform, digest, corpus, passed, .. } = certificate;
    let beside = certificate_path(path).display().to_string();
    let name = output.bold(transform);
    let digest = short_digest(digest);
    let Some(verification) = verification else { return format!("{name}  {digest}  certified before: {beside}") };
    let sampled = match corpus.sampled_inputs.as_slice() {
        [] => String::new(),
        inputs => format!(", with values of the sources for {}", inputs.join(", ")),
    };
    let rows = counted(corpus.rows as u64, "row", "rows");
    let mut text = format!("{name}  {digest}  {rows} of seed {}{sampled}\n", corpus.seed);
    text += &relations(certificate, output);
    if let Some((row, error)) = &verification.row_without_result {
        let without = counted(corpus.rows_without_result as u64, "row has", "rows have");
        text += &format!("{} no result, such as\n", output.yellow(&without));
        text += &format!("  {}\n  {error}\n", fields(row, 0).join("  "));
    }
    text += &verification.difference.as_ref().map(difference).unwrap_or_default();
    let verdict = if *passed { output.green("certified") } else { output.red("not certified") };
    text + &format!("{verdict}: {beside}\n")
}

fn relations(certificate: &Certificate, output: &Output) -> String {
    let rows = certificate.relations.iter().map(|relation| {
        let holds = if relation.holds { "the same bits".to_owned() } else { output.red("differs") };
        [relation.relation.clone(), grouped(relation.calls as u64), grouped(relation.rows as u64), holds]
    });
    Table::new(["as each row alone", ">calls", ">rows", ""]).with_rows(rows).indented("  ")
}

/// The rows of a difference: call, inputs, outputs alone, and outputs found.
fn difference(difference: &Difference) -> String {
    let instances = if difference.one_instance { "one instance" } else { "a fresh instance for each call" };
    let calls = counted(difference.calls.len() as u64, "call", "calls");
    let mut text = format!("{} differs. The fewest rows found, in {calls} on {instances}:\n", difference.relation);
    let shown = difference.inputs.num_rows();
    let first = shown.saturating_sub(ROWS_SHOWN);
    if first > 0 {
        text += &format!("  ({} before these are left out)\n", counted(first as u64, "row", "rows"));
    }
    let rows = (first..shown).map(|row| {
        let (call, place) = place(difference, row);
        let found = match &difference.found {
            Ok(found) if call == difference.call => fields(found, place).join("  "),
            Ok(_) => "the same".to_owned(),
            Err(_) if call == difference.call => "the call fails".to_owned(),
            Err(_) => "the same".to_owned(),
        };
        let mark = if call == difference.call && difference.row == Some(place) { "<" } else { "" };
        let inputs = fields(&difference.inputs, row).join("  ");
        [(call + 1).to_string(), inputs, fields(&difference.alone, row).join("  "), found, mark.to_owned()]
    });
    text += &Table::new([">call", "inputs", "alone", "here", ""]).with_rows(rows).indented("  ");
    if let Err(error) = &difference.found {
        text += &format!("  {error}\n");
    }
    text
}

/// The call of the row that is number `row` over all calls, and its place there.
fn place(difference: &Difference, row: usize) -> (usize, usize) {
    let mut place = row;
    for (call, rows) in difference.calls.iter().enumerate() {
        if place < rows.len() {
            return (call, place);
        }
        place -= rows.len();
    }
    (difference.calls.len(), place)
}

/// `name=value` of each column.
fn fields(batch: &RecordBatch, row: usize) -> Vec<String> {
    let schema = batch.schema_ref();
    let columns = schema.fields().iter().zip(batch.columns());
    columns.map(|(field, column)| format!("{}={}", field.name(), value(column, row))).collect()
}

fn value(column: &dyn Array, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let text = ArrayFormatter::try_new(column, &options).map(|formatter| formatter.value(row).to_string());
    let text = text.unwrap_or_else(|error| error.to_string());
    let is_text = column.data_type() == &arrow::datatypes::DataType::Utf8 && column.is_valid(row);
    let text = if is_text { format!("{text:?}") } else { text };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The same for programs.
pub(crate) fn as_json(path: &Path, certificate: &Certificate, verification: Option<&Verification>) -> Value {
    let difference = verification.and_then(|verification| verification.difference.as_ref());
    let rows =
        |batch: &RecordBatch| -> Vec<Vec<String>> { (0..batch.num_rows()).map(|row| fields(batch, row)).collect() };
    let difference = difference.map(|difference| {
        let (found, error) = match &difference.found {
            Ok(found) => (Some(rows(found)), None),
            Err(error) => (None, Some(error)),
        };
        json!({
            "relation": difference.relation,
            "calls": difference.calls,
            "one_instance": difference.one_instance,
            "call": difference.call,
            "row": difference.row,
            "inputs": rows(&difference.inputs),
            "alone": rows(&difference.alone),
            "found": found,
            "error": error,
        })
    });
    json!({
        "component": path,
        "certificate": certificate,
        "verified_now": verification.is_some(),
        "difference": difference,
    })
}
