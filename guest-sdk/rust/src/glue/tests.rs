//! The attribute and the glue together: from columns, through a function, to columns.

use proptest::prelude::*;

use crate::contract::{
    Column as ContractColumn, DataType, Field, RowFailure, ScalarType, ScalarValues, Values, VariableValues,
};
use crate::testing::{column, view};
use crate::{Column, Features, List, Timestamp, Transform, transform};

/// Halves a number.
///
/// The second paragraph is not the output's.
#[transform(version = "7")]
fn halved(
    /// Any number.
    number: Option<f64>,
) -> Option<f64> {
    number.map(|number| number / 2.0)
}

#[transform(outputs(/** All after the at sign. */ domain, is_long))]
fn parts<'a>(email: &'a str, separator: Option<&'a str>) -> Option<(Option<&'a str>, bool)> {
    let domain = email.split_once(separator?).map(|(_, domain)| domain);
    Some((domain, email.len() > 10))
}

/// One field of each type.
#[derive(Features)]
struct Everything<'a> {
    a: bool,
    b: i32,
    c: i64,
    d: f32,
    e: Option<f64>,
    f: String,
    g: &'a [u8],
    h: Timestamp,
    i: Vec<Option<bool>>,
    j: Vec<&'a str>,
}

#[transform(name = "echo")]
fn echo_all<'a>(
    a: bool,
    b: i32,
    c: i64,
    d: f32,
    e: Option<f64>,
    f: &'a str,
    g: &'a [u8],
    h: Timestamp,
    i: List<'a, bool>,
    j: List<'a, &'a str>,
) -> Everything<'a> {
    Everything { a, b, c, d, e, f: f.to_owned(), g, h, i: i.iter().collect(), j: j.iter().flatten().collect() }
}

#[transform]
fn small_root(number: i64) -> Result<f64, &'static str> {
    if number < 0 { Err("a negative number has no root") } else { Ok((number as f64).sqrt()) }
}

#[transform(columns, outputs(text, missing))]
fn doubled_text(text: Column<'_, Option<&str>>) -> Result<(Vec<Option<String>>, Vec<bool>), String> {
    if text.iter().flatten().any(str::is_empty) {
        return Err("an empty text".into());
    }
    Ok((
        text.iter().map(|text| text.map(|text| text.repeat(2))).collect(),
        text.iter().map(|text| text.is_none()).collect(),
    ))
}

#[transform(columns)]
fn too_short(number: Column<'_, i64>) -> Vec<i64> {
    number.values().iter().skip(1).copied().collect()
}

fn field(name: &str, data_type: DataType, nullable: bool, documentation: &str) -> Field {
    Field { name: name.into(), data_type, nullable, logical_type: None, documentation: documentation.into() }
}

#[test]
fn name_documentation_and_types_come_from_the_function() {
    let signature = halved::signature();
    let float = DataType::Scalar(ScalarType::Float64);
    assert_eq!((signature.name.as_str(), signature.version.as_str()), ("halved", "7"));
    assert_eq!(signature.documentation, "Halves a number.\n\nThe second paragraph is not the output's.");
    assert_eq!(signature.inputs, [field("number", float, true, "Any number.")]);
    assert_eq!(signature.outputs, [field("halved", float, true, "Halves a number.")]);
}

#[test]
fn an_option_around_all_outputs_makes_each_of_them_nullable() {
    let [text, boolean] = [ScalarType::String, ScalarType::Boolean].map(DataType::Scalar);
    let outputs = [field("domain", text, true, "All after the at sign."), field("is_long", boolean, true, "")];
    assert_eq!(parts::signature().outputs, outputs);
    assert_eq!(parts::signature().version, env!("CARGO_PKG_VERSION"));
}

#[test]
fn texts_and_missing_outputs_are_written() {
    let inputs = [column(["ann@example.com", "bob", "eve@x.org"]), column([Some("@"), Some("@"), None])];
    let output = parts::apply(3, &inputs).unwrap();
    assert_eq!(output.columns, [column([Some("example.com"), None, None]), column([Some(true), Some(false), None])]);
    assert!(output.failures.is_empty());
}

#[test]
fn null_rows_hold_zero_and_absent_nulls_no_bitmap() {
    let values = |values: &[f64]| Values::Scalars(ScalarValues::Float64s(values.to_vec()));
    let nulls = ContractColumn { values: values(&[8.0, 0.0]), validity: Some(vec![0b01]) };
    assert_eq!(halved::apply(2, &[column([Some(16.0), None])]).unwrap().columns, [nulls]);
    let none = ContractColumn { values: values(&[8.0, 0.5]), validity: None };
    assert_eq!(halved::apply(2, &[column([16.0, 1.0])]).unwrap().columns, [none]);
    assert_eq!(halved::apply(0, &[column::<f64>([])]).unwrap().columns, [column::<f64>([])]);
}

#[test]
fn an_error_fails_its_row_alone() {
    let output = small_root::apply(3, &[column([4_i64, -1, 9])]).unwrap();
    assert_eq!(output.columns, [column([Some(2.0), None, Some(3.0)])]);
    assert_eq!(output.failures, [RowFailure { row: 1, reason: "a negative number has no root".into() }]);
    assert!(small_root::signature().outputs[0].nullable);
}

#[test]
fn an_error_of_whole_columns_fails_the_batch() {
    let output = doubled_text::apply(2, &[column([Some("ab"), None])]).unwrap();
    assert_eq!(output.columns, [column([Some("abab"), None]), column([false, true])]);
    assert_eq!(doubled_text::apply(1, &[column([""])]), Err("an empty text".into()));
    insta::assert_snapshot!(too_short::apply(3, &[column([1_i64, 2, 3])]).unwrap_err(), @"the transform returned 2 values for 3 rows: return one value a row");
}

#[test]
fn columns_that_break_the_contract_are_refused() {
    let broken = VariableValues { offsets: vec![0, 1], data: vec![0xff] };
    let broken = ContractColumn { values: Values::Scalars(ScalarValues::Strings(broken)), validity: None };
    insta::assert_snapshot!(doubled_text::apply(1, &[broken]).unwrap_err(), @"input `text` is not a column of 1 rows of the type in the signature");
    assert!(halved::apply(1, &[column([1_i64])]).is_err(), "another type");
    assert!(halved::apply(2, &[column([1.0])]).is_err(), "too few rows");
    assert!(halved::apply(1, &[]).is_err(), "too few columns");
}

#[test]
fn whole_columns_show_values_and_validity() {
    let numbers = column([Some(1.5), None, Some(2.5)]);
    let numbers: Column<'_, Option<f64>> = view(3, &numbers);
    assert_eq!((numbers.values(), numbers.validity()), (&[1.5, 0.0, 2.5][..], Some(&[0b101_u8][..])));
    assert_eq!((numbers.len(), numbers.is_valid(1), numbers.get(2)), (3, false, Some(2.5)));
    let lists = column([vec![Some(1_i64), Some(2)], vec![None, Some(3)]]);
    let lists: Column<'_, List<'_, i64>> = view(2, &lists);
    assert_eq!((lists.get(0).values(), lists.get(1).values(), lists.get(1).len()), (Some(&[1, 2][..]), None, 2));
    assert_eq!(format!("{lists:?}"), "[[Some(1), Some(2)], [None, Some(3)]]");
}

/// The values of one row of `echo_all`.
type Row = (bool, i32, i64, f32, Option<f64>, String, Vec<u8>, i64, Vec<Option<bool>>, Vec<String>);

/// The columns of such rows, made value by value.
fn columns(rows: &[Row]) -> Vec<ContractColumn> {
    vec![
        column(rows.iter().map(|row| row.0)),
        column(rows.iter().map(|row| row.1)),
        column(rows.iter().map(|row| row.2)),
        column(rows.iter().map(|row| row.3)),
        column(rows.iter().map(|row| row.4)),
        column(rows.iter().map(|row| row.5.as_str())),
        column(rows.iter().map(|row| row.6.as_slice())),
        column(rows.iter().map(|row| Timestamp::from_micros(row.7))),
        column(rows.iter().map(|row| row.8.clone())),
        column(rows.iter().map(|row| row.9.clone())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_type_comes_out_as_it_went_in(rows in prop::collection::vec(any::<Row>(), 0..40)) {
        let columns = columns(&rows);
        let output = echo_all::apply(rows.len(), &columns).unwrap();
        prop_assert_eq!(format!("{:?}", output.columns), format!("{columns:?}"));
        prop_assert!(output.failures.is_empty());
    }
}

#[test]
fn a_struct_names_its_outputs() {
    let signature = echo_all::signature();
    let names: Vec<&str> = signature.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!((signature.name.as_str(), names.join("")), ("echo", "abcdefghij".into()));
    let types = |fields: &[Field]| fields.iter().map(|field| (field.data_type, field.nullable)).collect::<Vec<_>>();
    assert_eq!(types(&signature.outputs), types(&signature.inputs));
}
