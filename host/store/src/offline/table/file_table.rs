//! A table of files: their versions, their columns, and plans that read them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SessionContext, SessionState};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};

use super::csv::Compression;
use super::parquet::Footers;
use super::partitions::Partitions;
use super::row_groups::split;
use super::{FILES_AT_ONCE, Owner, TextColumns, arrow_ipc, csv, schema};
use crate::Result;
use crate::definitions::Format;
use crate::offline::files::{Found, below};
use crate::storage::PinnedStore;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct FileTable {
    /// shown name, version, and values of the partition columns
    files: Vec<(String, ObjectMeta, Vec<ScalarValue>)>,
    columns: TableSchema,
    url: ObjectStoreUrl,
    kind: Kind,
    rows: Option<u64>,
}

/// What a format needs to be read.
#[derive(Debug)]
enum Kind {
    Parquet(Footers),
    Csv(Compression),
    Arrow {
        /// not streams
        are_files: bool,
    },
}

impl FileTable {
    /// Reads the columns of `found`, and makes the store known to `session`.
    ///
    /// # Errors
    /// As [`super::Table::open`].
    pub(super) async fn open(
        owner: &Owner,
        found: Found,
        text: TextColumns<'_>,
        session: &SessionContext,
    ) -> Result<Self> {
        let store: Arc<dyn ObjectStore> = Arc::new(PinnedStore::new(&found.place, found.files.iter().cloned()));
        let url = url_of_its_own();
        session.runtime_env().register_object_store(url.as_ref(), Arc::clone(&store));
        let files: Vec<(String, ObjectMeta)> =
            found.files.iter().map(|file| (found.place.show(&file.location), file.clone())).collect();
        let (kind, stored, rows) = columns(owner, &found, &store, &files, text, &session.state()).await?;
        let names: Vec<(String, &str)> =
            files.iter().map(|(shown, file)| (shown.clone(), below(&found.place.path, &file.location))).collect();
        let is_stored = |name: &str| stored.field_with_name(name).is_ok();
        let partitions = Partitions::of(owner, &names, is_stored, text)?;
        let columns = TableSchema::builder(stored).with_table_partition_cols(partitions.columns).build();
        let files = files.into_iter().zip(partitions.values).map(|((shown, file), values)| (shown, file, values));
        Ok(Self { files: files.collect(), columns, url, kind, rows })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        self.columns.table_schema()
    }

    pub(super) fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// See [`super::Table::has_columns_apart`].
    pub(super) fn has_columns_apart(&self) -> bool {
        matches!(&self.kind, Kind::Parquet(footers) if footers.are_local())
    }

    /// See [`super::Table::scan`].
    pub(super) async fn scan(
        &self,
        owner: &Owner,
        state: &SessionState,
        projection: &[usize],
        filter: Option<&Expr>,
        partitions: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let failed = |error: DataFusionError| owner.failed(error);
        let files = self.files_for(state, filter).map_err(failed)?;
        let columns = DFSchema::try_from(self.schema().as_ref().clone()).map_err(failed)?;
        let predicate = filter.map(|filter| state.create_physical_expr(filter.clone(), &columns));
        let predicate = predicate.transpose().map_err(failed)?;
        let (source, groups) = self.source(owner, state, files, filter.zip(predicate.as_ref()), partitions).await?;
        if groups.is_empty() {
            let schema = self.schema().project(projection).map_err(|error| failed(error.into()))?;
            return Ok(Arc::new(EmptyExec::new(Arc::new(schema))));
        }
        let config = FileScanConfigBuilder::new(self.url.clone(), source)
            .with_file_groups(groups)
            .with_projection_indices(Some(projection.to_vec()))
            .map_err(failed)?
            // Each partition reads its own files, in their order.
            .with_preserve_order(true);
        let config = match self.kind {
            Kind::Csv(compression) => config.with_file_compression_type(compression.file_type()),
            _ => config,
        };
        Ok(DataSourceExec::from_data_source(config.build()))
    }

    /// What reads `files`, and which partition reads which.
    async fn source(
        &self,
        owner: &Owner,
        state: &SessionState,
        files: Vec<(String, ObjectMeta, Vec<ScalarValue>)>,
        filter: Option<(&Expr, &Arc<dyn PhysicalExpr>)>,
        partitions: usize,
    ) -> Result<(Arc<dyn FileSource>, Vec<FileGroup>)> {
        Ok(match &self.kind {
            Kind::Parquet(footers) => {
                let groups = footers.groups(owner, state, files, filter.map(|(filter, _)| filter), partitions).await?;
                (Arc::new(footers.source(&self.columns, state, filter.map(|(_, predicate)| predicate))), groups)
            }
            Kind::Csv(compression) => {
                (Arc::new(csv::source(&self.columns, *compression)), whole_files(files, partitions))
            }
            Kind::Arrow { are_files } => {
                (Arc::new(arrow_ipc::source(&self.columns, *are_files)), whole_files(files, partitions))
            }
        })
    }

    /// The files whose partition values may satisfy `filter`.
    fn files_for(
        &self,
        state: &SessionState,
        filter: Option<&Expr>,
    ) -> Result<Vec<(String, ObjectMeta, Vec<ScalarValue>)>, DataFusionError> {
        let columns = self.columns.table_partition_cols();
        let is_partition = |name: &str| columns.iter().any(|column| column.name() == name);
        let about_partitions = filter.map(split_conjunction).unwrap_or_default().into_iter().filter(|part| {
            let about: BTreeSet<_> = part.column_refs().into_iter().map(|column| column.name.clone()).collect();
            !about.is_empty() && about.iter().all(|name| is_partition(name))
        });
        let Some(about_partitions) = conjunction(about_partitions.cloned()) else { return Ok(self.files.clone()) };
        let schema = Arc::new(Schema::new(columns.clone()));
        let values = (0..columns.len())
            .map(|column| ScalarValue::iter_to_array(self.files.iter().map(|(.., values)| values[column].clone())));
        let values: Vec<ArrayRef> = values.collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.files.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), values, &options)?;
        let kept = state.create_physical_expr(about_partitions, &DFSchema::try_from(schema.as_ref().clone())?)?;
        let kept = kept.evaluate(&batch)?.into_array(self.files.len())?;
        let kept: &BooleanArray = kept.as_boolean();
        Ok(self
            .files
            .iter()
            .zip(kept.iter())
            .filter(|(_, kept)| *kept == Some(true))
            .map(|(file, _)| file.clone())
            .collect())
    }
}

/// What reads the format, the columns in the files, and how many rows there are if they say it.
async fn columns(
    owner: &Owner,
    found: &Found,
    store: &Arc<dyn ObjectStore>,
    files: &[(String, ObjectMeta)],
    text: TextColumns<'_>,
    state: &SessionState,
) -> Result<(Kind, SchemaRef, Option<u64>)> {
    let all = || futures::stream::iter(files.to_vec());
    match found.format {
        // Delta tables, which are of Parquet too, are opened elsewhere.
        Format::Parquet | Format::Delta => {
            let footers = Footers::new(Arc::clone(store), found.place.is_local());
            let read = footers.read(owner, files).await?;
            let named = files.iter().zip(&read).map(|((shown, _), footer)| (shown.clone(), footer.schema.as_ref()));
            let rows = read.iter().map(|footer| footer.rows).sum();
            Ok((Kind::Parquet(footers), schema::merge(owner, named)?, Some(rows)))
        }
        Format::Csv => {
            let compression = Compression::of(owner, files)?;
            let read = all().map(|file| csv::columns(owner, state, store, file, compression, text));
            let read: Vec<SchemaRef> = read.buffered(FILES_AT_ONCE).try_collect().await?;
            let schemas: Vec<_> = files.iter().map(|(shown, _)| shown.clone()).zip(read).collect();
            Ok((Kind::Csv(compression), csv::merge(owner, &schemas)?, None))
        }
        Format::Arrow => {
            let read = all().map(|file| arrow_ipc::columns(owner, state, store, file));
            let read: Vec<SchemaRef> = read.buffered(FILES_AT_ONCE).try_collect().await?;
            let named = files.iter().zip(&read).map(|((shown, _), schema)| (shown.clone(), schema.as_ref()));
            let schema = schema::merge(owner, named)?;
            Ok((Kind::Arrow { are_files: arrow_ipc::are_files(owner, store, files).await? }, schema, None))
        }
    }
}

/// Whole files in at most `partitions` groups of about the same size, in their order.
fn whole_files(files: Vec<(String, ObjectMeta, Vec<ScalarValue>)>, partitions: usize) -> Vec<FileGroup> {
    let sizes: Vec<u64> = files.iter().map(|(_, file, _)| file.size).collect();
    let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new(); partitions];
    for ((_, file, values), partition) in files.into_iter().zip(split(&sizes, partitions)) {
        groups[partition].push(PartitionedFile::new_from_meta(file).with_partition_values(values));
    }
    groups.retain(|group| !group.is_empty());
    groups.into_iter().map(FileGroup::new).collect()
}

/// Plans find their store by a URL, and each table has versions of files of its own.
fn url_of_its_own() -> ObjectStoreUrl {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    ObjectStoreUrl::parse(format!("table://{number}")).expect("this is a URL")
}
