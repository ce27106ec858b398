//! Parquet, encoded on all cores: the columns of a row group beside each other.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use tokio::runtime::Handle;

use super::{PROVENANCE_KEY, Provenance};
use crate::storage::OutFile;

/// A Parquet file that is being written.
pub(super) struct ParquetFile {
    file: SerializedFileWriter<OutFile>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    runtime: Handle,
    row_groups: usize,
}

impl ParquetFile {
    /// An empty file. Must be called within a runtime of tokio's, whose threads encode.
    pub(super) fn new(file: OutFile, schema: &SchemaRef) -> Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
        let properties = without_useless_dictionaries(properties, schema).build();
        let writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties))?;
        let (file, factory) = writer.into_serialized_writer()?;
        Ok(Self { file, factory, schema: SchemaRef::clone(schema), runtime: Handle::current(), row_groups: 0 })
    }

    /// Writes `batches` as one row group. Blocks.
    pub(super) fn write(&mut self, batches: &[RecordBatch]) -> Result<()> {
        let writers = self.columns(self.factory.create_column_writers(self.row_groups)?);
        let batches: Arc<[RecordBatch]> = batches.into();
        let encoded = writers.into_iter().enumerate().map(|(column, writers)| {
            let (schema, batches) = (SchemaRef::clone(&self.schema), Arc::clone(&batches));
            // On the runtime's threads, which have memory that they are done with: threads of their own would begin with fresh memory, and to
            // have that cleared takes longer than to encode.
            self.runtime.spawn(async move { encode(&schema, column, &batches, writers) })
        });
        let encoded: Vec<_> = encoded.collect();
        let mut row_group = self.file.next_row_group()?;
        for column in encoded {
            let chunks = self.runtime.block_on(column).map_err(|error| ParquetError::External(error.into()))?;
            for chunk in chunks? {
                chunk.append_to_row_group(&mut row_group)?;
            }
        }
        row_group.close()?;
        self.row_groups += 1;
        Ok(())
    }

    /// The writers of each column; a list or a struct has several.
    fn columns(&self, writers: Vec<ArrowColumnWriter>) -> Vec<Vec<ArrowColumnWriter>> {
        let mut columns: Vec<Vec<ArrowColumnWriter>> = (0..self.schema.fields().len()).map(|_| Vec::new()).collect();
        for (leaf, writer) in writers.into_iter().enumerate() {
            columns[self.file.schema_descr().get_column_root_idx(leaf)].push(writer);
        }
        columns
    }

    /// Completes the file's contents.
    pub(super) fn finish(mut self, provenance: &Provenance) -> Result<OutFile> {
        self.file.append_key_value_metadata(KeyValue::new(PROVENANCE_KEY.to_owned(), provenance.to_json()));
        self.file.into_inner()
    }

    pub(super) fn abort(self) -> Option<OutFile> {
        self.file.into_inner().ok()
    }
}

fn encode(
    schema: &SchemaRef,
    column: usize,
    batches: &[RecordBatch],
    mut writers: Vec<ArrowColumnWriter>,
) -> Result<Vec<ArrowColumnChunk>> {
    for batch in batches {
        let leaves = compute_leaves(schema.field(column), batch.column(column))?;
        for (leaf, writer) in leaves.iter().zip(&mut writers) {
            writer.write(leaf)?;
        }
    }
    writers.into_iter().map(ArrowColumnWriter::close).collect()
}

/// Floats and instants seldom repeat: a dictionary of them costs more than it saves.
fn without_useless_dictionaries(
    mut properties: WriterPropertiesBuilder,
    schema: &SchemaRef,
) -> WriterPropertiesBuilder {
    for field in schema.fields() {
        if matches!(
            field.data_type(),
            DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Timestamp(..)
        ) {
            let column = ColumnPath::new(vec![field.name().clone()]);
            properties = properties.set_column_dictionary_enabled(column, false);
        }
    }
    properties
}
