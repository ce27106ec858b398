//! Writing outputs: which Rust types a value can be returned as, and how a column is made of them.
//!
//! A column starts as `rows` zeros, so that a null row costs nothing and no row asks for memory. Texts,
//! bytes and lists are appended instead, which is why rows must be written in order, each exactly once.

use crate::Timestamp;
use crate::bits::BitsBuilder;
use crate::contract::{DataType, ListValues, ScalarType, ScalarValues, Values, VariableValues};

/// A type of values that are not null: a scalar or a list.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an output of a transform",
    label = "not an output type",
    note = "return bool, i32, i64, f32, f64, String, &str, Vec<u8>, &[u8], Timestamp, or a Vec of one of them; an Option of any of these where it may be null; a tuple, or a struct with #[derive(Features)], of several; or a Result of any of these",
    note = "a #[transform(columns)] returns a Vec of rows, or several of them in a tuple or struct"
)]
pub trait OutputValue: Sized {
    /// Its type in the contract.
    const TYPE: DataType;
    /// The values of a column, as far as they are written.
    type Values;

    /// Room for the values of `rows` rows.
    fn values(rows: usize) -> Self::Values;

    /// Writes the value of one row.
    fn put(self, values: &mut Self::Values, row: usize);

    /// Writes what stands at a null row.
    fn put_null(values: &mut Self::Values, row: usize);

    /// Writes all rows.
    fn put_all(all: Vec<Self>, values: &mut Self::Values);

    /// The values of the column.
    fn finish(values: Self::Values) -> Values;
}

/// A type of single values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an element of a list that a transform returns",
    label = "not an element type",
    note = "return a Vec of bool, i32, i64, f32, f64, String, &str, Vec<u8>, &[u8] or Timestamp, or of an Option of one of them"
)]
pub trait ScalarOutput: Sized {
    /// Its type in the contract.
    const TYPE: ScalarType;
    /// The values of a column, as far as they are written.
    type Values: Default;

    /// Room for `count` values.
    fn values(count: usize) -> Self::Values;

    /// Writes value `index` of those there is room for.
    fn put(self, values: &mut Self::Values, index: usize);

    /// Writes what stands at a null.
    fn put_null(values: &mut Self::Values, index: usize);

    /// Appends a value, or what stands at a null.
    fn push(value: Option<Self>, values: &mut Self::Values);

    /// Writes all values there is room for.
    fn put_all(all: Vec<Self>, values: &mut Self::Values) {
        all.into_iter().enumerate().for_each(|(index, value)| value.put(values, index));
    }

    /// The values of the column.
    fn finish(values: Self::Values) -> ScalarValues;
}

macro_rules! numbers {
    ($($number:ty: $variant:ident, $scalar:ident;)*) => {$(
        impl ScalarOutput for $number {
            const TYPE: ScalarType = ScalarType::$scalar;
            type Values = Vec<$number>;

            #[inline]
            fn values(count: usize) -> Self::Values {
                vec![<$number>::default(); count]
            }

            #[inline]
            fn put(self, values: &mut Self::Values, index: usize) {
                values[index] = self;
            }

            #[inline]
            fn put_null(_values: &mut Self::Values, _index: usize) {}

            #[inline]
            fn push(value: Option<Self>, values: &mut Self::Values) {
                values.push(value.unwrap_or_default());
            }

            fn put_all(all: Vec<Self>, values: &mut Self::Values) {
                *values = all;
            }

            fn finish(values: Self::Values) -> ScalarValues {
                ScalarValues::$variant(values)
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

impl ScalarOutput for Timestamp {
    const TYPE: ScalarType = ScalarType::Timestamp;
    type Values = Vec<i64>;

    #[inline]
    fn values(count: usize) -> Self::Values {
        vec![0; count]
    }

    #[inline]
    fn put(self, values: &mut Self::Values, index: usize) {
        values[index] = self.as_micros();
    }

    #[inline]
    fn put_null(_values: &mut Self::Values, _index: usize) {}

    #[inline]
    fn push(value: Option<Self>, values: &mut Self::Values) {
        values.push(value.unwrap_or_default().as_micros());
    }

    fn finish(values: Self::Values) -> ScalarValues {
        ScalarValues::Timestamps(values)
    }
}

impl ScalarOutput for bool {
    const TYPE: ScalarType = ScalarType::Boolean;
    type Values = BitsBuilder;

    fn values(count: usize) -> Self::Values {
        BitsBuilder::zeros(count)
    }

    #[inline]
    fn put(self, values: &mut Self::Values, index: usize) {
        if self {
            values.set(index);
        }
    }

    #[inline]
    fn put_null(_values: &mut Self::Values, _index: usize) {}

    fn push(value: Option<Self>, values: &mut Self::Values) {
        values.push(value.unwrap_or_default());
    }

    fn finish(values: Self::Values) -> ScalarValues {
        ScalarValues::Booleans(values.finish())
    }
}

/// Texts or byte strings, appended one after the other.
#[derive(Debug)]
pub struct VariableBuilder(VariableValues);

impl Default for VariableBuilder {
    fn default() -> Self {
        Self(VariableValues { offsets: vec![0], data: Vec::new() })
    }
}

impl VariableBuilder {
    fn with_room_for(count: usize) -> Self {
        let mut offsets = Vec::with_capacity(count + 1);
        offsets.push(0);
        Self(VariableValues { offsets, data: Vec::new() })
    }

    fn append(&mut self, bytes: &[u8]) {
        self.0.data.extend_from_slice(bytes);
        self.0.offsets.push(offset(self.0.data.len()));
    }
}

macro_rules! variable {
    ($($value:ty: $variant:ident, $scalar:ident;)*) => {$(
        impl ScalarOutput for $value {
            const TYPE: ScalarType = ScalarType::$scalar;
            type Values = VariableBuilder;

            fn values(count: usize) -> Self::Values {
                VariableBuilder::with_room_for(count)
            }

            #[inline]
            fn put(self, values: &mut Self::Values, _index: usize) {
                values.append(self.as_ref());
            }

            #[inline]
            fn put_null(values: &mut Self::Values, _index: usize) {
                values.append(&[]);
            }

            #[inline]
            fn push(value: Option<Self>, values: &mut Self::Values) {
                values.append(value.as_ref().map_or(&[], |value| value.as_ref()));
            }

            fn finish(values: Self::Values) -> ScalarValues {
                ScalarValues::$variant(values.0)
            }
        }
    )*};
}

variable! {
    String: Strings, String;
    &str: Strings, String;
    Vec<u8>: Bytes, Bytes;
    &[u8]: Bytes, Bytes;
}

// Each by name, since `Vec<u8>` is a scalar and every other `Vec` a list, which the compiler could not tell apart.
macro_rules! scalars_are_values {
    ($($value:ty),*) => {$(
        impl<'a> OutputValue for $value {
            const TYPE: DataType = DataType::Scalar(<$value as ScalarOutput>::TYPE);
            type Values = <$value as ScalarOutput>::Values;

            #[inline]
            fn values(rows: usize) -> Self::Values {
                <$value as ScalarOutput>::values(rows)
            }

            #[inline]
            fn put(self, values: &mut Self::Values, row: usize) {
                ScalarOutput::put(self, values, row);
            }

            #[inline]
            fn put_null(values: &mut Self::Values, row: usize) {
                <$value as ScalarOutput>::put_null(values, row);
            }

            fn put_all(all: Vec<Self>, values: &mut Self::Values) {
                <$value as ScalarOutput>::put_all(all, values);
            }

            fn finish(values: Self::Values) -> Values {
                Values::Scalars(<$value as ScalarOutput>::finish(values))
            }
        }
    )*};
}

scalars_are_values!(bool, i32, i64, f32, f64, String, &'a str, Vec<u8>, &'a [u8], Timestamp);

/// Lists, appended one after the other.
#[derive(Debug)]
pub struct ListBuilder<V> {
    offsets: Vec<i32>,
    elements: V,
    count: usize,
    nulls: BitsBuilder,
}

impl<V: Default> ListBuilder<V> {
    fn with_room_for(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { offsets, elements: V::default(), count: 0, nulls: BitsBuilder::default() }
    }

    fn append<T: ScalarOutput<Values = V>>(&mut self, list: impl ExactSizeIterator<Item = Option<T>>) {
        self.count += list.len();
        self.offsets.push(offset(self.count));
        for element in list {
            self.nulls.push(element.is_none());
            T::push(element, &mut self.elements);
        }
    }

    fn finish<T: ScalarOutput<Values = V>>(self) -> Values {
        Values::Lists(ListValues {
            offsets: self.offsets,
            elements: T::finish(self.elements),
            element_validity: self.nulls.finish_inverted(),
        })
    }
}

// The same twice: lists whose elements are never null, and lists whose elements may be.
macro_rules! lists_are_values {
    ($($list:ty, $into:expr;)*) => {$(
        impl<T: ScalarOutput> OutputValue for $list {
            const TYPE: DataType = DataType::List(T::TYPE);
            type Values = ListBuilder<T::Values>;

            fn values(rows: usize) -> Self::Values {
                ListBuilder::with_room_for(rows)
            }

            fn put(self, values: &mut Self::Values, _row: usize) {
                values.append(self.into_iter().map($into));
            }

            fn put_null(values: &mut Self::Values, _row: usize) {
                values.append::<T>([].into_iter());
            }

            fn put_all(all: Vec<Self>, values: &mut Self::Values) {
                all.into_iter().for_each(|list| list.put(values, 0));
            }

            fn finish(values: Self::Values) -> Values {
                values.finish::<T>()
            }
        }
    )*};
}

lists_are_values! {
    Vec<T>, Some;
    Vec<Option<T>>, std::convert::identity;
}

/// An offset as the contract has it. Past `i32` the panic fails the batch and says why: no row is to
/// blame, and a smaller batch may do.
#[inline]
fn offset(position: usize) -> i32 {
    i32::try_from(position).unwrap_or_else(|_| panic!("an output column holds more than 2 GiB: call with fewer rows"))
}
