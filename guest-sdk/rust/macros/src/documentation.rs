//! Documentation comments, as text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the documentation comments among `attributes`, without the space that follows each `///`.
pub(crate) fn of(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    let unindented =
        lines.iter().flat_map(|text| text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()));
    unindented.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The first paragraph of a documentation.
pub(crate) fn summary(documentation: &str) -> &str {
    documentation.split("\n\n").next().unwrap_or_default()
}

/// Whether an attribute is a documentation comment.
pub(crate) fn is_documentation(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    match &meta.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if is_documentation(attribute) => {
            // An empty `///` has no lines, but parts two paragraphs.
            Some(if text.value().is_empty() { "\n".to_owned() } else { text.value() })
        }
        _ => None,
    }
}
