//! Reading a source: its files' schema, and its rows as typed columns.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType as ArrowType, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Column, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::{Expr, ParquetReadOptions, SessionConfig};
use futures::{Stream, StreamExt, TryStreamExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use skewless_runtime::{DataType, ScalarType};

use super::conversion::{convert, is_convertible};
use super::files;
use crate::definitions::{Source, hint};
use crate::online::encode_keys;
use crate::{Error, Result};

/// A source whose files are found and whose schema is known.
pub(crate) struct SourceTable {
    source: Source,
    files: Vec<String>,
    schema: SchemaRef,
    rows: u64,
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
    /// Finds the files of `source` and reads their footers.
    ///
    /// # Errors
    /// Where there is no file, a file is no whole Parquet file, or two files disagree about a column.
    pub(crate) fn open(source: &Source, root: &Path) -> Result<Self> {
        let files = files::expand(&source.path, root)?;
        let (mut schemas, mut rows) = (Vec::with_capacity(files.len()), 0);
        for file in &files {
            let (schema, count) = footer(file).map_err(|error| {
                let (name, file) = (&source.name, file.display());
                Error::corrupt(format!("file `{file}` of source `{name}` is not a whole Parquet file")).because(error)
            })?;
            schemas.push(schema);
            rows += count;
        }
        let schema = Schema::try_merge(schemas).map_err(|error| {
            let name = &source.name;
            Error::invalid_definition(format!("the files of source `{name}` don't have the same columns"))
                .because(error)
        })?;
        let files = files.iter().map(|file| file.display().to_string()).collect();
        Ok(Self { source: source.clone(), files, schema: Arc::new(schema), rows })
    }

    /// How many rows the files have, as far as they say; in an interval there may be fewer.
    pub(crate) fn row_count(&self) -> Option<u64> {
        Some(self.rows)
    }

    /// Checks that the column called `name` in the definitions is there and can become a `data_type`.
    ///
    /// # Errors
    /// Says what the file has instead.
    pub(crate) fn check(&self, name: &str, data_type: DataType) -> Result<(), String> {
        let column = self.column_in_file(name);
        let Ok(field) = self.schema.field_with_name(column) else {
            let known = self.schema.fields().iter().map(|field| field.name().as_str());
            return Err(format!("source `{}` has no column `{column}`: {}", self.source.name, hint(column, known)));
        };
        if is_convertible(field.data_type(), data_type) {
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

    /// Reads the rows asked for, file after file; row groups outside the interval are not read.
    ///
    /// # Errors
    /// Where a column is missing, or the files can't be read.
    pub(crate) async fn scan(
        &self,
        request: &ScanRequest,
    ) -> Result<impl Stream<Item = Result<SourceRows>> + Send + 'static> {
        let wanted = self.wanted(request);
        for (name, data_type) in &wanted {
            self.check(name, *data_type).map_err(Error::invalid_definition)?;
        }
        let name = self.source.name.clone();
        let failed = move |error: datafusion::error::DataFusionError| {
            Error::corrupt(format!("source `{name}` can't be read")).because(error)
        };
        let rows = self.rows(request).await.map_err(failed.clone())?;
        let stream = rows.execute_stream().await.map_err(failed.clone())?;
        let typed = Typed {
            wanted,
            join_keys: request.join_keys.len(),
            has_created: self.source.created_timestamp_column.is_some(),
        };
        let (from, to) = (request.from, request.to);
        let source = self.source.name.clone();
        Ok(stream.map_err(failed).map(move |batch| {
            let rows = typed.rows(&batch?, from, to);
            rows.map_err(|reason| Error::corrupt(format!("source `{source}`: {reason}")))
        }))
    }

    /// The columns to read, in order: join keys, event timestamp, created timestamp if there is one, the rest.
    fn wanted(&self, request: &ScanRequest) -> Vec<(String, DataType)> {
        let timestamp = |name: &String| (self.name_in_definitions(name), ScalarType::Timestamp.into());
        let mut wanted = request.join_keys.clone();
        wanted.push(timestamp(&self.source.timestamp_field));
        wanted.extend(self.source.created_timestamp_column.as_ref().map(timestamp));
        wanted.extend(request.columns.iter().cloned());
        wanted
    }

    /// Timestamp columns are given by their names in the file.
    fn name_in_definitions(&self, column: &str) -> String {
        self.source.field_mapping.get(column).cloned().unwrap_or_else(|| column.to_owned())
    }

    async fn rows(&self, request: &ScanRequest) -> datafusion::error::Result<DataFrame> {
        let options = ParquetReadOptions::default().schema(&self.schema).parquet_pruning(true);
        let mut rows = session().read_parquet(self.files.clone(), options).await?;
        if let Some(filter) = self.interval_filter(request) {
            rows = rows.filter(filter)?;
        }
        let column = |(name, _): &(String, DataType)| Expr::Column(Column::new_unqualified(self.column_in_file(name)));
        // A column may be wanted twice, as join key and as input of a transform; an alias keeps the names apart.
        let columns: Vec<Expr> = self
            .wanted(request)
            .iter()
            .enumerate()
            .map(|(place, wanted)| column(wanted).alias(place.to_string()))
            .collect();
        rows.select(columns)
    }

    /// The interval as a condition on the file's own type, so that the statistics of row groups and pages apply. A little
    /// wider than asked for where the unit is coarser; the exact bounds are held afterwards.
    fn interval_filter(&self, request: &ScanRequest) -> Option<Expr> {
        let field = self.schema.field_with_name(&self.source.timestamp_field).ok()?;
        let ArrowType::Timestamp(unit, zone) = field.data_type() else { return None };
        let column = Expr::Column(Column::new_unqualified(&self.source.timestamp_field));
        let from = request.from.and_then(|from| instant(from, *unit, zone.clone(), 0));
        let to = request.to.and_then(|to| instant(to, *unit, zone.clone(), 1));
        let from = from.map(|from| column.clone().gt_eq(Expr::Literal(from, None)));
        let to = to.map(|to| column.lt_eq(Expr::Literal(to, None)));
        let inside = match (from, to) {
            (Some(from), Some(to)) => from.and(to),
            (from, to) => from.or(to)?,
        };
        // Rows without a timestamp are let through, to be counted.
        Some(inside.or(Expr::Column(Column::new_unqualified(&self.source.timestamp_field)).is_null()))
    }
}

/// `micros` in another unit, rounded down, plus `more` units; `None` where it is out of range, which then bounds nothing.
fn instant(micros: i64, unit: TimeUnit, zone: Option<Arc<str>>, more: i64) -> Option<ScalarValue> {
    Some(match unit {
        TimeUnit::Second => ScalarValue::TimestampSecond(Some(micros.div_euclid(1_000_000) + more), zone),
        TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(Some(micros.div_euclid(1_000) + more), zone),
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(Some(micros), zone),
        TimeUnit::Nanosecond => {
            let nanos = micros.checked_mul(1_000)?.checked_add(more * 999)?;
            ScalarValue::TimestampNanosecond(Some(nanos), zone)
        }
    })
}

/// One partition, so that rows come in the order of the files; types as the files have them.
fn session() -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1).with_batch_size(8_192);
    config.options_mut().execution.parquet.schema_force_view_types = false;
    config.options_mut().execution.collect_statistics = false;
    SessionContext::new_with_config(config)
}

/// The schema of a file, and how many rows it has.
fn footer(file: &Path) -> Result<(Schema, u64), Box<dyn std::error::Error + Send + Sync>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file)?)?;
    let rows = builder.metadata().file_metadata().num_rows();
    Ok((Schema::new(builder.schema().fields().clone()), rows.unsigned_abs()))
}

/// How a batch of the files becomes typed rows.
struct Typed {
    wanted: Vec<(String, DataType)>,
    join_keys: usize,
    has_created: bool,
}

impl Typed {
    fn rows(&self, batch: &RecordBatch, from: Option<i64>, to: Option<i64>) -> Result<SourceRows, String> {
        let typed = self.wanted.iter().zip(batch.columns());
        let typed = typed
            .map(|((name, to), column)| convert(column, *to).map_err(|reason| format!("column `{name}`: {reason}")));
        let columns = typed.collect::<Result<Vec<_>, _>>()?;
        let (columns, left_out) = self.usable(columns, from, to)?;
        let times =
            |column: &ArrayRef| column.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>();
        let event_timestamps = times(&columns[self.join_keys]).values().to_vec();
        let created_timestamps = match self.has_created {
            true => times(&columns[self.join_keys + 1]).iter().collect(),
            false => vec![None; event_timestamps.len()],
        };
        let keys = self.wanted[..self.join_keys].iter().zip(&columns);
        let keys = keys.map(|((name, _), column)| (name.as_str(), Arc::clone(column))).collect::<Vec<_>>();
        let keys = encode_keys(&keys).map_err(|error| error.to_string())?;
        let columns = columns[self.join_keys + 1 + usize::from(self.has_created)..].to_vec();
        Ok(SourceRows { keys, event_timestamps, created_timestamps, columns, left_out })
    }

    /// Drops rows outside the interval, and, counting them, rows without a join key or an event timestamp.
    fn usable(
        &self,
        columns: Vec<ArrayRef>,
        from: Option<i64>,
        to: Option<i64>,
    ) -> Result<(Vec<ArrayRef>, u64), String> {
        let event = columns[self.join_keys].as_primitive::<TimestampMicrosecondType>();
        let inside = |time: Option<i64>| {
            time.is_none_or(|time| from.is_none_or(|from| from <= time) && to.is_none_or(|to| time <= to))
        };
        let inside: BooleanArray = event.iter().map(|time| Some(inside(time))).collect();
        let keyed = columns[..=self.join_keys].iter().fold(None, |all: Option<NullBuffer>, column| {
            NullBuffer::union(all.as_ref(), column.logical_nulls().as_ref())
        });
        let usable = match &keyed {
            None => inside.clone(),
            Some(keyed) => BooleanArray::new(inside.values() & keyed.inner(), None),
        };
        if usable.true_count() == usable.len() {
            return Ok((columns, 0));
        }
        let fields =
            self.wanted.iter().enumerate().map(|(place, (_, data_type))| {
                arrow::datatypes::Field::new(place.to_string(), data_type.to_arrow(), true)
            });
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let batch = RecordBatch::try_new(Arc::new(schema), columns).map_err(|error| error.to_string())?;
        let batch = filter_record_batch(&batch, &usable).map_err(|error| error.to_string())?;
        Ok((batch.columns().to_vec(), (inside.true_count() - usable.true_count()) as u64))
    }
}
