//! What must hold between definitions, before any data file or component is opened.

mod entities;
mod feature_services;
mod feature_views;
mod on_demand_feature_views;
mod sources;

use super::name::{NAME_RULE, is_name};
use super::object::Kind;
use super::places::{Finding, Placed, Places};
use super::reference::{EVENT_TIMESTAMP, REQUEST};
use super::settings::{OnlineStoreSettings, Settings};
use super::{Definitions, Object};
use crate::online::check_connection_string;

/// Everything that is wrong with the definitions.
pub(super) fn check(definitions: &Definitions, places: &Places) -> Vec<Finding> {
    let mut checks = Checks { definitions, places, findings: Vec::new() };
    definitions.objects().for_each(|object| checks.name(object));
    definitions.entities.iter().for_each(|entity| checks.entity(entity));
    definitions.sources.iter().for_each(|source| checks.source(source));
    definitions.transforms.iter().for_each(|transform| checks.transform(transform));
    definitions.feature_views.iter().for_each(|view| checks.feature_view(view));
    definitions.on_demand_feature_views.iter().for_each(|view| checks.on_demand_feature_view(view));
    definitions.feature_services.iter().for_each(|service| checks.feature_service(service));
    if checks.findings.is_empty() {
        // Only where the views hold together can it be said what entity rows they need.
        definitions.feature_services.iter().for_each(|service| checks.entity_rows(service));
    }
    checks.findings
}

/// Everything that is wrong with the settings.
pub(super) fn check_settings(settings: &Settings, placed: &Placed) -> Vec<Finding> {
    let project = (!is_name(&settings.project))
        .then(|| ("project", format!("the project can't be called `{}`: {NAME_RULE}", settings.project)));
    let registry = settings.registry.is_empty().then(|| ("registry", "the registry needs a folder or a URL".into()));
    let online_store = match &settings.online_store {
        OnlineStoreSettings::Embedded { path } if path.is_empty() => {
            Some(("online_store.path", "the online store needs a file".into()))
        }
        OnlineStoreSettings::Embedded { .. } => None,
        OnlineStoreSettings::Redis { connection_string, redis_type, .. } => {
            let checked = check_connection_string(connection_string.as_str(), *redis_type);
            checked.err().map(|reason| ("online_store.connection_string", reason))
        }
    };
    let wrong = [project, registry, online_store].into_iter().flatten();
    wrong.map(|(path, message)| Finding { location: placed.location(path), message }).collect()
}

struct Checks<'a> {
    definitions: &'a Definitions,
    places: &'a Places,
    findings: Vec<Finding>,
}

/// The definition that is being checked.
type Subject<'a> = (Kind, &'a str);

impl Checks<'_> {
    /// Records that the part of a definition that `path` leads to is wrong.
    fn wrong(&mut self, (kind, name): Subject<'_>, path: &str, message: String) {
        let location = self.places.location(kind, name, path).expect("every loaded definition has a place");
        self.findings.push(Finding { location, message });
    }

    fn name(&mut self, object: Object<'_>) {
        let Object { kind, name, .. } = object;
        let is_view = matches!(kind, Kind::FeatureView | Kind::OnDemandFeatureView);
        if !is_name(name) {
            self.wrong((kind, name), "name", format!("the {kind} can't be called `{name}`: {NAME_RULE}"));
        } else if is_view && name == REQUEST {
            let message =
                format!("no {kind} can be called `{REQUEST}`: `{REQUEST}:field` stands for what a request brings");
            self.wrong((kind, name), "name", message);
        }
    }

    /// Checks the names of a list of columns: each well formed, unique, and not the entity rows' own.
    fn columns<'n>(&mut self, subject: Subject<'_>, list: &str, what: &str, names: impl Iterator<Item = &'n str>) {
        let mut seen: Vec<&str> = Vec::new();
        for (number, name) in names.enumerate() {
            let path = format!("{list}.{number}.name");
            if !is_name(name) {
                self.wrong(subject, &path, format!("the {what} can't be called `{name}`: {NAME_RULE}"));
            } else if name == EVENT_TIMESTAMP {
                let message =
                    format!("no {what} can be called `{name}`: that column holds the instant of an entity row");
                self.wrong(subject, &path, message);
            } else if seen.contains(&name) {
                let (kind, owner) = subject;
                let message = format!("the {kind} `{owner}` has two {what}s named `{name}`: rename or drop one");
                self.wrong(subject, &path, message);
            }
            seen.push(name);
        }
    }
}

#[cfg(test)]
mod tests;
