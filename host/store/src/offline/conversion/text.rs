//! Columns of text whose types only the definitions know: those of CSV files, and those that names of folders say.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Field};
use skewless_runtime::{DataType, ScalarType};

use super::{convert, is_convertible};

/// The mark in a field's metadata.
const MARK: &str = "skewless.text";

/// A column of text that stands for values of a type yet to be said.
pub(crate) fn text_field(name: &str) -> Field {
    let mark = (MARK.to_owned(), String::new());
    Field::new(name, ArrowType::Utf8, true).with_metadata([mark].into())
}

/// Whether `field` is such a column.
pub(crate) fn is_text(field: &Field) -> bool {
    field.metadata().contains_key(MARK)
}

/// Whether [`convert_column`] can make a `to` of the values of `field`, as far as the types tell.
pub(crate) fn is_convertible_column(field: &Field, to: DataType) -> bool {
    match is_text(field) {
        true => matches!(to, DataType::Scalar(_)),
        false => is_convertible(field.data_type(), to),
    }
}

/// The values of `array`, which is column `field` of a table, as type `to`. Text of a marked column is read as a value of the
/// type: numbers as they are written in programs, `true` and `false`, instants as in RFC 3339 or `2013-01-31 23:59:59` (without
/// a zone: in UTC) or `2013-01-31`.
///
/// # Errors
/// Says why where the types don't convert, or a value is out of range or can't be read.
pub(crate) fn convert_column(field: &Field, array: &ArrayRef, to: DataType) -> Result<ArrayRef, String> {
    match (is_text(field), to) {
        (false, to) => convert(array, to),
        (true, DataType::Scalar(to)) => read(array, to),
        (true, to) => Err(format!("text can't become {to}")),
    }
}

fn read(array: &ArrayRef, to: ScalarType) -> Result<ArrayRef, String> {
    let texts = cast(array, &ArrowType::Utf8).map_err(|error| error.to_string())?;
    let values: ArrayRef = match to {
        ScalarType::String => return Ok(texts),
        ScalarType::Bool => {
            Arc::new(texts.as_string::<i32>().iter().map(|text| text.and_then(truth)).collect::<BooleanArray>())
        }
        to => cast(&texts, &DataType::Scalar(to).to_arrow()).map_err(|error| error.to_string())?,
    };
    let unread = (0..texts.len()).find(|row| texts.is_valid(*row) && values.is_null(*row));
    match unread {
        Some(row) => Err(format!("`{}` can't be read as {to}", texts.as_string::<i32>().value(row))),
        None => Ok(values),
    }
}

fn truth(text: &str) -> Option<bool> {
    ["false", "true"].iter().position(|word| text.eq_ignore_ascii_case(word)).map(|place| place == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float32Array, Float64Array, Int64Array, StringArray};
    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

    fn read(values: &[Option<&str>], to: &str) -> Result<ArrayRef, String> {
        let array: ArrayRef = Arc::new(StringArray::from(values.to_vec()));
        convert_column(&text_field("x"), &array, to.parse().unwrap())
    }

    #[test]
    fn text_is_read_as_what_the_definitions_say() {
        let integers = read(&[Some("1"), None, Some("-9007199254740993")], "int64").unwrap();
        assert_eq!(
            *integers.as_primitive::<Int64Type>(),
            Int64Array::from(vec![Some(1), None, Some(-9007199254740993)])
        );
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 0.1, 1e300]));
        assert_eq!(read(&[Some("1"), Some("0.1"), Some("1e300")], "float64").unwrap().as_ref(), floats.as_ref());
        let short: ArrayRef = Arc::new(Float32Array::from(vec![0.1]));
        assert_eq!(read(&[Some("0.1")], "float32").unwrap().as_ref(), short.as_ref());
        assert_eq!(read(&[Some("007")], "string").unwrap().as_string::<i32>().value(0), "007");
        let truths = read(&[Some("true"), Some("False"), None], "bool").unwrap();
        assert_eq!(*truths.as_boolean(), BooleanArray::from(vec![Some(true), Some(false), None]));
    }

    #[test]
    fn instants_are_read_in_the_forms_that_tables_have_them() {
        let micros =
            |text| read(&[Some(text)], "timestamp").unwrap().as_primitive::<TimestampMicrosecondType>().value(0);
        assert_eq!(micros("1970-01-01T00:00:01Z"), 1_000_000);
        assert_eq!(micros("1970-01-01T02:00:01.5+02:00"), 1_500_000);
        assert_eq!(micros("1970-01-01 00:00:01"), 1_000_000);
        assert_eq!(micros("1970-01-02"), 86_400_000_000);
        assert_eq!(micros("1969-12-31 23:59:59.999999"), -1);
    }

    #[test]
    fn what_cant_be_read_is_named() {
        insta::assert_snapshot!(read(&[Some("1"), Some("1.5")], "int64").unwrap_err(), @"`1.5` can't be read as int64");
        insta::assert_snapshot!(read(&[Some("3000000000")], "int32").unwrap_err(), @"`3000000000` can't be read as int32");
        insta::assert_snapshot!(read(&[Some("yes")], "bool").unwrap_err(), @"`yes` can't be read as bool");
        insta::assert_snapshot!(read(&[Some("31.1.2013")], "timestamp").unwrap_err(), @"`31.1.2013` can't be read as timestamp");
        insta::assert_snapshot!(read(&[Some("1")], "list<int64>").unwrap_err(), @"text can't become list<int64>");
    }
}
