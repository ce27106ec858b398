//! The body of a request, for those who ask: columns of values → JSON.

use arrow::array::ArrayRef;
use skewless_store::{Result, Selection};

use super::instant;
use super::response::{append_json, append_list, cells};

/// The body of a request for `selection` at the instant `at`, in µs, whose entity rows are `columns`: join keys and request
/// fields by name, all of one length.
///
/// # Errors
/// [`ErrorKind::Corrupt`](skewless_store::ErrorKind::Corrupt) for values of a type that no join key or request field can have.
pub fn ask(selection: &Selection, columns: &[(&str, ArrayRef)], at: i64) -> Result<Vec<u8>> {
    let mut body = b"{".to_vec();
    match selection {
        Selection::Service(name) => {
            body.extend_from_slice(br#""feature_service":"#);
            append_json(&mut body, name);
        }
        Selection::Features(features) => {
            body.extend_from_slice(br#""features":"#);
            append_json(&mut body, features);
        }
    }
    body.extend_from_slice(br#","event_timestamp":"#);
    instant::append(&mut body, at);
    body.extend_from_slice(br#","entities":{"#);
    for (place, (name, values)) in columns.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        append_json(&mut body, name);
        body.push(b':');
        let cells = cells(name, values)?;
        append_list(&mut body, values.len(), |body, row| cells.append(body, row));
    }
    body.extend_from_slice(b"}}");
    Ok(body)
}

/// Each value of a column as an answer would have it. Two values have the same text exactly
/// when they have the same bits, except that all NaNs have one text.
///
/// # Errors
/// As [`ask`].
pub fn texts(name: &str, values: &ArrayRef) -> Result<Vec<Vec<u8>>> {
    let cells = cells(name, values)?;
    let text = |row| {
        let mut text = Vec::new();
        cells.append(&mut text, row);
        text
    };
    Ok((0..values.len()).map(text).collect())
}
