//! Columns for native tests: of functions in the column form, and of whole batches.
//!
//! ```
//! use skewless_sdk::{Column, Transform, testing, transform};
//!
//! /// Doubles.
//! #[transform(columns)]
//! fn doubled(number: Column<'_, f64>) -> Vec<f64> {
//!     number.values().iter().map(|number| number * 2.0).collect()
//! }
//!
//! # fn main() {
//! let numbers = testing::column([1.0, 2.5]);
//! assert_eq!(doubled(testing::view(2, &numbers)), [2.0, 5.0]);
//! assert_eq!(doubled::apply(2, &[numbers]).unwrap().columns, [testing::column([2.0, 5.0])]);
//! # }
//! ```

use crate::glue::{Builder, Feature, Input, Rows};
use crate::{Column, contract};

/// A column of the values given, one a row; `None` is null, a `Vec` is a list.
pub fn column<T: Feature<Rows>>(rows: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>) -> contract::Column {
    let rows = rows.into_iter();
    let mut builder = Builder::new(rows.len());
    for (row, value) in rows.enumerate() {
        Feature::write(value, &mut builder, row).expect("a value of a row can always be written");
    }
    builder.finish()
}

/// The first `rows` rows of a column, as a function in the column form takes them.
///
/// # Panics
/// If the column holds less, or values of another type.
pub fn view<T: Input>(rows: usize, column: &contract::Column) -> Column<'_, T> {
    Column::open(column, rows).unwrap_or_else(|| panic!("not {rows} rows of {:?}: {column:?}", T::TYPE))
}
