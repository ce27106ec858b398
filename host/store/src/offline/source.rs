//! Reading a source: its files' schema, and its rows as typed columns.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::filter;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use datafusion::execution::context::SessionContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use futures::{Stream, StreamExt, TryStreamExt};
use skewless_runtime::{DataType, ScalarType};

use super::conversion::is_convertible_column;
use super::keys::JoinKeys;
use super::map::{MapExec, Position};
use super::point_in_time::{ColumnsInput, SourceLayout};
use super::pruning;
use super::rows::{FileColumns, KeyedRows, Usable, Window, usable};
use super::table::{Owner, Table, TablePath, TextColumns};
use crate::definitions::{Source, hint};
use crate::online::encode_keys;
use crate::{Error, Result};

/// A source whose files are found and whose schema is known.
pub(crate) struct SourceTable {
    source: Source,
    table: Table,
    session: SessionContext,
}

/// What to read of a source.
#[derive(Debug, Clone)]
pub(crate) struct ScanRequest {
    /// the join keys: name and type
    pub(crate) join_keys: Vec<(String, DataType)>,
    /// the other columns, by the names of the definitions
    pub(crate) columns: Vec<(String, DataType)>,
    /// the first event timestamp of interest, in µs, included
    pub(crate) from: Option<i64>,
    /// the last one, included
    pub(crate) to: Option<i64>,
}

impl ScanRequest {
    fn window(&self) -> Window {
        Window { from: self.from, to: self.to }
    }
}

/// Some rows of a source, in the order of the files; every row has its join keys and its event timestamp.
pub(crate) struct SourceRows {
    /// the entity key of each row
    pub(crate) keys: arrow::array::LargeBinaryArray,
    /// in µs
    pub(crate) event_timestamps: Vec<i64>,
    /// in µs, where the source has such a column
    pub(crate) created_timestamps: Vec<Option<i64>>,
    /// the columns asked for
    pub(crate) columns: Vec<ArrayRef>,
    /// rows in the interval that were left out, for want of a join key or an event timestamp
    pub(crate) left_out: u64,
}

impl SourceTable {
    /// Finds the files of `source` and reads what tells their columns.
    ///
    /// # Errors
    /// Where there is no file, a file is not whole, or two files disagree about a column.
    pub(crate) async fn open(source: &Source, root: &Path) -> Result<Self> {
        Self::open_in(source, root, &session()).await
    }

    /// As [`SourceTable::open`], for plans that run in `session`.
    pub(crate) async fn open_in(source: &Source, root: &Path, session: &SessionContext) -> Result<Self> {
        let path = TablePath { path: &source.path, format: source.format, root };
        let text = TextColumns::Text { date: source.date_partition_column.as_deref() };
        let table = Table::open(Owner::Source(source.name.clone()), path, text, session).await?;
        Ok(Self { source: source.clone(), table, session: session.clone() })
    }

    /// How many rows the files have, as far as they say; in an interval there may be fewer.
    pub(crate) fn row_count(&self) -> Option<u64> {
        self.table.rows()
    }

    /// Checks that the column called `name` in the definitions is there and can become a `data_type`.
    ///
    /// # Errors
    /// Says what the file has instead.
    pub(crate) fn check(&self, name: &str, data_type: DataType) -> Result<(), String> {
        let column = self.column_in_file(name);
        let schema = self.table.schema();
        let Ok(field) = schema.field_with_name(column) else {
            let known = schema.fields().iter().map(|field| field.name().as_str());
            return Err(format!("source `{}` has no column `{column}`: {}", self.source.name, hint(column, known)));
        };
        if is_convertible_column(field, data_type) {
            return Ok(());
        }
        let (source, found) = (&self.source.name, field.data_type());
        Err(format!("`{name}` is declared {data_type}, but column `{column}` of source `{source}` is {found}"))
    }

    /// The file's name for a column of the definitions.
    fn column_in_file<'a>(&'a self, name: &'a str) -> &'a str {
        let mapped = self.source.field_mapping.iter().find(|(_, mapped)| *mapped == name);
        mapped.map_or(name, |(column, _)| column)
    }

    /// Where things are in the rows of [`SourceTable::keyed_rows`].
    pub(crate) fn layout(&self, known_at: bool) -> SourceLayout {
        SourceLayout { has_created: self.source.created_timestamp_column.is_some(), known_at }
    }

    /// A plan of the rows in `window` that have their join keys and their event timestamp, keyed, with `columns` behind.
    ///
    /// # Errors
    /// Where a column is missing or has a type that doesn't convert.
    pub(crate) async fn keyed_rows(
        &self,
        join_keys: &JoinKeys,
        columns: &[(String, DataType)],
        window: Window,
        known_at: bool,
        partitions: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = self.wanted(join_keys.columns(), columns);
        let (input, columns) = self.raw(wanted, window, partitions).await?;
        let rows = KeyedRows { columns, join_keys: join_keys.clone(), layout: self.layout(known_at), window };
        let schema = rows.schema();
        let (source, out) = (self.source.name.clone(), Arc::clone(&schema));
        let rows = move |batch: &RecordBatch, position: Position| {
            let rows = rows.of(batch, position, &out);
            rows.map_err(|error| Error::corrupt(format!("source `{source}`: {}", error.message())))
        };
        let plan = MapExec::new("SourceRowsExec", format!("source={}", self.source.name), input, schema, rows);
        Ok(Arc::new(plan.reading(self.owner())))
    }

    /// Plans of `columns` alone, row by row the same rows as [`SourceTable::keyed_rows`] before it leaves any out: of each column by itself
    /// where that takes no longer, so that little is held of the files at a time, else of as many together as give each partition a plan.
    ///
    /// # Errors
    /// Where a column is missing or has a type that doesn't convert.
    pub(crate) async fn columns(
        &self,
        columns: &[(String, DataType)],
        window: Window,
        partitions: usize,
    ) -> Result<Vec<ColumnsInput>> {
        let parts = if self.table.has_columns_apart() { columns.len() } else { partitions.min(columns.len()) };
        let mut inputs = Vec::new();
        for part in 0..parts {
            let places: Vec<usize> = (part..columns.len()).step_by(parts).collect();
            let wanted: Vec<(String, DataType)> = places.iter().map(|place| columns[*place].clone()).collect();
            let (input, columns) = self.raw(wanted, window, partitions).await?;
            let schema = input.schema();
            let detail = format!("source={}, columns={}", self.source.name, places.len());
            let same = |batch: &RecordBatch, _: Position| Ok(batch.clone());
            let plan = MapExec::new("SourceColumnsExec", detail, input, schema, same).reading(self.owner());
            let source = self.source.name.clone();
            let convert = move |read: &[ArrayRef]| {
                columns.typed(read).map_err(|reason| Error::corrupt(format!("source `{source}`: {reason}")))
            };
            inputs.push(ColumnsInput { plan: Arc::new(plan), columns: places, convert: Arc::new(convert) });
        }
        Ok(inputs)
    }

    /// A plan of the files' columns behind `wanted`, each once, and where the wanted ones are in it.
    async fn raw(
        &self,
        wanted: Vec<(String, DataType)>,
        window: Window,
        partitions: usize,
    ) -> Result<(Arc<dyn ExecutionPlan>, FileColumns)> {
        for (name, data_type) in &wanted {
            self.check(name, *data_type).map_err(Error::invalid_definition)?;
        }
        let schema = self.table.schema();
        let in_file = |(name, _): &(String, DataType)| {
            schema.index_of(self.column_in_file(name)).expect("the column was checked to be there")
        };
        let columns: Vec<usize> = wanted.iter().map(in_file).collect();
        let mut projection = columns.clone();
        projection.sort_unstable();
        projection.dedup();
        let place = |column: &usize| projection.binary_search(column).expect("it was put there");
        let places = columns.iter().map(place).collect();
        let fields = columns.iter().map(|column| schema.field(*column).clone()).collect();
        let filter = pruning::filter(&self.source, schema, window);
        let plan = self.table.scan(&projection, filter.as_ref(), partitions).await?;
        Ok((plan, FileColumns { wanted, fields, places }))
    }

    fn owner(&self) -> Owner {
        Owner::Source(self.source.name.clone())
    }

    /// Reads the rows asked for, file after file; row groups outside the interval are not read.
    ///
    /// # Errors
    /// Where a column is missing, or the files can't be read.
    pub(crate) async fn scan(
        &self,
        request: &ScanRequest,
    ) -> Result<impl Stream<Item = Result<SourceRows>> + Send + 'static> {
        let wanted = self.wanted(&request.join_keys, &request.columns);
        let owner = self.owner();
        let (plan, columns) = self.raw(wanted, request.window(), 1).await?;
        let stream = plan.execute(0, self.session.task_ctx()).map_err(|error| owner.failed(error))?;
        let typed = Typed {
            columns,
            join_keys: request.join_keys.len(),
            has_created: self.source.created_timestamp_column.is_some(),
        };
        let window = request.window();
        let source = self.source.name.clone();
        Ok(stream.map_err(move |error| owner.failed(error)).map(move |batch| {
            let rows = typed.rows(&batch?, window);
            rows.map_err(|reason| Error::corrupt(format!("source `{source}`: {reason}")))
        }))
    }

    /// The columns to read, in order: join keys, event timestamp, created timestamp if there is one, the rest.
    fn wanted(&self, join_keys: &[(String, DataType)], columns: &[(String, DataType)]) -> Vec<(String, DataType)> {
        let timestamp = |name: &String| (self.name_in_definitions(name), ScalarType::Timestamp.into());
        let mut wanted = join_keys.to_vec();
        wanted.push(timestamp(&self.source.timestamp_field));
        wanted.extend(self.source.created_timestamp_column.as_ref().map(timestamp));
        wanted.extend(columns.iter().cloned());
        wanted
    }

    /// The column that says when a row became known, as one to read like a feature.
    pub(crate) fn created_timestamp(&self) -> Option<(String, DataType)> {
        let column = self.source.created_timestamp_column.as_ref()?;
        Some((self.name_in_definitions(column), ScalarType::Timestamp.into()))
    }

    /// Timestamp columns are given by their names in the file.
    fn name_in_definitions(&self, column: &str) -> String {
        self.source.field_mapping.get(column).cloned().unwrap_or_else(|| column.to_owned())
    }
}

/// One partition, so that rows come in the order of the files; types as the files have them.
pub(crate) fn session() -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1).with_batch_size(8_192);
    config.options_mut().execution.parquet.schema_force_view_types = false;
    config.options_mut().execution.collect_statistics = false;
    SessionContext::new_with_config(config)
}

/// How a batch of the files becomes typed rows.
struct Typed {
    columns: FileColumns,
    join_keys: usize,
    has_created: bool,
}

impl Typed {
    fn rows(&self, batch: &RecordBatch, window: Window) -> Result<SourceRows, String> {
        let columns = self.columns.typed(batch.columns())?;
        let (columns, left_out) = self.usable(columns, window)?;
        let times =
            |column: &ArrayRef| column.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>();
        let event_timestamps = times(&columns[self.join_keys]).values().to_vec();
        let created_timestamps = match self.has_created {
            true => times(&columns[self.join_keys + 1]).iter().collect(),
            false => vec![None; event_timestamps.len()],
        };
        let keys = self.columns.wanted[..self.join_keys].iter().zip(&columns);
        let keys = keys.map(|((name, _), column)| (name.as_str(), Arc::clone(column))).collect::<Vec<_>>();
        let keys = encode_keys(&keys).map_err(|error| error.to_string())?;
        let columns = columns[self.join_keys + 1 + usize::from(self.has_created)..].to_vec();
        Ok(SourceRows { keys, event_timestamps, created_timestamps, columns, left_out })
    }

    /// Drops rows outside the window, and, counting them, rows without a join key or an event timestamp.
    fn usable(&self, columns: Vec<ArrayRef>, window: Window) -> Result<(Vec<ArrayRef>, u64), String> {
        let Usable { rows, left_out } = usable(&columns[..=self.join_keys], window);
        if rows.true_count() == rows.len() {
            return Ok((columns, 0));
        }
        let keep = |column: &ArrayRef| filter(column, &rows).map_err(|error| error.to_string());
        Ok((columns.iter().map(keep).collect::<Result<_, _>>()?, left_out))
    }
}
