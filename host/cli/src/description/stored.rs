//! Entities, sources, and feature views with what is materialized of them.

use jiff::Timestamp;
use skewless_store::definitions::{Entity, FeatureView, Source};
use skewless_store::registry::{Interval, State, ViewState};

use super::Description;
use crate::table::Table;

pub(super) fn entity(description: &mut Description, entity: &Entity) {
    description.tell("definition", entity);
    let rows = entity.join_keys.iter();
    let rows = rows.map(|key| [key.name.clone(), key.data_type.to_string(), key.description.clone()]);
    description.table("join keys", Table::new(["name", "type", "description"]).with_rows(rows));
}

pub(super) fn source(description: &mut Description, source: &Source) {
    description.tell("definition", source);
    description.fact("path", &source.path);
    description.fact("timestamp", &source.timestamp_field);
    description.fact("created", source.created_timestamp_column.as_deref().unwrap_or_default());
    let renamed = source.field_mapping.iter().map(|(column, name)| format!("{column} as {name}"));
    description.fact("renamed", renamed.collect::<Vec<_>>().join(", "));
}

pub(super) fn feature_view(description: &mut Description, view: &FeatureView, state: &State) {
    description.tell("definition", view);
    let join_keys = state.definitions.join_keys(view);
    let join_keys = join_keys.iter().map(|key| format!("{} ({})", key.name, key.data_type));
    description.fact("entities", view.entities.join(", "));
    description.fact("join keys", join_keys.collect::<Vec<_>>().join(", "));
    description.fact("source", &view.source);
    description.fact("ttl", view.ttl.map_or_else(|| "none: values never expire".to_owned(), |ttl| ttl.to_string()));
    if let Some(transform) = &view.transform {
        description.fact("transform", &transform.name);
    }
    description.fact("online", if view.online { "yes" } else { "no" });
    if view.online {
        let nothing = ViewState::default();
        materialized(description, state.views.get(&view.name).unwrap_or(&nothing));
    }
    let rows = view.schema.iter();
    let rows = rows.map(|feature| [feature.name.clone(), feature.data_type.to_string(), feature.description.clone()]);
    description.table("features", Table::new(["name", "type", "description"]).with_rows(rows));
}

pub(super) fn materialized(description: &mut Description, state: &ViewState) {
    let intervals =
        state.materialized.iter().map(|Interval { start, end }| format!("{} to {}", instant(*start), instant(*end)));
    let intervals: Vec<_> = intervals.collect();
    description
        .fact("materialized", if intervals.is_empty() { "nothing yet".to_owned() } else { intervals.join("\n") });
    if state.outdated {
        description.fact("outdated", "yes: stored rows would come out otherwise now; materialize it again");
    }
    description.tell("outdated", &state.outdated);
    description.fact("computed by", state.digest.as_deref().unwrap_or_default());
    description.tell("computed_by", &state.digest);
    let json = state
        .materialized
        .iter()
        .map(|Interval { start, end }| serde_json::json!({ "start": instant(*start), "end": instant(*end) }));
    description.tell("materialized", &json.collect::<Vec<_>>());
}

/// As RFC 3339; in µs where no calendar reaches.
fn instant(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| format!("{micros} µs"), |instant| instant.to_string())
}
