//! The routes, for programs: an OpenAPI document.
//!
//! `openapi.json` describes every route that a server may have; what a server says is the part that it has.

use std::sync::LazyLock;

use serde_json::Value;

/// All of it.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document: Value = serde_json::from_str(include_str!("openapi.json")).expect("the document is JSON");
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document
});

/// Where a server answers with its document.
pub(crate) const PATH: &str = "/openapi.json";

/// The document of a server that has the routes `paths`, besides that of the document.
///
/// # Panics
/// For a path that the document does not describe: a test adds all routes.
pub(crate) fn document(paths: &[&str]) -> Value {
    let mut document = DOCUMENT.clone();
    let described = document["paths"].as_object_mut().expect("paths are an object");
    if let Some(missing) = paths.iter().find(|path| !described.contains_key(**path)) {
        unreachable!("`{missing}` is not described in openapi.json");
    }
    described.retain(|path, _| path == PATH || paths.contains(&path.as_str()));
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_describes_the_routes_it_has() {
        let document = document(&["/health"]);
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/health", "/openapi.json"]);
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        references(&DOCUMENT, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(DOCUMENT.pointer(pointer).is_some(), "{reference}");
        }
    }
}
