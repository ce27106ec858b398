//! One value.

use std::borrow::Cow;

use prost::DecodeError;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, skip_field};

use crate::wire::scalar::Scalar;

/// A value, or none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Value {
    /// the value; `None` for null
    pub kind: Option<Kind>,
    /// whether it is of one of Feast's types that no feature has here, such as a map
    is_foreign: bool,
}

/// The last number of Feast's types.
const TAG_MAX: u32 = 48;

macro_rules! lists {
    ($($(#[$documentation:meta])* $name:ident($kind:tt, $element:ty)),* $(,)?) => {
        $(
            $(#[$documentation])*
            #[derive(Clone, PartialEq, prost::Message)]
            pub struct $name {
                /// the elements
                #[prost($kind, repeated, tag = "1")]
                pub val: Vec<$element>,
            }
        )*
    };
}

/// Several texts.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StringList {
    /// the elements
    #[prost(string, repeated, tag = "1")]
    pub val: Vec<String>,
}

/// Several runs of bytes.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BytesList {
    /// the elements
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub val: Vec<Vec<u8>>,
}

lists! {
    /// Several integers of 32 bits.
    Int32List(int32, i32),
    /// Several integers of 64 bits, or instants in seconds.
    Int64List(int64, i64),
    /// Several doubles.
    DoubleList(double, f64),
    /// Several singles.
    FloatList(float, f32),
    /// Several booleans.
    BoolList(bool, bool),
}

/// What a value is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Kind {
    /// Bytes.
    #[prost(bytes = "vec", tag = "1")]
    Bytes(Vec<u8>),
    /// A text.
    #[prost(string, tag = "2")]
    String(String),
    /// An integer of 32 bits.
    #[prost(int32, tag = "3")]
    Int32(i32),
    /// An integer of 64 bits.
    #[prost(int64, tag = "4")]
    Int64(i64),
    /// A double.
    #[prost(double, tag = "5")]
    Double(f64),
    /// A single.
    #[prost(float, tag = "6")]
    Float(f32),
    /// A boolean.
    #[prost(bool, tag = "7")]
    Bool(bool),
    /// An instant in whole seconds since 1970.
    #[prost(int64, tag = "8")]
    UnixTimestamp(i64),
    /// Several.
    #[prost(message, tag = "11")]
    BytesList(BytesList),
    /// Several.
    #[prost(message, tag = "12")]
    StringList(StringList),
    /// Several.
    #[prost(message, tag = "13")]
    Int32List(Int32List),
    /// Several.
    #[prost(message, tag = "14")]
    Int64List(Int64List),
    /// Several.
    #[prost(message, tag = "15")]
    DoubleList(DoubleList),
    /// Several.
    #[prost(message, tag = "16")]
    FloatList(FloatList),
    /// Several.
    #[prost(message, tag = "17")]
    BoolList(BoolList),
    /// Several, in whole seconds since 1970.
    #[prost(message, tag = "18")]
    UnixTimestampList(Int64List),
    /// No value. (It is of an enumeration with one member.)
    #[prost(int32, tag = "19")]
    Null(i32),
}

impl Value {
    /// The value, seen from outside.
    pub(in crate::wire) fn scalar(&self) -> Scalar<'_> {
        match &self.kind {
            None if self.is_foreign => Scalar::Object,
            None | Some(Kind::Null(_)) => Scalar::Null,
            Some(Kind::Bytes(bytes)) => Scalar::Bytes(bytes),
            Some(Kind::String(text)) => Scalar::Text(Cow::Borrowed(text)),
            Some(Kind::Int32(value)) => Scalar::Integer((*value).into()),
            Some(Kind::Int64(value) | Kind::UnixTimestamp(value)) => Scalar::Integer(*value),
            Some(Kind::Double(value)) => Scalar::Float(*value),
            Some(Kind::Float(value)) => Scalar::Float((*value).into()),
            Some(Kind::Bool(value)) => Scalar::Bool(*value),
            Some(_) => Scalar::List,
        }
    }

    /// The elements, where it is a list.
    pub(in crate::wire) fn elements(&self) -> Option<Vec<Scalar<'_>>> {
        let integers = |list: &Int64List| list.val.iter().map(|value| Scalar::Integer(*value)).collect();
        Some(match self.kind.as_ref()? {
            Kind::BytesList(list) => list.val.iter().map(|bytes| Scalar::Bytes(bytes)).collect(),
            Kind::StringList(list) => list.val.iter().map(|text| Scalar::Text(Cow::Borrowed(text))).collect(),
            Kind::Int32List(list) => list.val.iter().map(|value| Scalar::Integer((*value).into())).collect(),
            Kind::Int64List(list) | Kind::UnixTimestampList(list) => integers(list),
            Kind::DoubleList(list) => list.val.iter().map(|value| Scalar::Float(*value)).collect(),
            Kind::FloatList(list) => list.val.iter().map(|value| Scalar::Float((*value).into())).collect(),
            Kind::BoolList(list) => list.val.iter().map(|value| Scalar::Bool(*value)).collect(),
            _ => return None,
        })
    }
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Self {
        Self { kind: Some(kind), is_foreign: false }
    }
}

/// By hand, since a derived message takes a value of a type it doesn't know for none at all.
impl prost::Message for Value {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        if let Some(kind) = &self.kind {
            kind.encode(buffer);
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        if matches!(tag, 1..=8 | 11..=19) {
            return Kind::merge(&mut self.kind, tag, wire_type, buffer, context);
        }
        self.is_foreign |= tag <= TAG_MAX;
        skip_field(wire_type, tag, buffer, context)
    }

    fn encoded_len(&self) -> usize {
        self.kind.as_ref().map_or(0, Kind::encoded_len)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_value_of_a_type_that_no_feature_has_is_not_taken_for_a_null() {
        // Number 20, a map: empty.
        let map = Value::decode([0xa2, 0x01, 0x00].as_slice()).unwrap();
        assert_eq!(map.scalar(), Scalar::Object);
        assert_eq!(Value::decode([].as_slice()).unwrap().scalar(), Scalar::Null);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let kinds = [
            Kind::Bytes(vec![0, 255]),
            Kind::String("é".into()),
            Kind::Int32(i32::MIN),
            Kind::Int64(i64::MAX),
            Kind::Double(-0.0),
            Kind::Float(f32::MIN_POSITIVE),
            Kind::Bool(false),
            Kind::UnixTimestamp(-1),
            Kind::DoubleList(DoubleList { val: vec![1.5, f64::INFINITY] }),
            Kind::Null(0),
        ];
        for kind in kinds {
            let value = Value::from(kind);
            assert_eq!(Value::decode(value.encode_to_vec().as_slice()).unwrap(), value);
            assert_eq!(value.encoded_len(), value.encode_to_vec().len());
        }
    }
}
