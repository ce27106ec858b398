//! The attribute and the derive of `skewless-sdk`; that crate documents and re-exports them.
//!
//! Tokens of the author's item enter; the same item leaves, and beside it the glue that a host calls.
//! Which types are allowed is for the compiler to say, through the traits of `skewless_sdk::glue`.

mod arguments;
mod documentation;
mod features;
mod mistake;
mod name;
mod transform;

use proc_macro::TokenStream;

/// Makes a transform of a function.
///
/// - `#[transform]`: called once a row, named like the function, of the package's version.
/// - `#[transform(name = "…", version = "…")]`: named otherwise.
/// - `#[transform(outputs(first, second))]`: names the outputs of a tuple, or the only output; each may have a
///   documentation comment.
/// - `#[transform(columns)]`: called once a batch, with whole columns.
///
/// The documentation comments of the function and of its parameters become those of the transform and its inputs.
/// The function itself stays callable as it is written. A crate holds one transform.
#[proc_macro_attribute]
pub fn transform(arguments: TokenStream, item: TokenStream) -> TokenStream {
    transform::expand(arguments.into(), item.into()).into()
}

/// Makes each field of a struct an output of the transform that returns it, documented by the field's
/// documentation comment.
///
/// The fields are of the types that a transform can return for one output; for `#[transform(columns)]`
/// each is a `Vec`, one element a row.
#[proc_macro_derive(Features)]
pub fn features(item: TokenStream) -> TokenStream {
    features::expand(item.into()).into()
}
