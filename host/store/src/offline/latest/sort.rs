//! Rows sorted by entity key, event timestamp, created timestamp and place in the files; the last of each key is the
//! newest. The sort goes to disk where memory is short, so a source may be larger than memory.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType as ArrowType, Field, Int64Type, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::col;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};

use super::LatestRows;
use crate::offline::source::SourceRows;
use crate::view_rows::arrow_error;
use crate::{Error, Result};

const KEY: usize = 0;
const EVENT_TIMESTAMP: usize = 1;
const CREATED_TIMESTAMP: usize = 2;
const COLUMNS: usize = 4;

/// What the sort needs to merge what it put on disk.
const SORT_BYTES_MIN: usize = 32 << 20;

/// The newest row of each entity among `rows`, whose columns have the Arrow types `types`. The sort itself takes at most
/// `memory_bytes_max`, and the disk for the rest.
///
/// # Errors
/// What the stream of rows says, or that the sort has neither memory nor disk left.
pub(super) async fn sorted_latest_rows(
    rows: BoxStream<'static, Result<SourceRows>>,
    types: &[ArrowType],
    memory_bytes_max: usize,
) -> Result<BoxStream<'static, Result<LatestRows>>> {
    let schema = sort_schema(types);
    let mut place = 0;
    let batches_schema = Arc::clone(&schema);
    let batches = rows.map(move |rows| {
        let batch = rows.and_then(|rows| sortable(rows, &batches_schema, &mut place));
        batch.map_err(|error| DataFusionError::External(Box::new(error)))
    });
    let input = OneShot::new(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), batches)));
    let table = StreamingTable::try_new(schema, vec![Arc::new(input)]).map_err(sort_error)?;
    let order = ["key", "event_timestamp", "created_timestamp", "place"].map(|name| col(name).sort(true, true));
    let session = session(memory_bytes_max).map_err(sort_error)?;
    let sorted =
        session.read_table(Arc::new(table)).and_then(|table| table.sort(order.to_vec())).map_err(sort_error)?;
    let sorted = sorted.execute_stream().await.map_err(sort_error)?;
    Ok(last_of_each_key(sorted.map_err(sort_error)).boxed())
}

/// One partition, since the order is the point; what is over the memory goes to temporary files.
fn session(memory_bytes_max: usize) -> datafusion::error::Result<SessionContext> {
    let config = SessionConfig::new().with_target_partitions(1).with_batch_size(8_192);
    let pool = Arc::new(FairSpillPool::new(memory_bytes_max.max(SORT_BYTES_MIN)));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?;
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

fn sort_schema(types: &[ArrowType]) -> SchemaRef {
    let mut fields = vec![
        Field::new("key", ArrowType::LargeBinary, false),
        Field::new("event_timestamp", ArrowType::Int64, false),
        Field::new("created_timestamp", ArrowType::Int64, true),
        Field::new("place", ArrowType::UInt64, false),
    ];
    fields.extend(
        types.iter().enumerate().map(|(column, data_type)| Field::new(format!("c{column}"), data_type.clone(), true)),
    );
    Arc::new(Schema::new(fields))
}

fn sortable(rows: SourceRows, schema: &SchemaRef, place: &mut u64) -> Result<RecordBatch> {
    let count = rows.event_timestamps.len() as u64;
    let places = UInt64Array::from_iter_values(*place..*place + count);
    *place += count;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(rows.keys),
        Arc::new(Int64Array::from(rows.event_timestamps)),
        Arc::new(Int64Array::from(rows.created_timestamps)),
        Arc::new(places),
    ];
    columns.extend(rows.columns);
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(arrow_error)
}

/// Of rows sorted by key, the last of each. A batch's last row has to wait for the next batch.
fn last_of_each_key<S>(sorted: S) -> impl Stream<Item = Result<LatestRows>> + Send
where
    S: Stream<Item = Result<RecordBatch>> + Send,
{
    let ended = futures::stream::once(async { None });
    let batches = sorted.map(Some).chain(ended);
    let mut waiting: Option<RecordBatch> = None;
    batches.filter_map(move |batch| {
        let latest = match batch {
            None => waiting.take().map(Ok),
            Some(Err(error)) => Some(Err(error)),
            Some(Ok(batch)) if batch.num_rows() == 0 => None,
            Some(Ok(batch)) => Some(last_rows(&mut waiting, &batch)),
        };
        std::future::ready(latest.map(|batch| batch.map(|batch| split(&batch))))
    })
}

/// The rows of `waiting` and `batch` that are known to be the last of their keys; the last row of `batch` waits.
fn last_rows(waiting: &mut Option<RecordBatch>, batch: &RecordBatch) -> Result<RecordBatch> {
    let joined = match waiting.take() {
        None => batch.clone(),
        Some(waiting) => arrow::compute::concat_batches(&batch.schema(), [&waiting, batch]).map_err(arrow_error)?,
    };
    let keys = joined.column(KEY).as_binary::<i64>();
    let last = joined.num_rows() - 1;
    let is_last = (0..=last).map(|row| Some(row < last && keys.value(row) != keys.value(row + 1)));
    let latest = filter_record_batch(&joined, &BooleanArray::from_iter(is_last)).map_err(arrow_error)?;
    *waiting = Some(joined.slice(last, 1));
    Ok(latest)
}

fn split(batch: &RecordBatch) -> LatestRows {
    let times = |column: usize| batch.column(column).as_primitive::<Int64Type>().reinterpret_cast();
    LatestRows {
        keys: batch.column(KEY).as_binary::<i64>().clone(),
        event_timestamps: times(EVENT_TIMESTAMP),
        created_timestamps: times(CREATED_TIMESTAMP),
        columns: batch.columns()[COLUMNS..].to_vec(),
    }
}

fn sort_error(error: DataFusionError) -> Error {
    match error.find_root() {
        // What the source said travels through DataFusion unchanged.
        DataFusionError::External(inner) if inner.is::<Error>() => match error {
            DataFusionError::External(inner) => *inner.downcast::<Error>().expect("checked above"),
            wrapped => Error::unavailable(wrapped.to_string()),
        },
        _ => {
            Error::unavailable("the newest rows could not be sorted; is there room for temporary files?").because(error)
        }
    }
}

/// A stream that DataFusion may take once.
struct OneShot {
    schema: SchemaRef,
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl OneShot {
    fn new(stream: SendableRecordBatchStream) -> Self {
        Self { schema: stream.schema(), stream: Mutex::new(Some(stream)) }
    }
}

impl fmt::Debug for OneShot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneShot").finish_non_exhaustive()
    }
}

impl PartitionStream for OneShot {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        stream.unwrap_or_else(|| {
            let again = DataFusionError::Internal("a source was read twice in one plan".to_owned());
            let failed = futures::stream::once(async { Err(again) });
            Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), failed))
        })
    }
}
