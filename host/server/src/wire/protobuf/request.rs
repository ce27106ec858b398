//! `GetOnlineFeaturesRequest`: what is asked, and for which rows. The same rules as for a request in JSON.

use skewless_store::Selection;

use super::{GetOnlineFeaturesRequest, RepeatedValue, Selected};
use crate::wire::request::text_references;
use crate::wire::{COLUMNS_MAX, Column, EntityRows, Question, RequestError};

impl GetOnlineFeaturesRequest {
    /// What is asked, whatever the rows.
    ///
    /// # Errors
    /// For a reference that can't be one, and for too many.
    pub fn question(&self) -> Result<Question, RequestError> {
        let selection = match &self.kind {
            Some(Selected::FeatureService(name)) if !name.is_empty() => Selection::Service(name.clone()),
            Some(Selected::Features(features)) => Selection::Features(text_references(&features.val)?),
            Some(Selected::FeatureService(_)) | None => Selection::Features(Vec::new()),
        };
        Ok(Question { selection, full_feature_names: self.full_feature_names })
    }

    /// Reads the columns, which must be exactly those that are `needed`.
    ///
    /// # Errors
    /// As [`Request::entity_rows`](crate::wire::Request::entity_rows).
    pub fn entity_rows(&self, needed: &[Column]) -> Result<EntityRows, RequestError> {
        if let Some(name) = self.request_context.keys().find(|name| self.entities.contains_key(*name)) {
            return Err(RequestError::GivenTwice { name: name.clone() });
        }
        let count = self.entities.len() + self.request_context.len();
        if count > COLUMNS_MAX {
            return Err(RequestError::TooManyColumns { count });
        }
        let given = self.entities.iter().chain(&self.request_context);
        let given = given.map(|(name, RepeatedValue { val })| (name.as_str(), val.as_slice()));
        EntityRows::read(needed, given, Column::read_messages)
    }
}
