//! Rows that somebody sends, straight to the online store.
//!
//! ```text
//! rows ─► features (the view's transform, if the rows are those of its source) ─► packed rows ─► online store
//! ```
//!
//! The same transform, the same packed rows and the same rule of what is newer as in [`materialize`](crate::materialize),
//! whose intervals don't change: what a source's files say of the same entities counts as soon as it is newer.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, TimestampMicrosecondType};
use serde::Serialize;
use skewless_runtime::DataType;

use crate::definitions::{FeatureView, Source, unknown};
use crate::feature_store::FeatureStore;
use crate::materialize::{kept_for, row_schema};
use crate::online::{KeyedRow, OnlineStore, RowEncoder, encode_keys};
use crate::row_schema::RowSchema;
use crate::stored_views::stored_views;
use crate::view_features::ViewFeatures;
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// A feature view, prepared to take rows.
pub struct OnlineWrite {
    view: FeatureView,
    source: Source,
    join_keys: Vec<(String, DataType)>,
    /// from the columns of the view's source
    of_source: ViewFeatures,
    /// from the features themselves
    of_features: ViewFeatures,
    schema: RowSchema,
    kept_for: Option<Duration>,
    online: Arc<dyn OnlineStore>,
}

/// What rows bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowContent {
    /// The columns of the view's source: its transform, if it has one, is still to be called.
    Source,
    /// The features.
    Features,
}

/// Rows of one view, ready to be stored.
pub struct PackedRows<'a> {
    write: &'a OnlineWrite,
    keys: LargeBinaryArray,
    rows: LargeBinaryArray,
    failed_rows: u64,
}

/// What became of the rows of one view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnlineWritten {
    /// the feature view
    pub feature_view: String,
    /// rows that are stored now
    pub written: u64,
    /// rows left out since a newer one of their entity is stored, or came with them
    pub skipped_older: u64,
    /// rows on which the view's transform failed: stored as nulls
    pub failed_rows: u64,
}

impl OnlineWrite {
    /// Prepares the feature view `name`, which must be kept online.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no such view;
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where it is not kept online.
    pub fn to_view(store: &FeatureStore, name: &str) -> Result<Self> {
        let views = stored_views(&store.commit().state);
        let view = views.iter().find(|view| view.name == name).ok_or_else(|| {
            Error::not_found(unknown("feature view", name, views.iter().map(|view| view.name.as_str())))
        })?;
        if !view.online {
            return Err(Error::invalid_input(format!("feature view `{name}` is not kept online (`online: false`)")));
        }
        Self::new(store, view.clone())
    }

    /// Prepares every feature view of the source `name` that is kept online.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no such source, or no view of it is kept online.
    pub fn to_views_of_source(store: &FeatureStore, name: &str) -> Result<Vec<Self>> {
        let views = stored_views(&store.commit().state).into_iter();
        let views = views.filter(|view| view.online && view.source == name);
        let views = views.map(|view| Self::new(store, view)).collect::<Result<Vec<_>>>()?;
        if !views.is_empty() {
            return Ok(views);
        }
        Err(match store.definitions().source(name) {
            Some(_) => Error::not_found(format!("no feature view of source `{name}` is kept online")),
            None => {
                let known = store.definitions().sources.iter().map(|source| source.name.as_str());
                Error::not_found(unknown("source", name, known))
            }
        })
    }

    fn new(store: &FeatureStore, view: FeatureView) -> Result<Self> {
        let definitions = store.definitions();
        let source = definitions.source(&view.source).expect("definitions were checked when they were applied").clone();
        let schema = row_schema(&view);
        let as_stored = FeatureView { transform: None, ..view.clone() };
        Ok(Self {
            source,
            join_keys: definitions.join_keys(&view).into_iter().map(|key| (key.name, key.data_type)).collect(),
            of_source: ViewFeatures::new(&view, &schema.fields, store.components())?,
            of_features: ViewFeatures::new(&as_stored, &schema.fields, store.components())?,
            kept_for: kept_for(&store.commit().state, &view),
            online: Arc::clone(store.online()),
            schema,
            view,
        })
    }

    /// The view's name.
    #[must_use]
    pub fn feature_view(&self) -> &str {
        &self.view.name
    }

    /// The columns that say which entity a row is about.
    #[must_use]
    pub fn join_keys(&self) -> &[(String, DataType)] {
        &self.join_keys
    }

    /// The columns that rows bring besides, by `content`.
    #[must_use]
    pub fn columns(&self, content: RowContent) -> &[(String, DataType)] {
        &self.features(content).columns
    }

    /// What the view's source calls the column that says when a row happened.
    #[must_use]
    pub fn timestamp_field(&self) -> &str {
        &self.source.timestamp_field
    }

    /// What the view's source calls the column that says when a row was written, where it has one.
    #[must_use]
    pub fn created_timestamp_column(&self) -> Option<&str> {
        self.source.created_timestamp_column.as_deref()
    }

    fn features(&self, content: RowContent) -> &ViewFeatures {
        match content {
            RowContent::Source => &self.of_source,
            RowContent::Features => &self.of_features,
        }
    }

    /// Computes the features of `rows`, and packs them. Each of the columns is found by its name; `event_timestamps` and
    /// `created_timestamps` are instants in µs, one a row. Blocks.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a column that is missing or of another type, and for
    /// a null among join keys or event timestamps; [`ErrorKind::Transform`](crate::ErrorKind::Transform) where the transform
    /// fails as a whole.
    pub fn pack(
        &self,
        rows: &RecordBatch,
        content: RowContent,
        event_timestamps: &ArrayRef,
        created_timestamps: Option<&ArrayRef>,
    ) -> Result<PackedRows<'_>> {
        let join_keys = columns(rows, &self.join_keys)?;
        let names = self.join_keys.iter().map(|(name, _)| name.as_str());
        let keys = encode_keys(&names.zip(join_keys).collect::<Vec<_>>())?;
        let features = self.features(content);
        let all = BooleanArray::from(vec![true; rows.num_rows()]);
        let (columns, failed_rows) = features.of(columns(rows, &features.columns)?, &all)?;
        let batch = batch(&self.schema, columns, rows.num_rows())?;
        let created = created_timestamps.map(|created| created.as_primitive::<TimestampMicrosecondType>());
        let encoder = RowEncoder::new(&self.schema, &batch, event_timestamps.as_primitive(), created)?;
        let encoder = match features.component().or(self.of_source.component()) {
            Some(digest) => encoder.made_by(digest.prefix()),
            None => encoder,
        };
        Ok(PackedRows { write: self, keys, rows: encoder.encode(), failed_rows })
    }
}

impl PackedRows<'_> {
    /// The view that they are for.
    #[must_use]
    pub fn feature_view(&self) -> &str {
        self.write.feature_view()
    }

    /// Stores those that are not older than what is stored of their entities. Blocks.
    ///
    /// # Errors
    /// Those of the store; then some rows may be stored, and storing all of them again does no harm.
    pub fn store(&self) -> Result<OnlineWritten> {
        let Self { write, keys, rows, failed_rows } = self;
        let pair = |row| KeyedRow { key: keys.value(row), row: rows.value(row) };
        let keyed: Vec<_> = (0..keys.len()).map(pair).collect();
        let summary = write.online.write(&write.view.name, &keyed, write.kept_for)?;
        Ok(OnlineWritten {
            feature_view: write.view.name.clone(),
            written: summary.written,
            skipped_older: summary.skipped_older,
            failed_rows: *failed_rows,
        })
    }
}

fn batch(schema: &RowSchema, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let fields = schema.fields.iter().map(|(name, data_type)| Field::new(name, data_type.to_arrow(), true));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(arrow_error)
}

fn columns(rows: &RecordBatch, wanted: &[(String, DataType)]) -> Result<Vec<ArrayRef>> {
    let column = |(name, data_type): &(String, DataType)| {
        let column = rows.column_by_name(name);
        let column = column.ok_or_else(|| Error::invalid_input(format!("column `{name}` ({data_type}) is missing")))?;
        match *column.data_type() == data_type.to_arrow() {
            true => Ok(Arc::clone(column)),
            false => Err(Error::invalid_input(format!(
                "column `{name}` is {data_type}, the rows have {}",
                column.data_type()
            ))),
        }
    };
    wanted.iter().map(column).collect()
}
