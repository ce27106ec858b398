//! CSV: text with a first line of names.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::config::CsvOptions;
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::CsvSource;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionState;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::failure::innermost;
use super::{Owner, TextColumns};
use crate::offline::conversion::text_field;
use crate::storage::{failure, store_error};
use crate::{Error, Result};

/// How the files of a table are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compression {
    gzip: bool,
}

impl Compression {
    /// What the names of `files` say, each with its shown name.
    ///
    /// # Errors
    /// The owner's, where some are compressed and others are not.
    pub(super) fn of(owner: &Owner, files: &[(String, ObjectMeta)]) -> Result<Self> {
        let gzip = |file: &ObjectMeta| file.location.as_ref().to_ascii_lowercase().ends_with(".gz");
        let first = gzip(&files[0].1);
        match files.iter().find(|(_, file)| gzip(file) != first) {
            None => Ok(Self { gzip: first }),
            Some((other, _)) => Err(owner.wrong(format!(
                "some files of {owner} are compressed and others are not, such as `{}` and `{other}`: have one or the other",
                files[0].0
            ))),
        }
    }

    pub(super) fn file_type(self) -> FileCompressionType {
        match self.gzip {
            true => FileCompressionType::GZIP,
            false => FileCompressionType::UNCOMPRESSED,
        }
    }
}

/// The columns of a file: names from its first line, types as `text` has it.
///
/// # Errors
/// The owner's, where it can't be read as CSV.
pub(super) async fn columns(
    owner: &Owner,
    state: &SessionState,
    store: &Arc<dyn ObjectStore>,
    (shown, file): (String, ObjectMeta),
    compression: Compression,
    text: TextColumns<'_>,
) -> Result<SchemaRef> {
    let rows = match text {
        TextColumns::Text { .. } => 1,
        TextColumns::Inferred { .. } => usize::MAX,
    };
    let format = CsvFormat::default().with_options(options(compression));
    let object = store.get(&file.location).await.map_err(|error| failure(&format!("read `{shown}`"), error))?;
    let bytes = object.into_stream().map_err(|error| DataFusionError::ObjectStore(Box::new(error))).boxed();
    let lines = format.read_to_delimited_chunks_from_stream(bytes);
    let schema = format.infer_schema_from_stream(state, rows, lines).await;
    let (schema, _) = schema.map_err(|error| broken(owner, &shown, error))?;
    if schema.fields().is_empty() {
        return Err(
            owner.damaged(format!("file `{shown}` of {owner} is empty: its first line has to name the columns"))
        );
    }
    let typed = |field: &FieldRef| match text {
        TextColumns::Inferred { but } if !but.contains(field.name()) => match field.data_type() {
            DataType::Null => Field::new(field.name(), DataType::Utf8, true),
            found => Field::new(field.name(), found.clone(), true),
        },
        _ => text_field(field.name()),
    };
    Ok(Arc::new(Schema::new(schema.fields().iter().map(typed).collect::<Vec<_>>())))
}

/// One schema for all files. Columns have their place in a line, so that all files need the same names in the same order; where
/// types were inferred, whole numbers and others become numbers, and what has nothing in common text.
///
/// # Errors
/// The owner's, where the names differ.
pub(super) fn merge(owner: &Owner, files: &[(String, SchemaRef)]) -> Result<SchemaRef> {
    let (first_shown, first) = &files[0];
    let names = |schema: &SchemaRef| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let mut fields: Vec<FieldRef> = first.fields().iter().map(Arc::clone).collect();
    for (shown, schema) in &files[1..] {
        if names(schema) != names(first) {
            return Err(owner.wrong(format!(
                "the files of {owner} have different first lines: `{}` in `{first_shown}`, but `{}` in `{shown}`: write them alike",
                names(first).join(","),
                names(schema).join(",")
            )));
        }
        for (field, other) in fields.iter_mut().zip(schema.fields()) {
            if field.data_type() != other.data_type() {
                let both = wider(field.data_type(), other.data_type());
                *field = Arc::new(field.as_ref().clone().with_data_type(both));
            }
        }
    }
    super::schema::merge(owner, [(first_shown.clone(), &Schema::new(fields))])
}

fn wider(a: &DataType, b: &DataType) -> DataType {
    let is_number = |data_type: &DataType| matches!(data_type, DataType::Int64 | DataType::Float64);
    match (a, b) {
        (a, b) if is_number(a) && is_number(b) => DataType::Float64,
        (DataType::Timestamp(..) | DataType::Date32, DataType::Timestamp(unit, zone)) if !matches!(a, DataType::Timestamp(own, _) if own > unit) => {
            DataType::Timestamp(*unit, zone.clone())
        }
        (DataType::Timestamp(unit, zone), DataType::Timestamp(..) | DataType::Date32) => {
            DataType::Timestamp(*unit, zone.clone())
        }
        _ => DataType::Utf8,
    }
}

/// A source that reads such files.
pub(super) fn source(columns: &TableSchema, compression: Compression) -> CsvSource {
    CsvSource::new(columns.clone()).with_csv_options(options(compression))
}

fn options(compression: Compression) -> CsvOptions {
    let compression = match compression.gzip {
        true => CompressionTypeVariant::GZIP,
        false => CompressionTypeVariant::UNCOMPRESSED,
    };
    CsvOptions { has_header: Some(true), newlines_in_values: Some(true), compression, ..CsvOptions::default() }
}

fn broken(owner: &Owner, shown: &str, error: DataFusionError) -> Error {
    match store_error(&error) {
        Some(_) => owner.failed(error),
        None => owner.damaged(format!("file `{shown}` of {owner} can't be read as CSV")).because(innermost(&error)),
    }
}
