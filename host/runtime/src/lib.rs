//! The execution core of Skewless: transforms in, Arrow columns out.
//!
//! A *transform* is a WebAssembly component of the contract `wit/transform.wit`. [`Runtime::load`] takes its
//! bytes, checks what it imports and exports, compiles it (or finds it compiled in the cache), links it, and asks it for
//! its [`Signature`]. [`Transform::apply`] then computes any number of batches: each call gets a fresh instance
//! that ends with the call, so nothing survives from one call to the next and a trap poisons nothing.
//!
//! What must stay true:
//!
//! - `apply` is the only way to a transform's values, for one row as for a million.
//! - A component can ask for nothing: it imports `diagnostics`, which only writes, or it isn't loaded.
//! - What a guest sees is canonical (one NaN, zeroes under nulls, offsets from 0), so equal rows are equal bits
//!   wherever they came from; what it returns is checked before anyone reads it, then made canonical too.
//! - Every call is limited in time, memory, rows and bytes ([`Limits`]). A limit is an error, never a null.
//!
//! This crate knows Arrow and wasmtime, and no store.

mod bindings;
mod cache;
mod call;
mod canonical;
mod component;
mod data_type;
mod decode;
mod digest;
mod encode;
mod error;
mod limits;
mod preinitialize;
mod runtime;
mod signature;
mod transform;

pub use cache::CompiledCache;
pub use component::CONTRACT_VERSION;
pub use data_type::{DataType, Field, ScalarType, Signature, UnknownType};
pub use digest::Digest;
pub use error::{Error, Limit};
pub use limits::Limits;
pub use preinitialize::preinitialize;
pub use runtime::{Runtime, RuntimeOptions};
pub use transform::{Output, RowFailure, Transform};
