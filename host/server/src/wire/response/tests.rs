use std::sync::Arc;

use arrow::array::{
    BinaryArray, BooleanArray, DurationSecondArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use super::*;
use crate::wire::{Column, Request, Role};

fn written(values: impl arrow::array::Array + 'static) -> String {
    let values: ArrayRef = Arc::new(values);
    let cells = Cells::new(&values).unwrap();
    let mut out = Vec::new();
    append_list(&mut out, values.len(), |out, row| cells.append(out, row));
    String::from_utf8(out).unwrap()
}

#[test]
fn an_answer_has_feasts_form() {
    let origin: ArrayRef = Arc::new(StringArray::from(vec!["JFK", "XYZ"]));
    let wind: ArrayRef = Arc::new(Float64Array::from(vec![Some(7.0), None]));
    let mut writer = ResponseWriter::new();
    writer.column("origin", &origin, |_| (Status::Present, None)).unwrap();
    let detail = |row| match row {
        0 => (Status::Present, Some(1_357_016_400_000_000)),
        _ => (Status::NotFound, None),
    };
    writer.column("weather__wind", &wind, detail).unwrap();
    insta::assert_snapshot!(String::from_utf8(writer.finish()).unwrap(), @r#"{"results":[{"values":["JFK","XYZ"],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},{"values":[7.0,null],"statuses":["PRESENT","NOT_FOUND"],"event_timestamps":["2013-01-01T05:00:00Z","1970-01-01T00:00:00Z"]}],"metadata":{"feature_names":["origin","weather__wind"]}}"#);
}

#[test]
fn each_type_has_its_json() {
    assert_eq!(written(BooleanArray::from(vec![Some(true), Some(false), None])), "[true,false,null]");
    assert_eq!(written(Int32Array::from(vec![i32::MIN, i32::MAX])), "[-2147483648,2147483647]");
    assert_eq!(written(Int64Array::from(vec![i64::MIN, i64::MAX])), "[-9223372036854775808,9223372036854775807]");
    assert_eq!(written(Float64Array::from(vec![1.0, -0.0, 0.1, 1e300])), "[1.0,-0.0,0.1,1e+300]");
    assert_eq!(
        written(Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY])),
        r#"["NaN","Infinity","-Infinity"]"#
    );
    assert_eq!(written(Float32Array::from(vec![0.1, -0.0, f32::NAN])), r#"[0.10000000149011612,-0.0,"NaN"]"#);
    assert_eq!(written(StringArray::from(vec!["a\"b\n", "é"])), r#"["a\"b\n","é"]"#);
    assert_eq!(written(BinaryArray::from(vec![&[0, 1, 255][..], &[]])), r#"["AAH/",""]"#);
    let instants = TimestampMicrosecondArray::from(vec![Some(1), None]).with_timezone("UTC");
    assert_eq!(written(instants), r#"["1970-01-01T00:00:00.000001Z",null]"#);
}

#[test]
fn a_slice_of_lists_is_written_from_where_it_starts() {
    let lists = vec![Some(vec![Some(1)]), Some(vec![Some(2), None]), None, Some(vec![])];
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
    assert_eq!(written(lists.clone()), "[[1],[2,null],null,[]]");
    assert_eq!(written(lists.slice(1, 3)), "[[2,null],null,[]]");
}

#[test]
fn a_type_that_no_feature_has_is_an_error() {
    let values: ArrayRef = Arc::new(DurationSecondArray::from(vec![1]));
    let error = ResponseWriter::new().column("age", &values, |_| (Status::Present, None)).unwrap_err();
    insta::assert_snapshot!(error, @"`age` has type Duration(s), which no feature can have");
}

/// Sends `values` back as a request field of the type they have.
fn sent_back(values: &ArrayRef) -> ArrayRef {
    let mut body = br#"{"entities": {"x": "#.to_vec();
    let cells = Cells::new(values).unwrap();
    append_list(&mut body, values.len(), |out, row| cells.append(out, row));
    body.extend_from_slice(b"}}");
    let data_type = skewless_runtime::DataType::from_arrow(values.data_type()).unwrap();
    let column = Column { name: "x".into(), data_type, role: Role::RequestField };
    let rows = Request::parse(&body).unwrap().entity_rows(&[column]).unwrap();
    Arc::clone(rows.batch().column(0))
}

/// Any value of a calendar, and nulls.
fn instants() -> impl Strategy<Value = Vec<Option<i64>>> {
    let [first, last] = [jiff::Timestamp::MIN, jiff::Timestamp::MAX].map(jiff::Timestamp::as_microsecond);
    prop::collection::vec(prop::option::of(first..=last), 1..20)
}

macro_rules! some {
    ($value:expr) => {
        prop::collection::vec(prop::option::of($value), 1..20)
    };
}

proptest! {
    /// Equal by bits: Arrow compares floats by their total order, and there is one NaN.
    #[test]
    fn what_was_answered_can_be_sent_with_the_next_request(
        integers in some!(any::<i64>()),
        singles in some!(any::<f32>().prop_map(|value| if value.is_nan() { f32::NAN } else { value })),
        doubles in some!(any::<f64>().prop_map(|value| if value.is_nan() { f64::NAN } else { value })),
        texts in some!(any::<String>()),
        bytes in some!(prop::collection::vec(any::<u8>(), 0..9)),
        instants in instants(),
        lists in some!(some!(any::<i64>())),
    ) {
        let bytes: Vec<Option<&[u8]>> = bytes.iter().map(|bytes| bytes.as_deref()).collect();
        let columns: [ArrayRef; 7] = [
            Arc::new(Int64Array::from(integers)),
            Arc::new(Float32Array::from(singles)),
            Arc::new(Float64Array::from(doubles)),
            Arc::new(StringArray::from(texts)),
            Arc::new(BinaryArray::from(bytes)),
            Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC")),
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ];
        for column in columns {
            prop_assert_eq!(&sent_back(&column), &column);
        }
    }
}
