//! Everything there is to know of one applied definition, for people and for programs.

mod computed;
mod stored;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use skewless_runtime::{DataType, Field};
use skewless_store::definitions::{Definitions, FeatureRef, FeatureService, Kind, Object};
use skewless_store::registry::State;

pub(crate) use self::computed::fields;
use crate::output::Output;
use crate::table::Table;

/// What is known of a definition.
pub(crate) struct Description {
    title: String,
    facts: Vec<(&'static str, String)>,
    tables: Vec<(&'static str, Table)>,
    /// the same for programs: the definition, what is known besides, what uses it
    json: Map<String, Value>,
}

/// Describes `object` of `state`.
pub(crate) fn describe(state: &State, object: &Object<'_>) -> Description {
    let Object { kind, name, .. } = *object;
    let definitions = &state.definitions;
    let mut description = Description::of(object);
    match kind {
        Kind::Entity => definitions.entity(name).map(|entity| stored::entity(&mut description, entity)),
        Kind::Source => definitions.source(name).map(|source| stored::source(&mut description, source)),
        Kind::FeatureView => {
            definitions.feature_view(name).map(|view| stored::feature_view(&mut description, view, state))
        }
        Kind::Transform => {
            definitions.transform(name).map(|transform| computed::transform(&mut description, transform, state))
        }
        Kind::OnDemandFeatureView => definitions
            .on_demand_feature_view(name)
            .map(|view| computed::on_demand_feature_view(&mut description, view, state)),
        Kind::FeatureService => {
            definitions.feature_service(name).map(|service| feature_service(&mut description, service, state))
        }
    };
    description.used_by(&users(definitions, kind, name));
    description
}

impl Description {
    fn of(object: &Object<'_>) -> Self {
        let Object { kind, name, description, tags, owner } = *object;
        let mut this =
            Self { title: format!("{kind} {name}"), facts: Vec::new(), tables: Vec::new(), json: Map::new() };
        this.tell("kind", &kind.name());
        this.fact("description", description);
        this.fact("owner", owner);
        this.fact("tags", crate::verbs::list::tags(tags));
        this
    }

    /// A line for people; none where there is nothing to say.
    fn fact(&mut self, label: &'static str, value: impl fmt::Display) {
        let value = value.to_string();
        if !value.is_empty() {
            self.facts.push((label, value));
        }
    }

    fn table(&mut self, title: &'static str, table: Table) {
        self.tables.push((title, table));
    }

    /// A value for programs.
    fn tell(&mut self, key: &str, value: &impl Serialize) {
        let value = serde_json::to_value(value).expect("definitions are plain data with texts as keys");
        self.json.insert(key.to_owned(), value);
    }

    fn used_by(&mut self, users: &[Object<'_>]) {
        let named = users.iter().map(|Object { kind, name, .. }| format!("{kind} {name}"));
        self.fact("used by", named.collect::<Vec<_>>().join(", "));
        let objects =
            users.iter().map(|Object { kind, name, .. }| serde_json::json!({ "kind": kind.name(), "name": name }));
        self.tell("used_by", &objects.collect::<Vec<_>>());
    }

    pub(crate) fn json(&self) -> &Map<String, Value> {
        &self.json
    }

    pub(crate) fn told(&self, output: &Output) -> String {
        let mut text = format!("{}\n", output.bold(&self.title));
        let width = self.facts.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (label, value) in &self.facts {
            text += &format!("  {label:width$}  {}\n", value.replace('\n', &format!("\n{:1$}", "", width + 4)));
        }
        for (title, table) in &self.tables {
            text += &format!("\n  {}\n{}", output.bold(title), table.indented("    "));
        }
        text
    }
}

/// The definitions that refer to the one of that kind and name.
fn users<'a>(definitions: &'a Definitions, kind: Kind, name: &str) -> Vec<Object<'a>> {
    definitions.objects().filter(|user| uses(definitions, user, kind, name)).collect()
}

fn uses(definitions: &Definitions, user: &Object<'_>, kind: Kind, name: &str) -> bool {
    let view = || definitions.feature_view(user.name);
    let on_demand = || definitions.on_demand_feature_view(user.name);
    match (user.kind, kind) {
        (Kind::FeatureView, Kind::Entity) => view().is_some_and(|view| view.entities.iter().any(|used| used == name)),
        (Kind::FeatureView, Kind::Source) => view().is_some_and(|view| view.source == name),
        (Kind::FeatureView, Kind::Transform) => {
            view().and_then(|view| view.transform.as_ref()).is_some_and(|transform| transform.name == name)
        }
        (Kind::OnDemandFeatureView, Kind::Transform) => on_demand().is_some_and(|view| view.transform == name),
        (Kind::OnDemandFeatureView, Kind::FeatureView) => {
            on_demand().is_some_and(|view| definitions.views_read_by(view).iter().any(|used| used.name == name))
        }
        (Kind::FeatureService, Kind::FeatureView | Kind::OnDemandFeatureView) => definitions
            .feature_service(user.name)
            .is_some_and(|service| service.features.iter().any(|used| used.view() == name)),
        _ => false,
    }
}

fn feature_service(description: &mut Description, service: &FeatureService, state: &State) {
    description.tell("definition", service);
    let features: Vec<_> = service.features.iter().flat_map(|reference| features(reference, state)).collect();
    let rows = features.iter().map(|(view, name, data_type)| [view.clone(), name.clone(), data_type.to_string()]);
    description.table("features", Table::new(["view", "feature", "type"]).with_rows(rows));
    let json = features
        .iter()
        .map(|(view, name, data_type)| serde_json::json!({ "view": view, "name": name, "type": data_type }));
    description.tell("features", &json.collect::<Vec<_>>());
}

/// View, name and type of the features that a reference means.
fn features(reference: &FeatureRef, state: &State) -> Vec<(String, String, DataType)> {
    let view = reference.view();
    let wanted = |name: &str| match reference {
        FeatureRef::View(_) => true,
        FeatureRef::Feature { feature, .. } => feature == name,
    };
    let of_view = state.definitions.feature_view(view).into_iter().flat_map(|view| &view.schema);
    let stored = of_view.map(|feature| (&feature.name, feature.data_type));
    let on_demand = state.definitions.on_demand_feature_view(view);
    let outputs =
        on_demand.and_then(|view| state.transforms.get(&view.transform)).map(|applied| &applied.signature.outputs);
    let computed = outputs.into_iter().flatten().map(|Field { name, data_type, .. }| (name, *data_type));
    let all = stored.chain(computed).filter(|(name, _)| wanted(name));
    all.map(|(name, data_type)| (view.to_owned(), name.clone(), data_type)).collect()
}
