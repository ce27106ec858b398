//! What all definitions have in common: a kind, a name, and words for people.

use std::collections::BTreeMap;
use std::fmt;

use super::Definitions;

/// The kind of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// an entity
    Entity,
    /// a source
    Source,
    /// a transform
    Transform,
    /// a feature view
    FeatureView,
    /// an on-demand feature view
    OnDemandFeatureView,
    /// a feature service
    FeatureService,
}

impl Kind {
    /// Every kind, each after those it can refer to.
    pub const ALL: [Self; 6] = [
        Self::Entity,
        Self::Source,
        Self::Transform,
        Self::FeatureView,
        Self::OnDemandFeatureView,
        Self::FeatureService,
    ];

    /// The kind in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entity => "entity",
            Self::Source => "source",
            Self::Transform => "transform",
            Self::FeatureView => "feature view",
            Self::OnDemandFeatureView => "on-demand feature view",
            Self::FeatureService => "feature service",
        }
    }

    /// The key under which definition files list it.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::Entity => "entities",
            Self::Source => "sources",
            Self::Transform => "transforms",
            Self::FeatureView => "feature_views",
            Self::OnDemandFeatureView => "on_demand_feature_views",
            Self::FeatureService => "feature_services",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What any definition says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<'a> {
    /// its kind
    pub kind: Kind,
    /// its name, unique within the kind
    pub name: &'a str,
    /// what it is, for people
    pub description: &'a str,
    /// free labels to search by
    pub tags: &'a BTreeMap<String, String>,
    /// whom to ask
    pub owner: &'a str,
}

macro_rules! objects {
    ($kind:ident, $list:expr) => {
        $list.iter().map(|object| Object {
            kind: Kind::$kind,
            name: &object.name,
            description: &object.description,
            tags: &object.tags,
            owner: &object.owner,
        })
    };
}

impl Definitions {
    /// All definitions, kind by kind.
    pub fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        objects!(Entity, self.entities)
            .chain(objects!(Source, self.sources))
            .chain(objects!(Transform, self.transforms))
            .chain(objects!(FeatureView, self.feature_views))
            .chain(objects!(OnDemandFeatureView, self.on_demand_feature_views))
            .chain(objects!(FeatureService, self.feature_services))
    }
}
