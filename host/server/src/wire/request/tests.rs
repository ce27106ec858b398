use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use skewless_runtime::DataType;

use super::*;
use crate::wire::ROWS_MAX;
use crate::wire::{BODY_BYTES_MAX, COLUMNS_MAX};

fn column(role: Role, name: &str, data_type: &str) -> Column {
    Column { name: name.to_owned(), data_type: data_type.parse().unwrap(), role }
}

fn key(name: &str, data_type: &str) -> Column {
    column(Role::JoinKey, name, data_type)
}

fn field(name: &str, data_type: &str) -> Column {
    column(Role::RequestField, name, data_type)
}

/// What is needed in most of these tests.
fn flight() -> Vec<Column> {
    vec![key("tailnum", "string"), key("day", "int32"), field("heading", "float64")]
}

fn rows(needed: &[Column], entities: &str) -> Result<EntityRows, RequestError> {
    Request::parse(format!(r#"{{"features": ["a:b"], "entities": {entities}}}"#).as_bytes())?.entity_rows(needed)
}

fn refused(entities: &str) -> String {
    rows(&flight(), entities).unwrap_err().to_string()
}

/// The values of one request field, by their JSON.
fn values(data_type: &str, json: &str) -> Result<ArrayRef, String> {
    let rows = rows(&[field("x", data_type)], &format!(r#"{{"x": {json}}}"#));
    rows.map(|rows| Arc::clone(rows.batch().column(0))).map_err(|error| error.to_string())
}

fn unreadable(body: &str) -> String {
    Request::parse(body.as_bytes()).unwrap_err().to_string()
}

#[test]
fn reads_what_feasts_client_sends() {
    let body =
        br#"{"entities": {"tailnum": ["N1"]}, "full_feature_names": true, "features": ["weather:wind", "runway_wind"],
        "include_feature_view_version_metadata": false, "feature_service": null}"#;
    let request = Request::parse(body).unwrap();
    let references = vec!["weather:wind".parse().unwrap(), "runway_wind".parse().unwrap()];
    assert_eq!(request.question, Question { selection: Selection::Features(references), full_feature_names: true });
    assert_eq!(request.event_timestamp, None);
}

#[test]
fn a_service_is_asked_for_by_its_name_and_at_any_instant() {
    let body =
        br#"{"feature_service": "delay_model", "features": [], "event_timestamp": "2013-01-01T05:00:00.000001Z"}"#;
    let request = Request::parse(body).unwrap();
    assert_eq!(request.question.selection, Selection::Service("delay_model".into()));
    assert!(!request.question.full_feature_names);
    assert_eq!(request.event_timestamp, Some(1_357_016_400_000_001));
}

#[test]
fn what_is_no_request_is_refused() {
    insta::assert_snapshot!(unreadable(""), @"the request can't be read as JSON of the expected form: EOF while parsing a value at line 1 column 0");
    insta::assert_snapshot!(unreadable(r#"{"features": ["a:b"]"#), @"the request can't be read as JSON of the expected form: EOF while parsing an object at line 1 column 20");
    insta::assert_snapshot!(unreadable("[]"), @"the request can't be read as JSON of the expected form: it is a list, expected an object");
    insta::assert_snapshot!(unreadable("5"), @"the request can't be read as JSON of the expected form: invalid type: integer `5`, expected an object at line 1 column 1");
    insta::assert_snapshot!(unreadable(r#"{"feature": ["a:b"]}"#), @"the request can't be read as JSON of the expected form: unknown field `feature`, expected one of `features`, `feature_service`, `entities`, `full_feature_names`, `event_timestamp`, `include_feature_view_version_metadata` at line 1 column 10");
    insta::assert_snapshot!(unreadable(r#"{"features": "a:b"}"#), @r#"`features` is "a:b" (a string): expected a list of strings such as "view:feature""#);
    insta::assert_snapshot!(unreadable(r#"{"features": ["a:b", 1]}"#), @r#"`features[1]` is 1 (a number): expected a string such as "view:feature""#);
    insta::assert_snapshot!(unreadable(r#"{"features": ["a:b:c"]}"#), @"`features[0]`: `a:b:c` is not a feature: write `view` for all its features, or `view:feature` for one");
    insta::assert_snapshot!(unreadable(r#"{"feature_service": ["a"]}"#), @"`feature_service` is a list: expected a string, the name of a feature service");
    insta::assert_snapshot!(unreadable(r#"{"features": ["a:b"], "feature_service": "c"}"#), @"both `features` and `feature_service` are given: send one of them");
    insta::assert_snapshot!(unreadable(r#"{"full_feature_names": "yes"}"#), @r#"`full_feature_names` is "yes" (a string): expected true or false"#);
    insta::assert_snapshot!(unreadable(r#"{"event_timestamp": "2013-13-01"}"#), @r#"`event_timestamp` is "2013-13-01" (a string): expected a string such as "2013-01-01T05:00:00Z", or whole seconds since 1970"#);
    insta::assert_snapshot!(unreadable(r#"{"event_timestamp": 1e999}"#), @"`event_timestamp` can't be read: its number is out of range, or its string has a broken escape");
    insta::assert_snapshot!(unreadable(r#"{"entities": [{"a": 1}]}"#), @"the request can't be read as JSON of the expected form: invalid type: sequence, expected an object with a list for each column at line 1 column 13");
    insta::assert_snapshot!(unreadable(r#"{"entities": {"a": [1], "a": [2]}}"#), @"the request can't be read as JSON of the expected form: column `a` is given twice at line 1 column 27");
    insta::assert_snapshot!(Request::parse(b"{\"features\": [\"\xff\"]}").unwrap_err(), @"the request is not UTF-8: byte 15 can't be read");
    insta::assert_snapshot!(Request::parse(&vec![b' '; BODY_BYTES_MAX + 1]).unwrap_err(), @"the request has 16777217 bytes, 16777216 are allowed: ask for fewer rows at a time");
}

#[test]
fn limits_are_obeyed() {
    let many = |item: &str, count: usize| vec![item; count].join(",");
    let references = |count| format!(r#"{{"features": [{}]}}"#, many(r#""a:b""#, count));
    assert!(Request::parse(references(FEATURES_MAX).as_bytes()).is_ok());
    insta::assert_snapshot!(unreadable(&references(FEATURES_MAX + 1)), @"more than 1000 features are asked for: make a feature service of them, or ask in parts");

    let columns = |count| (0..count).map(|n| format!(r#""c{n}": []"#)).collect::<Vec<_>>().join(",");
    let body = format!(r#"{{"entities": {{{}}}}}"#, columns(COLUMNS_MAX + 1));
    assert!(
        unreadable(&body)
            .starts_with("the request can't be read as JSON of the expected form: there are more than 1000 columns")
    );

    assert_eq!(values("bool", &format!("[{}]", many("true", ROWS_MAX))).unwrap().len(), ROWS_MAX);
    let too_many = values("bool", &format!("[{}]", many("true", ROWS_MAX + 1))).unwrap_err();
    insta::assert_snapshot!(too_many, @"`entities.x` has more than 100000 rows: send them in parts");
}

#[test]
fn deep_json_is_refused_or_passed_over_but_never_followed() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(unreadable(&format!(r#"{{"features": {deep}}}"#)).starts_with("`features[0]` is a list"));
    insta::assert_snapshot!(values("int64", &deep).unwrap_err(), @"`entities.x[0]` is a list, but request field `x` is int64: send a whole number from -9223372036854775808 to 9223372036854775807");
    assert!(
        unreadable(&format!(r#"{{"include_feature_view_version_metadata": {deep}, "features": 1}}"#))
            .contains("`features` is 1")
    );
}

#[test]
fn columns_are_typed_by_what_is_needed_and_keep_their_order() {
    let rows = rows(&flight(), r#"{"heading": [310, null], "day": [2, 1.0], "tailnum": ["N\u0031", "N2"]}"#).unwrap();
    let batch = rows.batch();
    assert_eq!(batch.column(0).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(310.0), None]);
    assert_eq!(batch.column(1).as_primitive::<Int32Type>().values(), &[2, 1]);
    assert_eq!(batch.column(2).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("N1"), Some("N2")]);
    let join_keys: Vec<&str> = rows.join_keys().map(|(name, _)| name).collect();
    assert_eq!(join_keys, ["day", "tailnum"]);
}

#[test]
fn features_that_need_no_columns_have_one_row() {
    assert_eq!(rows(&[], "{}").unwrap().batch().num_rows(), 1);
    assert_eq!(Request::parse(b"{}").unwrap().entity_rows(&[]).unwrap().batch().num_rows(), 1);
    insta::assert_snapshot!(rows(&[], r#"{"a": [1]}"#).unwrap_err(), @"`entities.a` is of no use: the features asked for need no columns at all");
}

#[test]
fn columns_that_do_not_fit_are_named() {
    insta::assert_snapshot!(refused("{}"), @"join key `tailnum` (string) is missing from `entities`: the features asked for need join key `tailnum` (string), join key `day` (int32) and request field `heading` (float64)");
    insta::assert_snapshot!(refused(r#"{"tailnum": ["N1"], "day": [1]}"#), @"request field `heading` (float64) is missing from `entities`: the features asked for need join key `tailnum` (string), join key `day` (int32) and request field `heading` (float64)");
    insta::assert_snapshot!(refused(r#"{"tailnumber": ["N1"], "day": [1], "heading": [1]}"#), @"`entities.tailnumber` is of no use: the features asked for need join key `tailnum` (string), join key `day` (int32) and request field `heading` (float64)");
    insta::assert_snapshot!(refused(r#"{"tailnum": ["N1"], "day": [1, 2], "heading": [1]}"#), @"`entities.day` has 2 values and `entities.tailnum` has 1: each needs one for every row");
    insta::assert_snapshot!(refused(r#"{"tailnum": [], "day": [], "heading": []}"#), @"`entities.tailnum` is empty: send at least one row");
    insta::assert_snapshot!(refused(r#"{"tailnum": "N1", "day": [1], "heading": [1]}"#), @r#"`entities.tailnum` is "N1" (a string): expected a list with a value for each row"#);
}

#[test]
fn values_that_do_not_fit_are_named() {
    insta::assert_snapshot!(refused(r#"{"tailnum": ["N1", 12], "day": [1, 1], "heading": [1, 1]}"#), @"`entities.tailnum[1]` is 12 (a number), but join key `tailnum` is string: send a string");
    insta::assert_snapshot!(refused(r#"{"tailnum": ["N1", null], "day": [1, 1], "heading": [1, 1]}"#), @"`entities.tailnum[1]` is null, but join key `tailnum` is string: send a string");
    insta::assert_snapshot!(refused(r#"{"tailnum": ["N1"], "day": [2147483648], "heading": [1]}"#), @"`entities.day[0]` is 2147483648 (a number), but join key `day` is int32: send a whole number from -2147483648 to 2147483647");
    insta::assert_snapshot!(refused(r#"{"tailnum": ["N1"], "day": [1], "heading": ["310"]}"#), @r#"`entities.heading[0]` is "310" (a string), but request field `heading` is float64: send a number in its range, "NaN", "Infinity" or "-Infinity""#);
    insta::assert_snapshot!(refused(r#"{"tailnum": ["N1"], "day": [1], "heading": [1e999]}"#), @"`entities.heading[0]` can't be read: its number is out of range, or its string has a broken escape");
    insta::assert_snapshot!(values("bool", "[1]").unwrap_err(), @"`entities.x[0]` is 1 (a number), but request field `x` is bool: send true or false");
    insta::assert_snapshot!(values("int64", "[9223372036854775808]").unwrap_err(), @"`entities.x[0]` is 9223372036854775808 (a number), but request field `x` is int64: send a whole number from -9223372036854775808 to 9223372036854775807");
    insta::assert_snapshot!(values("float32", "[1e300]").unwrap_err(), @r#"`entities.x[0]` is 1e300 (a number), but request field `x` is float32: send a number in its range, "NaN", "Infinity" or "-Infinity""#);
    insta::assert_snapshot!(values("bytes", r#"["ä"]"#).unwrap_err(), @r#"`entities.x[0]` is "ä" (a string), but request field `x` is bytes: send a string of base64"#);
    insta::assert_snapshot!(values("timestamp", r#"["2013-01-01T25:00:00"]"#).unwrap_err(), @r#"`entities.x[0]` is "2013-01-01T25:00:00" (a string), but request field `x` is timestamp: send a string such as "2013-01-01T05:00:00Z", or whole seconds since 1970"#);
    insta::assert_snapshot!(values("string", r#"[{"a": 1}]"#).unwrap_err(), @"`entities.x[0]` is an object, but request field `x` is string: send a string");
    insta::assert_snapshot!(values("list<int64>", r#"[[1], 2]"#).unwrap_err(), @"`entities.x[1]` is 2 (a number), but request field `x` is list<int64>: send a list, of which each element is a whole number from -9223372036854775808 to 9223372036854775807");
    insta::assert_snapshot!(values("list<int64>", r#"[[1], [2, "3"]]"#).unwrap_err(), @r#"`entities.x[1][1]` is "3" (a string), but request field `x` is list<int64>: send a list, of which each element is a whole number from -9223372036854775808 to 9223372036854775807"#);
    insta::assert_snapshot!(values("list<float64>", r#"[[], [1, 2, 1e999]]"#).unwrap_err(), @"`entities.x[1][2]` can't be read: its number is out of range, or its string has a broken escape");
}

#[test]
fn integers_are_exact() {
    let extremes =
        values("int64", "[9223372036854775807, -9223372036854775808, 9007199254740993, 1001.0, -0]").unwrap();
    let expected = [i64::MAX, i64::MIN, 9_007_199_254_740_993, 1001, 0];
    assert_eq!(extremes.as_primitive::<Int64Type>().values(), &expected);
    let extremes = values("int32", "[2147483647, -2147483648]").unwrap();
    assert_eq!(extremes.as_primitive::<Int32Type>().values(), &[i32::MAX, i32::MIN]);
    for inexact in ["[9007199254740992.0]", "[0.5]", "[1e300]", r#"["1"]"#, "[true]"] {
        assert!(values("int64", inexact).is_err(), "{inexact}");
    }
}

#[test]
fn floats_take_numbers_and_the_names_of_what_no_number_is() {
    let read = values("float64", r#"[-0.0, 1, 5e-324, "NaN", "Infinity", "-Infinity", 18446744073709551615]"#).unwrap();
    let bits: Vec<u64> = read.as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits()).collect();
    let expected = [-0.0, 1.0, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 18_446_744_073_709_551_615.0];
    assert_eq!(bits, expected.map(f64::to_bits));
    let read = values("float32", r#"[-0.0, 0.1, "Infinity"]"#).unwrap();
    let bits: Vec<u32> = read.as_primitive::<Float32Type>().values().iter().map(|value| value.to_bits()).collect();
    assert_eq!(bits, [-0.0, 0.1, f32::INFINITY].map(f32::to_bits));
}

#[test]
fn timestamps_bytes_and_lists_are_read_and_any_may_be_null() {
    let read = values("timestamp", r#"["2013-01-01T00:00:00.5-05:00", 1357016400, null]"#).unwrap();
    let read: Vec<Option<i64>> = read.as_primitive::<TimestampMicrosecondType>().iter().collect();
    assert_eq!(read, [Some(1_357_016_400_500_000), Some(1_357_016_400_000_000), None]);
    let read = values("bytes", r#"["AAH/", "", null]"#).unwrap();
    assert_eq!(read.as_binary::<i32>().iter().collect::<Vec<_>>(), [Some(&[0, 1, 255][..]), Some(&[]), None]);
    let read = values("list<int32>", "[[1, null], null, [], [2]]").unwrap();
    assert_eq!(DataType::from_arrow(read.data_type()), Some("list<int32>".parse().unwrap()));
    let lists = read.as_list::<i32>();
    let lists: Vec<Option<Vec<Option<i32>>>> =
        lists.iter().map(|list| list.map(|list| list.as_primitive::<Int32Type>().iter().collect())).collect();
    assert_eq!(lists, [Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(2)])]);
}
