//! What a feature repository defines: entities, sources, transforms, feature views, on-demand feature views and
//! feature services.
//!
//! YAML files enter through [`Repository::load`]; plain data leaves, complete and consistent in itself: every name is
//! unique and well formed, every reference leads somewhere, every type is one that exists. Nothing here opens a data
//! file or a component; whoever does asks [`Repository::location_of`] for the line to blame.
//!
//! The same data, as JSON, is what the registry keeps.

mod checks;
mod diff;
mod entity;
mod environment;
mod feature_server;
mod feature_service;
mod feature_view;
mod files;
#[cfg(test)]
mod fixture;
mod name;
mod object;
mod on_demand_feature_view;
mod places;
mod reference;
mod repository;
mod schema;
mod settings;
mod source;
mod transform;
mod ttl;
mod yaml;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use diff::{Change, ChangeKind, diff};
pub use entity::{Entity, JoinKey};
pub use feature_server::{AuthSettings, FeatureLoggingSettings, FeatureServerSettings, HashKey, OidcSettings};
pub use feature_service::FeatureService;
pub use feature_view::{FeatureField, FeatureView, ViewTransform};
pub use name::nearest;
pub use object::{Kind, Object};
pub use on_demand_feature_view::{OnDemandFeatureView, RequestField};
pub use reference::{BadReference, FeatureRef, InputRef};
pub use repository::{Repository, SETTINGS_FILE};
pub use schema::{json_schema, settings_json_schema};
pub use settings::{ConnectionString, OnlineStoreSettings, RedisType, Settings};
pub use source::{Format, Source};
pub use transform::{LimitsDefinition, TransformDefinition};
pub use ttl::{BadTtl, Ttl};

pub(crate) use name::{NAME_RULE, hint, is_name, unknown};

/// Everything a repository defines; also what one definition file holds. Once loaded, each list is sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definitions {
    /// What features describe.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Entity>,
    /// Where values come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// What computes features.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transforms: Vec<TransformDefinition>,
    /// Features that are stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_views: Vec<FeatureView>,
    /// Features that are computed when somebody asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_demand_feature_views: Vec<OnDemandFeatureView>,
    /// Which features a model takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_services: Vec<FeatureService>,
}

macro_rules! lookups {
    ($($method:ident => $list:ident: $object:ident, $words:literal;)*) => {
        impl Definitions {
            $(
                #[doc = concat!("The ", $words, " of that name.")]
                #[must_use]
                pub fn $method(&self, name: &str) -> Option<&$object> {
                    self.$list.iter().find(|object| object.name == name)
                }
            )*
        }
    };
}

lookups! {
    entity => entities: Entity, "entity";
    source => sources: Source, "source";
    transform => transforms: TransformDefinition, "transform";
    feature_view => feature_views: FeatureView, "feature view";
    on_demand_feature_view => on_demand_feature_views: OnDemandFeatureView, "on-demand feature view";
    feature_service => feature_services: FeatureService, "feature service";
}

impl Definitions {
    /// The join keys of a view: those of its entities, in the order of the entities.
    #[must_use]
    pub fn join_keys(&self, view: &FeatureView) -> Vec<JoinKey> {
        let entities = view.entities.iter().filter_map(|name| self.entity(name));
        entities.flat_map(|entity| entity.join_keys.iter().cloned()).collect()
    }

    /// The feature views that an on-demand feature view may read, each once: those its `inputs` name, by
    /// input, then its `sources`.
    #[must_use]
    pub fn views_read_by(&self, view: &OnDemandFeatureView) -> Vec<&FeatureView> {
        let inputs = view.inputs.values().filter_map(|input| match input {
            InputRef::Feature { view, .. } => Some(view),
            InputRef::Request(_) | InputRef::EventTimestamp => None,
        });
        let mut views: Vec<&FeatureView> = Vec::new();
        for name in inputs.chain(&view.sources) {
            let known = views.iter().any(|view| view.name == *name);
            views.extend(self.feature_view(name).filter(|_| !known));
        }
        views
    }

    /// The names of all feature views and on-demand feature views, which share one namespace.
    pub fn view_names(&self) -> impl Iterator<Item = &str> {
        let stored = self.feature_views.iter().map(|view| view.name.as_str());
        stored.chain(self.on_demand_feature_views.iter().map(|view| view.name.as_str()))
    }

    fn sort(&mut self) {
        self.entities.sort_by(|a, b| a.name.cmp(&b.name));
        self.sources.sort_by(|a, b| a.name.cmp(&b.name));
        self.transforms.sort_by(|a, b| a.name.cmp(&b.name));
        self.feature_views.sort_by(|a, b| a.name.cmp(&b.name));
        self.on_demand_feature_views.sort_by(|a, b| a.name.cmp(&b.name));
        self.feature_services.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn append(&mut self, mut other: Self) {
        self.entities.append(&mut other.entities);
        self.sources.append(&mut other.sources);
        self.transforms.append(&mut other.transforms);
        self.feature_views.append(&mut other.feature_views);
        self.on_demand_feature_views.append(&mut other.on_demand_feature_views);
        self.feature_services.append(&mut other.feature_services);
    }
}
