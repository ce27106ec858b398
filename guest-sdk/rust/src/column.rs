//! A whole input column, for transforms in the column form.

use std::fmt;

use crate::bits::Bits;
use crate::contract;
use crate::input::Input;

/// An input column: `Column<'_, f64>` where no row is null, `Column<'_, Option<f64>>` where rows may be.
pub struct Column<'a, T: Input> {
    values: T::Values<'a>,
    validity: Option<Bits<'a>>,
    rows: usize,
}

impl<'a, T: Input> Column<'a, T> {
    /// The first `rows` rows of a column, if it holds that many of this type.
    pub(crate) fn open(column: &'a contract::Column, rows: usize) -> Option<Self> {
        let validity = match &column.validity {
            Some(bytes) => Some(Bits::new(bytes, rows)?),
            None => None,
        };
        Some(Self { values: T::values(&column.values, rows)?, validity, rows })
    }

    /// The number of rows.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The value of a row. Panics if there is no such row.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> T::Row<'a> {
        T::get(self.values, self.validity, row)
    }

    /// The values of all rows, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T::Row<'a>> + DoubleEndedIterator + use<'a, T> {
        let column = *self;
        (0..column.rows).map(move |row| column.get(row))
    }

    /// Whether a row is not null. Panics if there is no such row.
    #[inline]
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        assert!(row < self.rows, "row {row} of a column of {} rows", self.rows);
        self.validity.is_none_or(|bits| bits.get(row))
    }

    /// One bit a row, least significant first, set where the row is not null; `None` if none is null.
    #[must_use]
    pub fn validity(&self) -> Option<&'a [u8]> {
        self.validity.map(Bits::as_bytes)
    }
}

impl<'a, N: 'a, T: Input<Values<'a> = &'a [N]>> Column<'a, T> {
    /// The numbers as they lie in memory, timestamps as microseconds; 0 at a null row.
    #[inline]
    #[must_use]
    pub fn values(&self) -> &'a [N] {
        self.values
    }
}

// By hand, since a derive would ask `T: Copy`.
impl<T: Input> Copy for Column<'_, T> {}
impl<T: Input> Clone for Column<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T: Input<Row<'a>: fmt::Debug>> fmt::Debug for Column<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
