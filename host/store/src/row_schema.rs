//! The layout of one stored feature row, and the number it is known by.
//!
//! Every stored row carries the number of its schema, and the registry keeps every schema that was ever written, so
//! that a row stays readable after its feature view has changed. The number follows from the names and types alone:
//! two machines that agree on them agree on it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use skewless_runtime::DataType;

/// The features of a stored row, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct RowSchema {
    /// the first 8 bytes of the SHA-256 of names and types, big-endian
    pub id: u64,
    /// name and type of each feature, in the order of the values
    pub fields: Vec<(String, DataType)>,
}

impl RowSchema {
    /// The schema of rows that hold `fields` in this order.
    #[must_use]
    pub fn new(fields: Vec<(String, DataType)>) -> Self {
        let text: String = fields.iter().map(|(name, data_type)| format!("{name} {data_type}\n")).collect();
        let digest = Sha256::digest(text.as_bytes());
        let id = digest[..8].iter().fold(0, |id, byte| id << 8 | u64::from(*byte));
        Self { id, fields }
    }
}

/// What stands in the registry: the number in hexadecimal, for JSON has no 64-bit integers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    fields: Vec<(String, DataType)>,
}

impl From<RowSchema> for Written {
    fn from(schema: RowSchema) -> Self {
        Self { id: format!("{:016x}", schema.id), fields: schema.fields }
    }
}

impl TryFrom<Written> for RowSchema {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let schema = Self::new(written.fields);
        let id = format!("{:016x}", schema.id);
        if id == written.id {
            Ok(schema)
        } else {
            Err(format!("row schema {} does not fit its fields, which make {id}", written.id))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skewless_runtime::ScalarType;

    fn schema() -> RowSchema {
        RowSchema::new(vec![
            ("wind_speed".into(), ScalarType::Float64.into()),
            ("gusts".into(), DataType::List(ScalarType::Int32)),
        ])
    }

    #[test]
    fn the_number_of_a_schema_never_changes() {
        // Rows that are already stored carry it.
        insta::assert_snapshot!(serde_json::to_string(&schema()).unwrap(), @r#"{"id":"f96b0680c0aa5ca6","fields":[["wind_speed","float64"],["gusts","list<int32>"]]}"#);
        let text = b"wind_speed float64\ngusts list<int32>\n";
        assert_eq!(schema().id.to_be_bytes(), Sha256::digest(text)[..8]);
    }

    #[test]
    fn names_types_and_order_each_change_the_number() {
        let mut seen = std::collections::HashSet::from([schema().id]);
        let RowSchema { fields, .. } = schema();
        let reversed = fields.iter().rev().cloned().collect();
        let renamed = vec![("wind".into(), fields[0].1), fields[1].clone()];
        let retyped = vec![("wind_speed".into(), ScalarType::Float32.into()), fields[1].clone()];
        for other in [reversed, renamed, retyped, fields[..1].to_vec(), Vec::new()] {
            assert!(seen.insert(RowSchema::new(other).id));
        }
    }

    #[test]
    fn a_schema_survives_the_registry_and_a_wrong_number_does_not() {
        let text = serde_json::to_string(&schema()).unwrap();
        assert_eq!(serde_json::from_str::<RowSchema>(&text).unwrap(), schema());
        let wrong = text.replace("float64", "float32");
        assert!(serde_json::from_str::<RowSchema>(&wrong).unwrap_err().to_string().contains("does not fit its fields"));
    }
}
