//! Every type passes through Go unchanged, to the bit: a value a row and a list a row, by row and by column, in batches
//! of any length.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, make_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use proptest::prelude::*;
use skewless_runtime::{Limits, Transform};

use crate::authors::go;
use crate::support::table;

const TYPES: [&str; 8] = ["bool", "int32", "int64", "float32", "float64", "string", "[]byte", "skewless.Timestamp"];

/// A Go file that hands on a value and a list of each type, row by row.
fn rows() -> String {
    let (mut parameters, mut fields, mut values) = (String::new(), String::new(), String::new());
    for (index, name) in TYPES.iter().enumerate() {
        parameters += &format!("\tvalue{index} *{name},\n\tlist{index} *skewless.List[{name}],\n");
        fields += &format!("\tValue{index} *{name}\n\tList{index} *[]*{name}\n");
        values += &format!("\t\tvalue{index}, elements(list{index}),\n");
    }
    format!(
        "import \"skewless\"\n\ntype Same struct {{\n{fields}}}\n\n//skewless:transform\nfunc Echo(\n{parameters}) Same \
         {{\n\treturn Same{{\n{values}\t}}\n}}\n\nfunc elements[T skewless.Scalar](list *skewless.List[T]) *[]*T {{\n\tif \
         list == nil {{\n\t\treturn nil\n\t}}\n{ELEMENTS}\treturn &elements\n}}\n"
    )
}

/// The same, a column at a time.
fn columns() -> String {
    let (mut parameters, mut results, mut values) = (String::new(), String::new(), Vec::new());
    for (index, name) in TYPES.iter().enumerate() {
        parameters += &format!("\tvalue{index} skewless.Column[{name}],\n");
        parameters += &format!("\tlist{index} skewless.Column[skewless.List[{name}]],\n");
        results += &format!("\tv{index} skewless.Column[{name}],\n\tl{index} skewless.Column[[]*{name}],\n");
        values.push(format!("value{index}, elements(list{index})"));
    }
    let values = values.join(", ");
    format!(
        "import \"skewless\"\n\n//skewless:transform columns\nfunc Echo(\n{parameters}) (\n{results}) {{\n\treturn \
         {values}\n}}\n\nfunc elements[T skewless.Scalar](column skewless.Column[skewless.List[T]]) \
         skewless.Column[[]*T] {{\n\tlists := skewless.Column[[]*T]{{Validity: column.Validity}}\n\tfor _, list := range \
         column.Values {{\n{ELEMENTS}\tlists.Values = append(lists.Values, elements)\n\t}}\n\treturn lists\n}}\n"
    )
}

const ELEMENTS: &str = "\
	var elements []*T
	for i := range list.Values {
		if list.IsNull(i) {
			elements = append(elements, nil)
		} else {
			elements = append(elements, &list.Values[i])
		}
	}
";

#[derive(Debug, Clone)]
struct Values {
    bools: Vec<Option<bool>>,
    integers: Vec<Option<i64>>,
    floats: Vec<Option<f64>>,
    texts: Vec<Option<String>>,
}

impl Values {
    /// Of each type, as many as there are.
    fn arrays(&self) -> [ArrayRef; 8] {
        let bytes = self.texts.iter().map(|text| text.as_ref().map(|text| text.as_bytes().to_vec()));
        [
            Arc::new(BooleanArray::from(self.bools.clone())),
            Arc::new(Int32Array::from_iter(self.integers.iter().map(|value| value.map(|value| value as i32)))),
            Arc::new(Int64Array::from(self.integers.clone())),
            Arc::new(Float32Array::from_iter(self.floats.iter().map(|value| value.map(|value| value as f32)))),
            Arc::new(Float64Array::from(self.floats.clone())),
            Arc::new(StringArray::from_iter(self.texts.iter())),
            Arc::new(BinaryArray::from_iter(bytes)),
            Arc::new(TimestampMicrosecondArray::from(self.integers.clone()).with_timezone("UTC")),
        ]
    }
}

fn values(count: usize) -> impl Strategy<Value = Values> {
    use proptest::collection::vec;
    use proptest::option::of;
    let floats = prop_oneof![Just(-0.0), Just(f64::NAN), Just(f64::NEG_INFINITY), any::<f64>()];
    let texts = prop_oneof![Just(String::new()), "\\PC{0,40}"];
    (vec(of(any::<bool>()), count), vec(of(any::<i64>()), count), vec(of(floats), count), vec(of(texts), count))
        .prop_map(|(bools, integers, floats, texts)| Values { bools, integers, floats, texts })
}

/// Rows with a value and a list of each type.
fn batch() -> impl Strategy<Value = RecordBatch> {
    let lengths = proptest::collection::vec(proptest::option::of(0_usize..4), 1..70);
    lengths.prop_flat_map(|lengths| {
        let elements = lengths.iter().flatten().sum();
        (Just(lengths.clone()), values(lengths.len()), values(elements)).prop_map(|(lengths, values, elements)| {
            let mut columns = Vec::new();
            for (index, (value, element)) in values.arrays().into_iter().zip(elements.arrays()).enumerate() {
                let item = Arc::new(Field::new_list_field(element.data_type().clone(), true));
                let offsets = OffsetBuffer::from_lengths(lengths.iter().map(|length| length.unwrap_or(0)));
                let valid: NullBuffer = lengths.iter().map(Option::is_some).collect::<Vec<_>>().into();
                columns.push((format!("value{index}"), value));
                let list = ListArray::new(item, offsets, element, Some(valid));
                columns.push((format!("list{index}"), Arc::new(list) as ArrayRef));
            }
            table(&columns.iter().map(|(name, array)| (name.as_str(), Arc::clone(array))).collect::<Vec<_>>())
        })
    })
}

fn assert_same(transform: &Transform, batch: &RecordBatch) {
    let output = transform.apply(batch, &Limits::BATCH).unwrap();
    for (found, expected) in output.batch.columns().iter().zip(batch.columns()) {
        assert_eq!(bits(found), bits(expected));
    }
}

/// Floats as their bits, with one NaN, so that they are compared to the bit.
fn bits(array: &ArrayRef) -> ArrayData {
    let floats = |array: &ArrayRef| -> Option<ArrayRef> {
        let doubles = array.as_any().downcast_ref::<Float64Array>();
        let singles = array.as_any().downcast_ref::<Float32Array>();
        let double = |value: f64| if value.is_nan() { i64::MIN } else { value.to_bits().cast_signed() };
        let single = |value: f32| if value.is_nan() { i32::MIN } else { value.to_bits().cast_signed() };
        doubles
            .map(|array| Arc::new(Int64Array::from_iter(array.iter().map(|value| value.map(double)))) as ArrayRef)
            .or(singles.map(|array| Arc::new(Int32Array::from_iter(array.iter().map(|value| value.map(single)))) as _))
    };
    if let Some(lists) = array.as_any().downcast_ref::<ListArray>()
        && let Some(elements) = floats(lists.values())
    {
        let item = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
        return ListArray::new(item, lists.offsets().clone(), elements, lists.nulls().cloned()).to_data();
    }
    make_array(floats(array).unwrap_or_else(|| Arc::clone(array)).to_data()).to_data()
}

#[test]
fn every_type_passes_through_go_unchanged() {
    let transforms = [go(&rows()), go(&columns())];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 40, ..ProptestConfig::default() });
    runner
        .run(&batch(), |batch| {
            transforms.iter().for_each(|transform| assert_same(transform, &batch));
            Ok(())
        })
        .unwrap();
}
