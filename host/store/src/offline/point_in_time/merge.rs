//! The join for entity rows of any number: everything is sorted by entity key and time, by sorts that go to disk where memory is
//! short, and read once, side by side.
//!
//! Views that are found by the same join keys share one sort of the entity rows. Of each input one batch is held, and of each
//! view the rows that won since the last batch of output.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{interleave, take};
use arrow::datatypes::{DataType as ArrowType, Int64Type, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{Distribution, LexOrdering, OrderingRequirements, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream,
};
use futures::TryStreamExt;
use tokio::sync::mpsc::Sender;

use super::{EntityLayout, Rank, Ranks, SourceLayout, joined_schema};
use crate::offline::keys::Keys;
use crate::offline::map::unordered;

/// A feature view to join.
#[derive(Debug, Clone)]
pub(crate) struct MergeInput {
    /// its name
    pub(crate) view: String,
    /// the layout of `rows`
    pub(crate) layout: SourceLayout,
    /// the source's rows with the view's columns
    pub(crate) rows: Arc<dyn ExecutionPlan>,
    /// the types of the view's columns
    pub(crate) types: Vec<ArrowType>,
}

/// Joins feature views to entity rows; all inputs are partitioned by entity key and sorted.
#[derive(Debug, Clone)]
pub(crate) struct PointInTimeMergeExec {
    entity_rows: Arc<dyn ExecutionPlan>,
    layout: EntityLayout,
    key_set: usize,
    views: Vec<MergeInput>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl PointInTimeMergeExec {
    /// A join of `views`, all found by key set `key_set`, to `entity_rows`.
    pub(crate) fn new(
        entity_rows: Arc<dyn ExecutionPlan>,
        layout: EntityLayout,
        key_set: usize,
        views: Vec<MergeInput>,
    ) -> Self {
        let schema = joined_schema(&entity_rows.schema(), views.iter().map(|view| view.types.as_slice()));
        let properties = Arc::new(unordered(&schema, entity_rows.output_partitioning().partition_count()));
        Self { entity_rows, layout, key_set, views, schema, properties, metrics: ExecutionPlanMetricsSet::new() }
    }

    /// The columns that decide about the partition and the order of entity rows: key and instant.
    pub(crate) fn entity_order(layout: EntityLayout, key_set: usize) -> [usize; 2] {
        [layout.key(key_set), layout.at()]
    }

    /// The columns that decide about the partition and the order of source rows: key and from when on they are seen.
    pub(crate) fn source_order(layout: SourceLayout) -> [usize; 2] {
        [SourceLayout::KEY, layout.seen_from()]
    }
}

/// An ascending order by the columns `columns` of `plan`.
pub(crate) fn ascending(plan: &Arc<dyn ExecutionPlan>, columns: &[usize]) -> LexOrdering {
    let schema = plan.schema();
    let column =
        |column: &usize| -> Arc<dyn PhysicalExpr> { Arc::new(Column::new(schema.field(*column).name(), *column)) };
    LexOrdering::new(columns.iter().map(|place| PhysicalSortExpr::new_default(column(place))))
        .expect("an order of some columns is not empty")
}

/// One view while its rows go by.
struct View {
    rows: SendableRecordBatchStream,
    layout: SourceLayout,
    types: Vec<ArrowType>,
    batch: Option<SourceBatch>,
    ended: bool,
    /// the next row of `batch`
    row: usize,
    /// the best row for the entity key at hand
    best: Option<(Rank, Place)>,
    /// rows that won, taken out of their batches
    chunks: Vec<Vec<ArrayRef>>,
    /// rows of `batch` that won; they will be the next chunk
    picked: Vec<u32>,
    /// for each entity row of the batch at hand: chunk and row
    found: Vec<Option<(usize, usize)>>,
    event_timestamps: Vec<Option<i64>>,
}

struct SourceBatch {
    keys: Keys,
    ranks: Ranks,
    columns: Vec<ArrayRef>,
    rows: usize,
}

/// Where the best row lies.
#[derive(Clone, Copy)]
enum Place {
    Batch(u32),
    Chunk(usize, usize),
}

impl View {
    fn new(input: &MergeInput, rows: SendableRecordBatchStream) -> Self {
        let (layout, types) = (input.layout, input.types.clone());
        Self {
            rows,
            layout,
            types,
            batch: None,
            ended: false,
            row: 0,
            best: None,
            chunks: Vec::new(),
            picked: Vec::new(),
            found: Vec::new(),
            event_timestamps: Vec::new(),
        }
    }

    /// Finds the best row for the entity row with the key in `row` of `keys` that asks about `at`.
    async fn find(&mut self, keys: &Keys, row: usize, at: i64) -> Result<()> {
        while !self.advance(keys, row, at) {
            self.next_batch().await?;
        }
        self.event_timestamps.push(self.best.map(|(rank, _)| rank.event_timestamp));
        let place = self.best.map(|(_, place)| self.picked(place));
        self.found.push(place);
        Ok(())
    }

    /// Goes on to the first row that the entity row does not see; `false` where the next batch is needed for that.
    fn advance(&mut self, keys: &Keys, row: usize, at: i64) -> bool {
        let Some(batch) = &self.batch else { return self.ended };
        while self.row < batch.rows {
            match batch.keys.compare(self.row, keys, row) {
                Ordering::Less => {}
                Ordering::Equal if batch.ranks.seen_from.value(self.row) <= at => {
                    let rank = batch.ranks.rank(self.row);
                    if self.best.is_none_or(|(best, _)| rank > best) {
                        self.best = Some((rank, Place::Batch(self.row as u32)));
                    }
                }
                Ordering::Equal | Ordering::Greater => return true,
            }
            self.row += 1;
        }
        false
    }

    async fn next_batch(&mut self) -> Result<()> {
        if let Some((rank, place)) = self.best {
            let (chunk, row) = self.picked(place);
            self.best = Some((rank, Place::Chunk(chunk, row)));
        }
        self.end_chunk()?;
        self.row = 0;
        self.batch = self.rows.try_next().await?.map(|batch| SourceBatch {
            keys: Keys::of(batch.column(SourceLayout::KEY)),
            ranks: Ranks::of(&batch, self.layout),
            columns: batch.columns()[self.layout.first_column()..].to_vec(),
            rows: batch.num_rows(),
        });
        self.ended = self.batch.is_none();
        Ok(())
    }

    /// The chunk and row at which the row at `place` is, or will be.
    fn picked(&mut self, place: Place) -> (usize, usize) {
        match place {
            Place::Chunk(chunk, row) => (chunk, row),
            Place::Batch(row) => {
                if self.picked.last() != Some(&row) {
                    self.picked.push(row);
                }
                (self.chunks.len(), self.picked.len() - 1)
            }
        }
    }

    /// Takes the rows that won out of the batch.
    fn end_chunk(&mut self) -> Result<()> {
        if let Some(batch) = &self.batch
            && !self.picked.is_empty()
        {
            let rows = UInt32Array::from(std::mem::take(&mut self.picked));
            let chunk = batch.columns.iter().map(|column| take(column, &rows, None));
            self.chunks.push(chunk.collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    /// The columns for the entity rows since the last time, and forgets what isn't needed any more.
    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        self.end_chunk()?;
        let nothing = (self.chunks.len(), 0);
        self.chunks.push(self.types.iter().map(|data_type| new_null_array(data_type, 1)).collect());
        let places: Vec<_> = self.found.drain(..).map(|place| place.unwrap_or(nothing)).collect();
        let column = |column: usize| -> Result<ArrayRef> {
            let chunks: Vec<&dyn Array> = self.chunks.iter().map(|chunk| &*chunk[column]).collect();
            Ok(interleave(&chunks, &places)?)
        };
        let mut columns = (0..self.types.len()).map(column).collect::<Result<Vec<_>>>()?;
        columns.push(Arc::new(self.event_timestamps.drain(..).collect::<Int64Array>()));
        self.keep_the_best()?;
        Ok(columns)
    }

    fn keep_the_best(&mut self) -> Result<()> {
        let chunks = std::mem::take(&mut self.chunks);
        if let Some((_, place)) = &mut self.best
            && let Place::Chunk(chunk, row) = *place
        {
            let row = UInt32Array::from(vec![row as u32]);
            let best = chunks[chunk].iter().map(|column| take(column, &row, None));
            self.chunks.push(best.collect::<Result<_, _>>()?);
            *place = Place::Chunk(0, 0);
        }
        Ok(())
    }
}

/// Joins `views` to the entity rows, batch by batch.
async fn merge(
    mut entity_rows: SendableRecordBatchStream,
    mut views: Vec<View>,
    places: [usize; 2],
    schema: SchemaRef,
    metrics: BaselineMetrics,
    output: Sender<Result<RecordBatch>>,
) -> Result<()> {
    let mut last: Option<(Keys, usize)> = None;
    while let Some(batch) = entity_rows.try_next().await? {
        let keys = Keys::of(batch.column(places[0]));
        let at = batch.column(places[1]).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let is_new = match row.checked_sub(1) {
                Some(before) => keys.compare(before, &keys, row).is_ne(),
                None => last.as_ref().is_none_or(|(last, last_row)| last.compare(*last_row, &keys, row).is_ne()),
            };
            for view in &mut views {
                if is_new {
                    view.best = None;
                }
                view.find(&keys, row, at.value(row)).await?;
            }
        }
        last = batch.num_rows().checked_sub(1).map(|row| (keys, row)).or(last);
        let mut columns = batch.columns().to_vec();
        for view in &mut views {
            let _timer = metrics.elapsed_compute().timer();
            columns.extend(view.columns()?);
        }
        metrics.record_output(batch.num_rows());
        if output.send(Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)).await.is_err() {
            // Nobody wants more.
            break;
        }
    }
    Ok(())
}

impl DisplayAs for PointInTimeMergeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let views: Vec<&str> = self.views.iter().map(|view| view.view.as_str()).collect();
        write!(f, "PointInTimeMergeExec: views=[{}]", views.join(", "))
    }
}

impl ExecutionPlan for PointInTimeMergeExec {
    fn name(&self) -> &'static str {
        "PointInTimeMergeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        std::iter::once(&self.entity_rows).chain(self.views.iter().map(|view| &view.rows)).collect()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let by = |plan: &Arc<dyn ExecutionPlan>, column: usize| {
            let key: Arc<dyn PhysicalExpr> = Arc::new(Column::new(plan.schema().field(column).name(), column));
            Distribution::KeyPartitioned(vec![key])
        };
        let entity_rows = by(&self.entity_rows, self.layout.key(self.key_set));
        let views = self.views.iter().map(|view| by(&view.rows, SourceLayout::KEY));
        InputDistributionRequirements::co_partitioned(std::iter::once(entity_rows).chain(views).collect())
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let entity_rows = ascending(&self.entity_rows, &Self::entity_order(self.layout, self.key_set));
        let views = self.views.iter().map(|view| ascending(&view.rows, &Self::source_order(view.layout)));
        std::iter::once(entity_rows).chain(views).map(|order| Some(OrderingRequirements::from(order))).collect()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Self { layout, key_set, mut views, .. } = Self::clone(&self);
        let entity_rows = children.remove(0);
        views.iter_mut().zip(children).for_each(|(view, child)| view.rows = child);
        Ok(Arc::new(Self::new(entity_rows, layout, key_set, views)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let entity_rows = self.entity_rows.execute(partition, Arc::clone(&context))?;
        let view = |input: &MergeInput| Ok(View::new(input, input.rows.execute(partition, Arc::clone(&context))?));
        let views = self.views.iter().map(view).collect::<Result<Vec<_>>>()?;
        let places = Self::entity_order(self.layout, self.key_set);
        let mut output = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), 2);
        output.spawn(merge(entity_rows, views, places, Arc::clone(&self.schema), metrics, output.tx()));
        Ok(output.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
