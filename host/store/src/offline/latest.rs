//! The newest row of each entity, for materialization.
//!
//! Enters: rows in the order of the files. Leaves: of each entity the greatest by event timestamp, created timestamp
//! and place in the files, once. Two ways to find them, chosen by how many entities there are, not by how many rows:
//!
//! * [`table`]: one pass that keeps the newest row so far of every entity in memory;
//! * [`sort`]: where these do not fit, they and all rows that follow are sorted, on disk as far as need be.

mod sort;
mod table;

use arrow::array::{ArrayRef, LargeBinaryArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType as ArrowType;
use futures::stream::{self, BoxStream};
use futures::{SinkExt as _, Stream, StreamExt as _, TryStreamExt as _};

use self::sort::sorted_latest_rows;
use self::table::NewestTable;
use super::source::SourceRows;
use crate::Result;

/// What the rows kept in memory may take, in bytes, before they are sorted instead; the sort may take as much.
const MEMORY_BYTES_MAX: usize = 128 << 20;

/// Batches that are read ahead, so that reading and comparing keep two processors busy.
const BATCHES_AHEAD: usize = 4;

/// Rows of one batch that leaves.
const ROWS_A_BATCH: usize = 8_192;

/// Newest rows of some entities; each entity appears in one batch, once.
pub(crate) struct LatestRows {
    /// the entity keys, ascending
    pub(crate) keys: LargeBinaryArray,
    /// when each row happened
    pub(crate) event_timestamps: TimestampMicrosecondArray,
    /// when each row was created, where the source says
    pub(crate) created_timestamps: TimestampMicrosecondArray,
    /// the source columns
    pub(crate) columns: Vec<ArrayRef>,
}

/// The newest row of each entity among `rows`, whose columns have the Arrow types `types`. Most of `rows` are read
/// before this is done, on a task of their own.
///
/// # Errors
/// What the stream of rows says, or that the sort has neither memory nor disk left.
pub(crate) async fn latest_rows(
    rows: impl Stream<Item = Result<SourceRows>> + Send + 'static,
    types: &[ArrowType],
) -> Result<BoxStream<'static, Result<LatestRows>>> {
    latest_rows_within(rows, types, MEMORY_BYTES_MAX).await
}

async fn latest_rows_within(
    rows: impl Stream<Item = Result<SourceRows>> + Send + 'static,
    types: &[ArrowType],
    memory_bytes_max: usize,
) -> Result<BoxStream<'static, Result<LatestRows>>> {
    let mut rows = read_ahead(rows);
    let mut table = NewestTable::new(types.len(), memory_bytes_max);
    while let Some(some) = rows.try_next().await? {
        table.add(some)?;
        if table.is_full()? {
            // They come before the others in the order of the files, and so they stay.
            let kept = stream::iter(table.into_rows(ROWS_A_BATCH));
            return sorted_latest_rows(kept.chain(rows).boxed(), types, memory_bytes_max).await;
        }
    }
    Ok(stream::iter(table.into_latest_rows(ROWS_A_BATCH)).boxed())
}

/// Reads on a task of its own, a few batches ahead.
fn read_ahead(
    rows: impl Stream<Item = Result<SourceRows>> + Send + 'static,
) -> impl Stream<Item = Result<SourceRows>> + Send + Unpin + 'static {
    let (mut sender, receiver) = futures::channel::mpsc::channel(BATCHES_AHEAD);
    let reading = tokio::spawn(async move {
        let mut rows = std::pin::pin!(rows);
        while let Some(some) = rows.next().await {
            if sender.send(some).await.is_err() {
                break;
            }
        }
    });
    receiver.chain(stream::once(ended(reading)).filter_map(std::future::ready).boxed())
}

/// Where the task did not end by itself, the rows it would have read are missing.
async fn ended(reading: tokio::task::JoinHandle<()>) -> Option<Result<SourceRows>> {
    let error = reading.await.err()?;
    Some(Err(crate::Error::unavailable("reading a source was cut off").because(error)))
}

#[cfg(test)]
mod tests;
