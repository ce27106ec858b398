//! The join for entity rows that fit into memory.
//!
//! First the entity rows are read and indexed. Then each view's source streams by, keys and timestamps only, on all cores and
//! unsorted; what remains is the place of each entity row's winner. A second pass over the same files reads the features, the
//! columns beside each other, and keeps the winners' rows alone; it ends with the last winner. So losing rows are never
//! copied, and memory is bounded by the entity rows and what belongs to them.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType as ArrowType, Int64Type, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream, collect_partitioned,
};
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::sync::Semaphore;

use super::index::EntityIndex;
use super::{EntityLayout, Rank, Ranks, SourceLayout, joined_schema, partition_and_row};
use crate::offline::failure::to_datafusion;
use crate::offline::keys::Keys;
use crate::offline::map::unordered;

/// A feature view to join.
#[derive(Clone)]
pub(crate) struct HashInput {
    /// its name
    pub(crate) view: String,
    /// which of the entity rows' key columns finds its rows
    pub(crate) key_set: usize,
    /// the layout of `keys`
    pub(crate) layout: SourceLayout,
    /// the source's rows without any columns
    pub(crate) keys: Arc<dyn ExecutionPlan>,
    /// plans that read the columns, some each; row by row the same rows as `keys` before any was left out
    pub(crate) columns: Vec<ColumnsInput>,
    /// the types of the view's columns
    pub(crate) types: Vec<ArrowType>,
}

/// Makes the types of the definitions of the types of the files.
type Convert = dyn Fn(&[ArrayRef]) -> crate::Result<Vec<ArrayRef>> + Send + Sync;

/// Some columns of a view.
#[derive(Clone)]
pub(crate) struct ColumnsInput {
    /// reads them
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    /// which of the view's columns they are
    pub(crate) columns: Vec<usize>,
    /// makes the types of the definitions of the types of the files
    pub(crate) convert: Arc<Convert>,
}

/// Joins feature views to entity rows, which it holds in memory.
#[derive(Clone)]
pub(crate) struct PointInTimeHashExec {
    entity_rows: Arc<dyn ExecutionPlan>,
    layout: EntityLayout,
    views: Vec<HashInput>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl PointInTimeHashExec {
    /// A join of `views` to the rows of `entity_rows`, which come in their order.
    pub(crate) fn new(entity_rows: Arc<dyn ExecutionPlan>, layout: EntityLayout, views: Vec<HashInput>) -> Self {
        let schema = joined_schema(&entity_rows.schema(), views.iter().map(|view| view.types.as_slice()));
        let properties = Arc::new(unordered(&schema, 1));
        Self { entity_rows, layout, views, schema, properties, metrics: ExecutionPlanMetricsSet::new() }
    }

    /// Everything but the output.
    async fn join(self, context: Arc<TaskContext>, metrics: BaselineMetrics) -> Result<Joined> {
        let memory = MemoryConsumer::new("point-in-time join").register(context.memory_pool());
        let held = MetricBuilder::new(&self.metrics).gauge("bytes_held", 0);
        let batches = collect_partitioned(Arc::clone(&self.entity_rows), Arc::clone(&context)).await?;
        let batches: Vec<RecordBatch> = batches.into_iter().flatten().collect();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if u32::try_from(rows).is_err() {
            return Err(DataFusionError::ResourcesExhausted(format!("{rows} entity rows are too many to hold")));
        }
        memory.try_grow(batches.iter().map(RecordBatch::get_array_memory_size).sum())?;
        let indexes = {
            let _timer = metrics.elapsed_compute().timer();
            self.indexes(&batches, &memory)?
        };
        let mut views = Vec::with_capacity(self.views.len());
        for view in &self.views {
            let winners = winners(view, &indexes[view.key_set], &context, &memory).await?;
            views.push(found(view, winners, &context, &memory).await?);
        }
        held.set(memory.size());
        Ok(Joined { batches, views, schema: self.schema, memory })
    }

    /// An index for each set of join keys.
    fn indexes(&self, batches: &[RecordBatch], memory: &MemoryReservation) -> Result<Vec<Arc<EntityIndex>>> {
        let column = |column: usize| -> Result<ArrayRef> {
            let parts: Vec<&dyn Array> = batches.iter().map(|batch| &**batch.column(column)).collect();
            match parts.is_empty() {
                true => Ok(new_empty_array(self.entity_rows.schema().field(column).data_type())),
                false => Ok(concat(&parts)?),
            }
        };
        let at = column(self.layout.at())?;
        let index = |key_set: usize| {
            let keys = column(self.layout.key(key_set))?;
            // Key, group and slot of each row; hash tables are half empty.
            memory.try_grow(2 * keys.get_array_memory_size() + 32 * keys.len())?;
            Ok(Arc::new(EntityIndex::new(&Keys::of(&keys), at.as_primitive::<Int64Type>().values())))
        };
        (0..self.layout.key_sets).map(index).collect()
    }
}

/// The best source row of each entity row.
async fn winners(
    view: &HashInput,
    index: &Arc<EntityIndex>,
    context: &Arc<TaskContext>,
    memory: &MemoryReservation,
) -> Result<Vec<Rank>> {
    memory.try_grow(2 * index.len() * size_of::<Rank>())?;
    let first_seen = Arc::new(Mutex::new(vec![Rank::NONE; index.len()]));
    let mut scans = Vec::new();
    for partition in 0..view.keys.output_partitioning().partition_count() {
        let mut rows = view.keys.execute(partition, Arc::clone(context))?;
        let (index, first_seen, layout) = (Arc::clone(index), Arc::clone(&first_seen), view.layout);
        scans.push(SpawnedTask::spawn(async move {
            while let Some(batch) = rows.try_next().await? {
                offer(&batch, layout, &index, &first_seen);
            }
            Ok::<(), DataFusionError>(())
        }));
    }
    for scan in scans {
        scan.join_unwind().await.map_err(|error| DataFusionError::External(Box::new(error)))??;
    }
    let first_seen = first_seen.lock().unwrap_or_else(PoisonError::into_inner);
    let winners = index.best_of_entity_rows(&first_seen);
    memory.shrink(index.len() * size_of::<Rank>());
    Ok(winners)
}

/// Lets the rows of `batch` compete. What can be found without the lock is found without it.
fn offer(batch: &RecordBatch, layout: SourceLayout, index: &EntityIndex, first_seen: &Mutex<Vec<Rank>>) {
    let ranks = Ranks::of(batch, layout);
    let seen = index.seen(&Keys::of(batch.column(SourceLayout::KEY)), &ranks);
    let mut first_seen = first_seen.lock().unwrap_or_else(PoisonError::into_inner);
    for (slot, row) in seen {
        let best = &mut first_seen[slot as usize];
        *best = (*best).max(ranks.rank(row as usize));
    }
}

/// What was found in a view.
struct Found {
    /// the columns of the winners, each winner once
    columns: Vec<ArrayRef>,
    /// the winner of each entity row
    winner: UInt32Array,
    /// when the winner of each entity row happened, in µs
    event_timestamps: Int64Array,
}

/// Reads the columns of the rows that won.
async fn found(
    view: &HashInput,
    winners: Vec<Rank>,
    context: &Arc<TaskContext>,
    memory: &MemoryReservation,
) -> Result<Found> {
    let (places, winner) = places(&winners);
    let event_timestamps = winners.iter().map(|rank| rank.is_some().then_some(rank.event_timestamp)).collect();
    let places = Arc::new(places);
    // One for each thread: more would only hold memory, and fresh memory is what costs most here.
    let turns = Arc::new(Semaphore::new(context.session_config().target_partitions()));
    let mut reads = Vec::new();
    for input in &view.columns {
        for partition in 0..input.plan.output_partitioning().partition_count() {
            let wanted = of_partition(&places, partition);
            if !wanted.is_empty() {
                let rows = input.plan.execute(partition, Arc::clone(context))?;
                let read = pick(rows, Arc::clone(&places), wanted, Arc::clone(&input.convert));
                let turns = Arc::clone(&turns);
                let read = async move {
                    let _turn = turns.acquire_owned().await.expect("nobody closes the semaphore");
                    read.await
                };
                reads.push((input, SpawnedTask::spawn(read)));
            }
        }
    }
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); view.types.len()];
    for (input, read) in reads {
        let picked = read.join_unwind().await.map_err(|error| DataFusionError::External(Box::new(error)))??;
        for columns in picked {
            for (place, column) in input.columns.iter().zip(columns) {
                memory.try_grow(column.get_array_memory_size())?;
                parts[*place].push(column);
            }
        }
    }
    let columns = parts.iter().zip(&view.types).map(|(parts, data_type)| joined(parts, data_type));
    Ok(Found { columns: columns.collect::<Result<_>>()?, winner, event_timestamps })
}

/// The places of the winners, ascending and each once, and which of them is each entity row's.
fn places(winners: &[Rank]) -> (Vec<u64>, UInt32Array) {
    let won = (0_u32..).zip(winners).filter(|(_, rank)| rank.is_some());
    let mut won: Vec<(u64, u32)> = won.map(|(row, rank)| (rank.place, row)).collect();
    won.sort_unstable();
    let mut places: Vec<u64> = Vec::new();
    let mut winner = vec![None; winners.len()];
    for (place, row) in won {
        if places.last() != Some(&place) {
            places.push(place);
        }
        winner[row as usize] = Some(places.len() as u32 - 1);
    }
    (places, winner.into_iter().collect())
}

/// Which of `places` are in `partition`.
fn of_partition(places: &[u64], partition: usize) -> Range<usize> {
    let before = |end: usize| places.partition_point(|place| partition_and_row(*place).0 < end);
    before(partition)..before(partition + 1)
}

/// The rows at `places[wanted]`, which are of one partition, from the rows of that partition.
async fn pick(
    mut rows: SendableRecordBatchStream,
    places: Arc<Vec<u64>>,
    mut wanted: Range<usize>,
    convert: Arc<Convert>,
) -> Result<Vec<Vec<ArrayRef>>> {
    let mut picked = Vec::new();
    let mut rows_before = 0;
    while !wanted.is_empty() {
        let Some(batch) = rows.try_next().await? else {
            return Err(to_datafusion(crate::Error::corrupt("a source has fewer rows than a moment ago")));
        };
        let rows_with_it = rows_before + batch.num_rows() as u64;
        let here = places[wanted.clone()].partition_point(|place| partition_and_row(*place).1 < rows_with_it);
        let here = wanted.start..wanted.start + here;
        if !here.is_empty() {
            let row = |place: &u64| (partition_and_row(*place).1 - rows_before) as u32;
            let rows: UInt32Array = places[here.clone()].iter().map(row).collect();
            let columns = batch.columns().iter().map(|column| take(column, &rows, None));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            picked.push(convert(&columns).map_err(to_datafusion)?);
        }
        wanted.start = here.end;
        rows_before = rows_with_it;
    }
    Ok(picked)
}

fn joined(parts: &[ArrayRef], data_type: &ArrowType) -> Result<ArrayRef> {
    match parts {
        [] => Ok(new_empty_array(data_type)),
        [part] => Ok(Arc::clone(part)),
        parts => {
            let parts: Vec<&dyn Array> = parts.iter().map(|part| &**part).collect();
            // Too much text for one array is too much for this way of joining; the other one can do it.
            concat(&parts).map_err(|error| DataFusionError::ResourcesExhausted(error.to_string()))
        }
    }
}

/// The entity rows and what was found for them.
struct Joined {
    batches: Vec<RecordBatch>,
    views: Vec<Found>,
    schema: SchemaRef,
    /// given back when the last batch is made
    #[expect(dead_code, reason = "held for as long as the rest is")]
    memory: MemoryReservation,
}

impl Joined {
    /// All batches in their order, some at a time on threads of their own.
    fn into_batches(
        self: Arc<Self>,
        at_once: usize,
        metrics: BaselineMetrics,
    ) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static {
        let before = |rows: &mut usize, batch: &RecordBatch| Some(std::mem::replace(rows, *rows + batch.num_rows()));
        let starts: Vec<usize> = self.batches.iter().scan(0, before).collect();
        let batch = move |(batch, rows_before)| {
            let (joined, metrics) = (Arc::clone(&self), metrics.clone());
            let batch = SpawnedTask::spawn_blocking(move || {
                let _timer = metrics.elapsed_compute().timer();
                joined.batch(batch, rows_before)
            });
            batch.join_unwind()
        };
        let batches = futures::stream::iter(starts.into_iter().enumerate()).map(batch).buffered(at_once);
        batches.map(|batch| batch.map_err(|error| DataFusionError::External(Box::new(error)))?)
    }

    /// The entity rows of batch number `batch`, which has `rows_before` rows before it, with what was found for them.
    fn batch(&self, batch: usize, rows_before: usize) -> Result<RecordBatch> {
        let entity_rows = &self.batches[batch];
        let mut columns = entity_rows.columns().to_vec();
        for view in &self.views {
            let winner = view.winner.slice(rows_before, entity_rows.num_rows());
            for column in &view.columns {
                columns.push(take(column, &winner, None)?);
            }
            columns.push(Arc::new(view.event_timestamps.slice(rows_before, entity_rows.num_rows())));
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl fmt::Debug for PointInTimeHashExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PointInTimeHashExec").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl DisplayAs for PointInTimeHashExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let views: Vec<&str> = self.views.iter().map(|view| view.view.as_str()).collect();
        write!(f, "PointInTimeHashExec: views=[{}]", views.join(", "))
    }
}

impl ExecutionPlan for PointInTimeHashExec {
    fn name(&self) -> &'static str {
        "PointInTimeHashExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        let of_view = |view| {
            let HashInput { keys, columns, .. }: &HashInput = view;
            std::iter::once(keys).chain(columns.iter().map(|input| &input.plan))
        };
        std::iter::once(&self.entity_rows).chain(self.views.iter().flat_map(of_view)).collect()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Self { mut entity_rows, layout, mut views, .. } = Self::clone(&self);
        let places = std::iter::once(&mut entity_rows).chain(views.iter_mut().flat_map(|view| {
            std::iter::once(&mut view.keys).chain(view.columns.iter_mut().map(|input| &mut input.plan))
        }));
        places.zip(children).for_each(|(place, child)| *place = child);
        Ok(Arc::new(Self::new(entity_rows, layout, views)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (counted, timed) = (metrics.clone(), metrics.clone());
        let at_once = context.session_config().target_partitions();
        let joined = futures::stream::once(self.clone().join(context, metrics));
        let batches = joined.map_ok(move |joined| Arc::new(joined).into_batches(at_once, timed.clone())).try_flatten();
        let batches = batches.inspect_ok(move |batch| counted.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches.boxed())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
