//! The rows that a component is tried on, drawn from a seed: edge values, typical values, and values of the user's own
//! sources, mixed.
//!
//! Each input has a pool of values; a row takes one of each. The first rows go through the edge values in step, so that
//! each of them occurs; then the rows are drawn. Some repeat a value of the row before, since a transform that looks at
//! its neighbour is most likely to show it there.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, take};
use arrow::datatypes::{Field as ArrowField, SchemaRef};
use arrow::error::ArrowError;

use super::edges::edges;
use crate::data_type::{DataType, Field, ScalarType};
use crate::random::Random;

/// How many typical values each pool has.
const TYPICAL_VALUES: usize = 1_000;

/// The most sampled values that each pool has.
const SAMPLES_MAX: usize = 10_000;

/// The values that an input can take, one after the other.
struct Pool {
    values: ArrayRef,
    edges: usize,
    typical: usize,
    nullable: bool,
}

/// Draws `rows` rows of the inputs `fields`, whose Arrow schema is `schema`. `samples` are values of some of them.
pub(super) fn draw(
    fields: &[Field],
    schema: &SchemaRef,
    samples: &BTreeMap<String, ArrayRef>,
    rows: usize,
    seed: u64,
) -> Result<RecordBatch, ArrowError> {
    let mut random = Random::new(seed);
    let columns = fields.iter().enumerate().map(|(place, field)| {
        let pool = Pool::new(field, samples.get(&field.name), &mut random)?;
        take(&pool.values, &pool.choose(place, rows, &mut random), None)
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

impl Pool {
    fn new(field: &Field, samples: Option<&ArrayRef>, random: &mut Random) -> Result<Self, ArrowError> {
        let is_json = field.logical_type.as_deref() == Some("json");
        let (edges, typical) = match field.data_type {
            DataType::Scalar(scalar) => (edges(scalar, is_json), typical(scalar, TYPICAL_VALUES, random)),
            DataType::List(element) => lists(element, random)?,
        };
        let mut parts: Vec<&dyn Array> = vec![&edges, &typical];
        let samples = samples.map(|samples| samples.slice(0, samples.len().min(SAMPLES_MAX)));
        parts.extend(samples.as_ref().map(|samples| samples as &dyn Array));
        let (edges, typical) = (edges.len(), typical.len());
        Ok(Self { values: concat(&parts)?, edges, typical, nullable: field.nullable })
    }

    /// For each row the place of its value, or null. `place` is the input's among the inputs.
    fn choose(&self, place: usize, rows: usize, random: &mut Random) -> UInt32Array {
        let mut before = None;
        let choices = (0..rows).map(|row| {
            let choice = if row < 2 * self.edges {
                // Another step for each input, so that edge values meet in changing company.
                Some((row * (2 * place + 1)) % self.edges)
            } else if self.nullable && random.chance(8) {
                None
            } else if random.chance(10) {
                before
            } else {
                Some(self.draw(random))
            };
            before = choice;
            // A null of the row before is none where there may be none.
            choice.or((!self.nullable).then_some(0)).map(|choice| choice as u32)
        });
        choices.collect()
    }

    fn draw(&self, random: &mut Random) -> usize {
        let samples = self.values.len() - self.edges - self.typical;
        match random.below(100) {
            0..30 => random.below(self.edges),
            30..60 if samples > 0 => self.edges + self.typical + random.below(samples),
            _ => self.edges + random.below(self.typical),
        }
    }
}

/// Values as they occur, and some that are any bits.
fn typical(scalar: ScalarType, count: usize, random: &mut Random) -> ArrayRef {
    let pairs: Vec<(u64, u64)> = (0..count).map(|_| (random.next(), random.next())).collect();
    let pairs = pairs.into_iter();
    match scalar {
        ScalarType::Bool => Arc::new(pairs.map(|(value, _)| Some(value % 2 == 0)).collect::<BooleanArray>()),
        ScalarType::Int32 => Arc::new(Int32Array::from_iter_values(pairs.map(|pair| integer(pair) as i32))),
        ScalarType::Int64 => Arc::new(Int64Array::from_iter_values(pairs.map(integer))),
        ScalarType::Float32 => Arc::new(Float32Array::from_iter_values(pairs.map(|pair| float(pair) as f32))),
        ScalarType::Float64 => Arc::new(Float64Array::from_iter_values(pairs.map(float))),
        ScalarType::String => Arc::new(StringArray::from_iter_values(pairs.map(text))),
        ScalarType::Bytes => Arc::new(BinaryArray::from_iter_values(pairs.map(|(value, length)| {
            value.to_le_bytes().into_iter().cycle().take((length % 24) as usize).collect::<Vec<u8>>()
        }))),
        ScalarType::Timestamp => {
            // Between 1970 and 2040, to the microsecond.
            let instants = pairs.map(|(value, _)| (value % 2_208_988_800_000_000) as i64);
            Arc::new(TimestampMicrosecondArray::from_iter_values(instants).with_timezone("UTC"))
        }
    }
}

/// Of any magnitude, small ones as likely as large ones.
fn integer((value, magnitude): (u64, u64)) -> i64 {
    (value as i64) >> (magnitude % 64)
}

/// Mostly what measurements look like; sometimes any bits.
fn float((value, kind): (u64, u64)) -> f64 {
    let unit = (value >> 11) as f64 / (1_u64 << 53) as f64;
    match kind % 10 {
        0 => f64::from_bits(value),
        1..=3 => (unit * 1_000.0).floor(),
        4..=6 => unit,
        _ => (unit - 0.5) * 2_000.0,
    }
}

/// Up to 23 characters, of which one in ten is not ASCII.
fn text((value, length): (u64, u64)) -> String {
    let mut random = Random::new(value);
    let others = ['é', 'ß', '日', '😀', '\u{301}', 'Ω'];
    let character = |_| match random.below(10) {
        0 => *random.pick(&others),
        1 => ' ',
        _ => *random.pick(b"abcdefghijklmnopqrstuvwxyzABC0123456789@.-_") as char,
    };
    (0..length % 24).map(character).collect()
}

/// Lists as edges: none, each edge element alone, all of them, a null among them, a long one. And typical ones.
fn lists(element: ScalarType, random: &mut Random) -> Result<(ArrayRef, ArrayRef), ArrowError> {
    let edges = edges(element, false);
    let elements = concat(&[&edges, &typical(element, TYPICAL_VALUES, random)])?;
    let (edge_count, count) = (edges.len() as u32, elements.len());
    let all: Vec<Option<u32>> = (0..edge_count).map(Some).collect();
    let mut of_edges: Vec<Vec<Option<u32>>> = vec![vec![], vec![None], vec![Some(0), None, Some(1)], all];
    of_edges.extend((0..edge_count).map(|edge| vec![Some(edge)]));
    of_edges.push((0..100).map(|_| Some(random.below(count) as u32)).collect());
    let typical: Vec<Vec<Option<u32>>> = (0..TYPICAL_VALUES)
        .map(|_| {
            let length = random.below(12);
            let place = |_| (!random.chance(5)).then(|| random.below(count) as u32);
            (0..length).map(place).collect()
        })
        .collect();
    Ok((list_array(&elements, element, &of_edges)?, list_array(&elements, element, &typical)?))
}

/// The lists of the elements at `places`.
fn list_array(elements: &ArrayRef, element: ScalarType, places: &[Vec<Option<u32>>]) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::from_lengths(places.iter().map(Vec::len));
    let values = take(elements, &places.iter().flatten().copied().collect::<UInt32Array>(), None)?;
    let field = Arc::new(ArrowField::new_list_field(element.to_arrow(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use arrow::datatypes::Schema;

    fn corpus(data_type: DataType, nullable: bool, seed: u64) -> ArrayRef {
        let field = Field { name: "x".into(), data_type, nullable, logical_type: None, documentation: String::new() };
        let schema = Arc::new(Schema::new(vec![field.to_arrow()]));
        Arc::clone(draw(&[field], &schema, &BTreeMap::new(), 5_000, seed).unwrap().column(0))
    }

    #[test]
    fn every_type_has_a_corpus_and_a_seed_always_gives_the_same() {
        for scalar in ScalarType::ALL {
            for data_type in [DataType::Scalar(scalar), DataType::List(scalar)] {
                let column = corpus(data_type, true, 1);
                assert!(column.null_count() > 0 && column.len() == 5_000, "{data_type}");
                assert_eq!(column.data_type(), &data_type.to_arrow());
                assert_eq!(&column, &corpus(data_type, true, 1), "{data_type}");
                assert_ne!(&column, &corpus(data_type, true, 2), "{data_type}");
                assert_eq!(corpus(data_type, false, 1).null_count(), 0, "{data_type}");
            }
        }
    }

    #[test]
    fn edge_values_are_among_the_first_rows() {
        let column = corpus(ScalarType::Int64.into(), false, 0);
        let first: Vec<i64> = column.as_primitive::<arrow::datatypes::Int64Type>().values()[..20].to_vec();
        for edge in [i64::MIN, i64::MAX, (1 << 53) + 1, 0, -1] {
            assert!(first.contains(&edge), "{edge} is not in {first:?}");
        }
    }
}
