//! Delta Lake tables: their log says which files count, which of their rows are deleted, and how columns are called.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SessionContext, SessionState};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use deltalake_core::DeltaTableError;
use deltalake_core::logstore::{StorageConfig, default_logstore};
use object_store::path::Path;
use url::Url;

use super::Owner;
use super::row_groups::split;
use crate::storage::{Place, explain, store_error};
use crate::{Error, Result};

/// Files are told apart by 16 bits in what reads them.
const FILES_IN_A_GROUP_MAX: usize = 1 << 16;

/// A Delta table at the version that was the newest when it was opened.
#[derive(Debug)]
pub(super) struct DeltaTable {
    provider: Arc<dyn TableProvider>,
    schema: SchemaRef,
    /// when each file was written, in ms since 1970, by its path in the store
    written: HashMap<Path, i64>,
}

impl DeltaTable {
    /// Reads the log of the table at `place`.
    ///
    /// # Errors
    /// The owner's, where there is no such table, or it needs more than we know; as [`super::Table::open`] where the store fails.
    pub(super) async fn open(owner: &Owner, place: Place, session: &SessionContext) -> Result<Self> {
        let unreadable = |error: DeltaTableError| broken(owner, &place, error);
        let location = location(&place);
        let config = StorageConfig::default();
        let in_table = config.decorate_store(Arc::clone(&place.store), &location).map_err(unreadable)?;
        let log = default_logstore(Arc::new(in_table), Arc::clone(&place.store), &location, &config);
        let mut table = deltalake_core::DeltaTable::new(log);
        table.load().await.map_err(unreadable)?;
        let files = table.snapshot().map_err(unreadable)?.log_data();
        let in_store = |file: Path| place.path.parts().chain(file.parts()).collect::<Path>();
        let written = files.iter().map(|file| (in_store(file.object_store_path()), file.modification_time())).collect();
        let provider = table.table_provider().with_session(Arc::new(session.state())).await;
        let provider = provider.map_err(|error| owner.failed(error))?;
        let schema = provider.schema();
        Ok(Self { provider, schema, written })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// See [`super::Table::scan`]. The order of the files is that of their time and then their name: what was written later
    /// comes later.
    pub(super) async fn scan(
        &self,
        owner: &Owner,
        state: &SessionState,
        projection: &[usize],
        filter: Option<&Expr>,
        partitions: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filters: Vec<Expr> = filter.map(split_conjunction).unwrap_or_default().into_iter().cloned().collect();
        let supported = self.provider.supports_filters_pushdown(&filters.iter().collect::<Vec<_>>());
        let supported = supported.map_err(|error| owner.failed(error))?;
        let filters: Vec<Expr> = filters
            .into_iter()
            .zip(supported)
            .filter(|(_, supported)| *supported != TableProviderFilterPushDown::Unsupported)
            .map(|(filter, _)| filter)
            .collect();
        let plan = self.provider.scan(state, Some(&projection.to_vec()), &filters, None).await;
        plan.and_then(|plan| self.in_order(plan, partitions)).map_err(|error| owner.failed(error))
    }

    /// `plan` with its files in their order, in at most `partitions` partitions.
    fn in_order(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        partitions: usize,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        plan.transform_up(|node| {
            let source = node.downcast_ref::<DataSourceExec>();
            let Some((config, _)) = source.and_then(DataSourceExec::downcast_to_file_source::<ParquetSource>) else {
                return Ok(Transformed::no(node));
            };
            let groups = self.groups(config, partitions);
            let config = FileScanConfigBuilder::from(config.clone()).with_file_groups(groups).with_preserve_order(true);
            Ok(Transformed::yes(DataSourceExec::from_data_source(config.build()) as Arc<dyn ExecutionPlan>))
        })
        .data()
    }

    fn groups(&self, config: &FileScanConfig, partitions: usize) -> Vec<FileGroup> {
        let mut files: Vec<PartitionedFile> =
            config.file_groups.iter().flat_map(|group| group.files().to_vec()).collect();
        files.sort_by_cached_key(|file| {
            let location = file.object_meta.location.clone();
            (self.written.get(&location).copied(), location)
        });
        // Deleted rows are found by their place, which is counted over all files of a partition.
        let partitions = if config.output_partitioning.is_some() { 1 } else { partitions };
        let sizes: Vec<u64> = files.iter().map(|file| file.object_meta.size).collect();
        let mut groups = vec![Vec::new(); partitions];
        for (file, partition) in files.into_iter().zip(split(&sizes, partitions)) {
            groups[partition].push(file);
        }
        let groups = groups.iter().flat_map(|group| group.chunks(FILES_IN_A_GROUP_MAX));
        groups.map(|group| FileGroup::new(group.to_vec())).collect()
    }
}

fn location(place: &Place) -> Url {
    let mut location = place.root.clone();
    {
        let mut names = location.path_segments_mut().expect("the URL of a store has a path");
        names.pop_if_empty().extend(place.path.parts().map(|part| part.as_ref().to_owned())).push("");
    }
    location
}

fn broken(owner: &Owner, place: &Place, error: DeltaTableError) -> Error {
    match store_error(&error) {
        Some(store) => explain(&format!("read {owner}"), store).because(error),
        None => owner.damaged(format!("`{}` of {owner} can't be read as a Delta table", place.shown)).because(error),
    }
}

#[cfg(test)]
mod tests;
