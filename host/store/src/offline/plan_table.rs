//! A physical plan as a table, for DataFusion to query.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::dataframe::DataFrame;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::context::SessionContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, SendableRecordBatchStream};
use futures::stream;

/// The rows of `plan`, to be aggregated.
pub(crate) fn table(session: &SessionContext, plan: &Arc<dyn ExecutionPlan>) -> Result<DataFrame> {
    let partitions = (0..plan.output_partitioning().partition_count()).map(|partition| {
        let (plan, schema) = (Arc::clone(plan), plan.schema());
        Arc::new(Partition { plan, schema, partition }) as Arc<dyn PartitionStream>
    });
    let table = StreamingTable::try_new(plan.schema(), partitions.collect())?;
    session.read_table(Arc::new(table))
}

struct Partition {
    plan: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    partition: usize,
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition").field("partition", &self.partition).finish_non_exhaustive()
    }
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.plan.execute(self.partition, context).unwrap_or_else(|error| {
            let failed = stream::once(async { Err(error) });
            Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), failed))
        })
    }
}
