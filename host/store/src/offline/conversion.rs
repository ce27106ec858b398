//! From the types files have to the types features have.
//!
//! One rule for everything that comes from outside, source columns and entity rows alike: a conversion that loses
//! nothing is done, any other is refused when the definitions are applied. Integers widen; floats widen; strings, bytes
//! and lists change their layout; instants of any unit and zone become microseconds in UTC (nanoseconds are cut, an
//! instant without a zone is taken as UTC). Text of a CSV file or of a folder's name has no type until the definitions say one,
//! and is read as that.

mod text;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Int64Type, TimeUnit, TimestampMicrosecondType};
use skewless_runtime::{DataType, ScalarType};

pub(crate) use text::{convert_column, is_convertible_column, is_text, text_field};

/// Whether [`convert`] can make a `to` of a `from` without losing anything.
pub(crate) fn is_convertible(from: &ArrowType, to: DataType) -> bool {
    match (from, to) {
        (ArrowType::Dictionary(_, values), to) => is_convertible(values, to),
        (from, DataType::Scalar(to)) => is_convertible_scalar(from, to),
        (
            ArrowType::List(element)
            | ArrowType::LargeList(element)
            | ArrowType::FixedSizeList(element, _)
            | ArrowType::ListView(element)
            | ArrowType::LargeListView(element),
            DataType::List(to),
        ) => is_convertible_scalar(element.data_type(), to),
        (_, DataType::List(_)) => false,
    }
}

fn is_convertible_scalar(from: &ArrowType, to: ScalarType) -> bool {
    use ArrowType as A;
    match to {
        ScalarType::Bool => matches!(from, A::Boolean),
        ScalarType::Int32 => matches!(from, A::Int8 | A::Int16 | A::Int32 | A::UInt8 | A::UInt16),
        ScalarType::Int64 => {
            matches!(from, A::Int8 | A::Int16 | A::Int32 | A::Int64 | A::UInt8 | A::UInt16 | A::UInt32)
        }
        ScalarType::Float32 => matches!(from, A::Float16 | A::Float32),
        ScalarType::Float64 => matches!(from, A::Float16 | A::Float32 | A::Float64),
        ScalarType::String => matches!(from, A::Utf8 | A::LargeUtf8 | A::Utf8View),
        ScalarType::Bytes => matches!(from, A::Binary | A::LargeBinary | A::BinaryView | A::FixedSizeBinary(_)),
        ScalarType::Timestamp => matches!(from, A::Timestamp(..) | A::Date32 | A::Date64),
    }
}

/// The values of `array` as type `to`.
///
/// # Errors
/// Says why where the types don't convert, or a value is out of range.
pub(crate) fn convert(array: &ArrayRef, to: DataType) -> Result<ArrayRef, String> {
    let wanted = to.to_arrow();
    if *array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    if !is_convertible(array.data_type(), to) {
        return Err(format!("{} can't become {to} without loss", array.data_type()));
    }
    let array = match array.data_type() {
        ArrowType::Timestamp(TimeUnit::Nanosecond, zone) => cut_nanoseconds(array, zone.clone()),
        ArrowType::Date32 | ArrowType::Date64 => {
            cast(array, &ArrowType::Timestamp(TimeUnit::Microsecond, None)).map_err(|error| error.to_string())?
        }
        _ => Arc::clone(array),
    };
    let converted = cast(&array, &wanted).map_err(|error| error.to_string())?;
    match converted.null_count() == array.logical_null_count() {
        true => Ok(converted),
        false => Err(format!("a value does not fit into {to}")),
    }
}

/// Rounds down, also before 1970, where a cast would round towards zero.
fn cut_nanoseconds(array: &ArrayRef, zone: Option<Arc<str>>) -> ArrayRef {
    let nanoseconds = array.as_primitive::<arrow::datatypes::TimestampNanosecondType>().reinterpret_cast::<Int64Type>();
    let microseconds: PrimitiveArray<TimestampMicrosecondType> = nanoseconds.unary(|value| value.div_euclid(1_000));
    Arc::new(microseconds.with_timezone_opt(zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Date32Array, DictionaryArray, Float64Array, Int8Array, Int64Array, LargeStringArray, ListArray, StringArray,
        TimestampMicrosecondArray, TimestampNanosecondArray, TimestampSecondArray,
    };
    use arrow::datatypes::{Int8Type, Int32Type};

    fn converted(array: impl Array + 'static, to: &str) -> Result<ArrayRef, String> {
        convert(&(Arc::new(array) as ArrayRef), to.parse().unwrap())
    }

    fn micros(array: &ArrayRef) -> Vec<Option<i64>> {
        array.as_primitive::<TimestampMicrosecondType>().iter().collect()
    }

    #[test]
    fn instants_of_any_unit_and_zone_become_microseconds_in_utc() {
        let nanoseconds = TimestampNanosecondArray::from(vec![Some(-1), Some(1_999), None]);
        assert_eq!(micros(&converted(nanoseconds, "timestamp").unwrap()), [Some(-1), Some(1), None]);
        let seconds = TimestampSecondArray::from(vec![2]).with_timezone("+02:00");
        assert_eq!(micros(&converted(seconds, "timestamp").unwrap()), [Some(2_000_000)]);
        let zoneless = TimestampMicrosecondArray::from(vec![5]);
        assert_eq!(micros(&converted(zoneless, "timestamp").unwrap()), [Some(5)]);
        assert_eq!(micros(&converted(Date32Array::from(vec![1]), "timestamp").unwrap()), [Some(86_400_000_000)]);
    }

    #[test]
    fn what_loses_nothing_is_converted() {
        assert_eq!(converted(Int8Array::from(vec![-1]), "int64").unwrap().as_primitive::<Int64Type>().value(0), -1);
        let dictionary: DictionaryArray<Int8Type> = vec!["a", "b", "a"].into_iter().collect();
        assert_eq!(
            *converted(dictionary, "string").unwrap().as_string::<i32>(),
            StringArray::from(vec!["a", "b", "a"])
        );
        assert!(converted(LargeStringArray::from(vec!["a"]), "string").is_ok());
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
        let lists = converted(lists, "list<int64>").unwrap();
        assert_eq!(lists.as_list::<i32>().value(0).as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(1), None]));
    }

    #[test]
    fn what_loses_something_is_refused() {
        insta::assert_snapshot!(converted(Float64Array::from(vec![1.0]), "int64").unwrap_err(), @"Float64 can't become int64 without loss");
        insta::assert_snapshot!(converted(Int64Array::from(vec![1]), "float64").unwrap_err(), @"Int64 can't become float64 without loss");
        insta::assert_snapshot!(converted(Int64Array::from(vec![1]), "string").unwrap_err(), @"Int64 can't become string without loss");
    }
}
