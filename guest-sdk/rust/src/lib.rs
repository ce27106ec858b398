#![doc = include_str!("../README.md")]
//!
//! # What a function returns
//!
//! - one value, which becomes an output of the transform's name;
//! - a struct with [`#[derive(Features)]`](derive@Features), of which each field becomes an output;
//! - a tuple of up to eight values, named by `#[transform(outputs(first, second))]`;
//! - an `Option` of any of these, where `None` makes all outputs null;
//! - a `Result` of any of these, where an error fails this row and its `Display` is the reason.
//!
//! # Whole columns
//!
//! `#[transform(columns)]` calls the function once a batch, with a [`Column<'_, T>`](Column) for each
//! input; it returns a `Vec` for each output, with one element a row. Use it where a loop over slices
//! is faster than one over rows. Row i of the outputs must depend on row i of the inputs alone. In this
//! form an `Err` fails the whole batch. [`testing`] makes columns for tests.
//!
//! # The crate inside
//!
//! The attribute reads a function and writes calls to [`glue`], which turns columns of the [`contract`]
//! into rows and back. Only `guest`, compiled for WebAssembly alone, knows of components.

#[cfg(test)]
extern crate self as skewless_sdk;

#[cfg(target_family = "wasm")]
mod arena;
mod bits;
mod column;
pub mod contract;
mod features;
pub mod glue;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod guest;
mod input;
mod list;
mod output;
pub mod testing;
mod timestamp;

pub use column::Column;
pub use list::List;
pub use skewless_sdk_macros::{Features, transform};
pub use timestamp::{NotATimestamp, Timestamp};

/// A transform, as the attribute makes it of a function: a type with the function's name.
pub trait Transform {
    /// What the transform takes and yields.
    fn signature() -> contract::Signature;

    /// Computes the outputs of a batch of `rows` rows; the inputs are those of the signature, in that order.
    ///
    /// # Errors
    /// Says why, if the whole batch failed.
    fn apply(rows: usize, columns: &[contract::Column]) -> Result<contract::Output, String>;
}
