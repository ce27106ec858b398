//! Rows that somebody sends, from the body of a request to the online store.

use skewless_store::online_writes::{OnlineWrite, OnlineWritten};
use skewless_store::{ErrorKind, FeatureStore};

use crate::prepared::AnswerError;
use crate::wire::rows::{PushRequest, SentRows, TypedRows, WriteRequest};

/// Stores the rows of the body of `/write-to-online-store`. Blocks.
///
/// # Errors
/// Where the body or a row is not as it must be, the view is unknown, or the online store can't be written.
pub(crate) fn write_to_online_store(store: &FeatureStore, body: &[u8]) -> Result<Vec<OnlineWritten>, AnswerError> {
    let request = WriteRequest::parse(body)?;
    let view = OnlineWrite::to_view(store, &request.feature_view_name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => AnswerError::UnknownView(error),
        _ => AnswerError::Store(error),
    })?;
    write(&[view], &request.df, request.transform_on_write)
}

/// Stores the rows of the body of `/push`. Blocks.
///
/// # Errors
/// As [`write_to_online_store`].
pub(crate) fn push(store: &FeatureStore, body: &[u8]) -> Result<Vec<OnlineWritten>, AnswerError> {
    let request = PushRequest::parse(body)?;
    let name = &request.push_source_name;
    let views = match store.definitions().source(name) {
        Some(_) => OnlineWrite::to_views_of_source(store, name),
        None if store.definitions().view_names().any(|view| view == name) => {
            OnlineWrite::to_view(store, name).map(|view| vec![view])
        }
        None => OnlineWrite::to_views_of_source(store, name),
    };
    let views = views.map_err(|error| match error.kind() {
        ErrorKind::NotFound => AnswerError::UnknownPushSource(error),
        _ => AnswerError::Store(error),
    })?;
    write(&views, &request.df, request.transform_on_write)
}

/// All rows are read before the first is stored.
fn write(
    views: &[OnlineWrite],
    sent: &SentRows<'_>,
    transform_on_write: Option<bool>,
) -> Result<Vec<OnlineWritten>, AnswerError> {
    let typed = views.iter().map(|view| sent.typed(view, transform_on_write)).collect::<Result<Vec<_>, _>>()?;
    let write = |(view, rows): (&OnlineWrite, &TypedRows)| {
        let TypedRows { batch, content, event_timestamps, created_timestamps } = rows;
        Ok(view.write(batch, *content, event_timestamps, created_timestamps.as_ref())?)
    };
    views.iter().zip(&typed).map(write).collect()
}
