//! Which rows of a request are logged.
//!
//! The sample is drawn by a hash of the join keys, so that an entity is always in or always out, on every server, and whoever is in a
//! sample is in every larger one. The hash is XXH64, each step seeded with the result of the one before, from 0 on; for each
//! join key, in the order of their names, its name and the name of its type; then, in the same order, the values: strings and bytes
//! as they are, numbers and timestamps (µs) little-endian. A row is in the sample where the hash is less than `sample_rate`
//! times 2^64. Another hash would draw other entities: it is a part of what logs promise.

use arrow::array::{ArrayRef, AsArray as _, BinaryArray, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use skewless_runtime::{DataType, ScalarType};
use twox_hash::XxHash64;

/// The rows of a request that belong to the sample.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sample {
    All,
    None,
    Some(Vec<usize>),
}

/// Draws the sample of one question.
pub(super) struct Sampler {
    sample_rate: f64,
    /// name and type, in the order of the names
    join_keys: Vec<(String, DataType)>,
    /// what names and types hash to
    seed: u64,
}

impl Sampler {
    /// One for entities that have these join keys, each once.
    pub(super) fn new(sample_rate: f64, mut join_keys: Vec<(String, DataType)>) -> Self {
        join_keys.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let with = |seed, (name, data_type): &(String, DataType)| {
            XxHash64::oneshot(XxHash64::oneshot(seed, name.as_bytes()), data_type.to_string().as_bytes())
        };
        let seed = join_keys.iter().fold(0, with);
        Self { sample_rate, join_keys, seed }
    }

    /// Those of the entity rows `asked` that are logged; `request` tells the request from all others. `None` where `asked` has not got
    /// the join keys.
    pub(super) fn sample(&self, asked: &RecordBatch, request: impl FnOnce() -> u64) -> Option<Sample> {
        if self.sample_rate >= 1.0 {
            return Some(Sample::All);
        }
        // A share below 1 of 2^64 is less than 2^64; nothing is less than 0.
        let below = (self.sample_rate * 2_f64.powi(64)) as u64;
        if self.join_keys.is_empty() {
            // Where no entity is asked about, each request is in or out.
            let hash = XxHash64::oneshot(self.seed, &request().to_le_bytes());
            return Some(if hash < below { Sample::All } else { Sample::None });
        }
        let columns =
            self.join_keys.iter().map(|(name, data_type)| Values::of(asked.column_by_name(name)?, *data_type));
        let columns = columns.collect::<Option<Vec<_>>>()?;
        let hash = |row| columns.iter().fold(self.seed, |seed, values| values.hash(seed, row));
        let picked: Vec<usize> = (0..asked.num_rows()).filter(|row| hash(*row) < below).collect();
        Some(match picked.len() {
            0 => Sample::None,
            all if all == asked.num_rows() => Sample::All,
            _ => Sample::Some(picked),
        })
    }
}

/// The values of a join key.
enum Values<'a> {
    Strings(&'a StringArray),
    Bytes(&'a BinaryArray),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
}

impl<'a> Values<'a> {
    /// `None` for a column of another type, and for a type that identifies nothing.
    fn of(column: &'a ArrayRef, data_type: DataType) -> Option<Self> {
        let DataType::Scalar(scalar) = data_type else { return None };
        Some(match scalar {
            ScalarType::String => Self::Strings(column.as_string_opt()?),
            ScalarType::Bytes => Self::Bytes(column.as_binary_opt()?),
            ScalarType::Int32 => Self::Int32(column.as_primitive_opt::<Int32Type>()?.values()),
            ScalarType::Int64 => Self::Int64(column.as_primitive_opt::<Int64Type>()?.values()),
            ScalarType::Timestamp => Self::Int64(column.as_primitive_opt::<TimestampMicrosecondType>()?.values()),
            ScalarType::Bool | ScalarType::Float32 | ScalarType::Float64 => return None,
        })
    }

    fn hash(&self, seed: u64, row: usize) -> u64 {
        match self {
            Self::Strings(values) => XxHash64::oneshot(seed, values.value(row).as_bytes()),
            Self::Bytes(values) => XxHash64::oneshot(seed, values.value(row)),
            Self::Int32(values) => XxHash64::oneshot(seed, &values[row].to_le_bytes()),
            Self::Int64(values) => XxHash64::oneshot(seed, &values[row].to_le_bytes()),
        }
    }
}

/// What the name of a server hashes to, for [`request_hash`].
pub(super) fn instance_hash(instance: &str) -> u64 {
    XxHash64::oneshot(0, instance.as_bytes())
}

/// What tells the request of this number from others, also from those of other servers, for [`Sampler::sample`].
pub(super) fn request_hash(instance: u64, request: u64) -> u64 {
    XxHash64::oneshot(instance, &request.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array as _, Int32Array, Int64Array, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn sampler(sample_rate: f64, keys: &[(&str, ScalarType)]) -> Sampler {
        let keys = keys.iter().map(|(name, scalar)| ((*name).to_owned(), DataType::Scalar(*scalar))).collect();
        Sampler::new(sample_rate, keys)
    }

    fn asked(columns: &[(&str, ArrayRef)]) -> RecordBatch {
        let fields: Vec<Field> =
            columns.iter().map(|(name, values)| Field::new(*name, values.data_type().clone(), true)).collect();
        let columns = columns.iter().map(|(_, values)| Arc::clone(values)).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn users(users: impl Iterator<Item = i64>) -> RecordBatch {
        asked(&[("user_id", Arc::new(Int64Array::from_iter_values(users)))])
    }

    fn picked(sampler: &Sampler, asked: &RecordBatch) -> Vec<usize> {
        match sampler.sample(asked, || unreachable!("an entity is asked about")).unwrap() {
            Sample::All => (0..asked.num_rows()).collect(),
            Sample::None => Vec::new(),
            Sample::Some(picked) => picked,
        }
    }

    #[test]
    fn a_sample_has_its_share_of_the_entities_and_a_larger_one_has_all_of_a_smaller() {
        let users = users(0..20_000);
        let sampled = |rate| picked(&sampler(rate, &[("user_id", ScalarType::Int64)]), &users);
        let (one, ten) = (sampled(0.01), sampled(0.1));
        assert!((150..250).contains(&one.len()), "{}", one.len());
        assert!((1_850..2_150).contains(&ten.len()), "{}", ten.len());
        assert!(one.iter().all(|user| ten.contains(user)));
        assert_eq!((sampled(0.0).len(), sampled(1.0).len()), (0, 20_000));
    }

    #[test]
    fn the_hash_is_xxh64() {
        // The first values of the test that comes with xxHash: bytes of a generator, with and without a seed.
        let mut generator = 2_654_435_761_u64;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            let byte = (generator >> 56) as u8;
            generator = generator.wrapping_mul(11_400_714_785_074_694_797);
            byte
        })
        .take(222)
        .collect();
        for (length, seed, expected) in [
            (0, 0, 0xEF46_DB37_51D8_E999),
            (0, 2_654_435_761, 0xAC75_FDA2_929B_17EF),
            (1, 0, 0xE934_A84A_DB05_2768),
            (14, 0, 0x8282_DCC4_994E_35C8),
            (222, 2_654_435_761, 0x20CB_8AB7_AE10_C14A),
        ] {
            assert_eq!(XxHash64::oneshot(seed, &bytes[..length]), expected, "{length} bytes, seed {seed}");
        }
    }

    #[test]
    fn who_is_in_the_sample_stays_in_it() {
        // Never to be changed: the logs of other servers and of earlier versions hold these entities.
        let users = users(0..1_000);
        let sampled = picked(&sampler(0.01, &[("user_id", ScalarType::Int64)]), &users);
        assert_eq!(sampled, [131, 228, 259, 272, 303, 457, 485, 495, 544, 693, 839]);
        let every_type = asked(&[
            ("text", Arc::new(StringArray::from_iter_values((0..200).map(|row| "é".repeat(row % 40))))),
            ("bytes", Arc::new(BinaryArray::from_iter_values((0..200_u8).map(|row| vec![row; 3])))),
            ("small", Arc::new(Int32Array::from_iter_values(-100..100))),
            ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(0..200).with_timezone("UTC"))),
        ]);
        let keys = [
            ("text", ScalarType::String),
            ("bytes", ScalarType::Bytes),
            ("small", ScalarType::Int32),
            ("at", ScalarType::Timestamp),
        ];
        assert_eq!(picked(&sampler(0.05, &keys), &every_type), [17, 35, 68, 136, 155, 177, 199]);
    }

    #[test]
    fn entities_are_told_apart_by_names_types_and_values() {
        let pair = |left: &str, right: &str| -> RecordBatch {
            let column = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
            asked(&[("origin", column(left)), ("dest", column(right))])
        };
        let hash = |sampler: &Sampler, asked: &RecordBatch| {
            let columns: Vec<Values<'_>> = sampler
                .join_keys
                .iter()
                .map(|(name, data_type)| Values::of(asked.column_by_name(name).unwrap(), *data_type).unwrap())
                .collect();
            columns.iter().fold(sampler.seed, |seed, values| values.hash(seed, 0))
        };
        let keys = [("origin", ScalarType::String), ("dest", ScalarType::String)];
        let route = sampler(0.5, &keys);
        let turned = sampler(0.5, &[keys[1], keys[0]]);
        assert_eq!(hash(&route, &pair("JFK", "LAX")), hash(&turned, &pair("JFK", "LAX")));
        assert_ne!(hash(&route, &pair("JFK", "LAX")), hash(&route, &pair("LAX", "JFK")));
        assert_ne!(hash(&route, &pair("JFKL", "AX")), hash(&route, &pair("JFK", "LAX")));
        let one = |name| hash(&sampler(0.5, &[(name, ScalarType::String)]), &pair("AA", "AA"));
        assert_ne!(one("origin"), one("dest"));
        let seed = |scalar| sampler(0.5, &[("id", scalar)]).seed;
        assert_ne!(seed(ScalarType::Int64), seed(ScalarType::Timestamp));
    }

    #[test]
    fn a_question_about_no_entity_is_sampled_by_request() {
        let sampler = sampler(0.25, &[]);
        let server = instance_hash("server");
        let rows = users(0..3);
        let is_in = |request| match sampler.sample(&rows, || request_hash(server, request)).unwrap() {
            Sample::All => true,
            Sample::None => false,
            Sample::Some(picked) => panic!("a request is in or out: {picked:?}"),
        };
        let sampled = (0..1_000).filter(|request| is_in(*request)).count();
        assert!((200..300).contains(&sampled), "{sampled}");
    }

    #[test]
    fn rows_without_their_join_keys_are_no_sample() {
        let sampler = sampler(0.5, &[("user_id", ScalarType::Int64)]);
        assert_eq!(sampler.sample(&asked(&[("id", Arc::new(Int64Array::from(vec![1])))]), || 0), None);
        assert_eq!(sampler.sample(&asked(&[("user_id", Arc::new(StringArray::from(vec!["1"])))]), || 0), None);
    }
}
