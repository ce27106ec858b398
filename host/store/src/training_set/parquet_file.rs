//! Parquet, encoded on all cores: the columns of a row group beside each other.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

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

use super::{PROVENANCE_KEY, Provenance};
use crate::storage::OutFile;

/// A Parquet file that is being written.
pub(super) struct ParquetFile {
    file: SerializedFileWriter<OutFile>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    threads: usize,
    row_groups: usize,
}

impl ParquetFile {
    pub(super) fn new(file: OutFile, schema: &SchemaRef, threads: usize) -> Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
        let properties = without_useless_dictionaries(properties, schema).build();
        let writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties))?;
        let (file, factory) = writer.into_serialized_writer()?;
        Ok(Self { file, factory, schema: SchemaRef::clone(schema), threads, row_groups: 0 })
    }

    /// Writes `batches` as one row group.
    pub(super) fn write(&mut self, batches: &[RecordBatch]) -> Result<()> {
        let writers = self.columns(self.factory.create_column_writers(self.row_groups)?);
        let encoded: Vec<Mutex<Option<Result<Vec<ArrowColumnChunk>>>>> =
            writers.iter().map(|_| Mutex::default()).collect();
        let writers: Vec<Mutex<Vec<ArrowColumnWriter>>> = writers.into_iter().map(Mutex::new).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((column, writers)) = {
                let column = next.fetch_add(1, Ordering::Relaxed);
                writers.get(column).map(|writers| (column, writers))
            } {
                let writers = std::mem::take(&mut *writers.lock().expect("each is locked once"));
                let chunks = encode(&self.schema, column, batches, writers);
                *encoded[column].lock().expect("each is locked once") = Some(chunks);
            }
        };
        std::thread::scope(|scope| {
            (1..self.threads.min(writers.len())).for_each(|_| _ = scope.spawn(work));
            work();
        });
        let mut row_group = self.file.next_row_group()?;
        for chunks in encoded {
            let chunks = chunks.into_inner().expect("nobody panicked with it");
            for chunk in chunks.unwrap_or_else(|| Err(ParquetError::General("a column was left out".to_owned())))? {
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
