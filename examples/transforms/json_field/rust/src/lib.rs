//! Fields of a JSON document: what is not there, or something else, is null.

use serde_json::Value;
use skewless_sdk::{Features, transform};

/// The whole numbers below it are those that a float64 is sure to be.
const EXACT_END: f64 = 9_007_199_254_740_992.0;

/// What a document says about a user.
#[derive(Debug, PartialEq, Features)]
pub struct JsonField {
    /// The text at `user.address.country`.
    pub country: Option<String>,
    /// The whole number at `user.age`.
    pub age: Option<i64>,
}

/// Country and age of the user that a JSON document tells of; null where it tells nothing of the kind.
#[transform]
pub fn json_field(
    /// A JSON document.
    document: &str,
) -> JsonField {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let user = &document["user"];
    let age = user["age"].as_f64().filter(|age| age.fract() == 0.0 && age.abs() < EXACT_END);
    JsonField { country: user["address"]["country"].as_str().map(str::to_owned), age: age.map(|age| age as i64) }
}

#[cfg(test)]
mod tests {
    use super::{JsonField, json_field};

    #[test]
    fn fields_are_found_by_their_path() {
        let document = r#"{"user": {"age": 30, "address": {"country": "NZ"}}}"#;
        assert_eq!(json_field(document), JsonField { country: Some("NZ".to_owned()), age: Some(30) });
    }

    #[test]
    fn what_is_no_json_has_no_fields() {
        assert_eq!(json_field("{\"user\":"), JsonField { country: None, age: None });
    }

    #[test]
    fn a_document_that_nests_thousands_deep_has_no_fields() {
        let document = format!(r#"{{"user": {{"age": 30}}, "x": {}{}}}"#, "[".repeat(9000), "]".repeat(9000));
        assert_eq!(json_field(&document), JsonField { country: None, age: None });
    }

    #[test]
    fn a_half_of_a_surrogate_pair_is_no_text() {
        for half in [r"\ud83d", r"\ude00", r"\ude00\ud83d", r"\ud83d\n"] {
            let document = format!(r#"{{"user": {{"address": {{"country": "{half}"}}}}}}"#);
            assert_eq!(json_field(&document), JsonField { country: None, age: None }, "{half}");
        }
    }
}
