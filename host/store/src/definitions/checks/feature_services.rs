//! Feature services: what they refer to, and whether one set of entity rows can serve all of it.

use std::collections::BTreeMap;

use skewless_runtime::DataType;

use super::{Checks, Kind};
use crate::definitions::{Definitions, FeatureRef, FeatureService, unknown};

impl Checks<'_> {
    pub(super) fn feature_service(&mut self, service: &FeatureService) {
        let subject = (Kind::FeatureService, service.name.as_str());
        if service.features.is_empty() {
            let message = format!("the feature service `{}` has no features: list them", service.name);
            self.wrong(subject, "features", message);
        }
        for (number, reference) in service.features.iter().enumerate() {
            let message = self.feature(reference).or_else(|| repeated(&service.features[..number], reference));
            if let Some(message) = message {
                self.wrong(subject, &format!("features.{number}"), message);
            }
        }
    }

    /// What is wrong with a reference. The features of an on-demand feature view are known only to its component.
    fn feature(&self, reference: &FeatureRef) -> Option<String> {
        let name = reference.view();
        if !self.definitions.view_names().any(|known| known == name) {
            return Some(unknown("feature view", name, self.definitions.view_names()));
        }
        match reference {
            FeatureRef::View(_) => None,
            FeatureRef::Feature { view, feature } => self.stored_feature(view, feature),
        }
    }

    /// Every column of the entity rows has one type, whichever views read it.
    pub(super) fn entity_rows(&mut self, service: &FeatureService) {
        let mut columns: BTreeMap<String, (DataType, &str)> = BTreeMap::new();
        for (number, reference) in service.features.iter().enumerate() {
            let view = reference.view();
            for (column, data_type) in entity_row_columns(self.definitions, view) {
                let (taken, other) = *columns.entry(column.clone()).or_insert((data_type, view));
                if taken != data_type {
                    let message = format!(
                        "`{view}` reads the column `{column}` of the entity rows as {data_type}, `{other}` as {taken}: \
                         rename one of the two"
                    );
                    self.wrong((Kind::FeatureService, &service.name), &format!("features.{number}"), message);
                }
            }
        }
    }
}

/// That the features of `reference` are among those of `before`.
fn repeated(before: &[FeatureRef], reference: &FeatureRef) -> Option<String> {
    let whole = before.iter().any(|other| *other == FeatureRef::View(reference.view().to_owned()));
    let part = before.iter().any(|other| other.view() == reference.view());
    let is_repeated = whole || before.contains(reference) || (part && matches!(reference, FeatureRef::View(_)));
    is_repeated.then(|| format!("`{reference}` repeats features that stand above it: list each feature once"))
}

/// The columns that entity rows must have for a view: its join keys, or those of the views it reads and its
/// request fields.
fn entity_row_columns(definitions: &Definitions, view: &str) -> Vec<(String, DataType)> {
    let stored = definitions.feature_view(view).into_iter();
    let on_demand = definitions.on_demand_feature_view(view).into_iter();
    let read = on_demand.clone().flat_map(|view| definitions.views_read_by(view));
    let join_keys = stored.chain(read).flat_map(|view| definitions.join_keys(view));
    let request = on_demand.flat_map(|view| view.request.iter().map(|field| (field.name.clone(), field.data_type)));
    join_keys.map(|key| (key.name, key.data_type)).chain(request).collect()
}
