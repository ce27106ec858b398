//! Reads of Parquet files that partitions share: where each takes some rows of one row group, all need the same bytes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::Result;
use parquet::file::metadata::ParquetMetaData;
use tokio::sync::OnceCell;

/// Readers of `inner` that read no bytes twice while somebody still holds them.
#[derive(Debug)]
pub(super) struct SharedReads<Factory> {
    inner: Factory,
    known: Arc<Known>,
}

/// The bytes that were read, for as long as a reader holds them.
#[derive(Debug, Default)]
struct Known(Mutex<HashMap<Place, Weak<Once>>>);

/// A file and the bytes of it.
type Place = (Path, Range<u64>);

/// Read by whoever asks first; the others wait for that.
type Once = OnceCell<Bytes>;

/// Bytes that can be found in [`Known`] until they are dropped.
struct Held(Arc<Once>);

struct SharedReader {
    inner: Box<dyn AsyncFileReader + Send>,
    /// begins with the last of some ranges, so that two readers of the same ones read a half each
    begins_last: bool,
    file: Path,
    known: Arc<Known>,
}

impl<Factory> SharedReads<Factory> {
    pub(super) fn new(inner: Factory) -> Self {
        Self { inner, known: Arc::default() }
    }
}

impl<Factory: ParquetFileReaderFactory> ParquetFileReaderFactory for SharedReads<Factory> {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> std::result::Result<Box<dyn AsyncFileReader + Send>, DataFusionError> {
        let location = file.object_meta.location.clone();
        let inner = self.inner.create_reader(partition_index, file, metadata_size_hint, metrics)?;
        let begins_last = partition_index % 2 == 1;
        Ok(Box::new(SharedReader { inner, begins_last, file: location, known: Arc::clone(&self.known) }))
    }
}

impl Known {
    fn of(&self, file: &Path, range: &Range<u64>) -> Arc<Once> {
        // An entry is added or removed by one call each, so that a panic leaves nothing half done.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (file.clone(), range.clone());
        if let Some(once) = known.get(&key).and_then(Weak::upgrade) {
            return once;
        }
        known.retain(|_, once| once.strong_count() > 0);
        let once = Arc::default();
        known.insert(key, Arc::downgrade(&once));
        once
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.0.get().map_or(&[], |bytes| bytes)
    }
}

impl AsyncFileReader for SharedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        async move {
            let once = self.known.of(&self.file, &range);
            once.get_or_try_init(|| self.inner.get_bytes(range)).await?;
            Ok(Bytes::from_owner(Held(once)))
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move {
            let mut read = vec![Bytes::new(); ranges.len()];
            for step in 0..ranges.len() {
                let place = if self.begins_last { ranges.len() - 1 - step } else { step };
                read[place] = self.get_bytes(ranges[place].clone()).await?;
            }
            Ok(read)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        self.inner.get_metadata(options)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parquet::errors::ParquetError;

    use super::*;

    /// Counts how often it is read, and fails the first time if it is told so.
    struct Counted {
        reads: Arc<AtomicUsize>,
        fails_first: bool,
    }

    impl AsyncFileReader for Counted {
        fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
            async move {
                let before = self.reads.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                match before {
                    0 if self.fails_first => Err(ParquetError::General("the disk is gone".into())),
                    _ => Ok(Bytes::from(range.map(|byte| byte as u8).collect::<Vec<_>>())),
                }
            }
            .boxed()
        }

        fn get_metadata<'a>(
            &'a mut self,
            _: Option<&'a ArrowReaderOptions>,
        ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
            unreachable!("only bytes are read")
        }
    }

    fn reader(known: &Arc<Known>, reads: &Arc<AtomicUsize>, fails_first: bool, begins_last: bool) -> SharedReader {
        let inner = Box::new(Counted { reads: Arc::clone(reads), fails_first });
        SharedReader { inner, begins_last, file: Path::from("a.parquet"), known: Arc::clone(known) }
    }

    #[tokio::test]
    async fn the_same_bytes_are_read_once_while_somebody_holds_them() {
        let (known, reads) = (Arc::default(), Arc::default());
        let (mut one, mut other) = (reader(&known, &reads, false, false), reader(&known, &reads, false, true));
        let (first, second) =
            tokio::join!(one.get_byte_ranges(vec![0..3, 5..7]), other.get_byte_ranges(vec![0..3, 5..7]));
        let first = first.unwrap();
        assert_eq!(first, second.unwrap());
        assert_eq!(first, [&[0, 1, 2][..], &[5, 6]]);
        assert_eq!(reads.load(Ordering::Relaxed), 2);
        other.get_bytes(0..2).await.unwrap();
        assert_eq!(reads.load(Ordering::Relaxed), 3, "another range");
        drop(first);
        other.get_bytes(0..3).await.unwrap();
        assert_eq!(reads.load(Ordering::Relaxed), 4, "nobody held them any more");
        assert!(known.0.lock().unwrap().len() <= 2, "what nobody holds is forgotten");
    }

    #[tokio::test]
    async fn whoever_waited_for_a_read_that_failed_reads_for_itself() {
        let (known, reads) = (Arc::default(), Arc::default());
        let (mut one, mut other) = (reader(&known, &reads, true, false), reader(&known, &reads, true, false));
        let (first, second) = tokio::join!(one.get_bytes(0..3), other.get_bytes(0..3));
        assert!(first.is_err());
        assert_eq!(second.unwrap(), [0, 1, 2][..]);
    }
}
