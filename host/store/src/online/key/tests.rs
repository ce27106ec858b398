use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{BinaryArray, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use proptest::prelude::*;

use super::*;

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn one(join_keys: &[(&str, ArrayRef)]) -> Vec<u8> {
    encode_keys(join_keys).unwrap().value(0).to_vec()
}

fn refusal(join_keys: &[(&str, ArrayRef)]) -> String {
    Error::from(encode_keys(join_keys).unwrap_err()).to_string()
}

#[test]
fn the_bytes_of_a_key_never_change() {
    let seen: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-1]).with_timezone("UTC"));
    let key = one(&[
        ("tailnum", strings(&["N14228"])),
        ("seat", Arc::new(Int32Array::from(vec![7]))),
        ("flight", Arc::new(Int64Array::from(vec![-2]))),
        ("raw", Arc::new(BinaryArray::from(vec![&[0u8, 255][..]]))),
        ("seen", seen),
    ]);
    let expected = [
        b"\x06flight\x04\xff\xff\xff\xff\xff\xff\xff\xfe".as_slice(),
        b"\x03raw\x02\x00\x00\x00\x02\x00\xff",
        b"\x04seat\x03\x00\x00\x00\x07",
        b"\x04seen\x05\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x07tailnum\x01\x00\x00\x00\x06N14228",
    ]
    .concat();
    assert_eq!(key, expected);
}

#[test]
fn the_order_of_the_columns_does_not_matter() {
    let (origin, carrier) = (("origin", strings(&["EWR"])), ("carrier", strings(&["UA"])));
    assert_eq!(one(&[origin.clone(), carrier.clone()]), one(&[carrier, origin]));
}

#[test]
fn names_and_types_are_part_of_the_key() {
    assert_ne!(one(&[("origin", strings(&["AA"]))]), one(&[("carrier", strings(&["AA"]))]));
    let (narrow, wide) = (Arc::new(Int32Array::from(vec![1])), Arc::new(Int64Array::from(vec![1])));
    assert_ne!(one(&[("a", narrow)]), one(&[("a", wide)]));
}

#[test]
fn a_null_names_its_join_key_and_row() {
    let tailnum: ArrayRef = Arc::new(StringArray::from(vec![Some("N1"), None, None]));
    let keys = [("origin", strings(&["EWR", "JFK", "LGA"])), ("tailnum", tailnum)];
    assert_eq!(encode_keys(&keys), Err(KeyError::Null { join_key: "tailnum".into(), row: 1 }));
    insta::assert_snapshot!(refusal(&keys), @"join key `tailnum` is null in row 1: every row needs a value for it");
}

#[test]
fn columns_that_identify_nothing_are_refused() {
    let float: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let text = strings(&["x"]);
    let long = "x".repeat(256);
    insta::assert_snapshot!(refusal(&[("a", float)]), @"join key `a` has type float64: use string, bytes, int32, int64 or timestamp");
    insta::assert_snapshot!(refusal(&[("a", Arc::clone(&text)), ("a", Arc::clone(&text))]), @"join key `a` is given twice: give it once");
    insta::assert_snapshot!(refusal(&[("a", Arc::clone(&text)), ("b", strings(&[]))]), @"join key `b` has 0 rows where the first has 1: give each a value for every row");
    insta::assert_snapshot!(refusal(&[]), @"no join keys: an entity has at least one");
    assert_eq!(encode_keys(&[(&long, text)]), Err(KeyError::Name { join_key: long.clone() }));
}

proptest! {
    #[test]
    fn two_rows_share_a_key_exactly_when_they_share_their_values(
        rows in proptest::collection::vec(("[ab\u{0}1]{0,3}", "[ab\u{0}1]{0,3}", -2i64..2), 1..40),
    ) {
        let (first, second): (Vec<_>, Vec<_>) = rows.iter().map(|(a, b, _)| (a.as_str(), b.as_str())).unzip();
        let third: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2)));
        let keys = encode_keys(&[("a", strings(&first)), ("b", strings(&second)), ("c", third)]).unwrap();
        let mut seen = HashMap::new();
        for (row, key) in rows.iter().zip(keys.iter()) {
            prop_assert_eq!(*seen.entry(key.unwrap()).or_insert(row), row);
        }
        let distinct: std::collections::HashSet<_> = rows.iter().collect();
        prop_assert_eq!(seen.len(), distinct.len());
    }
}
