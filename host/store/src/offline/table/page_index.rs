//! Where the pages of a Parquet file are, whether the file says so or not.
//!
//! Who reads a part of a row group needs some pages of each column. Many files have no index of their pages, and then the reader fetches
//! whole columns, so that two who share a row group would both read all of it. But each page begins with a header that says how
//! long it is and how many values it has: an index is made of these, with a small read for each page.

use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::column::page::PageReader as _;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, ParquetMetaData};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

/// More than most headers have.
const HEADER_BYTES: usize = 512;

/// Pages of a column in a row group of which the headers are looked at: each is a small read.
const PAGES_MAX: usize = 1_000;

/// `metadata` of the file at `path` with an index of the pages; `None` where there are too many, where their headers don't tell, as those
/// of lists don't, or can't be read, which is left to whoever reads the pages.
pub(super) fn with_pages(metadata: &ParquetMetaData, path: &Path) -> Option<ParquetMetaData> {
    // A page of lists counts their elements, not its rows.
    if metadata.file_metadata().schema_descr().columns().iter().any(|column| column.max_rep_level() > 0) {
        return None;
    }
    let file = Arc::new(Headers { file: File::open(path).ok()?, last: AtomicU64::new(0) });
    let columns = metadata.row_groups().iter().map(|row_group| {
        let rows = usize::try_from(row_group.num_rows()).ok()?;
        row_group.columns().iter().map(|column| pages(&file, column, rows)).collect()
    });
    let index = columns.collect::<Option<Vec<Vec<_>>>>()?;
    Some(metadata.clone().into_builder().set_offset_index(Some(index)).build())
}

/// The pages of a column that has `rows` rows.
fn pages(file: &Arc<Headers>, column: &ColumnChunkMetaData, rows: usize) -> Option<OffsetIndexMetaData> {
    let mut reader = SerializedPageReader::new(Arc::clone(file), column, rows, None).ok()?;
    let (mut starts, mut index, mut rows_before) = (Vec::new(), OffsetIndexBuilder::new(), 0);
    while let Some(page) = reader.peek_next_page().ok()? {
        if starts.len() == PAGES_MAX {
            return None;
        }
        if !page.is_dict {
            let rows = page.num_rows.or(page.num_levels)?;
            starts.push(file.last.load(Ordering::Relaxed));
            index.append_row_count(i64::try_from(rows).ok()?);
            rows_before += rows;
        }
        reader.skip_next_page().ok()?;
    }
    let (start, bytes) = column.byte_range();
    let ends = starts.iter().skip(1).copied().chain([start + bytes]);
    for (start, end) in starts.iter().zip(ends) {
        index.append_offset_and_size(i64::try_from(*start).ok()?, i32::try_from(end.checked_sub(*start)?).ok()?);
    }
    (rows_before == rows).then(|| index.build())
}

/// A file of which headers are read.
struct Headers {
    file: File,
    /// where the last one began
    last: AtomicU64,
}

impl Length for Headers {
    fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl ChunkReader for Headers {
    type T = BufReader<File>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.last.store(start, Ordering::Relaxed);
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(BufReader::with_capacity(HEADER_BYTES, file))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.file.get_bytes(start, length)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
    use arrow::datatypes::Int64Type;
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
    use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

    use super::*;

    const ROWS: usize = 10_000;

    fn columns() -> Vec<(&'static str, ArrayRef)> {
        let numbers = Int64Array::from_iter_values(0..ROWS as i64);
        let some = Float64Array::from_iter((0..ROWS).map(|row| (row % 3 > 0).then_some(row as f64)));
        let words = StringArray::from_iter((0..ROWS).map(|row| (row % 7 > 0).then(|| format!("word {}", row % 50))));
        vec![("numbers", Arc::new(numbers)), ("some", Arc::new(some)), ("words", Arc::new(words))]
    }

    /// The file at `path`, and what it says of itself: its own index of pages too, where it has one.
    fn written(
        path: &Path,
        columns: Vec<(&str, ArrayRef)>,
        version: WriterVersion,
        with_index: bool,
    ) -> ParquetMetaData {
        written_in_pages(path, columns, version, with_index, 700)
    }

    fn written_in_pages(
        path: &Path,
        columns: Vec<(&str, ArrayRef)>,
        version: WriterVersion,
        with_index: bool,
        page_rows: usize,
    ) -> ParquetMetaData {
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(4_000))
            .set_data_page_row_count_limit(page_rows)
            .set_write_batch_size(page_rows.min(100))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(!with_index);
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let policy = if with_index { PageIndexPolicy::Required } else { PageIndexPolicy::Skip };
        let mut reader = ParquetMetaDataReader::new().with_offset_index_policy(policy);
        reader.try_parse(&File::open(path).unwrap()).unwrap();
        reader.finish().unwrap()
    }

    #[test]
    fn the_index_is_the_one_that_the_writer_would_have_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.parquet");
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let expected = written(&path, columns(), version, true).offset_index().unwrap().clone();
            let bare = written(&path, columns(), version, false);
            assert!(bare.offset_index().is_none());
            let found = with_pages(&bare, &path).unwrap();
            let pages: Vec<_> = found.offset_index().unwrap().iter().map(|of| of[1].page_locations().len()).collect();
            assert_eq!(pages, [6, 6, 3]);
            for (found, expected) in found.offset_index().unwrap().iter().flatten().zip(expected.iter().flatten()) {
                assert_eq!(found.page_locations(), expected.page_locations());
            }
        }
    }

    #[test]
    fn a_file_with_lists_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.parquet");
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>((0..9).map(|row| Some(vec![Some(row); 3])));
        let bare = written(&path, vec![("lists", Arc::new(lists))], WriterVersion::PARQUET_1_0, false);
        assert!(with_pages(&bare, &path).is_none());
    }

    #[test]
    fn a_file_of_very_many_pages_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.parquet");
        let numbers = || columns().into_iter().take(1).collect();
        for (page_rows, has_index) in [(4, true), (3, false)] {
            let bare = written_in_pages(&path, numbers(), WriterVersion::PARQUET_1_0, false, page_rows);
            assert_eq!(with_pages(&bare, &path).is_some(), has_index, "4,000 rows in pages of {page_rows}");
        }
    }

    #[test]
    fn a_file_that_is_another_now_or_gone_or_cut_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.parquet");
        let bare = written(&path, columns(), WriterVersion::PARQUET_1_0, false);
        let bytes = std::fs::read(&path).unwrap();
        for length in [0, 10, bytes.len() / 2] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(with_pages(&bare, &path).is_none(), "{length} bytes");
        }
        std::fs::write(&path, vec![0xff; bytes.len()]).unwrap();
        assert!(with_pages(&bare, &path).is_none());
        std::fs::remove_file(&path).unwrap();
        assert!(with_pages(&bare, &path).is_none());
    }
}
