//! Which rows can be of interest, as a condition that files, row groups and pages are held against.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, SchemaRef, TimeUnit};
use datafusion::common::{Column, ScalarValue};
use datafusion::prelude::Expr;

use super::rows::Window;
use crate::definitions::Source;

/// The rows of `source` that may lie in `window`, where its files have the columns `schema`; `None`: any may.
pub(super) fn filter(source: &Source, schema: &SchemaRef, window: Window) -> Option<Expr> {
    [by_timestamp(source, schema, window), by_date(source, window)].into_iter().flatten().reduce(Expr::and)
}

/// The window as a condition on the file's own type, so that the statistics of row groups and pages apply. A little
/// wider than asked for where the unit is coarser; the exact bounds are held afterwards.
fn by_timestamp(source: &Source, schema: &SchemaRef, window: Window) -> Option<Expr> {
    let field = schema.field_with_name(&source.timestamp_field).ok()?;
    let ArrowType::Timestamp(unit, zone) = field.data_type() else { return None };
    let column = Expr::Column(Column::new_unqualified(&source.timestamp_field));
    let from = window.from.and_then(|from| instant(from, *unit, zone.clone(), 0));
    let to = window.to.and_then(|to| instant(to, *unit, zone.clone(), 1));
    let from = from.map(|from| column.clone().gt_eq(Expr::Literal(from, None)));
    let to = to.map(|to| column.clone().lt_eq(Expr::Literal(to, None)));
    let inside = [from, to].into_iter().flatten().reduce(Expr::and)?;
    // Rows without a timestamp are let through, to be counted.
    Some(inside.or(column.is_null()))
}

/// The window as a condition on the dates by which the files are partitioned.
fn by_date(source: &Source, window: Window) -> Option<Expr> {
    let column = Expr::Column(Column::new_unqualified(source.date_partition_column.as_ref()?));
    let date = |micros: i64| {
        let days = i32::try_from(micros.div_euclid(24 * 3_600 * 1_000_000)).ok();
        Expr::Literal(ScalarValue::Date32(days), None)
    };
    let from = window.from.map(|from| column.clone().gt_eq(date(from)));
    let to = window.to.map(|to| column.clone().lt_eq(date(to)));
    let inside = [from, to].into_iter().flatten().reduce(Expr::and)?;
    Some(inside.or(column.is_null()))
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
