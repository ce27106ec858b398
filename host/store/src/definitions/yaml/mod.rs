//! YAML with places: text in, a tree out whose every node knows its line and column.
//!
//! The tree stands between the text and the definitions for two reasons. Variables are filled in after parsing, so
//! that no value can change the file's structure or move a line; and the tree stays in memory beside the
//! definitions, so that a check made much later (against a data file, say) can still point at the line that is wrong.

mod deserialize;
mod error;
mod node;
#[cfg(test)]
mod tests;

pub(crate) use error::Problem;
pub(crate) use node::{Node, Place, Scalar, Value, parse};
