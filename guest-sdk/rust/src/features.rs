//! What the author's function returns: one column or several, a row at a time or whole.
//!
//! [`Feature`] is one column, [`Outputs`] are all of them. Both know two forms: [`Rows`], where a return
//! value is one row, and [`Columns`], where it is the whole batch.

use std::fmt::Display;

use crate::bits::BitsBuilder;
use crate::contract::{Column, Field};
use crate::glue::{Columns, Rows};
use crate::output::OutputValue;

/// An output column while it is written; every row is written once, in order.
#[derive(Debug)]
pub struct Builder<T: OutputValue> {
    values: T::Values,
    nulls: BitsBuilder,
    rows: usize,
}

impl<T: OutputValue> Builder<T> {
    /// A column of `rows` rows, none written.
    #[inline]
    #[must_use]
    pub fn new(rows: usize) -> Self {
        Self { values: T::values(rows), nulls: BitsBuilder::zeros(rows), rows }
    }

    /// Writes a row.
    #[inline]
    fn put(&mut self, value: T, row: usize) {
        value.put(&mut self.values, row);
    }

    /// Writes a row as null.
    #[inline]
    pub fn put_null(&mut self, row: usize) {
        self.nulls.set(row);
        T::put_null(&mut self.values, row);
    }

    /// The column.
    #[must_use]
    pub fn finish(self) -> Column {
        Column { values: T::finish(self.values), validity: self.nulls.finish_inverted() }
    }

    fn check_length(&self, returned: usize) -> Result<(), String> {
        if returned == self.rows {
            return Ok(());
        }
        Err(format!("the transform returned {returned} values for {} rows: return one value a row", self.rows))
    }
}

/// A type that one output column is made of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be one of the outputs of a transform",
    label = "not an output type",
    note = "use bool, i32, i64, f32, f64, String, &str, Vec<u8>, &[u8], Timestamp, or a Vec of one of them; an Option of any of these where it may be null",
    note = "in a #[transform(columns)] each output is a Vec of any of these, one element a row"
)]
pub trait Feature<Form>: Sized {
    /// A row's value where it is not null.
    type Value: OutputValue;
    /// Whether a row may be null.
    const NULLABLE: bool;

    /// Writes one row, or in the form of columns all rows.
    ///
    /// # Errors
    /// Says why it can't be written; a row always can.
    fn write(self, builder: &mut Builder<Self::Value>, row: usize) -> Result<(), String>;
}

#[diagnostic::do_not_recommend]
impl<T: OutputValue> Feature<Rows> for T {
    type Value = T;
    const NULLABLE: bool = false;

    #[inline]
    fn write(self, builder: &mut Builder<T>, row: usize) -> Result<(), String> {
        builder.put(self, row);
        Ok(())
    }
}

impl<T: OutputValue> Feature<Rows> for Option<T> {
    type Value = T;
    const NULLABLE: bool = true;

    #[inline]
    fn write(self, builder: &mut Builder<T>, row: usize) -> Result<(), String> {
        match self {
            Some(value) => builder.put(value, row),
            None => builder.put_null(row),
        }
        Ok(())
    }
}

impl<T: OutputValue> Feature<Columns> for Vec<T> {
    type Value = T;
    const NULLABLE: bool = false;

    fn write(self, builder: &mut Builder<T>, _row: usize) -> Result<(), String> {
        builder.check_length(self.len())?;
        T::put_all(self, &mut builder.values);
        Ok(())
    }
}

impl<T: OutputValue> Feature<Columns> for Vec<Option<T>> {
    type Value = T;
    const NULLABLE: bool = true;

    fn write(self, builder: &mut Builder<T>, _row: usize) -> Result<(), String> {
        builder.check_length(self.len())?;
        self.into_iter().enumerate().try_for_each(|(row, value)| Feature::write(value, builder, row))
    }
}

/// A name and its documentation.
pub type Named = (&'static str, &'static str);

/// The field of an output that is returned as an `F`.
#[must_use]
pub fn output<F: Feature<Form>, Form>((name, documentation): Named, nullable: bool) -> Field {
    Field {
        name: name.to_owned(),
        data_type: F::Value::TYPE,
        nullable: nullable || F::NULLABLE,
        logical_type: None,
        documentation: documentation.to_owned(),
    }
}

/// A type that all outputs of a transform are made of.
#[diagnostic::on_unimplemented(
    message = "a transform can't return `{Self}`",
    label = "not a return type of a transform",
    note = "return bool, i32, i64, f32, f64, String, &str, Vec<u8>, &[u8], Timestamp, or a Vec of one of them; an Option of any of these where it may be null; a tuple, or a struct with #[derive(Features)], of several; or a Result of any of these",
    note = "a #[transform(columns)] returns a Vec of rows, or several of them in a tuple or struct"
)]
pub trait Outputs<Form>: Sized {
    /// How many columns there are.
    const COUNT: usize;
    /// Whether the type names them; otherwise the attribute does.
    const NAMES_ITSELF: bool;
    /// The columns while they are written.
    type Builders;

    /// The outputs' fields, named by the attribute unless the type names them; `nullable` makes all of them so.
    fn fields(names: &[Named], nullable: bool) -> Vec<Field>;

    /// Columns of which no row is written.
    fn builders(rows: usize) -> Self::Builders;

    /// Writes one row, or in the form of columns all rows.
    ///
    /// # Errors
    /// Says why the row, or in the form of columns the batch, failed. Then nothing of it is written.
    fn write(self, builders: &mut Self::Builders, row: usize) -> Result<(), String>;

    /// Writes one row as null in all columns.
    fn write_null(builders: &mut Self::Builders, row: usize);

    /// The columns.
    fn finish(builders: Self::Builders) -> Vec<Column>;
}

/// What a type that is one column says as the only output.
macro_rules! single_output {
    ($form:ty) => {
        const COUNT: usize = 1;
        const NAMES_ITSELF: bool = false;
        type Builders = Builder<<Self as Feature<$form>>::Value>;

        fn fields(names: &[Named], nullable: bool) -> Vec<Field> {
            names.iter().map(|name| output::<Self, $form>(*name, nullable)).collect()
        }

        #[inline]
        fn builders(rows: usize) -> Self::Builders {
            Builder::new(rows)
        }

        #[inline]
        fn write(self, builders: &mut Self::Builders, row: usize) -> Result<(), String> {
            Feature::<$form>::write(self, builders, row)
        }

        #[inline]
        fn write_null(builders: &mut Self::Builders, row: usize) {
            builders.put_null(row);
        }

        fn finish(builders: Self::Builders) -> Vec<Column> {
            vec![builders.finish()]
        }
    };
}

#[diagnostic::do_not_recommend]
impl<T: OutputValue> Outputs<Rows> for T {
    single_output!(Rows);
}

impl<T> Outputs<Columns> for Vec<T>
where
    Self: Feature<Columns>,
{
    single_output!(Columns);
}

/// What `Option` and `Result` of outputs have in common: the same columns, all nullable.
macro_rules! nullable_outputs {
    () => {
        const COUNT: usize = O::COUNT;
        const NAMES_ITSELF: bool = O::NAMES_ITSELF;
        type Builders = O::Builders;

        fn fields(names: &[Named], _nullable: bool) -> Vec<Field> {
            O::fields(names, true)
        }

        #[inline]
        fn builders(rows: usize) -> Self::Builders {
            O::builders(rows)
        }

        #[inline]
        fn write_null(builders: &mut Self::Builders, row: usize) {
            O::write_null(builders, row);
        }

        fn finish(builders: Self::Builders) -> Vec<Column> {
            O::finish(builders)
        }
    };
}

impl<O: Outputs<Rows>> Outputs<Rows> for Option<O> {
    nullable_outputs!();

    #[inline]
    fn write(self, builders: &mut Self::Builders, row: usize) -> Result<(), String> {
        match self {
            Some(outputs) => outputs.write(builders, row),
            None => {
                O::write_null(builders, row);
                Ok(())
            }
        }
    }
}

impl<Form, O: Outputs<Form>, E: Display> Outputs<Form> for Result<O, E> {
    nullable_outputs!();

    #[inline]
    fn write(self, builders: &mut Self::Builders, row: usize) -> Result<(), String> {
        self.map_err(|error| error.to_string())?.write(builders, row)
    }
}

macro_rules! tuples {
    ($($count:literal: $($feature:ident $index:tt)*;)*) => {$(
        impl<Form, $($feature: Feature<Form>),*> Outputs<Form> for ($($feature,)*) {
            const COUNT: usize = $count;
            const NAMES_ITSELF: bool = false;
            type Builders = ($(Builder<$feature::Value>,)*);

            fn fields(names: &[Named], nullable: bool) -> Vec<Field> {
                vec![$(output::<$feature, Form>(names[$index], nullable)),*]
            }

            #[inline]
            fn builders(rows: usize) -> Self::Builders {
                ($(Builder::<$feature::Value>::new(rows),)*)
            }

            #[inline]
            fn write(self, builders: &mut Self::Builders, row: usize) -> Result<(), String> {
                $(self.$index.write(&mut builders.$index, row)?;)*
                Ok(())
            }

            #[inline]
            fn write_null(builders: &mut Self::Builders, row: usize) {
                $(builders.$index.put_null(row);)*
            }

            fn finish(builders: Self::Builders) -> Vec<Column> {
                vec![$(builders.$index.finish()),*]
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
    7: A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
}
