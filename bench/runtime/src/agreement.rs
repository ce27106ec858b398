//! Whether contenders compute the same: a fast answer to another question is of no interest.

use anyhow::{Result, bail, ensure};
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::Float64Type;

/// Values as a contender gave them, in a form that all can be brought to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    Floats(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
}

impl Values {
    pub(crate) fn of(array: &ArrayRef) -> Self {
        match array.as_primitive_opt::<Float64Type>() {
            Some(numbers) => Self::Floats(numbers.iter().collect()),
            None => Self::Texts(array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()),
        }
    }

    /// Checks that `other`, of the contender `name`, are the same. Floats may differ in their last bits, since every
    /// language brings its own sine and cosine.
    ///
    /// # Errors
    /// Names the first row that differs.
    pub(crate) fn check(&self, other: &Self, name: &str) -> Result<()> {
        match (self, other) {
            (Self::Floats(expected), Self::Floats(found)) => check_rows(expected, found, name, |expected, found| {
                (expected - found).abs() <= 1e-12 * expected.abs().max(found.abs())
            }),
            (Self::Texts(expected), Self::Texts(found)) => check_rows(expected, found, name, |a, b| a == b),
            _ => bail!("{name} returned values of another type"),
        }
    }
}

fn check_rows<T: std::fmt::Debug>(
    expected: &[Option<T>],
    found: &[Option<T>],
    name: &str,
    equal: impl Fn(&T, &T) -> bool,
) -> Result<()> {
    ensure!(expected.len() == found.len(), "{name} returned {} values for {} rows", found.len(), expected.len());
    for (row, (expected, found)) in expected.iter().zip(found).enumerate() {
        let same = match (expected, found) {
            (Some(expected), Some(found)) => equal(expected, found),
            (None, None) => true,
            _ => false,
        };
        ensure!(same, "{name} returned {found:?} for row {row}, and the native loop {expected:?}");
    }
    Ok(())
}
