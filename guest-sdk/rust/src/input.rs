//! Reading inputs: which Rust types a value can be read as, and how.
//!
//! A contract column goes in once a batch; slices into it come out. Reading a row allocates nothing.
//!
//! The types the author writes say what to read, and their lifetimes nothing: a `Column<'_, &str>` yields
//! texts that live as long as the column. Hence the `Row<'a>` beside each `Self`.

use crate::bits::Bits;
use crate::contract::{Column as ContractColumn, DataType, ScalarType, ScalarValues, Values, VariableValues};
use crate::{Column, List, Timestamp};

/// A type that a transform takes: `T` where a row is never null, `Option<T>` where it may be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an input of a transform",
    label = "not an input type",
    note = "take bool, i32, i64, f32, f64, &str, &[u8], Timestamp, a List of one of them, or an Option of any of these",
    note = "a #[transform(columns)] takes a Column of any of these"
)]
pub trait Input {
    /// Its type in the contract.
    const TYPE: DataType;
    /// Whether a row may be null.
    const NULLABLE: bool;
    /// The values of a whole column.
    type Values<'a>: Copy;
    /// What is read.
    type Row<'a>: Copy;

    /// The first `rows` values of a column, if it holds that many of this type.
    fn values<'a>(values: &'a Values, rows: usize) -> Option<Self::Values<'a>>;

    /// The value of one row.
    fn get<'a>(values: Self::Values<'a>, validity: Option<Bits<'a>>, row: usize) -> Self::Row<'a>;
}

#[diagnostic::do_not_recommend]
impl<T: Value> Input for T {
    const TYPE: DataType = T::TYPE;
    const NULLABLE: bool = false;
    type Values<'a> = T::Values<'a>;
    type Row<'a> = T::Row<'a>;

    #[inline]
    fn values<'a>(values: &'a Values, rows: usize) -> Option<Self::Values<'a>> {
        T::values(values, rows)
    }

    #[inline]
    fn get<'a>(values: Self::Values<'a>, _validity: Option<Bits<'a>>, row: usize) -> Self::Row<'a> {
        T::get(values, row)
    }
}

impl<T: Value> Input for Option<T> {
    const TYPE: DataType = T::TYPE;
    const NULLABLE: bool = true;
    type Values<'a> = T::Values<'a>;
    type Row<'a> = Option<T::Row<'a>>;

    #[inline]
    fn values<'a>(values: &'a Values, rows: usize) -> Option<Self::Values<'a>> {
        T::values(values, rows)
    }

    #[inline]
    fn get<'a>(values: Self::Values<'a>, validity: Option<Bits<'a>>, row: usize) -> Self::Row<'a> {
        validity.is_none_or(|bits| bits.get(row)).then(|| T::get(values, row))
    }
}

/// A type of values that are not null: a scalar or a list.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an input of a transform",
    label = "not an input type",
    note = "take bool, i32, i64, f32, f64, &str, &[u8], Timestamp, a List of one of them, or an Option of any of these",
    note = "a #[transform(columns)] takes a Column of any of these"
)]
pub trait Value {
    /// Its type in the contract.
    const TYPE: DataType;
    /// The values of a whole column.
    type Values<'a>: Copy;
    /// What is read.
    type Row<'a>: Copy;

    /// The first `rows` values of a column, if it holds that many of this type.
    fn values<'a>(values: &'a Values, rows: usize) -> Option<Self::Values<'a>>;

    /// The value of one row.
    fn get<'a>(values: Self::Values<'a>, row: usize) -> Self::Row<'a>;
}

#[diagnostic::do_not_recommend]
impl<T: Scalar> Value for T {
    const TYPE: DataType = DataType::Scalar(T::TYPE);
    type Values<'a> = T::Values<'a>;
    type Row<'a> = T::Row<'a>;

    #[inline]
    fn values<'a>(values: &'a Values, rows: usize) -> Option<Self::Values<'a>> {
        match values {
            Values::Scalars(scalars) => T::values(scalars, rows),
            Values::Lists(_) => None,
        }
    }

    #[inline]
    fn get<'a>(values: Self::Values<'a>, row: usize) -> Self::Row<'a> {
        T::get(values, row)
    }
}

impl<T: Scalar> Value for List<'_, T> {
    const TYPE: DataType = DataType::List(T::TYPE);
    type Values<'a> = Lists<'a, T>;
    type Row<'a> = List<'a, T>;

    fn values<'a>(values: &'a Values, rows: usize) -> Option<Self::Values<'a>> {
        let Values::Lists(lists) = values else { return None };
        let offsets = lists.offsets.get(..=rows)?;
        let count = usize::try_from(*offsets.last()?).ok()?;
        let validity = match &lists.element_validity {
            Some(bytes) => Some(Bits::new(bytes, count)?),
            None => None,
        };
        Some(Lists { offsets, elements: T::values(&lists.elements, count)?, validity })
    }

    #[inline]
    fn get<'a>(lists: Self::Values<'a>, row: usize) -> Self::Row<'a> {
        List::new(lists.elements, lists.validity, range(lists.offsets, row))
    }
}

/// A type of single values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an input of a transform",
    label = "not an input type",
    note = "take bool, i32, i64, f32, f64, &str, &[u8], Timestamp, a List of one of them, or an Option of any of these",
    note = "a #[transform(columns)] takes a Column of any of these"
)]
pub trait Scalar {
    /// Its type in the contract.
    const TYPE: ScalarType;
    /// The values of a whole column.
    type Values<'a>: Copy;
    /// What is read.
    type Row<'a>: Copy;

    /// The first `count` values, if there are that many of this type.
    fn values<'a>(values: &'a ScalarValues, count: usize) -> Option<Self::Values<'a>>;

    /// One value.
    fn get<'a>(values: Self::Values<'a>, index: usize) -> Self::Row<'a>;
}

macro_rules! numbers {
    ($($number:ty: $variant:ident, $scalar:ident;)*) => {$(
        impl Scalar for $number {
            const TYPE: ScalarType = ScalarType::$scalar;
            type Values<'a> = &'a [$number];
            type Row<'a> = $number;

            #[inline]
            fn values<'a>(values: &'a ScalarValues, count: usize) -> Option<Self::Values<'a>> {
                let ScalarValues::$variant(values) = values else { return None };
                values.get(..count)
            }

            #[inline]
            fn get<'a>(values: Self::Values<'a>, index: usize) -> Self::Row<'a> {
                values[index]
            }
        }
    )*};
}

numbers! {
    i32: Int32s, Int32;
    i64: Int64s, Int64;
    f32: Float32s, Float32;
    f64: Float64s, Float64;
}

impl Scalar for Timestamp {
    const TYPE: ScalarType = ScalarType::Timestamp;
    type Values<'a> = &'a [i64];
    type Row<'a> = Self;

    #[inline]
    fn values<'a>(values: &'a ScalarValues, count: usize) -> Option<Self::Values<'a>> {
        let ScalarValues::Timestamps(values) = values else { return None };
        values.get(..count)
    }

    #[inline]
    fn get<'a>(values: Self::Values<'a>, index: usize) -> Self::Row<'a> {
        Self::from_micros(values[index])
    }
}

impl Scalar for bool {
    const TYPE: ScalarType = ScalarType::Boolean;
    type Values<'a> = Bits<'a>;
    type Row<'a> = Self;

    fn values<'a>(values: &'a ScalarValues, count: usize) -> Option<Self::Values<'a>> {
        let ScalarValues::Booleans(bytes) = values else { return None };
        Bits::new(bytes, count)
    }

    #[inline]
    fn get<'a>(values: Self::Values<'a>, index: usize) -> Self::Row<'a> {
        values.get(index)
    }
}

impl Scalar for &str {
    const TYPE: ScalarType = ScalarType::String;
    type Values<'a> = Variable<'a, str>;
    type Row<'a> = &'a str;

    fn values<'a>(values: &'a ScalarValues, count: usize) -> Option<Self::Values<'a>> {
        let ScalarValues::Strings(VariableValues { offsets, data }) = values else { return None };
        Some(Variable { offsets: offsets.get(..=count)?, data: text(data)? })
    }

    #[inline]
    fn get<'a>(values: Self::Values<'a>, index: usize) -> Self::Row<'a> {
        &values.data[range(values.offsets, index)]
    }
}

impl Scalar for &[u8] {
    const TYPE: ScalarType = ScalarType::Bytes;
    type Values<'a> = Variable<'a, [u8]>;
    type Row<'a> = &'a [u8];

    fn values<'a>(values: &'a ScalarValues, count: usize) -> Option<Self::Values<'a>> {
        let ScalarValues::Bytes(VariableValues { offsets, data }) = values else { return None };
        Some(Variable { offsets: offsets.get(..=count)?, data })
    }

    #[inline]
    fn get<'a>(values: Self::Values<'a>, index: usize) -> Self::Row<'a> {
        &values.data[range(values.offsets, index)]
    }
}

/// The texts of a column as one; each slice then only looks at its two ends. In a component it is the host's word that
/// they are UTF-8, since to look at every byte again takes as long as many a transform.
#[cfg(target_family = "wasm")]
#[expect(unsafe_code, clippy::unnecessary_wraps, reason = "the contract says that strings are valid UTF-8")]
fn text(data: &[u8]) -> Option<&str> {
    // SAFETY: the host passes nothing else, as the contract says.
    Some(unsafe { str::from_utf8_unchecked(data) })
}

#[cfg(not(target_family = "wasm"))]
fn text(data: &[u8]) -> Option<&str> {
    str::from_utf8(data).ok()
}

/// Texts or byte strings, one after the other.
#[derive(Debug)]
pub struct Variable<'a, D: ?Sized> {
    offsets: &'a [i32],
    data: &'a D,
}

/// Lists, one after the other.
#[derive(Debug)]
pub struct Lists<'a, T: Scalar> {
    offsets: &'a [i32],
    elements: T::Values<'a>,
    validity: Option<Bits<'a>>,
}

// By hand, since a derive would ask `D: Copy` and `T::Values: Clone` of them.
impl<D: ?Sized> Copy for Variable<'_, D> {}
impl<D: ?Sized> Clone for Variable<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Scalar> Copy for Lists<'_, T> {}
impl<T: Scalar> Clone for Lists<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

/// Where value `index` lies. The contract's offsets are never negative; one that is would be out of bounds.
#[inline]
fn range(offsets: &[i32], index: usize) -> std::ops::Range<usize> {
    offsets[index] as usize..offsets[index + 1] as usize
}

/// What a parameter of the author's function says about its input: the value of a row, or a whole column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an input of a transform",
    label = "not an input type",
    note = "take bool, i32, i64, f32, f64, &str, &[u8], Timestamp, a List of one of them, or an Option of any of these",
    note = "a #[transform(columns)] takes a Column of any of these"
)]
pub trait Argument<Form> {
    /// The type of one row.
    type Row: Input;
}

#[diagnostic::do_not_recommend]
impl<T: Input> Argument<crate::glue::Rows> for T {
    type Row = T;
}

impl<T: Input> Argument<crate::glue::Columns> for Column<'_, T> {
    type Row = T;
}

/// The columns of a batch, taken one by one in the signature's order.
#[derive(Debug)]
pub struct Inputs<'a> {
    rows: usize,
    columns: std::slice::Iter<'a, ContractColumn>,
}

impl<'a> Inputs<'a> {
    /// The inputs of a batch of `rows` rows.
    #[must_use]
    pub fn new(rows: usize, columns: &'a [ContractColumn]) -> Self {
        Self { rows, columns: columns.iter() }
    }

    /// The next column, which is the input `name`; an error if the host breaks the contract.
    pub fn next<T: Argument<Form>, Form>(&mut self, name: &str) -> Result<Column<'a, T::Row>, String> {
        self.columns
            .next()
            .and_then(|column| Column::open(column, self.rows))
            .ok_or_else(|| format!("input `{name}` is not a column of {} rows of the type in the signature", self.rows))
    }
}
