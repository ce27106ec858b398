//! Parquet: footers are read once, and say which row groups are worth reading.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetAccessPlan, ParquetFileMetrics, RowGroupAccessPlanFilter,
};
use datafusion::datasource::physical_plan::{FileGroup, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use super::failure::innermost;
use super::{FILES_AT_ONCE, Owner};
use crate::storage::store_error;
use crate::{Error, Result};

/// How much of a file's end is read at once: most footers are shorter.
const FOOTER_BYTES: usize = 64 << 10;

/// How much memory the footers of a table may take; those beyond it are read again when they are needed.
const FOOTERS_BYTES_MAX: usize = 256 << 20;

/// The footers of the files of a table.
#[derive(Debug)]
pub(super) struct Footers {
    store: Arc<dyn ObjectStore>,
    cache: Arc<FileMetadataCache>,
}

/// What a footer says.
pub(super) struct Footer {
    pub(super) schema: SchemaRef,
    pub(super) rows: u64,
}

impl Footers {
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, cache: Arc::new(DefaultCache::new(FOOTERS_BYTES_MAX)) }
    }

    /// Reads the footers of `files`, each with its shown name.
    ///
    /// # Errors
    /// The owner's for the first file that is not whole; as for [`super::Table::open`] where a store fails.
    pub(super) async fn read(&self, owner: &Owner, files: &[(String, ObjectMeta)]) -> Result<Vec<Footer>> {
        let read = |(shown, file): (String, ObjectMeta)| async move {
            let not_whole = |error: DataFusionError| broken(owner, &shown, error);
            let metadata = self.metadata(&file).await.map_err(not_whole)?;
            let parts = metadata.file_metadata();
            let schema = parquet_to_arrow_schema(parts.schema_descr(), parts.key_value_metadata());
            let schema = schema.map_err(|error| not_whole(error.into()))?;
            let rows = u64::try_from(parts.num_rows()).unwrap_or_default();
            Ok(Footer { schema: Arc::new(Schema::new(schema.fields)), rows })
        };
        futures::stream::iter(files.to_vec()).map(read).buffered(FILES_AT_ONCE).try_collect().await
    }

    async fn metadata(&self, file: &ObjectMeta) -> Result<Arc<ParquetMetaData>, DataFusionError> {
        DFParquetMetadata::new(self.store.as_ref(), file)
            .with_file_metadata_cache(Some(Arc::clone(&self.cache)))
            .with_metadata_size_hint(Some(FOOTER_BYTES))
            // Read with the first page that is worth pruning.
            .with_page_index_policy(Some(PageIndexPolicy::Skip))
            .fetch_metadata()
            .await
    }

    /// A source that reads files of these footers.
    pub(super) fn source(
        &self,
        columns: &TableSchema,
        state: &SessionState,
        predicate: Option<&Arc<dyn PhysicalExpr>>,
    ) -> ParquetSource {
        let factory = CachedParquetFileReaderFactory::new(Arc::clone(&self.store), Arc::clone(&self.cache));
        let source = ParquetSource::new(columns.clone())
            .with_table_parquet_options(state.default_table_options().parquet)
            .with_parquet_file_reader_factory(Arc::new(factory))
            .with_enable_page_index(true);
        match predicate {
            Some(predicate) => source.with_predicate(Arc::clone(predicate)),
            None => source,
        }
    }

    /// The row groups of `files` that may have rows for `filter`, in at most `partitions` groups of about the same size, in the
    /// order of the files.
    pub(super) async fn groups(
        &self,
        owner: &Owner,
        state: &SessionState,
        files: Vec<(String, ObjectMeta, Vec<ScalarValue>)>,
        filter: Option<&Expr>,
        partitions: usize,
    ) -> Result<Vec<FileGroup>> {
        let known = files.iter().map(|(shown, file, _)| (shown.clone(), file.clone())).collect::<Vec<_>>();
        let known = futures::stream::iter(known).map(|(shown, file)| async move {
            self.metadata(&file).await.map_err(|error| broken(owner, &shown, error))
        });
        let mut known = known.buffered(FILES_AT_ONCE);
        let mut pruning = Pruning::new(state, filter);
        let mut wanted = Vec::with_capacity(files.len());
        for (shown, file, values) in files {
            let metadata = known.try_next().await?.expect("there is one for each file");
            let groups = row_groups(&file, &metadata, &mut pruning).map_err(|error| broken(owner, &shown, error))?;
            wanted.push((groups, file, values));
        }
        let sizes: Vec<u64> =
            wanted.iter().flat_map(|(groups, ..)| groups.wanted.iter().map(|(_, bytes)| *bytes)).collect();
        let mut partition_of = split(&sizes, partitions).into_iter();
        let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new(); partitions];
        for (row_groups, file, values) in wanted {
            let mut plans: Vec<(usize, ParquetAccessPlan)> = Vec::new();
            for ((row_group, _), partition) in row_groups.wanted.iter().zip(&mut partition_of) {
                if plans.last().is_none_or(|(last, _)| *last != partition) {
                    plans.push((partition, ParquetAccessPlan::new_none(row_groups.all)));
                }
                plans.last_mut().expect("one was just added").1.scan(*row_group);
            }
            for (partition, plan) in plans {
                let part = PartitionedFile::new_from_meta(file.clone());
                groups[partition].push(part.with_partition_values(values.clone()).with_extension(plan));
            }
        }
        groups.retain(|group| !group.is_empty());
        Ok(groups.into_iter().map(FileGroup::new).collect())
    }
}

/// Row groups of a file.
struct RowGroups {
    /// how many it has
    all: usize,
    /// place and stored bytes of those to read
    wanted: Vec<(usize, u64)>,
}

fn row_groups(
    file: &ObjectMeta,
    metadata: &ParquetMetaData,
    pruning: &mut Pruning<'_>,
) -> Result<RowGroups, DataFusionError> {
    let all = metadata.num_row_groups();
    let mut filter = RowGroupAccessPlanFilter::new(ParquetAccessPlan::new_all(all));
    let parts = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(parts.schema_descr(), parts.key_value_metadata())?;
    if let Some(predicate) = pruning.of(&schema)? {
        let metrics = ParquetFileMetrics::new(0, file.location.as_ref(), &ExecutionPlanMetricsSet::new());
        filter.prune_by_statistics(&schema, parts.schema_descr(), metadata.row_groups(), &predicate, &metrics);
    }
    let bytes = |row_group: usize| u64::try_from(metadata.row_group(row_group).compressed_size()).unwrap_or_default();
    let wanted = filter.row_group_indexes().map(|row_group| (row_group, bytes(row_group))).collect();
    Ok(RowGroups { all, wanted })
}

/// What of a filter can be decided by statistics, for files of each schema: columns have other places in each.
struct Pruning<'a> {
    state: &'a SessionState,
    conditions: Vec<&'a Expr>,
    known: Vec<(Schema, Option<Arc<PruningPredicate>>)>,
}

impl<'a> Pruning<'a> {
    fn new(state: &'a SessionState, filter: Option<&'a Expr>) -> Self {
        Self { state, conditions: filter.map(split_conjunction).unwrap_or_default(), known: Vec::new() }
    }

    fn of(&mut self, schema: &Schema) -> Result<Option<Arc<PruningPredicate>>, DataFusionError> {
        if let Some((_, known)) = self.known.iter().find(|(known, _)| known == schema) {
            return Ok(known.clone());
        }
        let is_there = |condition: &&&Expr| {
            condition.column_refs().iter().all(|column| schema.field_with_name(&column.name).is_ok())
        };
        let conditions = self.conditions.iter().filter(is_there).map(|condition| (*condition).clone());
        let predicate = match conjunction(conditions) {
            None => None,
            Some(condition) => {
                let columns = DFSchema::try_from(schema.clone())?;
                let condition = self.state.create_physical_expr(condition, &columns)?;
                PruningPredicateBuilder::new().with_file_schema(Arc::new(schema.clone())).build(condition)
            }
        };
        self.known.push((schema.clone(), predicate.clone()));
        Ok(predicate)
    }
}

/// The partition of each piece: ascending, and with about the same sum of `sizes` in each.
pub(super) fn split(sizes: &[u64], partitions: usize) -> Vec<usize> {
    let total: u128 = sizes.iter().map(|size| u128::from(*size).max(1)).sum();
    let mut before = 0_u128;
    let partition = |size: &u64| {
        let size = u128::from(*size).max(1);
        // By the middle of the piece, so that a large one at the border goes where most of it belongs.
        let middle = 2 * before + size;
        before += size;
        let place = middle * partitions as u128 / (2 * total);
        usize::try_from(place).expect("it is less than the number of partitions").min(partitions - 1)
    };
    sizes.iter().map(partition).collect()
}

fn broken(owner: &Owner, shown: &str, error: DataFusionError) -> Error {
    match store_error(&error) {
        Some(_) => owner.failed(error),
        None => {
            owner.damaged(format!("file `{shown}` of {owner} is not a whole Parquet file")).because(innermost(&error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces_are_split_where_the_bytes_are() {
        assert_eq!(split(&[1, 1, 1, 1], 2), [0, 0, 1, 1]);
        assert_eq!(split(&[100, 1, 1, 1], 2), [0, 1, 1, 1]);
        assert_eq!(split(&[5], 4), [2]);
        assert_eq!(split(&[], 4), Vec::<usize>::new());
        assert_eq!(split(&[0, 0], 2), [0, 1]);
    }

    proptest! {
        #[test]
        fn partitions_follow_the_order_of_the_files_and_none_is_much_larger(
            sizes in prop::collection::vec(1..1000_u64, 1..60),
            partitions in 1..9_usize,
        ) {
            let split = split(&sizes, partitions);
            prop_assert!(split.is_sorted());
            let (total, largest): (u64, u64) = (sizes.iter().sum(), *sizes.iter().max().unwrap());
            for partition in 0..partitions {
                let bytes: u64 = sizes.iter().zip(&split).filter(|(_, of)| **of == partition).map(|(size, _)| size).sum();
                prop_assert!(bytes <= total.div_ceil(partitions as u64) + largest);
            }
        }
    }
}
