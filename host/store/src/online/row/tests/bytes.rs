//! The bytes themselves: what they are, and what becomes of bytes that are not a row.

use super::*;

/// A column of every type, one row.
fn one_of_each() -> Columns {
    let nan = f64::from_bits(0xfff8_0000_0000_00ab);
    vec![
        ("flag", arrays::boolean(vec![Some(true)])),
        ("count", arrays::int32(vec![Some(-2)])),
        ("total", arrays::int64(vec![Some(0x0102_0304_0506_0708)])),
        ("ratio", arrays::float32(vec![Some(-0.0)])),
        ("score", arrays::float64(vec![Some(nan)])),
        ("name", arrays::string(vec![Some("é".to_owned())])),
        ("blob", arrays::bytes(vec![Some(vec![0, 255])])),
        ("seen", arrays::timestamp(vec![Some(-1)])),
        ("gone", arrays::int64(vec![None])),
        ("empty", arrays::lists(ScalarType::Int64, &[Some(vec![])], arrays::int64)),
        ("whole", arrays::lists(ScalarType::Float32, &[Some(vec![Some(1.0), Some(2.0)])], arrays::float32)),
        ("holes", arrays::lists(ScalarType::Int32, &[Some(vec![None, Some(5), None])], arrays::int32)),
        ("words", arrays::lists(ScalarType::String, &[Some(vec![Some("a".into()), None])], arrays::string)),
        ("flags", arrays::lists(ScalarType::Bool, &[Some(vec![None, Some(true)])], arrays::boolean)),
    ]
}

#[test]
fn the_bytes_of_a_row_never_change() {
    let columns = one_of_each();
    let schema = RowSchema { id: 0x1122_3344_5566_7788, ..schema_of(&columns) };
    let (event, created) = (TimestampMicrosecondArray::from(vec![-1]), TimestampMicrosecondArray::from(vec![1]));
    let batch = batch_of(&columns, 1);
    let encoder = RowEncoder::new(&schema, &batch, &event, Some(&created)).unwrap().made_by(0x99aa_bbcc_ddee_ff00);
    let expected: Vec<u8> = [
        b"\x02".as_slice(),                                                          // format
        b"\x7f\xff\xff\xff\xff\xff\xff\xff",                                         // event timestamp
        b"\x01\x80\x00\x00\x00\x00\x00\x00\x01",                                     // created timestamp
        b"\x11\x22\x33\x44\x55\x66\x77\x88",                                         // schema
        b"\x99\xaa\xbb\xcc\xdd\xee\xff\x00",                                         // component
        b"\x02\x39\x74\x84",                                                         // checksum
        b"\xff\x3e",                                                                 // all but `gone` have a value
        b"\x01",                                                                     // flag
        b"\xfe\xff\xff\xff",                                                         // count
        b"\x08\x07\x06\x05\x04\x03\x02\x01",                                         // total
        b"\x00\x00\x00\x80",                                                         // ratio
        b"\xab\x00\x00\x00\x00\x00\xf8\xff",                                         // score
        b"\x02\x00\x00\x00\xc3\xa9",                                                 // name
        b"\x02\x00\x00\x00\x00\xff",                                                 // blob
        b"\xff\xff\xff\xff\xff\xff\xff\xff",                                         // seen
        b"\x00\x00\x00\x00\x00",                                                     // empty
        b"\x02\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x00\x40",                     // whole
        b"\x03\x00\x00\x00\x01\x02\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00", // holes
        b"\x02\x00\x00\x00\x01\x01\x01\x00\x00\x00a\x00\x00\x00\x00",                // words
        b"\x02\x00\x00\x00\x01\x02\x00\x01",                                         // flags
    ]
    .concat();
    let encoded = encoder.encode();
    assert_eq!(encoded.value(0), expected);

    let read = decode(std::slice::from_ref(&schema), &schema.fields, &encoded);
    for (read, (name, written)) in read.columns.iter().zip(&columns) {
        assert_eq!(read.to_data(), written.to_data(), "{name}");
    }
}

#[test]
fn a_row_without_created_timestamp_and_component_has_zeros_there() {
    let row = encode(&[], 1).value(0).to_vec();
    assert_eq!(row[..18], *b"\x02\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(row[26..34], [0; 8]);
}

#[test]
fn what_lies_below_a_null_element_is_not_stored() {
    let elements = Int64Array::new(vec![1, 0x5ec2e7].into(), Some(vec![true, false].into()));
    let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    let list =
        arrow::array::ListArray::new(field, arrow::buffer::OffsetBuffer::from_lengths([2]), Arc::new(elements), None);
    let row = encode(&[("list", Arc::new(list))], 1).value(0).to_vec();
    assert_eq!(row[row.len() - 8..], [0; 8]);
}

#[test]
fn a_count_is_believed_only_as_far_as_there_are_bytes_for_it() {
    for scalar in ScalarType::ALL {
        let schema = RowSchema::new(vec![("list".to_owned(), DataType::List(scalar))]);
        let mut row = Vec::new();
        let time = RowTime { event_timestamp: 0, created_timestamp: None };
        Header { time, schema_id: schema.id, component: None }.append(&mut row);
        row.push(1);
        for (count, flag) in [(u32::MAX, 0), (u32::MAX, 1), (1 << 20, 0), (9, 0)] {
            let row = sealed([&row[..], &count.to_le_bytes(), &[flag], &[0; 8]].concat());
            for wanted in [&schema.fields[..], &[]] {
                let plan = RowPlan::new("weather", std::slice::from_ref(&schema), wanted);
                let refusal = RowDecoder::new(&plan, 1).push(Some(&row)).unwrap_err().to_string();
                assert!(refusal.contains("ends within a value"), "{scalar} {count}: {refusal}");
            }
        }
    }
}

proptest! {
    #[test]
    fn times_sort_as_their_bytes_do(times in proptest::collection::vec((any::<i64>(), any::<Option<i64>>()), 2)) {
        let times: Vec<_> = times
            .into_iter()
            .map(|(event_timestamp, created_timestamp)| RowTime { event_timestamp, created_timestamp })
            .collect();
        let rows: Vec<_> = times
            .iter()
            .map(|time| {
                let mut row = Vec::new();
                Header { time: *time, schema_id: 0, component: None }.append(&mut row);
                sealed(row)
            })
            .collect();
        prop_assert_eq!(time_bytes(&rows[0]).unwrap().cmp(time_bytes(&rows[1]).unwrap()), times[0].cmp(&times[1]));
    }

    #[test]
    fn bytes_that_are_not_a_row_are_refused_and_leave_the_columns_in_step(
        (types, arrays, rows) in arrays::any_columns(),
        cut in any::<proptest::sample::Index>(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        noise in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let names: Vec<String> = (0..types.len()).map(|index| format!("f{index}")).collect();
        let columns: Vec<_> = names.iter().map(String::as_str).zip(arrays).collect();
        let (encoded, schema) = (encode(&columns, rows), schema_of(&columns));
        let plan = RowPlan::new("weather", std::slice::from_ref(&schema), &schema.fields);
        let mut decoder = RowDecoder::new(&plan, 0);
        let mut pushed = 1;
        let _ = decoder.push(Some(&noise));
        for row in encoded.iter().flatten() {
            prop_assert!(decoder.push(Some(&sealed(row[..cut.index(row.len())].to_vec()))).is_err());
            prop_assert!(decoder.push(Some(&sealed([row, &[0]].concat()))).is_err());
            let mut flipped = sealed([&row[..HEADER_BYTES], &noise].concat());
            let _ = decoder.push(Some(&flipped));
            flipped = row.to_vec();
            for (index, byte) in &flips {
                flipped[index.index(row.len())] = *byte;
            }
            let _ = decoder.push(Some(&sealed(flipped)));
            decoder.push(Some(row)).unwrap();
            pushed += 5;
        }
        let read = decoder.finish();
        prop_assert_eq!(read.times.len(), pushed);
        for (read, (_, written)) in read.columns.iter().zip(&columns) {
            prop_assert_eq!(read.len(), pushed);
            for row in 0..rows {
                prop_assert_eq!(read.slice(5 * row + 5, 1).to_data(), written.slice(row, 1).to_data());
            }
        }
    }
}
