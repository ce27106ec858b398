//! The signature as the guest tells it → the one the host works with, checked.

use std::collections::HashSet;

use crate::bindings::skewless::transform::types as wit;
use crate::data_type::{DataType, Field, ScalarType, Signature};
use crate::error::Error;

const FIELDS_MAX: usize = 1_000;
const NAME_BYTES_MAX: usize = 64;
const DOCUMENTATION_BYTES_MAX: usize = 16 << 10;

/// Converts and checks what `describe` returned.
///
/// # Errors
/// [`Error::Signature`] for names that break the rule, appear twice, or texts that are too long.
pub(crate) fn check(signature: wit::Signature) -> Result<Signature, Error> {
    let signature = Signature {
        name: signature.name,
        version: signature.version,
        documentation: signature.documentation,
        inputs: signature.inputs.into_iter().map(field).collect(),
        outputs: signature.outputs.into_iter().map(field).collect(),
    };
    match refusal(&signature) {
        None => Ok(signature),
        Some(reason) => {
            Err(Error::Signature { transform: shorten(&signature.name, NAME_BYTES_MAX).to_owned(), reason })
        }
    }
}

fn refusal(signature: &Signature) -> Option<String> {
    if !is_name(&signature.name) {
        return Some(format!("the name {NAME_RULE}"));
    }
    if signature.outputs.is_empty() {
        return Some("it has no output".to_owned());
    }
    if signature.version.len() > NAME_BYTES_MAX || signature.documentation.len() > DOCUMENTATION_BYTES_MAX {
        return Some(format!("its version or documentation is longer than {DOCUMENTATION_BYTES_MAX} bytes"));
    }
    fields_refusal("input", &signature.inputs).or_else(|| fields_refusal("output", &signature.outputs))
}

fn fields_refusal(kind: &str, fields: &[Field]) -> Option<String> {
    if fields.len() > FIELDS_MAX {
        return Some(format!("{} {kind}s are more than {FIELDS_MAX}", fields.len()));
    }
    let mut names = HashSet::new();
    fields.iter().find_map(|field| {
        let name = shorten(&field.name, NAME_BYTES_MAX);
        if !is_name(&field.name) {
            return Some(format!("the name of {kind} `{name}` {NAME_RULE}"));
        }
        if !names.insert(&field.name) {
            return Some(format!("two {kind}s are named `{name}`"));
        }
        (field.documentation.len() > DOCUMENTATION_BYTES_MAX)
            .then(|| format!("the documentation of {kind} `{name}` is longer than {DOCUMENTATION_BYTES_MAX} bytes"))
    })
}

const NAME_RULE: &str = "must be 1 to 64 lower-case letters, digits and `_`, starting with a letter";

fn is_name(name: &str) -> bool {
    let tail = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= NAME_BYTES_MAX && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(tail)
}

/// The longest prefix of `text` that has at most `bytes_max` bytes.
pub(crate) fn shorten(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn field(field: wit::Field) -> Field {
    let wit::Field { name, data_type, nullable, logical_type, documentation } = field;
    let data_type = match data_type {
        wit::DataType::Scalar(scalar) => DataType::Scalar(scalar_type(scalar)),
        wit::DataType::List(element) => DataType::List(scalar_type(element)),
    };
    Field { name, data_type, nullable, logical_type, documentation }
}

fn scalar_type(scalar: wit::ScalarType) -> ScalarType {
    match scalar {
        wit::ScalarType::Boolean => ScalarType::Bool,
        wit::ScalarType::Int32 => ScalarType::Int32,
        wit::ScalarType::Int64 => ScalarType::Int64,
        wit::ScalarType::Float32 => ScalarType::Float32,
        wit::ScalarType::Float64 => ScalarType::Float64,
        wit::ScalarType::String => ScalarType::String,
        wit::ScalarType::Bytes => ScalarType::Bytes,
        wit::ScalarType::Timestamp => ScalarType::Timestamp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(name: &str, outputs: &[&str]) -> wit::Signature {
        let field = |name: &&str| wit::Field {
            name: (*name).to_owned(),
            data_type: wit::DataType::Scalar(wit::ScalarType::Int64),
            nullable: true,
            logical_type: None,
            documentation: String::new(),
        };
        wit::Signature {
            name: name.to_owned(),
            version: "1".to_owned(),
            documentation: String::new(),
            inputs: Vec::new(),
            outputs: outputs.iter().map(field).collect(),
        }
    }

    fn refused(name: &str, outputs: &[&str]) -> String {
        check(signature(name, outputs)).unwrap_err().to_string()
    }

    #[test]
    fn names_follow_one_rule_and_appear_once() {
        assert!(check(signature("sum", &["total"])).is_ok());
        insta::assert_snapshot!(refused("Sum", &["total"]), @"the signature of transform `Sum` is not usable: the name must be 1 to 64 lower-case letters, digits and `_`, starting with a letter");
        insta::assert_snapshot!(refused("sum", &["to-tal"]), @"the signature of transform `sum` is not usable: the name of output `to-tal` must be 1 to 64 lower-case letters, digits and `_`, starting with a letter");
        insta::assert_snapshot!(refused("sum", &["a", "a"]), @"the signature of transform `sum` is not usable: two outputs are named `a`");
        insta::assert_snapshot!(refused("sum", &[]), @"the signature of transform `sum` is not usable: it has no output");
        assert!(refused(&"é".repeat(100), &["a"]).len() < 250);
    }
}
