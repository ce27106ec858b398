//! What `#[transform]` and `#[derive(Features)]` write calls to. Authors need nothing of it.
//!
//! A batch of contract columns enters; each row passes through the author's function; the outputs'
//! columns leave, with the rows that failed. Nothing here knows WebAssembly, so all of it runs in tests.

use crate::contract::{Field, Output, RowFailure};
pub use crate::features::{Builder, Feature, Named, Outputs, output};
pub use crate::input::{Argument, Input, Inputs, Scalar, Value};
pub use crate::output::{OutputValue, ScalarOutput};

/// The form of a transform that is called once a row.
#[derive(Debug)]
pub enum Rows {}

/// The form of a transform that is called once a batch.
#[derive(Debug)]
pub enum Columns {}

/// The field of an input that the author's function takes as a `T`.
#[must_use]
pub fn input<T: Argument<Form>, Form>(name: &str, documentation: &str) -> Field {
    Field {
        name: name.to_owned(),
        data_type: T::Row::TYPE,
        nullable: T::Row::NULLABLE,
        logical_type: None,
        documentation: documentation.to_owned(),
    }
}

/// Calls `transform` for each row. A row for which it returns an error fails, and the others don't.
#[inline]
pub fn each_row<O: Outputs<Rows>>(rows: usize, transform: impl Fn(usize) -> O) -> Result<Output, String> {
    let mut builders = O::builders(rows);
    let mut failures = Vec::new();
    for row in 0..rows {
        if let Err(reason) = transform(row).write(&mut builders, row) {
            O::write_null(&mut builders, row);
            failures.push(RowFailure { row: row as u32, reason });
        }
    }
    Ok(Output { columns: O::finish(builders), failures })
}

/// Calls `transform` once. If it returns an error, the batch fails.
pub fn whole_batch<O: Outputs<Columns>>(rows: usize, transform: impl FnOnce() -> O) -> Result<Output, String> {
    let mut builders = O::builders(rows);
    transform().write(&mut builders, 0)?;
    Ok(Output { columns: O::finish(builders), failures: Vec::new() })
}

/// Fails to compile if the attribute names another number of outputs than the function returns.
pub const fn check_names(count: usize, names_itself: bool, given: usize) {
    assert!(!names_itself || given == 0, "the struct names the outputs: leave `outputs(...)` out of the attribute");
    assert!(
        names_itself || count == 1 || given != 0,
        "the function returns several outputs: name them, as in `#[transform(outputs(first, second))]`"
    );
    assert!(
        names_itself || given == 0 || given == count,
        "`outputs(...)` must name as many outputs as the function returns"
    );
}

#[cfg(test)]
mod tests;
