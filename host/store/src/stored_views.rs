//! The feature views that are stored: those of the definitions, and on-demand feature views with `write_to_online_store`.
//!
//! An on-demand feature view that reads nothing but one feature view's columns says the same as a feature view with a
//! transform over that view's source. So that is what it is made into, once, here; from then on nobody knows a
//! difference, neither the join nor materialization nor a request.

use std::collections::BTreeMap;

use skewless_runtime::Signature;

use crate::definitions::{Definitions, FeatureField, FeatureView, InputRef, OnDemandFeatureView, ViewTransform};
use crate::feature_set::input_reference;
use crate::registry::State;

/// All views of which rows may be stored, in the order of the definitions.
pub(crate) fn stored_views(state: &State) -> Vec<FeatureView> {
    let written = state.definitions.on_demand_feature_views.iter().filter(|view| view.write_to_online_store);
    let written = written.filter_map(|view| {
        let signature = &state.transforms.get(&view.transform)?.signature;
        written_on_demand_view(&state.definitions, view, signature).ok()
    });
    state.definitions.feature_views.iter().cloned().chain(written).collect()
}

/// The view of that name, if rows of it may be stored.
pub(crate) fn stored_view(state: &State, name: &str) -> Option<FeatureView> {
    match state.definitions.feature_view(name) {
        Some(view) => Some(view.clone()),
        None => stored_views(state).into_iter().find(|view| view.name == name),
    }
}

/// The feature view that stands for an on-demand feature view with `write_to_online_store`.
///
/// # Errors
/// Says which input comes from elsewhere than the one feature view that it may read.
pub(crate) fn written_on_demand_view(
    definitions: &Definitions,
    view: &OnDemandFeatureView,
    signature: &Signature,
) -> Result<FeatureView, String> {
    let source = view.written_from(definitions)?;
    let mut inputs = BTreeMap::new();
    for input in &signature.inputs {
        match input_reference(definitions, view, input)? {
            InputRef::Feature { view: from, feature } if from == source.name => {
                inputs.extend((feature != input.name).then(|| (input.name.clone(), feature)));
            }
            other => return Err(format!("input `{}` is `{other}`, no feature of `{}`", input.name, source.name)),
        }
    }
    let field = |output: &skewless_runtime::Field| FeatureField {
        name: output.name.clone(),
        data_type: output.data_type,
        description: output.documentation.clone(),
        tags: BTreeMap::new(),
    };
    Ok(FeatureView {
        name: view.name.clone(),
        entities: source.entities.clone(),
        source: source.source.clone(),
        ttl: source.ttl,
        schema: signature.outputs.iter().map(field).collect(),
        online: true,
        transform: Some(ViewTransform { name: view.transform.clone(), inputs }),
        description: view.description.clone(),
        tags: view.tags.clone(),
        owner: view.owner.clone(),
    })
}
