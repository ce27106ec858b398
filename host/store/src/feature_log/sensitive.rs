//! Columns that must not be read: hashed with a key, or left out.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ring::hmac;

use super::metadata::Hiding;
use crate::definitions::{Definitions, FeatureLoggingSettings, hint};
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// Hashes values, so that equal ones stay equal and none can be read.
pub(super) struct Hider {
    key: hmac::Key,
}

/// Which columns are hidden, and how.
pub(super) struct Hidden {
    columns: Vec<(String, Hiding)>,
    pub(super) hider: Option<Hider>,
}

impl Hidden {
    /// What `settings` say of the columns of `definitions`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidDefinition`](crate::ErrorKind::InvalidDefinition) for a column that no log can have, for it may be meant for
    /// one that would be readable then, and for hashes without a key.
    pub(super) fn new(
        settings: &FeatureLoggingSettings,
        definitions: &Definitions,
        outputs: &[String],
    ) -> Result<Self> {
        let known = columns(definitions, outputs);
        let hashed = settings.hash.iter().map(|name| (name, Hiding::Hash));
        let mut columns = Vec::new();
        for (name, hiding) in hashed.chain(settings.omit.iter().map(|name| (name, Hiding::Omit))) {
            if !known.contains(name) {
                let hint = hint(name, known.iter().map(String::as_str));
                return Err(Error::invalid_definition(format!(
                    "feature_logging hides `{name}`, which is no join key, request field or `view:feature`: {hint}"
                )));
            }
            columns.push((name.clone(), hiding));
        }
        let key = settings.hash_key.as_ref().map(|key| key.as_str()).filter(|key| !key.is_empty());
        if key.is_none() && !settings.hash.is_empty() {
            let message = "feature_logging hashes columns without a `hash_key`: take one from the environment, such as \
                           `hash_key: ${FEATURE_LOG_KEY}`";
            return Err(Error::invalid_definition(message));
        }
        let hider = key.map(|key| Hider { key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()) });
        Ok(Self { columns, hider })
    }

    pub(super) fn hiding(&self, column: &str) -> Option<Hiding> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, hiding)| *hiding)
    }

    /// Those of `names` that are hidden.
    pub(super) fn among<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<(String, Hiding)> {
        names.filter_map(|name| Some((name.to_owned(), self.hiding(name)?))).collect()
    }
}

/// Every column that can be hidden.
fn columns(definitions: &Definitions, outputs: &[String]) -> Vec<String> {
    let keys = definitions.entities.iter().flat_map(|entity| entity.join_keys.iter().map(|key| key.name.clone()));
    let fields = definitions.on_demand_feature_views.iter().flat_map(|view| view.request.iter());
    let stored = definitions
        .feature_views
        .iter()
        .flat_map(|view| view.schema.iter().map(|feature| super::layout::feature_column(&view.name, &feature.name)));
    keys.chain(fields.map(|field| field.name.clone())).chain(stored).chain(outputs.iter().cloned()).collect()
}

impl Hider {
    /// The HMAC-SHA-256 of each value's text, as hexadecimal digits; nulls stay.
    pub(super) fn hash(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let options = FormatOptions::default();
        let texts = ArrayFormatter::try_new(values, &options).map_err(arrow_error)?;
        let mut hashes = StringBuilder::with_capacity(values.len(), values.len() * 64);
        for row in 0..values.len() {
            if values.is_null(row) {
                hashes.append_null();
                continue;
            }
            let tag = hmac::sign(&self.key, texts.value(row).to_string().as_bytes());
            let hex = tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            hashes.append_value(hex);
        }
        Ok(Arc::new(hashes.finish()))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, StringArray};

    use super::*;
    use crate::definitions::HashKey;

    fn hider(key: &str) -> Hider {
        Hider { key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()) }
    }

    #[test]
    fn a_hash_is_the_hmac_of_the_text_that_others_compute_too() {
        let values: ArrayRef = Arc::new(StringArray::from(vec![
            Some("what do ya want for nothing?"),
            None,
            Some("what do ya want for nothing?"),
        ]));
        let hashes = hider("Jefe").hash(&values).unwrap();
        let hashes = hashes.as_string::<i32>();
        // RFC 4231, test case 2.
        assert_eq!(hashes.value(0), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(hashes.value(2), hashes.value(0));
        assert!(hashes.is_null(1));
        assert_ne!(hider("other").hash(&values).unwrap().as_string::<i32>().value(0), hashes.value(0));
    }

    #[test]
    fn a_column_that_is_not_there_and_a_missing_key_are_refused() {
        let definitions: Definitions = serde_json::from_str(
            r#"{"entities": [{"name": "user", "join_keys": [{"name": "user_id", "type": "int64"}]}]}"#,
        )
        .unwrap();
        let refuse = |settings: FeatureLoggingSettings| {
            Hidden::new(&settings, &definitions, &[]).err().expect("it is refused").to_string()
        };
        let settings =
            FeatureLoggingSettings { omit: vec!["user_ids".to_owned()], ..FeatureLoggingSettings::default() };
        insta::assert_snapshot!(refuse(settings), @"feature_logging hides `user_ids`, which is no join key, request field or `view:feature`: did you mean `user_id`?");
        let settings = FeatureLoggingSettings { hash: vec!["user_id".to_owned()], ..FeatureLoggingSettings::default() };
        insta::assert_snapshot!(refuse(settings.clone()), @"feature_logging hashes columns without a `hash_key`: take one from the environment, such as `hash_key: ${FEATURE_LOG_KEY}`");
        let settings = FeatureLoggingSettings { hash_key: Some(HashKey::from("k".to_owned())), ..settings };
        assert_eq!(Hidden::new(&settings, &definitions, &[]).unwrap().hiding("user_id"), Some(Hiding::Hash));
    }
}
