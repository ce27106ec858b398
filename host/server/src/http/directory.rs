//! The routes that a server describes, for whoever asked for another.

use axum::http::{Method, StatusCode};
use serde_json::Value;
use skewless_store::definitions::nearest;

use crate::failure::Failure;

/// Paths, and how each may be asked.
pub(super) struct Directory(Vec<(String, Vec<String>)>);

impl Directory {
    /// The routes of an OpenAPI document.
    pub(super) fn of(document: &Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        let methods = |operations: &Value| {
            operations.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()).collect()
        };
        Self(paths.map(|(path, operations)| (path.clone(), methods(operations))).collect())
    }

    /// 404, with the path that was probably meant, or all of them.
    pub(super) fn no_such_path(&self, path: &str) -> Failure {
        let meant = nearest(path, self.0.iter().map(|(known, _)| known.as_str()));
        let shown = self.0.iter().filter(|(known, _)| meant.is_none_or(|meant| meant == known));
        let shown = shown.flat_map(|(path, methods)| methods.iter().map(move |method| format!("`{method} {path}`")));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let hint = if meant.is_some() { format!("did you mean {shown}?") } else { format!("there are {shown}") };
        Failure::new(StatusCode::NOT_FOUND, format!("there is no `{path}` here: {hint}"))
    }

    /// 405, with the methods there are.
    pub(super) fn no_such_method(&self, method: &Method, path: &str) -> Failure {
        let known = self.0.iter().find(|(known, _)| known == path).map(|(_, methods)| methods.join(" or "));
        // What is not described is a method of gRPC, all of which are posted.
        let known = known.unwrap_or_else(|| Method::POST.to_string());
        let message = format!("`{path}` can't be asked with {method}: use {known}");
        Failure::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn directory() -> Directory {
        Directory::of(
            &json!({"paths": {"/health": {"get": {}}, "/push": {"post": {}}, "/rows": {"get": {}, "put": {}}}}),
        )
    }

    #[test]
    fn a_path_that_is_like_another_is_told_which_and_any_other_is_told_all() {
        let told = |path| directory().no_such_path(path).message().to_owned();
        insta::assert_snapshot!(told("/heath"), @"there is no `/heath` here: did you mean `GET /health`?");
        insta::assert_snapshot!(told("/row"), @"there is no `/row` here: did you mean `GET /rows`, `PUT /rows`?");
        insta::assert_snapshot!(told("/favicon.ico"), @"there is no `/favicon.ico` here: there are `GET /health`, `POST /push`, `GET /rows`, `PUT /rows`");
    }

    #[test]
    fn a_method_that_a_path_does_not_take_is_told_those_that_it_does() {
        let told = |method, path| directory().no_such_method(&method, path).message().to_owned();
        insta::assert_snapshot!(told(Method::GET, "/push"), @"`/push` can't be asked with GET: use POST");
        insta::assert_snapshot!(told(Method::DELETE, "/rows"), @"`/rows` can't be asked with DELETE: use GET or PUT");
        insta::assert_snapshot!(told(Method::GET, "/some.Service/Method"), @"`/some.Service/Method` can't be asked with GET: use POST");
    }
}
