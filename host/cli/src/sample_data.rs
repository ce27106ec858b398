//! The data of a new repository: two weeks of a shop in six rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;

const DAY_MICROS: i64 = 86_400_000_000;
/// 2024-01-01T00:00:00Z
const FIRST_DAY_MICROS: i64 = 1_704_067_200_000_000;

/// What three users bought in the week before 1 January, and before 15 January.
pub(crate) fn user_stats() -> Vec<u8> {
    parquet(vec![
        ("user_id", integers([1, 2, 3, 1, 2, 3])),
        ("purchases_7d", integers([10, 5, 20, 12, 7, 22])),
        ("avg_spend", Arc::new(Float64Array::from(vec![50.0, 100.0, 25.0, 55.0, 95.0, 30.0]))),
        ("event_timestamp", days([1, 1, 1, 15, 15, 15])),
    ])
}

/// Two of them, on 10 January.
pub(crate) fn entity_rows() -> Vec<u8> {
    parquet(vec![("user_id", integers([1, 2])), ("event_timestamp", days([10, 10]))])
}

fn integers<const N: usize>(values: [i64; N]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

/// Midnights of January 2024, in UTC.
fn days<const N: usize>(days: [i64; N]) -> ArrayRef {
    let instants = days.map(|day| FIRST_DAY_MICROS + (day - 1) * DAY_MICROS);
    Arc::new(TimestampMicrosecondArray::from(instants.to_vec()).with_timezone("UTC"))
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).expect("the columns are of one length");
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("the types have a place in Parquet");
    writer.write(&batch).and_then(|()| writer.into_inner()).expect("writing to memory does not fail")
}
