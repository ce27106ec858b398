//! Transforms, and on-demand feature views, which are made of one.

use skewless_runtime::Field;
use skewless_store::definitions::{LimitsDefinition, OnDemandFeatureView, TransformDefinition};
use skewless_store::registry::{AppliedTransform, State, ViewState};

use super::Description;
use crate::table::{Table, counted};

pub(super) fn transform(description: &mut Description, transform: &TransformDefinition, state: &State) {
    description.tell("definition", transform);
    description.fact("path", &transform.path);
    description.fact("limits", limits(&transform.limits));
    let Some(AppliedTransform { digest, size_bytes, signature }) = state.transforms.get(&transform.name) else {
        return;
    };
    description.fact("digest", digest);
    description.fact("size", counted(*size_bytes, "byte", "bytes"));
    description.fact("version", &signature.version);
    description.fact("computes", crate::table::one_line(&signature.documentation));
    description.tell("digest", digest);
    description.tell("size_bytes", size_bytes);
    description.tell("signature", signature);
    description.table("inputs", fields(&signature.inputs));
    description.table("outputs", fields(&signature.outputs));
}

fn limits(limits: &LimitsDefinition) -> String {
    let LimitsDefinition { memory_bytes, table_elements, deadline_ms, calls, rows, input_bytes, output_bytes } = limits;
    let given = [
        ("memory", memory_bytes, "bytes"),
        ("tables", table_elements, "elements"),
        ("time", deadline_ms, "ms"),
        ("at the same time", calls, "calls"),
        ("input", rows, "rows"),
        ("input", input_bytes, "bytes"),
        ("output", output_bytes, "bytes"),
    ];
    let given = given.into_iter().filter_map(|(what, limit, unit)| Some(format!("{what} {} {unit}", limit.as_ref()?)));
    given.collect::<Vec<_>>().join(", ")
}

pub(super) fn on_demand_feature_view(description: &mut Description, view: &OnDemandFeatureView, state: &State) {
    description.tell("definition", view);
    description.fact("transform", &view.transform);
    let read = state.definitions.views_read_by(view);
    description.fact("reads", read.iter().map(|view| view.name.as_str()).collect::<Vec<_>>().join(", "));
    let inputs = view.inputs.iter().map(|(input, from)| format!("{input} from {from}"));
    description.fact("inputs", inputs.collect::<Vec<_>>().join(", "));
    if view.write_to_online_store {
        description.fact("computed", "when its feature view is materialized");
        super::stored::materialized(description, state.views.get(&view.name).unwrap_or(&ViewState::default()));
    }
    if !view.request.is_empty() {
        let rows = view.request.iter();
        let rows = rows.map(|field| [field.name.clone(), field.data_type.to_string(), field.description.clone()]);
        description.table("request fields", Table::new(["name", "type", "description"]).with_rows(rows));
    }
    let Some(AppliedTransform { digest, signature, .. }) = state.transforms.get(&view.transform) else { return };
    description.fact("digest", digest);
    description.tell("digest", digest);
    description.tell("features", &signature.outputs);
    description.table("features", fields(&signature.outputs));
}

/// Inputs or outputs, with what each means.
pub(crate) fn fields(fields: &[Field]) -> Table {
    Table::new(["name", "type", "nullable", "documentation"]).with_rows(fields.iter().map(|field| {
        let logical = field.logical_type.as_ref().map_or_else(String::new, |logical| format!(" ({logical})"));
        let nullable = if field.nullable { "yes" } else { "no" };
        let data_type = format!("{}{logical}", field.data_type);
        [field.name.clone(), data_type, nullable.to_owned(), field.documentation.clone()]
    }))
}
