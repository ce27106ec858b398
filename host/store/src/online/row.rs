//! One stored feature row, packed.
//!
//! Enters: [Arrow columns](RowEncoder), one row of bytes for each of their rows. Leaves: [Arrow columns](RowDecoder),
//! of the features asked for, with the same bits. Floating-point values keep all theirs: the payloads of NaNs and the
//! sign of zero too.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | the format's version, 2 |
//! | 1 | 8 | `event_timestamp` in µs, big-endian, its sign bit flipped |
//! | 9 | 1 | 1 where the row has a `created_timestamp`, else 0 |
//! | 10 | 8 | `created_timestamp`, written the same; 0 where it has none |
//! | 18 | 8 | the id of the [`RowSchema`](crate::row_schema::RowSchema), big-endian |
//! | 26 | 8 | the first 8 bytes of the digest of the component that made the row; 0 where none did |
//! | 34 | 4 | a checksum of all other bytes, CRC-32, big-endian |
//! | 38 | ⌈n / 8⌉ | for each of the schema's n features a bit, lowest first: 1 where it has a value |
//! | … | | the values, in the schema's order; a null has no bytes |
//!
//! Bytes 1 to 17 sort as [`RowTime`] does, so that a store that knows nothing of the rest compares two rows with one
//! comparison of bytes. A value, all numbers little-endian:
//!
//! | type | bytes |
//! |---|---|
//! | bool | 1: 0 or 1 |
//! | int32, float32 | 4 |
//! | int64, float64, timestamp in µs | 8 |
//! | string, bytes | length (4), then that many bytes |
//! | list | count (4); 1 byte: 0 where no element is null, 1 where ⌈count / 8⌉ bytes follow, one bit an element; the elements |
//!
//! A null element is written as zeros of its width, so that elements of fixed width stay in step; a null string has
//! length 0. Nothing follows the last value. A length or a count is believed only as far as there are bytes for it, and
//! nothing at all where the checksum does not fit: the embedded store does not check what it reads from its disk.
//!
//! Format 1 was the same without the checksum. Its rows are not read; materializing replaces them.

mod column;
mod decode;
mod encode;
mod numbers;

pub use decode::{RowBatch, RowDecoder, RowPlan};
pub use encode::RowEncoder;

use crate::Error;

/// The version this program writes and reads.
pub(crate) const FORMAT_VERSION: u8 = 2;

/// Where the checksum begins.
const CHECKSUM: usize = 34;

/// Where the values' bitmap begins.
pub(crate) const HEADER_BYTES: usize = CHECKSUM + 4;

/// When a row happened, and when it became known: of two rows of one entity, the greater is the newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowTime {
    /// µs since 1970-01-01T00:00:00 UTC
    pub event_timestamp: i64,
    /// µs since 1970-01-01T00:00:00 UTC; no time is before every time
    pub created_timestamp: Option<i64>,
}

/// What stands before a row's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    time: RowTime,
    schema_id: u64,
    component: Option<u64>,
}

/// What is wrong with the bytes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowDamage {
    #[error("it has {0} bytes, less than a header")]
    NoHeader(usize),
    #[error("it is written in format {0}, and this skewless reads format {FORMAT_VERSION}")]
    Format(u8),
    #[error("its checksum does not fit its bytes")]
    Checksum,
    #[error("it ends within a value")]
    Truncated,
    #[error("{0} bytes follow its last value")]
    Trailing(usize),
    #[error("byte {0} stands where 0 or 1 must")]
    NotABit(u8),
    #[error("a string is not UTF-8")]
    NotUtf8,
    #[error("its list or string does not fit a column")]
    TooLong,
    #[error("the schema it was stored by, {0:016x}, is not known to this registry")]
    UnknownSchema(u64),
}

impl RowDamage {
    /// What is wrong with `row`, as in "row 3", and what would mend it.
    pub(crate) fn describe(self, feature_view: &str, row: &str) -> Error {
        let mend = match self {
            Self::Format(newer) if newer > FORMAT_VERSION => {
                "use the skewless that wrote it, or a newer one".to_owned()
            }
            Self::UnknownSchema(_) => {
                format!("run `skewless materialize` for `{feature_view}`, or use the registry that wrote it")
            }
            _ => format!("run `skewless materialize` for `{feature_view}`"),
        };
        Error::corrupt(format!("{row} of feature view `{feature_view}` can't be read: {self}: {mend}"))
    }
}

/// The bytes by which rows of one entity are compared: the greater is the newer. The row is whole: its checksum fits.
pub(crate) fn time_bytes(row: &[u8]) -> Result<&[u8; 17], RowDamage> {
    let (header, values) = row.split_first_chunk::<HEADER_BYTES>().ok_or(RowDamage::NoHeader(row.len()))?;
    if header[0] != FORMAT_VERSION {
        return Err(RowDamage::Format(header[0]));
    }
    if header[CHECKSUM..] != checksum(&header[..CHECKSUM], values) {
        return Err(RowDamage::Checksum);
    }
    Ok(header[1..].first_chunk().expect("a header is longer than its times"))
}

/// The checksum of a row, as it stands there: equal rows have equal ones. 0 where there is no whole header.
pub(crate) fn stored_checksum(row: &[u8]) -> u32 {
    row.get(CHECKSUM..).and_then(|rest| rest.first_chunk()).map_or(0, |checksum| u32::from_be_bytes(*checksum))
}

/// The checksum of a row, from what stands before it and after it.
fn checksum(header: &[u8], values: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(values);
    hasher.finalize().to_be_bytes()
}

/// Fills in the checksum of a row that is complete but for it.
fn seal(row: &mut [u8]) {
    let (header, values) = row.split_at_mut(HEADER_BYTES);
    let (header, place) = header.split_at_mut(CHECKSUM);
    place.copy_from_slice(&checksum(header, values));
}

impl Header {
    /// The header of `row`, and the rest of it.
    fn split(row: &[u8]) -> Result<(Self, &[u8]), RowDamage> {
        time_bytes(row)?;
        let (header, values) = row.split_at(HEADER_BYTES);
        let created_timestamp = match header[9] {
            0 => None,
            1 => Some(from_ordered(be_u64(&header[10..]))),
            other => return Err(RowDamage::NotABit(other)),
        };
        let time = RowTime { event_timestamp: from_ordered(be_u64(&header[1..])), created_timestamp };
        let component = Some(be_u64(&header[26..])).filter(|component| *component != 0);
        Ok((Self { time, schema_id: be_u64(&header[18..]), component }, values))
    }

    /// Appends the header; its checksum is filled in when the values are there, by [`seal`].
    fn append(&self, bytes: &mut Vec<u8>) {
        bytes.push(FORMAT_VERSION);
        bytes.extend_from_slice(&to_ordered(self.time.event_timestamp).to_be_bytes());
        bytes.push(u8::from(self.time.created_timestamp.is_some()));
        bytes.extend_from_slice(&self.time.created_timestamp.map_or(0, to_ordered).to_be_bytes());
        bytes.extend_from_slice(&self.schema_id.to_be_bytes());
        bytes.extend_from_slice(&self.component.unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&[0; HEADER_BYTES - CHECKSUM]);
    }
}

/// A number that, big-endian, sorts by its bytes as `micros` does.
const fn to_ordered(micros: i64) -> u64 {
    micros.cast_unsigned() ^ 1 << 63
}

const fn from_ordered(ordered: u64) -> i64 {
    (ordered ^ 1 << 63).cast_signed()
}

fn be_u64(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(*bytes.first_chunk().expect("a header is whole, and its numbers have 8 bytes"))
}

#[cfg(test)]
pub(super) mod tests;
