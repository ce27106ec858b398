//! Deleting what is stored online: of a feature view, of views that are no more, of an entity.
//!
//! Where a view's values go, the registry forgets first that they were materialized: were they deleted and the commit
//! refused, the next incremental run would go on from a watermark below which nothing is stored.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::LargeBinaryArray;
use jiff::Timestamp;
use serde::Serialize;

use crate::definitions::Definitions;
use crate::online::{OnlineStore, in_background};
use crate::registry::{Action, Registry, State};
use crate::stored_views::stored_view;
use crate::{Error, Result};

/// What was deleted of a feature view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// the view
    pub feature_view: String,
    /// rows that were there, each of one entity
    pub rows: u64,
}

/// Deletes all values of a feature view, known to the registry or not; the next incremental run starts with its first row.
///
/// # Errors
/// [`Unavailable`](crate::ErrorKind::Unavailable) where the registry or the online store does not answer; some values may
/// be deleted then.
pub async fn delete_view(
    registry: &Registry,
    online: &Arc<dyn OnlineStore>,
    feature_view: &str,
    at: Timestamp,
) -> Result<Deleted> {
    let state = registry.current().await?.map(|commit| commit.state);
    if state.is_some_and(|state| state.views.get(feature_view).is_some_and(|view| view.watermark().is_some())) {
        let forget = |state: &mut State| {
            state.views.entry(feature_view.to_owned()).and_modify(|view| view.forget_intervals());
            Ok(())
        };
        registry.update(at, Action::DeleteValues { feature_view: feature_view.to_owned() }, forget).await?;
    }
    let name = feature_view.to_owned();
    let rows = in_background(online, move |online| online.delete_view(&name)).await?;
    Ok(Deleted { feature_view: feature_view.to_owned(), rows })
}

/// Deletes the values of views that were kept online and are no more, and what the registry knows of them. Where it fails,
/// the registry still knows of them, and the next call finds them again.
///
/// # Errors
/// As [`delete_view`].
pub async fn delete_removed_views(
    registry: &Registry,
    online: &Arc<dyn OnlineStore>,
    at: Timestamp,
) -> Result<Vec<Deleted>> {
    let Some(commit) = registry.current().await? else { return Ok(Vec::new()) };
    let mut deleted = Vec::new();
    for feature_view in removed(&commit.state) {
        let name = feature_view.clone();
        let rows = in_background(online, move |online| online.delete_view(&name)).await?;
        let forget = |state: &mut State| {
            if removed(state).contains(&feature_view) {
                state.views.remove(&feature_view);
            }
            Ok(())
        };
        registry.update(at, Action::DeleteValues { feature_view: feature_view.clone() }, forget).await?;
        deleted.push(Deleted { feature_view, rows });
    }
    Ok(deleted)
}

/// The views of which rows may be stored, and that are not kept online.
fn removed(state: &State) -> Vec<String> {
    let is_kept = |name: &String| stored_view(state, name).is_some_and(|view| view.online);
    state.views.keys().filter(|name| !is_kept(name)).cloned().collect()
}

/// Checks that a feature view has exactly these join keys, so that something can be stored under them.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) where none has, with those that there are.
pub fn check_join_keys(definitions: &Definitions, given: &[&str]) -> Result<()> {
    let given = BTreeSet::from_iter(given.iter().map(|name| (*name).to_owned()));
    let of_view = |view| definitions.join_keys(view).into_iter().map(|key| key.name).collect::<BTreeSet<String>>();
    let known: BTreeSet<BTreeSet<String>> = definitions.feature_views.iter().map(of_view).collect();
    if known.contains(&given) {
        return Ok(());
    }
    let text = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let known: Vec<String> = known.iter().map(|names| format!("`{}`", text(names))).collect();
    Err(Error::invalid_input(format!(
        "no feature view has the join keys `{}`, all of them and no other: there are {}",
        text(&given),
        known.join("; ")
    )))
}

/// Deletes all values of entities in all views, by their [keys](crate::online::encode_keys); returns how many rows there
/// were, one number for each.
///
/// # Errors
/// [`Unavailable`](crate::ErrorKind::Unavailable) where the online store does not answer; those before are deleted then.
pub async fn delete_entities(online: &Arc<dyn OnlineStore>, keys: LargeBinaryArray) -> Result<Vec<u64>> {
    in_background(online, move |online| keys.iter().flatten().map(|key| online.delete_entity(key)).collect()).await
}
