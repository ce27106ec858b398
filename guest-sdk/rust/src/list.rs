//! A list in one row of an input.

use std::fmt;
use std::ops::Range;

use crate::bits::Bits;
use crate::input::Scalar;

/// A list in one row, as in `List<'_, f64>`. Each element may be null.
///
/// In a test, a list without nulls is made of a slice of numbers: `List::from(&[1.0, 2.0][..])`.
pub struct List<'a, T: Scalar> {
    elements: T::Values<'a>,
    validity: Option<Bits<'a>>,
    start: usize,
    end: usize,
}

impl<'a, T: Scalar> List<'a, T> {
    /// The elements in `range` of a column's elements.
    #[inline]
    pub(crate) fn new(elements: T::Values<'a>, validity: Option<Bits<'a>>, range: Range<usize>) -> Self {
        Self { elements, validity, start: range.start, end: range.end }
    }

    /// The number of elements, nulls included.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is no element.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The elements, `None` where one is null. `.iter().flatten()` leaves the nulls out.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<T::Row<'a>>> + DoubleEndedIterator + use<'a, T> {
        let list = *self;
        (list.start..list.end).map(move |index| list.is_valid(index).then(|| T::get(list.elements, index)))
    }

    #[inline]
    fn is_valid(&self, index: usize) -> bool {
        self.validity.is_none_or(|bits| bits.get(index))
    }
}

impl<'a, N: 'a, T: Scalar<Values<'a> = &'a [N]>> List<'a, T> {
    /// The numbers as a slice, timestamps as microseconds; `None` if an element is null.
    #[inline]
    #[must_use]
    pub fn values(&self) -> Option<&'a [N]> {
        let complete = self.validity.is_none_or(|bits| (self.start..self.end).all(|index| bits.get(index)));
        complete.then(|| &self.elements[self.start..self.end])
    }
}

impl<'a, N: 'a, T: Scalar<Values<'a> = &'a [N]>> From<&'a [N]> for List<'a, T> {
    fn from(values: &'a [N]) -> Self {
        Self::new(values, None, 0..values.len())
    }
}

// By hand, since a derive would ask `T: Copy`.
impl<T: Scalar> Copy for List<'_, T> {}
impl<T: Scalar> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T: Scalar<Row<'a>: fmt::Debug>> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
