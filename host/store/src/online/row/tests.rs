use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, LargeBinaryArray, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::datatypes::{Field, Int64Type, Schema};
use proptest::prelude::*;
use skewless_runtime::{DataType, ScalarType};

use super::*;
use crate::row_schema::RowSchema;

mod arrays;
mod bytes;

type Columns = Vec<(&'static str, ArrayRef)>;

fn schema_of(columns: &[(&str, ArrayRef)]) -> RowSchema {
    let field = |(name, array): &(&str, ArrayRef)| {
        ((*name).to_owned(), DataType::from_arrow(array.data_type()).expect("a type of ours"))
    };
    RowSchema::new(columns.iter().map(field).collect())
}

fn batch_of(columns: &[(&str, ArrayRef)], rows: usize) -> RecordBatch {
    let fields: Vec<_> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let columns = columns.iter().map(|(_, array)| Arc::clone(array)).collect();
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).unwrap()
}

fn encode(columns: &[(&str, ArrayRef)], rows: usize) -> LargeBinaryArray {
    let times = TimestampMicrosecondArray::from_iter_values(0..i64::try_from(rows).unwrap());
    RowEncoder::new(&schema_of(columns), &batch_of(columns, rows), &times, None).unwrap().encode()
}

fn decode(known: &[RowSchema], wanted: &[(String, DataType)], rows: &LargeBinaryArray) -> RowBatch {
    let plan = RowPlan::new("weather", known, wanted);
    let mut decoder = RowDecoder::new(&plan, rows.len());
    rows.iter().try_for_each(|row| decoder.push(row)).unwrap();
    decoder.finish()
}

/// A row with the value `value`, for tests of what keeps rows.
pub(in crate::online) fn packed(event_timestamp: i64, created_timestamp: Option<i64>, value: u8) -> Vec<u8> {
    let mut row = Vec::new();
    let time = RowTime { event_timestamp, created_timestamp };
    Header { time, schema_id: 1, component: None }.append(&mut row);
    row.extend_from_slice(&[1, value]);
    seal(&mut row);
    row
}

/// `row`, changed and with a checksum that fits, as if it had been written so.
pub(in crate::online) fn sealed(mut row: Vec<u8>) -> Vec<u8> {
    if row.len() >= HEADER_BYTES {
        seal(&mut row);
    }
    row
}

fn weather() -> Columns {
    vec![
        ("wind_speed", Arc::new(Float64Array::from(vec![Some(9.5), None]))),
        ("station", Arc::new(StringArray::from(vec![Some("EWR"), Some("Saint-Exupéry")]))),
        ("readings", Arc::new(Int64Array::from(vec![None, Some(i64::MIN)]))),
    ]
}

#[test]
fn an_added_feature_reads_as_null_and_a_dropped_one_not_at_all() {
    let stored = weather();
    let known = [RowSchema::new(Vec::new()), schema_of(&stored)];
    let wanted =
        [("gusts".to_owned(), DataType::List(ScalarType::Float64)), ("readings".to_owned(), ScalarType::Int64.into())];
    let read = decode(&known, &wanted, &encode(&stored, 2));
    assert_eq!(read.columns[0].data_type(), &wanted[0].1.to_arrow());
    assert_eq!(read.columns[0].null_count(), 2);
    assert_eq!(&read.columns[1], &stored[2].1);
}

#[test]
fn a_feature_that_changed_its_type_reads_as_null() {
    let stored = weather();
    let wanted = [("readings".to_owned(), ScalarType::Int32.into())];
    let read = decode(&[schema_of(&stored)], &wanted, &encode(&stored, 2));
    assert_eq!(read.columns[0].null_count(), 2);
}

#[test]
fn features_come_in_the_order_asked_for_as_often_as_asked_for() {
    let stored = weather();
    let schema = schema_of(&stored);
    let wanted = [2, 0, 2].map(|field: usize| schema.fields[field].clone());
    let read = decode(&[schema], &wanted, &encode(&stored, 2));
    for (column, field) in read.columns.iter().zip([2, 0, 2]) {
        assert_eq!(column, &stored[field].1);
    }
}

#[test]
fn a_row_that_is_not_stored_is_null_and_has_no_time() {
    let stored = weather();
    let schema = schema_of(&stored);
    let plan = RowPlan::new("weather", std::slice::from_ref(&schema), &schema.fields);
    let mut decoder = RowDecoder::new(&plan, 2);
    decoder.push(None).unwrap();
    decoder.push(Some(encode(&stored, 2).value(1))).unwrap();
    let read = decoder.finish();
    assert!(read.columns.iter().all(|column| column.len() == 2 && column.is_null(0)));
    assert_eq!(read.times, [None, Some(RowTime { event_timestamp: 1, created_timestamp: None })]);
}

#[test]
fn times_and_component_are_kept_with_the_row() {
    let stored = weather();
    let events = TimestampMicrosecondArray::from(vec![i64::MIN, i64::MAX]);
    let created = TimestampMicrosecondArray::from(vec![None, Some(-1)]);
    let (schema, batch) = (schema_of(&stored), batch_of(&stored, 2));
    let encoder = RowEncoder::new(&schema, &batch, &events, Some(&created)).unwrap();
    let read = decode(std::slice::from_ref(&schema), &[], &encoder.made_by(0xfeed).encode());
    let expected = [(i64::MIN, None), (i64::MAX, Some(-1))];
    let expected = expected.map(|(event_timestamp, created_timestamp)| RowTime { event_timestamp, created_timestamp });
    assert_eq!(read.times, expected.map(Some));
    assert_eq!(read.components, [Some(0xfeed); 2]);
    let other = RowEncoder::new(&schema, &batch, &events, None).unwrap().encode();
    assert_eq!(decode(&[schema], &[], &other).components, [None; 2]);
}

#[test]
fn a_damaged_list_leaves_nothing_to_the_next_row() {
    let list = arrays::lists(ScalarType::Int64, &[Some(vec![Some(7), Some(8)])], arrays::int64);
    let columns = [("list", list)];
    let schema = schema_of(&columns);
    let rows = encode(&columns, 1);
    let whole = rows.value(0);
    let plan = RowPlan::new("weather", std::slice::from_ref(&schema), &schema.fields);
    let mut decoder = RowDecoder::new(&plan, 2);
    assert!(decoder.push(Some(&sealed(whole[..whole.len() - 1].to_vec()))).is_err());
    decoder.push(Some(whole)).unwrap();
    let read = decoder.finish();
    assert!(read.columns[0].is_null(0));
    let second = read.columns[0].as_list::<i32>().value(1);
    assert_eq!(second.as_primitive::<Int64Type>().values(), &[7, 8]);
}

#[test]
fn rows_that_can_not_be_read_say_why() {
    let stored = weather();
    let row = encode(&stored, 2).value(0).to_vec();
    let refusal = |known: &[RowSchema], row: &[u8]| {
        let plan = RowPlan::new("weather", known, &[]);
        let error = RowDecoder::new(&plan, 1).push(Some(row)).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Corrupt);
        error.to_string()
    };
    let known = [schema_of(&stored)];
    insta::assert_snapshot!(refusal(&[], &row), @"row 0 of feature view `weather` can't be read: the schema it was stored by, da0cca9aa2fbfece, is not known to this registry: run `skewless materialize` for `weather`, or use the registry that wrote it");
    insta::assert_snapshot!(refusal(&known, &[&[9], &row[1..]].concat()), @"row 0 of feature view `weather` can't be read: it is written in format 9, and this skewless reads format 2: use the skewless that wrote it, or a newer one");
    insta::assert_snapshot!(refusal(&known, &[&[1], &row[1..]].concat()), @"row 0 of feature view `weather` can't be read: it is written in format 1, and this skewless reads format 2: run `skewless materialize` for `weather`");
    insta::assert_snapshot!(refusal(&known, &row[..20]), @"row 0 of feature view `weather` can't be read: it has 20 bytes, less than a header: run `skewless materialize` for `weather`");
    insta::assert_snapshot!(refusal(&known, &row[..42]), @"row 0 of feature view `weather` can't be read: its checksum does not fit its bytes: run `skewless materialize` for `weather`");
    insta::assert_snapshot!(refusal(&known, &sealed(row[..42].to_vec())), @"row 0 of feature view `weather` can't be read: it ends within a value: run `skewless materialize` for `weather`");
    insta::assert_snapshot!(refusal(&known, &sealed([&row[..], b"!"].concat())), @"row 0 of feature view `weather` can't be read: 1 bytes follow its last value: run `skewless materialize` for `weather`");
}

#[test]
fn a_row_of_which_any_bit_flipped_is_refused() {
    let stored = weather();
    let row = encode(&stored, 2).value(1).to_vec();
    let plan = RowPlan::new("weather", &[schema_of(&stored)], &[]);
    for bit in 0..row.len() * 8 {
        let mut flipped = row.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(RowDecoder::new(&plan, 1).push(Some(&flipped)).is_err(), "bit {bit}");
    }
}

#[test]
fn batches_that_do_not_fit_their_schema_are_refused() {
    let columns = weather();
    let (schema, batch) = (schema_of(&columns), batch_of(&columns, 2));
    let times = TimestampMicrosecondArray::from(vec![Some(1), Some(2)]);
    let refusal = |schema: &RowSchema, batch: &RecordBatch, times: &TimestampMicrosecondArray| {
        let error = RowEncoder::new(schema, batch, times, None).err().unwrap();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
        error.to_string()
    };
    let counted: Columns = vec![("readings", Arc::new(UInt32Array::from(vec![1, 2])))];
    let only = |field: usize| RowSchema::new(vec![schema.fields[field].clone()]);
    insta::assert_snapshot!(refusal(&schema, &batch_of(&columns[1..], 2), &times), @"feature `wind_speed` has no column in the rows to store");
    insta::assert_snapshot!(refusal(&only(2), &batch_of(&counted, 2), &times), @"feature `readings` is int64, but its column in the rows to store is UInt32: convert it first");
    insta::assert_snapshot!(refusal(&schema, &batch, &TimestampMicrosecondArray::from(vec![Some(1), None])), @"row 1 has no event timestamp: every stored row needs one");
    insta::assert_snapshot!(refusal(&schema, &batch, &TimestampMicrosecondArray::from(vec![1])), @"1 timestamps for 2 rows: give one for each");
}

proptest! {
    #[test]
    fn every_value_of_every_type_comes_back_with_the_same_bits((types, arrays, rows) in arrays::any_columns()) {
        let names: Vec<String> = (0..types.len()).map(|index| format!("f{index}")).collect();
        let columns: Vec<_> = names.iter().map(String::as_str).zip(arrays).collect();
        let encoded = encode(&columns, rows);
        let schema = schema_of(&columns);
        let read = decode(std::slice::from_ref(&schema), &schema.fields, &encoded);
        for (read, (_, written)) in read.columns.iter().zip(&columns) {
            prop_assert_eq!(read.data_type(), written.data_type());
            prop_assert_eq!(read.to_data(), written.to_data());
        }
        // Arrow may call two NaNs equal that are not the same: their bytes say it.
        let again: Vec<_> = names.iter().map(String::as_str).zip(read.columns).collect();
        prop_assert_eq!(encode(&again, rows), encoded);
    }

    #[test]
    fn a_feature_reads_the_same_whatever_others_are_asked_for((types, arrays, rows) in arrays::any_columns()) {
        let names: Vec<String> = (0..types.len()).map(|index| format!("f{index}")).collect();
        let columns: Vec<_> = names.iter().map(String::as_str).zip(arrays).collect();
        let (encoded, schema) = (encode(&columns, rows), schema_of(&columns));
        for (field, (_, written)) in schema.fields.iter().zip(&columns) {
            let read = decode(std::slice::from_ref(&schema), std::slice::from_ref(field), &encoded);
            prop_assert_eq!(read.columns[0].to_data(), written.to_data());
        }
    }

    #[test]
    fn a_slice_is_encoded_as_its_rows_are((types, arrays, rows) in arrays::any_columns(), skip in 0usize..4) {
        let names: Vec<String> = (0..types.len()).map(|index| format!("f{index}")).collect();
        let columns: Vec<_> = names.iter().map(String::as_str).zip(arrays).collect();
        let (batch, schema) = (batch_of(&columns, rows), schema_of(&columns));
        let times = TimestampMicrosecondArray::from_iter_values(0..i64::try_from(rows).unwrap());
        let skip = skip.min(rows);
        let (sliced, sliced_times) = (batch.slice(skip, rows - skip), times.slice(skip, rows - skip));
        let whole = RowEncoder::new(&schema, &batch, &times, None).unwrap().encode();
        let part = RowEncoder::new(&schema, &sliced, &sliced_times, None).unwrap().encode();
        prop_assert_eq!(part, whole.slice(skip, rows - skip));
    }
}
