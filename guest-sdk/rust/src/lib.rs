//! Write a Skewless transform in Rust: one plain function with an attribute, compiled to one component.
//!
//! ```
//! //! Purchases for each dollar spent.
//! use skewless_sdk::transform;
//!
//! /// Purchases for each dollar spent; null where either is unknown or nothing was spent.
//! #[transform]
//! fn purchases_per_dollar(
//!     /// Number of purchases.
//!     purchases: Option<i64>,
//!     /// Money spent, in US dollars.
//!     spend: Option<f64>,
//! ) -> Option<f64> {
//!     let (purchases, spend) = (purchases? as f64, spend?);
//!     (spend != 0.0).then(|| purchases / spend)
//! }
//!
//! # fn main() {
//! assert_eq!(purchases_per_dollar(Some(10), Some(50.0)), Some(0.2));
//! # }
//! ```
//!
//! Name, documentation and signature of the transform come from the function. The function stays as it
//! is written, so a test simply calls it. Build the component with `skewless build`.
//!
//! # Types
//!
//! | contract | input | output |
//! |---|---|---|
//! | bool | `bool` | `bool` |
//! | int32, int64 | `i32`, `i64` | `i32`, `i64` |
//! | float32, float64 | `f32`, `f64` | `f32`, `f64` |
//! | string | `&str` | `String`, `&str` |
//! | bytes | `&[u8]` | `Vec<u8>`, `&[u8]` |
//! | timestamp | [`Timestamp`] | [`Timestamp`] |
//! | list of `T` | [`List<'_, T>`](List) | `Vec<T>`, `Vec<Option<T>>` |
//!
//! `Option<T>` is a `T` that may be null. A null in an input that is not an `Option` makes all outputs of
//! the row null, and the function is not called for it.
//!
//! A function returns
//! - one value, which becomes an output of the transform's name;
//! - a struct with [`#[derive(Features)]`](derive@Features), of which each field becomes an output;
//! - a tuple of up to eight values, named by `#[transform(outputs(first, second))]`;
//! - an `Option` of any of these, where `None` makes all outputs null;
//! - a `Result` of any of these, where an error fails this row and its `Display` is the reason.
//!
//! A panic fails the whole batch; its message reaches the host.
//!
//! # Whole columns
//!
//! `#[transform(columns)]` calls the function once a batch, with a [`Column<'_, T>`](Column) for each
//! input; it returns a `Vec` for each output, with one element a row. Use it where a loop over slices
//! is faster than one over rows. **Row i of the outputs must depend on row i of the inputs alone.** In this
//! form an `Err` fails the whole batch.

#[cfg(test)]
extern crate self as skewless_sdk;

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
