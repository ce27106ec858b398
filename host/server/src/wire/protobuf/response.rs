//! Features as Arrow columns → `GetOnlineFeaturesResponse`.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use prost_types::Timestamp;
use skewless_runtime::{DataType, ScalarType};
use skewless_store::{Error, Features, Result, Status};

use super::value::{BoolList, BytesList, DoubleList, FloatList, Int32List, Int64List, Kind, StringList, Value};
use super::{FeatureList, FeatureVector, FieldStatus, GetOnlineFeaturesResponse, ResponseMetadata};
use crate::wire::EntityRows;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// The answer to `rows`: `names` are those of the `features`, in their order.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](skewless_store::ErrorKind::InvalidInput) for a list with a null in it, which no message can
/// hold; [`ErrorKind::Corrupt`](skewless_store::ErrorKind::Corrupt) for values of a type that no feature can have.
pub fn response(rows: &EntityRows, names: &[String], features: &Features) -> Result<GetOnlineFeaturesResponse> {
    let mut all_names = Vec::new();
    let mut results = Vec::new();
    for (name, column) in rows.join_keys() {
        all_names.push(name.to_owned());
        results.push(vector(name, column, |_| (Status::Present, None))?);
    }
    for (feature, name) in names.iter().enumerate() {
        all_names.push(name.clone());
        let detail = |row| (features.status(feature, row), features.event_timestamp(feature, row));
        results.push(vector(name, features.values(feature), detail)?);
    }
    let metadata = ResponseMetadata { feature_names: Some(FeatureList { val: all_names }) };
    Ok(GetOnlineFeaturesResponse { metadata: Some(metadata), results, status: true })
}

fn vector(name: &str, column: &ArrayRef, detail: impl Fn(usize) -> (Status, Option<i64>)) -> Result<FeatureVector> {
    let rows = 0..column.len();
    Ok(FeatureVector {
        values: values(name, column)?,
        statuses: rows.clone().map(|row| number(detail(row).0)).collect(),
        event_timestamps: rows.map(|row| timestamp(detail(row).1.unwrap_or(0))).collect(),
    })
}

fn number(status: Status) -> i32 {
    let status = match status {
        Status::Present => FieldStatus::Present,
        Status::NullValue => FieldStatus::NullValue,
        Status::NotFound => FieldStatus::NotFound,
        Status::OutsideMaxAge => FieldStatus::OutsideMaxAge,
        Status::Invalid => FieldStatus::Invalid,
    };
    status.into()
}

fn timestamp(micros: i64) -> Timestamp {
    let nanos = micros.rem_euclid(SECOND) * 1_000;
    Timestamp { seconds: micros.div_euclid(SECOND), nanos: i32::try_from(nanos).expect("a second has 10^9 of them") }
}

fn values(name: &str, column: &ArrayRef) -> Result<Vec<Value>> {
    let unknown = || Error::corrupt(format!("`{name}` has type {}, which no feature can have", column.data_type()));
    match DataType::from_arrow(column.data_type()).ok_or_else(unknown)? {
        DataType::Scalar(scalar) => Ok(scalars(column, scalar)),
        DataType::List(element) => lists(name, column, element),
    }
}

fn scalars(column: &ArrayRef, scalar: ScalarType) -> Vec<Value> {
    match scalar {
        ScalarType::Bool => each(column.as_boolean().iter(), Kind::Bool),
        ScalarType::Int32 => each(column.as_primitive::<Int32Type>().iter(), Kind::Int32),
        ScalarType::Int64 => each(column.as_primitive::<Int64Type>().iter(), Kind::Int64),
        ScalarType::Float32 => each(column.as_primitive::<Float32Type>().iter(), Kind::Float),
        ScalarType::Float64 => each(column.as_primitive::<Float64Type>().iter(), Kind::Double),
        ScalarType::String => each(column.as_string::<i32>().iter(), |text| Kind::String(text.to_owned())),
        ScalarType::Bytes => each(column.as_binary::<i32>().iter(), |bytes| Kind::Bytes(bytes.to_owned())),
        ScalarType::Timestamp => {
            let instants = column.as_primitive::<TimestampMicrosecondType>();
            each(instants.iter(), |micros| Kind::UnixTimestamp(micros.div_euclid(SECOND)))
        }
    }
}

fn each<T>(values: impl Iterator<Item = Option<T>>, kind: impl Fn(T) -> Kind) -> Vec<Value> {
    values.map(|value| value.map_or_else(Value::default, |value| kind(value).into())).collect()
}

fn lists(name: &str, column: &ArrayRef, element: ScalarType) -> Result<Vec<Value>> {
    let value = |(row, list): (usize, Option<ArrayRef>)| match list {
        None => Ok(Value::default()),
        Some(list) if list.null_count() > 0 => Err(Error::invalid_input(format!(
            "`{name}` is a list with a null in it in row {row}, which a list of protobuf can't hold: ask over HTTP"
        ))),
        Some(list) => Ok(list_kind(&list, element).into()),
    };
    column.as_list::<i32>().iter().enumerate().map(value).collect()
}

/// The list that `elements` make, none of which is null.
fn list_kind(elements: &ArrayRef, element: ScalarType) -> Kind {
    match element {
        ScalarType::Bool => {
            let values = elements.as_boolean().values();
            Kind::BoolList(BoolList { val: values.iter().collect() })
        }
        ScalarType::Int32 => Kind::Int32List(Int32List { val: elements.as_primitive::<Int32Type>().values().to_vec() }),
        ScalarType::Int64 => Kind::Int64List(Int64List { val: elements.as_primitive::<Int64Type>().values().to_vec() }),
        ScalarType::Float32 => {
            Kind::FloatList(FloatList { val: elements.as_primitive::<Float32Type>().values().to_vec() })
        }
        ScalarType::Float64 => {
            Kind::DoubleList(DoubleList { val: elements.as_primitive::<Float64Type>().values().to_vec() })
        }
        ScalarType::String => {
            let texts = elements.as_string::<i32>().iter().flatten();
            Kind::StringList(StringList { val: texts.map(str::to_owned).collect() })
        }
        ScalarType::Bytes => {
            let runs = elements.as_binary::<i32>().iter().flatten();
            Kind::BytesList(BytesList { val: runs.map(<[u8]>::to_vec).collect() })
        }
        ScalarType::Timestamp => {
            let micros = elements.as_primitive::<TimestampMicrosecondType>().values();
            let seconds = micros.iter().map(|micros| micros.div_euclid(SECOND));
            Kind::UnixTimestampList(Int64List { val: seconds.collect() })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, ListArray, TimestampMicrosecondArray};

    use super::*;

    fn kinds(column: impl Array + 'static) -> Result<Vec<Option<Kind>>> {
        let column: ArrayRef = Arc::new(column);
        Ok(values("feature", &column)?.into_iter().map(|value| value.kind).collect())
    }

    #[test]
    fn a_null_is_a_value_that_is_not_set() {
        let column = Float64Array::from(vec![Some(0.5), None]);
        assert_eq!(kinds(column).unwrap(), [Some(Kind::Double(0.5)), None]);
    }

    #[test]
    fn a_timestamp_is_the_second_it_lies_in() {
        let column = TimestampMicrosecondArray::from(vec![1_999_999, -1]).with_timezone("UTC");
        assert_eq!(kinds(column).unwrap(), [Some(Kind::UnixTimestamp(1)), Some(Kind::UnixTimestamp(-1))]);
        assert_eq!(timestamp(-1), Timestamp { seconds: -1, nanos: 999_999_000 });
    }

    #[test]
    fn a_list_with_a_null_in_it_is_an_error_and_no_other_list() {
        let lists = |second| ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(1.0), second]), None]);
        let list = Kind::DoubleList(DoubleList { val: vec![1.0, 2.0] });
        assert_eq!(kinds(lists(Some(2.0))).unwrap(), [Some(list), None]);
        insta::assert_snapshot!(kinds(lists(None)).unwrap_err(), @"`feature` is a list with a null in it in row 0, which a list of protobuf can't hold: ask over HTTP");
    }
}
