//! On-demand feature views: what they read, and what they ask of a request.

use super::{Checks, Kind};
use crate::definitions::{Definitions, InputRef, JoinKey, OnDemandFeatureView, hint, unknown};

impl Checks<'_> {
    pub(super) fn on_demand_feature_view(&mut self, view: &OnDemandFeatureView) {
        let subject = (Kind::OnDemandFeatureView, view.name.as_str());
        self.transform_reference(subject, "transform", &view.transform);
        self.columns(subject, "request", "request field", view.request.iter().map(|field| field.name.as_str()));
        self.request_against_join_keys(view);
        for (input, reference) in &view.inputs {
            if let Some(message) = self.input(view, reference) {
                self.wrong(subject, &format!("inputs.{input}"), message);
            }
        }
        for (number, name) in view.sources.iter().enumerate() {
            let twice = || format!("the feature view `{name}` stands here twice: drop one");
            let message = view.sources[..number].contains(name).then(twice).or_else(|| self.stored_view(name));
            if let Some(message) = message {
                self.wrong(subject, &format!("sources.{number}"), message);
            }
        }
        self.written(view);
    }

    /// What is stored has to be known when its feature view is materialized.
    fn written(&mut self, view: &OnDemandFeatureView) {
        // A view it reads that is not there has been told.
        let reads = |definitions: &Definitions| {
            let inputs = view.inputs.values().filter_map(|input| match input {
                InputRef::Feature { view, .. } => Some(view),
                _ => None,
            });
            inputs.chain(&view.sources).all(|name| definitions.feature_view(name).is_some())
        };
        if !view.write_to_online_store || !reads(self.definitions) {
            return;
        }
        if let Err(reason) = view.written_from(self.definitions) {
            let message = format!("`{}` can't be written to the online store: {reason}", view.name);
            self.wrong((Kind::OnDemandFeatureView, &view.name), "write_to_online_store", message);
        }
    }

    /// A request can name the entity of any view, so a column of its must mean one thing.
    fn request_against_join_keys(&mut self, view: &OnDemandFeatureView) {
        let definitions = self.definitions;
        for (number, field) in view.request.iter().enumerate() {
            let named = |keys: &[JoinKey]| keys.iter().any(|key| key.name == field.name);
            if let Some(entity) = definitions.entities.iter().find(|entity| named(&entity.join_keys)) {
                let message = format!(
                    "the request field `{}` has the name of a join key of the entity `{}`: rename it",
                    field.name, entity.name
                );
                self.wrong((Kind::OnDemandFeatureView, &view.name), &format!("request.{number}.name"), message);
            }
        }
    }

    /// What is wrong with a reference of an input.
    fn input(&self, view: &OnDemandFeatureView, reference: &InputRef) -> Option<String> {
        match reference {
            InputRef::EventTimestamp => None,
            InputRef::Request(field) => {
                let known = view.request.iter().map(|field| field.name.as_str());
                view.request_field(field).is_none().then(|| unknown("request field", field, known))
            }
            InputRef::Feature { view, feature } => {
                self.stored_view(view).or_else(|| self.stored_feature(view, feature))
            }
        }
    }

    /// What is wrong with a reference to a feature view.
    fn stored_view(&self, name: &str) -> Option<String> {
        if self.definitions.feature_view(name).is_some() {
            None
        } else if self.definitions.on_demand_feature_view(name).is_some() {
            Some(format!(
                "`{name}` is an on-demand feature view: inputs come from feature views, from the request or from \
                 event_timestamp"
            ))
        } else {
            let known = self.definitions.feature_views.iter().map(|view| view.name.as_str());
            Some(unknown("feature view", name, known))
        }
    }

    /// What is wrong with a reference to a feature of a feature view.
    pub(super) fn stored_feature(&self, view: &str, feature: &str) -> Option<String> {
        let stored = self.definitions.feature_view(view)?;
        let known = stored.schema.iter().map(|feature| feature.name.as_str());
        stored
            .feature(feature)
            .is_none()
            .then(|| format!("`{view}` has no feature `{feature}`: {}", hint(feature, known)))
    }
}
