//! The rows a training set is made for: which entities, at which instants, with whatever else belongs to them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{
    DataType as ArrowType, Field, FieldRef, Int64Type, Schema, SchemaRef, TimestampMicrosecondType,
};
use skewless_runtime::{DataType, ScalarType};

use crate::definitions::hint;
use crate::feature_set::FeatureSet;
use crate::features::Asked;
use crate::offline::conversion::{convert_column, is_text};
use crate::offline::keys::JoinKeys;
use crate::offline::point_in_time::EntityLayout;
use crate::online_features::check_join_keys;
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// The column that holds the instant of each entity row.
pub const EVENT_TIMESTAMP: &str = "event_timestamp";

/// What messages call its values.
const INSTANT: &str = "the instant of each row,";

/// What a feature set needs of entity rows.
pub(crate) struct EntityRows {
    set: FeatureSet,
    at: Option<i64>,
    key_sets: Vec<JoinKeys>,
    /// which of the key sets finds the rows of each view
    pub(crate) key_set_of_view: Vec<usize>,
}

impl EntityRows {
    /// For `set`, with all rows at the instant `at` where one is given.
    pub(crate) fn new(set: &FeatureSet, at: Option<i64>) -> Self {
        let mut key_sets: Vec<JoinKeys> = Vec::new();
        let key_set_of_view = set.views.iter().map(|stored| {
            let keys = JoinKeys::new(stored.join_keys.iter().map(|key| (key.name.clone(), key.data_type)).collect());
            key_sets.iter().position(|known| *known == keys).unwrap_or_else(|| {
                key_sets.push(keys);
                key_sets.len() - 1
            })
        });
        let key_set_of_view = key_set_of_view.collect();
        Self { set: set.clone(), at, key_sets, key_set_of_view }
    }

    /// The join keys of key set number `key_set`.
    pub(crate) fn join_keys(&self, key_set: usize) -> &JoinKeys {
        &self.key_sets[key_set]
    }

    /// Checks that rows of the schema `schema` have what is needed, and says what the training set has of them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where a column is missing or has another type.
    pub(crate) fn user_schema(&self, schema: &SchemaRef) -> Result<SchemaRef> {
        let none = self.prepared(&RecordBatch::new_empty(Arc::clone(schema)))?;
        self.request(&none)?;
        self.instants(&none, 0)?;
        Ok(none.schema())
    }

    /// Where things are in [`EntityRows::keyed`].
    pub(crate) fn layout(&self, user_schema: &SchemaRef) -> EntityLayout {
        EntityLayout { user_columns: user_schema.fields().len(), key_sets: self.key_sets.len() }
    }

    /// The schema of [`EntityRows::keyed`].
    pub(crate) fn keyed_schema(&self, user_schema: &SchemaRef) -> SchemaRef {
        let key = |keys: &JoinKeys| Field::new("entity_key", keys.arrow_type(), false);
        let added = [Field::new("row", ArrowType::UInt64, false), Field::new("at", ArrowType::Int64, false)];
        let added = added.into_iter().chain(self.key_sets.iter().map(key)).map(Arc::new);
        let fields: Vec<FieldRef> = user_schema.fields().iter().map(Arc::clone).chain(added).collect();
        Arc::new(Schema::new(fields))
    }

    /// The rows of `batch`, which are `rows_before` rows from the first, with their numbers, instants and entity keys.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where a join key or an instant is null, or a value does not fit.
    pub(crate) fn keyed(&self, batch: &RecordBatch, rows_before: u64, schema: &SchemaRef) -> Result<RecordBatch> {
        let batch = self.prepared(batch)?;
        let request = self.request(&batch)?;
        check_join_keys(&self.set, &request, rows_before)?;
        let rows = UInt64Array::from_iter_values(rows_before..rows_before + batch.num_rows() as u64);
        let at = self.instants(&batch, rows_before)?;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(rows));
        columns.push(Arc::new(at));
        for keys in &self.key_sets {
            let column = |name: &str| Arc::clone(request.column_by_name(name).expect("the request has all join keys"));
            let join_keys: Vec<ArrayRef> = keys.columns().iter().map(|(name, _)| column(name)).collect();
            columns.push(keys.encode(&join_keys)?);
        }
        RecordBatch::try_new(Arc::clone(schema), columns).map_err(arrow_error)
    }

    /// What is asked for beside the stored features, from rows that [`EntityRows::keyed`] made.
    pub(crate) fn asked(&self, keyed: &RecordBatch, layout: EntityLayout) -> Result<Asked> {
        let event_timestamps = keyed.column(layout.at()).as_primitive::<Int64Type>().values().to_vec();
        Ok(Asked { request: self.request(keyed)?, event_timestamps })
    }

    /// The instants of `batch`, in µs.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where there is none, or one is null.
    pub(crate) fn instants(&self, batch: &RecordBatch, rows_before: u64) -> Result<Int64Array> {
        if let Some(at) = self.at {
            return Ok(Int64Array::from_value(at, batch.num_rows()));
        }
        let column = column(batch, EVENT_TIMESTAMP, ScalarType::Timestamp.into(), INSTANT)?;
        let instants = column.as_primitive::<TimestampMicrosecondType>();
        match instants.iter().position(|instant| instant.is_none()) {
            Some(row) => Err(Error::invalid_input(format!(
                "`{EVENT_TIMESTAMP}` is null in row {} of the entity rows: every row needs the instant it is about",
                row as u64 + rows_before
            ))),
            None => Ok(instants.reinterpret_cast()),
        }
    }

    /// The join keys and request fields of `batch` in the types of the definitions.
    fn request(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.request_columns().map(|(name, data_type, what)| {
            Ok((Field::new(name, data_type.to_arrow(), true), column(batch, name, data_type, what)?))
        });
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map_err(arrow_error)
    }

    /// The rows as the training set has them: with the one instant, if there is one, and with the types of the definitions in
    /// place of the text of CSV.
    fn prepared(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let batch = self.with_instant(batch)?;
        let schema = batch.schema();
        let mut fields: Vec<FieldRef> = schema.fields().iter().map(Arc::clone).collect();
        let mut columns = batch.columns().to_vec();
        for (name, data_type, what) in self.wanted() {
            if let Some((place, _)) = schema.column_with_name(name).filter(|(_, field)| is_text(field)) {
                columns[place] = column(&batch, name, data_type, what)?;
                fields[place] = Arc::new(Field::new(name, data_type.to_arrow(), true));
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map_err(arrow_error)
    }

    /// The columns that are needed: name, type, and what to call them.
    fn wanted(&self) -> impl Iterator<Item = (&str, DataType, &'static str)> {
        let instant = (EVENT_TIMESTAMP, ScalarType::Timestamp.into(), INSTANT);
        self.request_columns().chain(self.at.is_none().then_some(instant))
    }

    fn request_columns(&self) -> impl Iterator<Item = (&str, DataType, &'static str)> {
        let join_keys = self.set.join_keys().iter().map(|key| (key.name.as_str(), key.data_type, "join key"));
        let request = self.set.request_fields().iter();
        join_keys.chain(request.map(|(name, data_type)| (name.as_str(), *data_type, "request field")))
    }

    /// The rows with the one instant, in place of the column that says so or behind the others.
    fn with_instant(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let Some(at) = self.at else { return Ok(batch.clone()) };
        let instants: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from_value(at, batch.num_rows()).with_timezone("UTC"));
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
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(arrow_error)
    }
}

fn column(batch: &RecordBatch, name: &str, data_type: DataType, what: &str) -> Result<ArrayRef> {
    let schema = batch.schema();
    let (place, field) = schema.column_with_name(name).ok_or_else(|| {
        let known = schema.fields().iter().map(|field| field.name().as_str());
        Error::invalid_input(format!(
            "{what} `{name}` ({data_type}) is missing from the entity rows, which have no such column: {}",
            hint(name, known)
        ))
    })?;
    convert_column(field, batch.column(place), data_type).map_err(|reason| {
        Error::invalid_input(format!("{what} `{name}` of the entity rows is not {data_type}: {reason}"))
    })
}
