//! Where entity rows come from, opened.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::context::SessionContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::TryStreamExt;

use super::EntitySource;
use crate::Result;
use crate::entity_rows::{EVENT_TIMESTAMP, EntityRows};
use crate::feature_set::FeatureSet;
use crate::feature_store::FeatureStore;
use crate::offline::failure::from_datafusion;
use crate::offline::sql;
use crate::offline::table::{Owner, Table, TablePath, TextColumns};

/// Entity rows that can be read, also more than once.
pub(super) enum Entities {
    /// In files.
    Files(Box<Table>),
    /// In memory.
    Rows(SchemaRef, Vec<RecordBatch>),
}

/// What is to be known of entity rows before they are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) rows: u64,
    /// the first instant, in µs
    pub(super) first: Option<i64>,
    /// the last instant, in µs
    pub(super) last: Option<i64>,
}

impl Entities {
    /// Opens `source`; relative paths start from the current folder.
    ///
    /// # Errors
    /// Where the files can't be read, or the query fails.
    pub(super) async fn open(
        source: &EntitySource,
        set: &FeatureSet,
        store: &FeatureStore,
        session: &SessionContext,
    ) -> Result<Self> {
        match source {
            EntitySource::Files { path, format } => {
                // What the definitions say a type for isn't guessed.
                let mut typed: Vec<String> = set.join_keys().iter().map(|key| key.name.clone()).collect();
                typed.extend(set.request_fields().iter().map(|(name, _)| name.clone()));
                typed.push(EVENT_TIMESTAMP.to_owned());
                let path = TablePath { path, format: *format, root: Path::new(".") };
                let text = TextColumns::Inferred { but: &typed };
                Ok(Self::Files(Box::new(Table::open(Owner::EntityRows, path, text, session).await?)))
            }
            EntitySource::Query(query) => {
                let rows = sql::query(query, store.definitions(), store.root(), session).await?;
                let schema = Arc::new(rows.schema().as_arrow().clone());
                let batches = rows.collect().await.map_err(|error| Owner::EntityRows.failed(error))?;
                Ok(Self::Rows(schema, batches))
            }
            EntitySource::Rows(rows) => Ok(Self::Rows(rows.schema(), vec![rows.clone()])),
        }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        match self {
            Self::Files(table) => table.schema(),
            Self::Rows(schema, _) => schema,
        }
    }

    /// The rows in their order, in one partition; all columns, or those at `projection`.
    pub(super) async fn scan(
        &self,
        projection: Option<&[usize]>,
        session: &SessionContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema().fields().len()).collect();
        let projection = projection.unwrap_or(&all);
        match self {
            Self::Files(table) => table.scan(projection, None, 1).await,
            Self::Rows(schema, batches) => {
                let rows = session.task_ctx().session_config().batch_size();
                let pieces = batches.iter().flat_map(|batch| pieces(batch, rows)).collect();
                let plan = MemorySourceConfig::try_new_exec(&[pieces], Arc::clone(schema), Some(projection.to_vec()));
                Ok(plan.map_err(|error| from_datafusion(error, "the entity rows can't be read"))?)
            }
        }
    }

    /// Counts the rows, and finds the first and the last instant.
    ///
    /// # Errors
    /// Where the rows can't be read, or have no instants.
    pub(super) async fn bounds(&self, entity_rows: &EntityRows, session: &SessionContext) -> Result<Bounds> {
        let column = self.schema().index_of(EVENT_TIMESTAMP).unwrap_or(0);
        let plan = self.scan(Some(&[column]), session).await?;
        let failed = |error| Owner::EntityRows.failed(error);
        let mut batches = execute_stream(plan, session.task_ctx()).map_err(failed)?;
        let mut bounds = Bounds { rows: 0, first: None, last: None };
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            let instants = entity_rows.instants(&batch, bounds.rows)?;
            bounds.rows += batch.num_rows() as u64;
            bounds.first = instants.values().iter().copied().chain(bounds.first).min();
            bounds.last = instants.values().iter().copied().chain(bounds.last).max();
        }
        Ok(bounds)
    }
}

/// A batch in pieces of at most `rows` rows.
fn pieces(batch: &RecordBatch, rows: usize) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows().max(1)).step_by(rows.max(1));
    starts.map(|start| batch.slice(start, rows.min(batch.num_rows() - start))).collect()
}
