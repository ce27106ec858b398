//! The values of columns in numbers, by DataFusion's aggregates.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, UInt64Type};
use arrow::util::display::array_value_to_string;
use datafusion::common::Column;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::Result;
use datafusion::execution::context::SessionContext;
use datafusion::functions_aggregate::expr_fn::{approx_distinct, approx_percentile_cont, avg, count, max, min};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{Expr, lit};
use object_store::ObjectStoreExt as _;
use parquet::file::metadata::ParquetMetaData;
use serde::Serialize;

use super::plan_table::table;
use crate::storage::Place;

/// The parts of a column's values that lie below [`ColumnStatistics::quantiles`].
const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Bars of a histogram.
const BARS: usize = 16;

/// Values that are listed.
const TOP: usize = 5;

/// The values of a column in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnStatistics {
    /// its name
    pub name: String,
    /// its type, as Arrow calls it
    #[serde(rename = "type")]
    pub data_type: String,
    /// values that are there
    pub count: u64,
    /// values that are null
    pub nulls: u64,
    /// roughly how many different values there are
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// the least value
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// the greatest value
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// of numbers: the mean
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// of numbers: the values below which 5, 25, 50, 75 and 95 % lie, roughly
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
    /// of numbers: how many lie in each sixteenth from the least to the greatest
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub histogram: Vec<u64>,
    /// of everything but fractions: the values that occur most
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<TopValue>,
}

/// A value and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopValue {
    /// the value, as text
    pub value: String,
    /// how many rows have it
    pub count: u64,
}

/// What the footer of a Parquet file says.
pub(crate) async fn parquet_metadata(place: &Place) -> Result<Arc<ParquetMetaData>> {
    let file = place.store.head(&place.path).await?;
    DFParquetMetadata::new(place.store.as_ref(), &file).fetch_metadata().await
}

/// The rows of `plan`, and each of its columns.
pub(crate) async fn column_statistics(
    session: &SessionContext,
    plan: &Arc<dyn ExecutionPlan>,
) -> Result<(u64, Vec<ColumnStatistics>)> {
    let rows = table(session, plan)?;
    let schema = plan.schema();
    let mut columns = Vec::with_capacity(schema.fields().len());
    let mut count_of_rows = 0;
    for field in schema.fields() {
        let column = Summed::of(&rows, field).await?;
        count_of_rows = column.rows;
        columns.push(column.finish(&rows, field).await?);
    }
    Ok((count_of_rows, columns))
}

/// What one pass over a column tells.
struct Summed {
    rows: u64,
    count: u64,
    row: RecordBatch,
}

impl Summed {
    async fn of(rows: &DataFrame, field: &Field) -> Result<Self> {
        let column = || named(field);
        let mut wanted = vec![count(lit(1)).alias("rows"), count(column()).alias("count")];
        if is_simple(field) {
            wanted.extend([min(column()).alias("min"), max(column()).alias("max")]);
        }
        if is_counted(field) {
            wanted.push(approx_distinct(column()).alias("distinct"));
        }
        if field.data_type().is_numeric() {
            wanted.push(avg(number(field)).alias("mean"));
            for (place, quantile) in QUANTILES.into_iter().enumerate() {
                let below = approx_percentile_cont(number(field).sort(true, false), lit(quantile), None);
                wanted.push(below.alias(format!("quantile{place}")));
            }
        }
        let batches = rows.clone().aggregate(vec![], wanted)?.collect().await?;
        let row = arrow::compute::concat_batches(&batches[0].schema(), &batches)?;
        let integer = |name: &str| whole(&row, name).unwrap_or_default();
        Ok(Self { rows: integer("rows"), count: integer("count"), row })
    }

    async fn finish(self, rows: &DataFrame, field: &Field) -> Result<ColumnStatistics> {
        let text = |name: &str| {
            let column = self.row.column_by_name(name)?;
            if column.is_null(0) { None } else { array_value_to_string(column, 0).ok() }
        };
        let quantiles = (0..QUANTILES.len()).filter_map(|place| float(&self.row, &format!("quantile{place}")));
        Ok(ColumnStatistics {
            name: field.name().clone(),
            data_type: field.data_type().to_string(),
            count: self.count,
            nulls: self.rows - self.count,
            distinct: whole(&self.row, "distinct"),
            min: text("min"),
            max: text("max"),
            mean: float(&self.row, "mean"),
            quantiles: quantiles.collect(),
            histogram: histogram(rows, field, &self.row).await?,
            top: if is_counted(field) { top(rows, field).await? } else { Vec::new() },
        })
    }
}

/// Whether it is of interest how often each value occurs: of fractions it is not.
fn is_counted(field: &Field) -> bool {
    is_simple(field) && !field.data_type().is_floating()
}

/// Whether values can be compared and shown on a line.
fn is_simple(field: &Field) -> bool {
    !field.data_type().is_nested()
}

fn named(field: &Field) -> Expr {
    Expr::Column(Column::new_unqualified(field.name()))
}

fn number(field: &Field) -> Expr {
    datafusion::prelude::cast(named(field), DataType::Float64)
}

fn whole(row: &RecordBatch, name: &str) -> Option<u64> {
    let column = row.column_by_name(name)?;
    match column.data_type() {
        DataType::UInt64 => column.as_primitive::<UInt64Type>().iter().next()?,
        _ => column.as_primitive_opt::<Int64Type>()?.iter().next()?.map(i64::unsigned_abs),
    }
}

fn float(row: &RecordBatch, name: &str) -> Option<f64> {
    let column = cast(row.column_by_name(name)?, &DataType::Float64).ok()?;
    column.as_primitive::<Float64Type>().iter().next()?
}

/// How many numbers lie in each part of the way from the least to the greatest; nothing where there is no way.
async fn histogram(rows: &DataFrame, field: &Field, row: &RecordBatch) -> Result<Vec<u64>> {
    if !field.data_type().is_numeric() {
        return Ok(Vec::new());
    }
    let (Some(least), Some(greatest)) = (float(row, "min"), float(row, "max")) else { return Ok(Vec::new()) };
    let width = (greatest - least) / BARS as f64;
    if !width.is_finite() || width <= 0.0 {
        return Ok(Vec::new());
    }
    let part = datafusion::functions::expr_fn::floor((number(field) - lit(least)) / lit(width)).alias("part");
    let counted = rows.clone().filter(named(field).is_not_null())?;
    let counted = counted.aggregate(vec![part], vec![count(lit(1)).alias("count")])?.collect().await?;
    let mut bars = vec![0; BARS];
    for batch in counted {
        let (parts, counts) =
            (batch.column(0).as_primitive::<Float64Type>(), batch.column(1).as_primitive::<Int64Type>());
        for (part, count) in parts.iter().zip(counts.iter()) {
            // The greatest value itself ends the last part.
            let part = (part.unwrap_or_default().max(0.0) as usize).min(BARS - 1);
            bars[part] += count.unwrap_or_default().unsigned_abs();
        }
    }
    Ok(bars)
}

/// The values that occur most; among those that occur as often, the least come first.
async fn top(rows: &DataFrame, field: &Field) -> Result<Vec<TopValue>> {
    let rows = rows.clone().filter(named(field).is_not_null())?;
    let counted = rows.aggregate(vec![named(field).alias("value")], vec![count(lit(1)).alias("count")])?;
    let column = |name: &str| Expr::Column(Column::new_unqualified(name));
    let order = vec![column("count").sort(false, false), column("value").sort(true, false)];
    let mut top = Vec::new();
    for batch in counted.sort(order)?.limit(0, Some(TOP))?.collect().await? {
        for row in 0..batch.num_rows() {
            let value = array_value_to_string(batch.column(0), row)?;
            let count = batch.column(1).as_primitive::<Int64Type>().value(row).unsigned_abs();
            top.push(TopValue { value, count });
        }
    }
    Ok(top)
}
