//! Arrow IPC, as files and as streams.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::physical_plan::{ArrowSource, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::context::SessionState;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::Owner;
use crate::Result;
use crate::storage::{failure, store_error};

/// What an Arrow IPC file starts with; a stream starts otherwise.
const FILE_MAGIC: &[u8] = b"ARROW1";

/// The columns of a file.
///
/// # Errors
/// The owner's, where it is no Arrow IPC.
pub(super) async fn columns(
    owner: &Owner,
    state: &SessionState,
    store: &Arc<dyn ObjectStore>,
    (shown, file): &(String, ObjectMeta),
) -> Result<SchemaRef> {
    let schema = ArrowFormat.infer_schema(state, store, std::slice::from_ref(file)).await;
    schema.map_err(|error| match store_error(&error) {
        Some(_) => owner.failed(error),
        None => owner.damaged(format!("file `{shown}` of {owner} is no whole Arrow IPC file or stream")),
    })
}

/// A source that reads such files, all of them files or all streams.
///
/// # Errors
/// The owner's, where some are files and others streams; as for [`super::Table::open`] where the store fails.
pub(super) async fn source(
    owner: &Owner,
    columns: &TableSchema,
    store: &Arc<dyn ObjectStore>,
    files: &[(String, ObjectMeta)],
) -> Result<Arc<dyn FileSource>> {
    let mut are_files = Vec::with_capacity(files.len());
    for (shown, file) in files {
        let end = file.size.min(FILE_MAGIC.len() as u64);
        let start = store.get_range(&file.location, 0..end).await;
        let start = start.map_err(|error| failure(&format!("read `{shown}`"), error))?;
        are_files.push(start.as_ref() == FILE_MAGIC);
    }
    if let Some(other) = are_files.iter().position(|is_file| *is_file != are_files[0]) {
        return Err(owner.wrong(format!(
            "some files of {owner} are Arrow IPC files and others are streams, such as `{}` and `{}`: have one or the other",
            files[0].0, files[other].0
        )));
    }
    Ok(match are_files.first() {
        Some(false) => Arc::new(ArrowSource::new_stream_file_source(columns.clone())),
        _ => Arc::new(ArrowSource::new_file_source(columns.clone())),
    })
}
