//! The rows a training set is made for: which entities, at which instants, with whatever else belongs to them.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;
use skewless_runtime::{DataType, ScalarType};

use crate::definitions::hint;
use crate::feature_set::FeatureSet;
use crate::features::Asked;
use crate::offline;
use crate::offline::conversion::convert;
use crate::online_features::check_columns;
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// The column that holds the instant of each entity row.
pub const EVENT_TIMESTAMP: &str = "event_timestamp";

/// Entity rows as they were read, and what the feature set needs of them in its types.
pub(crate) struct EntityRows {
    /// all columns of the file, untouched
    pub(crate) batch: RecordBatch,
    /// the join keys and request fields, and each row's instant
    pub(crate) asked: Asked,
}

impl EntityRows {
    /// Reads the file, folder, pattern or URL `path` for `set`: Parquet, CSV or Arrow IPC, as the names say.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where there is no file or one is not whole, a column is missing or
    /// has another type, or a join key or an instant is null; `Unavailable` where a store does not answer or refuses.
    pub(crate) async fn read(path: &Path, set: &FeatureSet, at: Option<i64>) -> Result<Self> {
        let keys = set.join_keys().iter().map(|key| (key.name.clone(), key.data_type));
        let request = set.request_fields().iter().map(|(name, data_type)| (name.clone(), *data_type));
        let instant = (EVENT_TIMESTAMP.to_owned(), ScalarType::Timestamp.into());
        let typed: Vec<(String, DataType)> = keys.chain(request).chain([instant]).collect();
        let batch = offline::entity_rows::read(&path.to_string_lossy(), Path::new("."), &typed).await?;
        Self::new(batch, set, at)
    }

    /// Takes what `set` needs from `batch`, with all rows at the instant `at` where one is given.
    pub(crate) fn new(batch: RecordBatch, set: &FeatureSet, at: Option<i64>) -> Result<Self> {
        let batch = match at {
            Some(at) => with_instant(&batch, at).map_err(arrow_error)?,
            None => batch,
        };
        let join_keys = set.join_keys().iter().map(|key| (key.name.as_str(), key.data_type, "join key"));
        let request = set.request_fields().iter().map(|(name, data_type)| (name.as_str(), *data_type, "request field"));
        let columns = join_keys.chain(request).map(|(name, data_type, what)| {
            Ok((Field::new(name, data_type.to_arrow(), true), column(&batch, name, data_type, what)?))
        });
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let request = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
        let request = request.map_err(arrow_error)?;
        check_columns(set, &request)?;
        let asked = Asked { request, event_timestamps: instants(&batch)? };
        Ok(Self { batch, asked })
    }
}

/// The rows with `at` as the instant of each, in place of the column that says so or behind the others.
fn with_instant(batch: &RecordBatch, at: i64) -> Result<RecordBatch, ArrowError> {
    let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from_value(at, batch.num_rows()).with_timezone("UTC"));
    let field = Arc::new(Field::new(EVENT_TIMESTAMP, instants.data_type().clone(), false));
    let schema = batch.schema();
    let mut fields: Vec<_> = schema.fields().iter().map(Arc::clone).collect();
    let mut columns = batch.columns().to_vec();
    match schema.index_of(EVENT_TIMESTAMP) {
        Ok(place) => (fields[place], columns[place]) = (field, instants),
        Err(_) => {
            fields.push(field);
            columns.push(instants);
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The instant of each row, in µs.
fn instants(batch: &RecordBatch) -> Result<Vec<i64>> {
    let column = column(batch, EVENT_TIMESTAMP, ScalarType::Timestamp.into(), "the instant of each row,")?;
    let instants = column.as_primitive::<TimestampMicrosecondType>();
    match instants.iter().position(|instant| instant.is_none()) {
        Some(row) => Err(Error::invalid_input(format!(
            "`{EVENT_TIMESTAMP}` is null in row {row} of the entity rows: every row needs the instant it is about"
        ))),
        None => Ok(instants.values().to_vec()),
    }
}

fn column(batch: &RecordBatch, name: &str, data_type: DataType, what: &str) -> Result<ArrayRef> {
    let column = batch.column_by_name(name).ok_or_else(|| {
        let schema = batch.schema();
        let known = schema.fields().iter().map(|field| field.name().as_str());
        Error::invalid_input(format!(
            "{what} `{name}` ({data_type}) is missing from the entity rows, which have no such column: {}",
            hint(name, known)
        ))
    })?;
    convert(column, data_type).map_err(|reason| {
        Error::invalid_input(format!("{what} `{name}` of the entity rows is not {data_type}: {reason}"))
    })
}
