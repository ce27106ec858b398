//! Values compared bit for bit, and how far they are apart.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Float64Type};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;

use crate::Result;
use crate::view_rows::arrow_error;

/// The rows in which two columns of one type and length have other bits.
///
/// # Errors
/// Where a type has no order of its bytes, which all types of features have.
pub(super) fn differing(left: &ArrayRef, right: &ArrayRef) -> Result<Vec<usize>> {
    if left.data_type() != right.data_type() {
        return Ok((0..left.len()).collect());
    }
    if left.to_data() == right.to_data() {
        return Ok(Vec::new());
    }
    let converter = RowConverter::new(vec![SortField::new(left.data_type().clone())]).map_err(arrow_error)?;
    let left = converter.convert_columns(&[ArrayRef::clone(left)]).map_err(arrow_error)?;
    let right = converter.convert_columns(&[ArrayRef::clone(right)]).map_err(arrow_error)?;
    Ok((0..left.num_rows()).filter(|row| left.row(*row) != right.row(*row)).collect())
}

/// A value as people read it; `null` where there is none.
pub(super) fn shown(values: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    ArrayFormatter::try_new(values, &options).map_or_else(|_| "?".to_owned(), |texts| texts.value(row).to_string())
}

/// The values as floating-point numbers; `None` for what is no number.
pub(super) fn numbers(values: &ArrayRef) -> Option<Vec<Option<f64>>> {
    if !values.data_type().is_numeric() {
        return None;
    }
    let numbers = cast(values, &ArrowType::Float64).ok()?;
    Some(numbers.as_primitive::<Float64Type>().iter().collect())
}

/// Two numbers that are one number with other bits: zeroes of two signs, or two that are not a number.
pub(super) fn same_number(left: f64, right: f64) -> bool {
    left == right || (left.is_nan() && right.is_nan())
}

/// Sizes, counted by size: eight classes for each doubling, so that a quantile is right to a sixteenth. Sizes of any number of threads
/// can be put together, in the memory of some hundred counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sizes {
    classes: BTreeMap<u16, u64>,
    count: u64,
    max: f64,
}

/// Some quantiles of sizes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// half of the sizes are at most this
    pub p50: f64,
    /// nine in ten are at most this
    pub p90: f64,
    /// 99 in a hundred are at most this
    pub p99: f64,
    /// the largest, exactly
    pub max: f64,
}

/// Bits of a double that name its class: sign, exponent, and three of the fraction.
const CLASS_SHIFT: u32 = 64 - 15;

impl Sizes {
    /// Adds a size, which is not negative; what is not a number counts as infinite.
    pub(super) fn add(&mut self, size: f64) {
        let size = if size.is_nan() { f64::INFINITY } else { size.abs() };
        *self.classes.entry((size.to_bits() >> CLASS_SHIFT) as u16).or_default() += 1;
        self.count += 1;
        self.max = self.max.max(size);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        other.classes.iter().for_each(|(class, count)| *self.classes.entry(*class).or_default() += count);
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// The quantiles; `None` of nothing.
    #[must_use]
    pub fn quantiles(&self) -> Option<Quantiles> {
        let at = |share| self.quantile(share);
        (self.count > 0).then(|| Quantiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: self.max })
    }

    fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        for (class, count) in &self.classes {
            below += count;
            if below >= rank {
                return middle(*class).min(self.max);
            }
        }
        self.max
    }

    /// How many sizes are of each magnitude: a size, the middle of its class, and a count; the smallest first.
    #[must_use]
    pub fn counted(&self) -> Vec<(f64, u64)> {
        self.classes.iter().map(|(class, count)| (middle(*class), *count)).collect()
    }
}

fn middle(class: u16) -> f64 {
    let low = f64::from_bits(u64::from(class) << CLASS_SHIFT);
    if low == 0.0 || low.is_infinite() {
        low
    } else {
        f64::midpoint(low, f64::from_bits(u64::from(class + 1) << CLASS_SHIFT))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, ListArray, StringArray};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_bits_differ_even_where_the_numbers_are_equal() {
        let left: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.0), Some(f64::NAN), None, None, Some(1.0)]));
        let odd = f64::from_bits(0x7ff8_0000_0000_0001);
        let right: ArrayRef = Arc::new(Float64Array::from(vec![Some(-0.0), Some(odd), None, Some(0.0), Some(1.0)]));
        assert_eq!(differing(&left, &right).unwrap(), [0, 1, 3]);
        assert_eq!(differing(&left, &left.slice(0, 5)).unwrap(), [0; 0]);
        // Also where nothing else differs.
        assert_eq!(differing(&left.slice(0, 1), &right.slice(0, 1)).unwrap(), [0]);
        let lists = |last| -> ArrayRef {
            let rows = vec![Some(vec![Some(1.0), None]), None, Some(vec![]), Some(vec![Some(last)])];
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows))
        };
        assert_eq!(differing(&lists(2.0), &lists(3.0)).unwrap(), [3]);
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a"; 5]));
        assert_eq!(differing(&left, &texts).unwrap(), [0, 1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn a_quantile_is_right_to_a_sixteenth(mut sizes in prop::collection::vec(0.0..1e9_f64, 1..200), cut in 0..200_usize) {
            let (mut all, mut part) = (Sizes::default(), Sizes::default());
            let cut = cut.min(sizes.len());
            sizes[..cut].iter().for_each(|size| all.add(*size));
            sizes[cut..].iter().for_each(|size| part.add(*size));
            all.merge(&part);
            sizes.sort_by(f64::total_cmp);
            let quantiles = all.quantiles().unwrap();
            prop_assert_eq!(quantiles.max, sizes[sizes.len() - 1]);
            for (share, found) in [(0.5, quantiles.p50), (0.9, quantiles.p90), (0.99, quantiles.p99)] {
                let exact = sizes[((share * sizes.len() as f64).ceil() as usize).max(1) - 1];
                prop_assert!((found - exact).abs() <= exact / 16.0, "{share}: {found} for {exact}");
            }
        }
    }
}
