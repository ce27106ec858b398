//! What a component costs: rows enter, repeated as often as it takes, and time and memory of its calls leave.
//!
//! Calls are those of training and serving, through `Transform::apply`, so an instance's start is part of them where the
//! runtime starts one. Times are medians; they depend on the machine, and on what else it does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::error::ArrowError;
use serde::Serialize;
use skewless_runtime::{Error, Limit, Limits, Transform};

use crate::failure::{Failure, Result};

/// The rows of the large batch.
pub(crate) const ROWS: u32 = 8_192;

/// Linear memory grows by pages.
const PAGE_BYTES: usize = 64 << 10;

/// How long each kind of call is repeated, and how often at least and at most.
const WHILE: Duration = Duration::from_millis(300);
const CALLS_MIN: usize = 5;
const CALLS_MAX: usize = 2_000;

/// What a component costs.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    /// a call with one row
    pub(crate) row_us: f64,
    /// rows a second in calls of 8,192
    pub(crate) rows_per_s: f64,
    /// linear memory of an instance that computes 8,192 rows
    pub(crate) memory_bytes: usize,
}

impl Cost {
    /// Measures calls with rows of `batches`; `None` where there is no row.
    ///
    /// # Errors
    /// Where the transform fails.
    pub(crate) fn of(transform: &Transform, batches: &[RecordBatch]) -> Result<Option<Self>> {
        let Some(Rows { singles, many }) = Rows::of(transform, batches).map_err(unusable)? else { return Ok(None) };
        let call = |batch: &RecordBatch| transform.apply(batch, &Limits::BATCH).map(drop).map_err(fails);
        let row = median(|index| call(&singles[index % singles.len()]))?;
        let batch = median(|_| call(&many))?;
        Ok(Some(Self {
            row_us: row.as_secs_f64() * 1e6,
            rows_per_s: f64::from(ROWS) / batch.as_secs_f64(),
            memory_bytes: memory(transform, &many)?,
        }))
    }
}

/// The rows to call with: each by itself, and many.
struct Rows {
    singles: Vec<RecordBatch>,
    many: RecordBatch,
}

impl Rows {
    /// `None` where there is no row.
    fn of(transform: &Transform, batches: &[RecordBatch]) -> Result<Option<Self>, ArrowError> {
        let schema = transform.input_schema();
        if schema.fields().is_empty() {
            // All rows are alike.
            let rows = |count| RecordBatchOptions::new().with_row_count(Some(count));
            let batch = |count| RecordBatch::try_new_with_options(Arc::clone(schema), Vec::new(), &rows(count));
            return Ok(Some(Self { singles: vec![batch(1)?], many: batch(ROWS as usize)? }));
        }
        let rows = concat_batches(schema, batches)?;
        let count = u32::try_from(rows.num_rows()).unwrap_or(ROWS).min(ROWS);
        if count == 0 {
            return Ok(None);
        }
        let repeated: UInt32Array = (0..ROWS).map(|row| row % count).collect();
        let singles = (0..count as usize).map(|row| rows.slice(row, 1)).collect();
        Ok(Some(Self { singles, many: take_record_batch(&rows, &repeated)? }))
    }
}

/// The middle one of the times that many calls take; each gets its number.
fn median(call: impl Fn(usize) -> Result<()>) -> Result<Duration> {
    // The first one finds nothing in any cache.
    call(0)?;
    let started = Instant::now();
    let mut times = Vec::new();
    while times.len() < CALLS_MIN || times.len() < CALLS_MAX && started.elapsed() < WHILE {
        let start = Instant::now();
        call(times.len())?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// The least memory with which a batch is computed: the limit is halved until it is found, to the page.
fn memory(transform: &Transform, batch: &RecordBatch) -> Result<usize> {
    let (mut too_little, mut enough) = (0, Limits::BATCH.memory_bytes_max / PAGE_BYTES);
    while enough - too_little > 1 {
        let middle = usize::midpoint(too_little, enough);
        let limits = Limits { memory_bytes_max: middle * PAGE_BYTES, ..Limits::BATCH };
        match transform.apply(batch, &limits) {
            Ok(_) => enough = middle,
            Err(Error::LimitExceeded { limit: Limit::Memory { .. }, .. }) => too_little = middle,
            Err(error) => return Err(fails(error)),
        }
    }
    Ok(enough * PAGE_BYTES)
}

fn fails(error: Error) -> Failure {
    Failure::impossible(format!("the cost can't be measured: {error}"))
}

fn unusable(error: ArrowError) -> Failure {
    Failure::impossible(format!("the rows of the cases can't be repeated: {error}"))
}
