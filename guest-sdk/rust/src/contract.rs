//! The contract's types, as `wit/transform.wit` declares and explains them.
//!
//! The bindings fill and empty these very types, so no column is copied on its way. Each name, each
//! order of cases and each number's width must therefore be that of the WIT file: the compiler checks
//! the names, and only a component that is run checks the rest.

/// The type of one value that is not a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarType {
    /// true or false
    Boolean,
    /// 32-bit signed integer
    Int32,
    /// 64-bit signed integer
    Int64,
    /// IEEE 754 single precision
    Float32,
    /// IEEE 754 double precision
    Float64,
    /// UTF-8 text
    String,
    /// arbitrary bytes
    Bytes,
    /// microseconds since 1970-01-01T00:00:00 UTC
    Timestamp,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// One value a row.
    Scalar(ScalarType),
    /// A list of values a row.
    List(ScalarType),
}

/// One input or output of a transform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// unique among the inputs, and among the outputs
    pub name: String,
    /// the type of its values
    pub data_type: DataType,
    /// whether a row may be null
    pub nullable: bool,
    /// `json` where a string holds a JSON document
    pub logical_type: Option<String>,
    /// its meaning and unit
    pub documentation: String,
}

/// What a transform takes and yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// the transform's name
    pub name: String,
    /// the version its author gave it
    pub version: String,
    /// what it computes
    pub documentation: String,
    /// the columns it takes, in order
    pub inputs: Vec<Field>,
    /// the columns it yields, in order
    pub outputs: Vec<Field>,
}

/// Values of varying length: value `i` is `data[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableValues {
    /// one more than there are values
    pub offsets: Vec<i32>,
    /// the bytes of all values, one after the other
    pub data: Vec<u8>,
}

/// Values of one scalar type; 0, false or empty at a null row.
#[derive(Debug, Clone, PartialEq)]
pub enum ScalarValues {
    /// A bitmap, least significant bit first.
    Booleans(Vec<u8>),
    /// One number a value.
    Int32s(Vec<i32>),
    /// One number a value.
    Int64s(Vec<i64>),
    /// One number a value.
    Float32s(Vec<f32>),
    /// One number a value.
    Float64s(Vec<f64>),
    /// UTF-8 text.
    Strings(VariableValues),
    /// Arbitrary bytes.
    Bytes(VariableValues),
    /// Microseconds since 1970-01-01T00:00:00 UTC.
    Timestamps(Vec<i64>),
}

/// Lists of scalars: row `i` holds the elements `offsets[i]..offsets[i + 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ListValues {
    /// one more than there are rows
    pub offsets: Vec<i32>,
    /// the elements of all rows
    pub elements: ScalarValues,
    /// one bit an element, set where it is not null; absent if none is
    pub element_validity: Option<Vec<u8>>,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// One value a row.
    Scalars(ScalarValues),
    /// One list a row.
    Lists(ListValues),
}

/// One column: as many values as the batch has rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// the values
    pub values: Values,
    /// one bit a row, set where it is not null; absent if none is
    pub validity: Option<Vec<u8>>,
}

/// A row that could not be computed; all its outputs become null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFailure {
    /// the row's number in the batch, from 0
    pub row: u32,
    /// why, in a sentence
    pub reason: String,
}

/// What a transform returns when it did its work.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// the columns of the signature's outputs, in that order
    pub columns: Vec<Column>,
    /// the rows that failed
    pub failures: Vec<RowFailure>,
}
