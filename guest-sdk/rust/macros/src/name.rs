//! Names that the contract allows.

use proc_macro2::Span;
use syn::Ident;
use syn::ext::IdentExt as _;

const BYTES_MAX: usize = 64;

/// A name of a transform, an input or an output, and where it is written.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl Name {
    /// The name an identifier gives to `what`, if the contract allows it.
    pub(crate) fn of(what: &str, ident: &Ident) -> syn::Result<Self> {
        Self::new(what, ident.unraw().to_string(), ident.span())
    }

    /// A name for `what`, if the contract allows it.
    pub(crate) fn new(what: &str, text: String, span: Span) -> syn::Result<Self> {
        let starts_well = text.starts_with(|first: char| first.is_ascii_lowercase());
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if starts_well && text.bytes().all(allowed) && text.len() <= BYTES_MAX {
            return Ok(Self { text, span });
        }
        let rule = "lower-case letters, digits and `_`, a letter first, at most 64 bytes";
        Err(syn::Error::new(span, format!("`{text}` can't be the name of {what}: use {rule}")))
    }
}
