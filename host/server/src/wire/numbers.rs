//! Lists of plain numbers: most of what a large request has. None of them is looked at as if it could be anything.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use lexical_core::FromLexical;
use serde_json::value::RawValue;
use skewless_runtime::ScalarType;

use super::ROWS_MAX;

/// What a number and its comma take at least, for most lists.
const BYTES_A_NUMBER: usize = 8;

/// The column of the list `raw`; `None` where it has anything else than numbers that fit `scalar_type`, or too many: to be read one by
/// one then, which says what is wrong.
pub(super) fn numbers(raw: &RawValue, scalar_type: ScalarType) -> Option<ArrayRef> {
    match scalar_type {
        // What JSON can't say, an infinity, is a number that is too large.
        ScalarType::Float64 => Some(Arc::new(Float64Array::from(list(raw, |number: &f64| number.is_finite())?))),
        ScalarType::Int64 => Some(Arc::new(Int64Array::from(list(raw, |_: &i64| true)?))),
        _ => None,
    }
}

/// `raw` is JSON, so that what can be read as a number up to a comma or the end is one of JSON's.
fn list<N: FromLexical>(raw: &RawValue, fits: impl Fn(&N) -> bool) -> Option<Vec<N>> {
    let mut text = raw.get().as_bytes().strip_prefix(b"[")?;
    let mut numbers = Vec::with_capacity(text.len() / BYTES_A_NUMBER + 1);
    while numbers.len() < ROWS_MAX {
        text = text.trim_ascii_start();
        // Of an integer without digits it makes a zero of no length.
        let (number, length) = lexical_core::parse_partial(text).ok().filter(|(_, length)| *length > 0)?;
        numbers.push(Some(number).filter(&fits)?);
        text = text[length..].trim_ascii_start();
        match text.split_first()? {
            (b',', rest) => text = rest,
            (b']', _) => return Some(numbers),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::column::{Column, Role};

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    /// What the list is when its values are read one by one, without this module.
    fn one_by_one(text: &str, scalar_type: ScalarType) -> Option<ArrayRef> {
        let column = Column { name: "n".to_owned(), data_type: scalar_type.into(), role: Role::RequestField };
        column.read_one_by_one(&raw(text), scalar_type).ok()
    }

    proptest! {
        #[test]
        fn a_list_that_is_read_at_once_is_what_it_is_when_read_one_by_one(
            list in r"\[( |\n)?(-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?( |\t)?, ?){0,4}(-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,25})?|null|true|\x22NaN\x22|\[1\])\]",
            is_float in any::<bool>(),
        ) {
            let scalar_type = if is_float { ScalarType::Float64 } else { ScalarType::Int64 };
            if let Some(found) = numbers(&raw(&list), scalar_type) {
                let expected = one_by_one(&list, scalar_type).unwrap();
                // Bits, so that a zero has its sign.
                let (found, expected) = (found.to_data(), expected.to_data());
                prop_assert_eq!(found.buffers()[0].as_slice(), expected.buffers()[0].as_slice());
                prop_assert_eq!(found.null_count() + expected.null_count(), 0);
            }
        }
    }

    #[test]
    fn plain_numbers_are_read_at_once_and_nothing_else_is() {
        let is_read = |text: &str, scalar_type| numbers(&raw(text), scalar_type).is_some();
        assert!(is_read("[1, -2.5e3,\n0.1 ]", ScalarType::Float64));
        assert!(is_read("[1,-9223372036854775808]", ScalarType::Int64));
        for text in
            ["[]", "[1,null]", r#"["NaN"]"#, r#"["1,2"]"#, "[[1]]", "[true]", "1", "null", r#"{"a":1}"#, "[1e999]"]
        {
            assert!(!is_read(text, ScalarType::Float64), "{text}");
            assert!(!is_read(text, ScalarType::Int64), "{text}");
        }
        assert!(!is_read("[1.0]", ScalarType::Int64));
        assert!(!is_read("[9223372036854775808]", ScalarType::Int64));
        assert!(!is_read("[1]", ScalarType::Int32));
        assert!(is_read(&format!("[{}1]", "1,".repeat(ROWS_MAX - 1)), ScalarType::Int64));
        assert!(!is_read(&format!("[{}1]", "1,".repeat(ROWS_MAX)), ScalarType::Int64));
    }
}
