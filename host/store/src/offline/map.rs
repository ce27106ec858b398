//! A plan operator that makes of each batch another one: typed rows of files, keyed entity rows, computed features.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};

use super::failure::to_datafusion;
use super::table::Owner;

/// Which of the input's rows a batch has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    /// the input's partition
    pub(crate) partition: usize,
    /// rows of that partition before the batch
    pub(crate) rows_before: u64,
}

/// What is done to a batch.
type Function = dyn Fn(&RecordBatch, Position) -> crate::Result<RecordBatch> + Send + Sync;

/// Calls a function for each batch; the batches stay in their order, whichever is done first.
#[derive(Clone)]
pub(crate) struct MapExec {
    name: &'static str,
    detail: String,
    input: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    function: Arc<Function>,
    at_once: usize,
    owner: Option<Owner>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl MapExec {
    /// An operator called `name`, which says `detail` of itself; its batches have the schema `schema`.
    pub(crate) fn new(
        name: &'static str,
        detail: String,
        input: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        function: impl Fn(&RecordBatch, Position) -> crate::Result<RecordBatch> + Send + Sync + 'static,
    ) -> Self {
        let properties = Arc::new(unordered(&schema, input.output_partitioning().partition_count()));
        let metrics = ExecutionPlanMetricsSet::new();
        Self { name, detail, input, schema, function: Arc::new(function), at_once: 1, owner: None, properties, metrics }
    }

    /// Says of an error of the input that it hindered reading the files of `owner`.
    pub(crate) fn reading(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Works on this many batches of a partition at a time, on threads of their own.
    pub(crate) fn at_once(mut self, batches: usize) -> Self {
        self.at_once = batches.max(1);
        self
    }
}

/// The properties of a plan with `partitions` partitions whose rows are in no order that a sort would make.
pub(super) fn unordered(schema: &SchemaRef, partitions: usize) -> PlanProperties {
    PlanProperties::new(
        EquivalenceProperties::new(Arc::clone(schema)),
        Partitioning::UnknownPartitioning(partitions),
        EmissionType::Incremental,
        Boundedness::Bounded,
    )
}

impl fmt::Debug for MapExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapExec").field("name", &self.name).field("detail", &self.detail).finish_non_exhaustive()
    }
}

impl DisplayAs for MapExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.detail)
    }
}

impl ExecutionPlan for MapExec {
    fn name(&self) -> &str {
        self.name
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
        let input = children.swap_remove(0);
        let properties = Arc::new(unordered(&self.schema, input.output_partitioning().partition_count()));
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Arc::new(Self { input, properties, metrics, ..Self::clone(&self) }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let counted = metrics.clone();
        let function = Arc::clone(&self.function);
        let mut rows_before = 0;
        let at_once = self.at_once;
        let owner = self.owner.clone();
        let input = self.input.execute(partition, context)?.map_err(move |error| match &owner {
            Some(owner) => to_datafusion(owner.failed(error)),
            None => error,
        });
        let calls = input.map_ok(move |batch| {
            let position = Position { partition, rows_before };
            rows_before += batch.num_rows() as u64;
            let (function, metrics) = (Arc::clone(&function), metrics.clone());
            let call = move || {
                let _timer = metrics.elapsed_compute().timer();
                function(&batch, position).map_err(to_datafusion)
            };
            run(call, at_once > 1)
        });
        let batches = calls.try_buffered(at_once).inspect_ok(move |batch| counted.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches.boxed())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Calls `call`, on another thread if it is to run beside others.
async fn run<T: Send + 'static>(call: impl FnOnce() -> Result<T> + Send + 'static, elsewhere: bool) -> Result<T> {
    match elsewhere {
        false => call(),
        true => SpawnedTask::spawn_blocking(call).await.map_err(|error| DataFusionError::External(Box::new(error)))?,
    }
}
