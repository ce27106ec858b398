//! Feature views against entities, sources and transforms.

use super::{Checks, Kind};
use crate::definitions::{Definitions, FeatureView, unknown};

impl Checks<'_> {
    pub(super) fn feature_view(&mut self, view: &FeatureView) {
        let subject = (Kind::FeatureView, view.name.as_str());
        let definitions = self.definitions;
        self.view_entities(view);
        if definitions.source(&view.source).is_none() {
            let known = definitions.sources.iter().map(|source| source.name.as_str());
            self.wrong(subject, "source", unknown("source", &view.source, known));
        }
        if view.schema.is_empty() {
            self.wrong(
                subject,
                "schema",
                format!("the feature view `{}` has no features: list them in its schema", view.name),
            );
        }
        self.columns(subject, "schema", "feature", view.schema.iter().map(|feature| feature.name.as_str()));
        self.features_against_join_keys(view);
        if let Some(transform) = &view.transform {
            self.transform_reference(subject, "transform.name", &transform.name);
        }
    }

    fn view_entities(&mut self, view: &FeatureView) {
        let subject = (Kind::FeatureView, view.name.as_str());
        let definitions = self.definitions;
        if view.entities.is_empty() {
            let message = format!("the feature view `{}` has no entity: name at least one", view.name);
            self.wrong(subject, "entities", message);
        }
        for (number, name) in view.entities.iter().enumerate() {
            let path = format!("entities.{number}");
            let before = &view.entities[..number];
            if before.contains(name) {
                self.wrong(subject, &path, format!("the entity `{name}` stands here twice: drop one"));
            } else if definitions.entity(name).is_none() {
                let known = definitions.entities.iter().map(|entity| entity.name.as_str());
                self.wrong(subject, &path, unknown("entity", name, known));
            } else if let Some((other, key)) = shared_join_key(definitions, before, name) {
                let message = format!("the entities `{other}` and `{name}` both have the join key `{key}`: rename one");
                self.wrong(subject, &path, message);
            }
        }
    }

    fn features_against_join_keys(&mut self, view: &FeatureView) {
        let join_keys = self.definitions.join_keys(view);
        for (number, feature) in view.schema.iter().enumerate() {
            if join_keys.iter().any(|key| key.name == feature.name) {
                let message = format!(
                    "the feature `{}` has the name of a join key of the feature view `{}`: rename it, or drop it, \
                     since the join key stands beside the features anyway",
                    feature.name, view.name
                );
                self.wrong((Kind::FeatureView, &view.name), &format!("schema.{number}.name"), message);
            }
        }
    }

    /// Checks that a transform of that name is defined.
    pub(super) fn transform_reference(&mut self, subject: super::Subject<'_>, path: &str, name: &str) {
        if self.definitions.transform(name).is_none() {
            let known = self.definitions.transforms.iter().map(|transform| transform.name.as_str());
            self.wrong(subject, path, unknown("transform", name, known));
        }
    }
}

/// The first of `before` that has a join key in common with the entity `name`, and that key.
fn shared_join_key<'a>(definitions: &'a Definitions, before: &'a [String], name: &str) -> Option<(&'a str, &'a str)> {
    let join_keys = &definitions.entity(name)?.join_keys;
    before.iter().find_map(|other| {
        let theirs = &definitions.entity(other)?.join_keys;
        let shared = theirs.iter().find(|key| join_keys.iter().any(|mine| mine.name == key.name))?;
        Some((other.as_str(), shared.name.as_str()))
    })
}
