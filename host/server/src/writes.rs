//! Rows that somebody sends, from the body of a request to the online store.

use skewless_store::online_writes::{OnlineWrite, OnlineWritten, PackedRows};
use skewless_store::{Error, ErrorKind, FeatureStore};

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

/// All rows are read, and all features computed, before the first row is stored: what is wrong with them is wrong for all
/// views.
fn write(
    views: &[OnlineWrite],
    sent: &SentRows<'_>,
    transform_on_write: Option<bool>,
) -> Result<Vec<OnlineWritten>, AnswerError> {
    let typed = views.iter().map(|view| sent.typed(view, transform_on_write)).collect::<Result<Vec<_>, _>>()?;
    let packed = views.iter().zip(&typed).map(|(view, rows)| pack(view, rows)).collect::<Result<Vec<_>, _>>()?;
    Ok(store(&packed)?)
}

fn pack<'a>(view: &'a OnlineWrite, rows: &TypedRows) -> Result<PackedRows<'a>, Error> {
    let TypedRows { batch, content, event_timestamps, created_timestamps } = rows;
    view.pack(batch, *content, event_timestamps, created_timestamps.as_ref())
}

fn store(packed: &[PackedRows<'_>]) -> Result<Vec<OnlineWritten>, Error> {
    let store =
        |(number, rows): (usize, &PackedRows<'_>)| rows.store().map_err(|error| partial(&error, packed, number));
    packed.iter().enumerate().map(store).collect()
}

/// The error of the view with this `number`, which says what became of the others' rows.
fn partial(error: &Error, packed: &[PackedRows<'_>], number: usize) -> Error {
    let names: Vec<_> = packed.iter().map(|rows| format!("`{}`", rows.feature_view())).collect();
    let (before, after) = (names[..number].join(", "), names[number + 1..].join(", "));
    let how_many = [("all", before), ("maybe some", names[number].clone()), ("none", after)];
    let how_many = how_many.iter().filter(|(_, views)| !views.is_empty());
    let told: Vec<_> = how_many.map(|(rows, views)| format!("{rows} for {views}")).collect();
    let message = format!("{error}; rows are stored: {}; sending them again does no harm", told.join(", "));
    Error::new(error.kind(), message)
}
