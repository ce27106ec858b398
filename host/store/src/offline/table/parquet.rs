//! Parquet: footers are read once, and say which row groups are worth reading.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::{CachedParquetMetaData, DFParquetMetadata};
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetAccessPlan, ParquetFileMetrics, RowGroupAccessPlanFilter,
};
use datafusion::datasource::physical_plan::{FileGroup, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::{CachedFileMetadataEntry, FileMetadataCache};
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::{ObjectMeta, ObjectStore};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use super::failure::innermost;
use super::page_index;
use super::row_groups::{self, RowGroup, Share, split};
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
    is_local: bool,
    cache: Arc<FileMetadataCache>,
}

/// What a footer says.
pub(super) struct Footer {
    pub(super) schema: SchemaRef,
    pub(super) rows: u64,
}

impl Footers {
    /// No footers yet of files in `store`, which is on the disk or not.
    pub(super) fn new(store: Arc<dyn ObjectStore>, is_local: bool) -> Self {
        Self { store, is_local, cache: Arc::new(DefaultCache::new(FOOTERS_BYTES_MAX)) }
    }

    /// Whether the files are on the disk.
    pub(super) fn are_local(&self) -> bool {
        self.is_local
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

    /// What to read of `files` for `filter`, in at most `partitions` groups of about the same size, in the order of the files: row
    /// groups that may have rows for it, and of a large one a part each.
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
        let (mut wanted, mut row_groups_of) = (Vec::new(), Vec::with_capacity(files.len()));
        for (place, (shown, file, _)) in files.iter().enumerate() {
            let metadata = known.try_next().await?.expect("there is one for each file");
            let of_file = wanted_row_groups(place, file, &metadata, &mut pruning);
            wanted.extend(of_file.map_err(|error| broken(owner, shown, error))?);
            row_groups_of.push(metadata.num_row_groups());
        }
        let shares = match self.is_local {
            true => {
                let shares = row_groups::cut(&wanted, partitions);
                self.index_pages(&files, &row_groups_of, &shares, partitions).await;
                shares
            }
            // Two partitions that read of one row group would both fetch all of it.
            false => wanted.into_iter().map(Share::whole).collect(),
        };
        Ok(file_groups(&files, &row_groups_of, shares, partitions))
    }

    /// Finds the pages of files of which a row group is shared, so that nobody reads those of the others. Where row groups are many,
    /// those that are shared are a small part of them, and not worth it.
    async fn index_pages(
        &self,
        files: &[(String, ObjectMeta, Vec<ScalarValue>)],
        row_groups_of: &[usize],
        shares: &[Share],
        partitions: usize,
    ) {
        let shared: BTreeSet<usize> =
            shares.iter().filter(|share| !share.is_whole()).map(|share| share.of.file).collect();
        for place in shared.into_iter().filter(|place| row_groups_of[*place] <= 2 * partitions) {
            let file = &files[place].1;
            let Ok(metadata) = self.metadata(file).await else { continue };
            let Ok(path) = LocalFileSystem::new().path_to_filesystem(&file.location) else { continue };
            if metadata.offset_index().is_none()
                && let Ok(Some(indexed)) =
                    tokio::task::spawn_blocking(move || page_index::with_pages(&metadata, &path)).await
            {
                let indexed = Arc::new(CachedParquetMetaData::new(Arc::new(indexed)));
                self.cache.put(&file.location, CachedFileMetadataEntry::new(file.clone(), indexed));
            }
        }
    }
}

/// What each partition reads of `files`, each with its number of row groups.
fn file_groups(
    files: &[(String, ObjectMeta, Vec<ScalarValue>)],
    row_groups_of: &[usize],
    shares: Vec<Share>,
    partitions: usize,
) -> Vec<FileGroup> {
    let sizes: Vec<u64> = shares.iter().map(|share| share.bytes).collect();
    let mut plans: Vec<(usize, usize, ParquetAccessPlan)> = Vec::new();
    for (share, partition) in shares.into_iter().zip(split(&sizes, partitions)) {
        let file = share.of.file;
        if plans.last().is_none_or(|(in_partition, of_file, _)| (*in_partition, *of_file) != (partition, file)) {
            plans.push((partition, file, ParquetAccessPlan::new_none(row_groups_of[file])));
        }
        let (.., plan) = plans.last_mut().expect("one was just added");
        plan.set(share.of.row_group, share.access());
    }
    let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new(); partitions];
    for (partition, file, plan) in plans {
        let (_, file, values) = &files[file];
        let part = PartitionedFile::new_from_meta(file.clone()).with_partition_values(values.clone());
        groups[partition].push(part.with_extension(plan));
    }
    groups.retain(|group| !group.is_empty());
    groups.into_iter().map(FileGroup::new).collect()
}

/// The row groups of a file that may have rows which satisfy a filter, each with its rows and stored bytes.
fn wanted_row_groups(
    place: usize,
    file: &ObjectMeta,
    metadata: &ParquetMetaData,
    pruning: &mut Pruning<'_>,
) -> Result<Vec<RowGroup>, DataFusionError> {
    let mut filter = RowGroupAccessPlanFilter::new(ParquetAccessPlan::new_all(metadata.num_row_groups()));
    let parts = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(parts.schema_descr(), parts.key_value_metadata())?;
    if let Some(predicate) = pruning.of(&schema)? {
        let metrics = ParquetFileMetrics::new(0, file.location.as_ref(), &ExecutionPlanMetricsSet::new());
        filter.prune_by_statistics(&schema, parts.schema_descr(), metadata.row_groups(), &predicate, &metrics);
    }
    let wanted = filter.row_group_indexes().map(|row_group| {
        let of = metadata.row_group(row_group);
        RowGroup {
            file: place,
            row_group,
            rows: usize::try_from(of.num_rows()).unwrap_or_default(),
            bytes: u64::try_from(of.compressed_size()).unwrap_or_default(),
        }
    });
    Ok(wanted.collect())
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

fn broken(owner: &Owner, shown: &str, error: DataFusionError) -> Error {
    match store_error(&error) {
        Some(_) => owner.failed(error),
        None => {
            owner.damaged(format!("file `{shown}` of {owner} is not a whole Parquet file")).because(innermost(&error))
        }
    }
}
