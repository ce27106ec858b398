//! Arrow IPC, as files and as streams.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::physical_plan::ArrowSource;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::context::SessionState;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::{FILES_AT_ONCE, Owner};
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
    (shown, file): (String, ObjectMeta),
) -> Result<SchemaRef> {
    let schema = ArrowFormat.infer_schema(state, store, std::slice::from_ref(&file)).await;
    schema.map_err(|error| match store_error(&error) {
        Some(_) => owner.failed(error),
        None => owner.damaged(format!("file `{shown}` of {owner} is no whole Arrow IPC file or stream")),
    })
}

/// Whether the files are files, and not streams.
///
/// # Errors
/// The owner's, where some are files and others streams; as for [`super::Table::open`] where the store fails.
pub(super) async fn are_files(
    owner: &Owner,
    store: &Arc<dyn ObjectStore>,
    files: &[(String, ObjectMeta)],
) -> Result<bool> {
    let is_file = |(shown, file): (String, ObjectMeta)| async move {
        let end = file.size.min(FILE_MAGIC.len() as u64);
        let start = store.get_range(&file.location, 0..end).await;
        start.map(|start| start == FILE_MAGIC).map_err(|error| failure(&format!("read `{shown}`"), error))
    };
    let are_files = futures::stream::iter(files.to_vec()).map(is_file).buffered(FILES_AT_ONCE);
    let are_files: Vec<bool> = are_files.try_collect().await?;
    match are_files.iter().position(|is_file| *is_file != are_files[0]) {
        None => Ok(are_files[0]),
        Some(other) => Err(owner.wrong(format!(
            "some files of {owner} are Arrow IPC files and others are streams, such as `{}` and `{}`: have one or the other",
            files[0].0, files[other].0
        ))),
    }
}

/// A source that reads such files, or such streams.
pub(super) fn source(columns: &TableSchema, are_files: bool) -> ArrowSource {
    match are_files {
        true => ArrowSource::new_file_source(columns.clone()),
        false => ArrowSource::new_stream_file_source(columns.clone()),
    }
}
