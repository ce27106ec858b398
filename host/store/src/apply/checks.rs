//! Definitions against files and components: every column there, every type right, every input fed.

use std::collections::BTreeMap;

use skewless_runtime::{DataType, ScalarType, Signature};

use crate::compute::AppliedComponent;
use crate::definitions::{FeatureView, Kind, OnDemandFeatureView, Repository, Source, ViewTransform};
use crate::feature_set::{FeatureSet, Selection, input_reference};
use crate::offline::source::SourceTable;
use crate::view_features::ViewFeatures;
use crate::{Error, Result};

/// Checks all of `repository`; the first thing that doesn't fit is the error, with its place in the files.
pub(super) async fn check(repository: &Repository, components: &BTreeMap<String, AppliedComponent>) -> Result<()> {
    let mut tables = BTreeMap::new();
    for source in &repository.definitions.sources {
        tables.insert(source.name.as_str(), check_source(repository, source).await?);
    }
    for view in &repository.definitions.feature_views {
        check_feature_view(repository, view, &tables[view.source.as_str()], components)?;
    }
    for view in &repository.definitions.on_demand_feature_views {
        check_on_demand_feature_view(repository, view, components)?;
    }
    for service in &repository.definitions.feature_services {
        let selection = Selection::Service(service.name.clone());
        let resolved = FeatureSet::resolve(&repository.definitions, components, &selection);
        resolved.map_err(|error| {
            let error = Error::invalid_definition(error.message());
            blame(repository, Kind::FeatureService, &service.name, "features", error)
        })?;
    }
    Ok(())
}

async fn check_source(repository: &Repository, source: &Source) -> Result<SourceTable> {
    let blame = |path: &str, error: Error| blame(repository, Kind::Source, &source.name, path, error);
    let table = SourceTable::open(source, &repository.root).await.map_err(|error| blame("path", error))?;
    let timestamp: DataType = ScalarType::Timestamp.into();
    let created = source.created_timestamp_column.as_ref();
    let columns = [("timestamp_field", Some(&source.timestamp_field)), ("created_timestamp_column", created)];
    for (path, column) in columns.into_iter().filter_map(|(path, column)| Some((path, column?))) {
        let name = source.field_mapping.get(column).unwrap_or(column);
        table.check(name, timestamp).map_err(|reason| blame(path, Error::invalid_definition(reason)))?;
    }
    Ok(table)
}

fn check_feature_view(
    repository: &Repository,
    view: &FeatureView,
    table: &SourceTable,
    components: &BTreeMap<String, AppliedComponent>,
) -> Result<()> {
    let blame = |path: &str, reason: String| {
        blame(repository, Kind::FeatureView, &view.name, path, Error::invalid_definition(reason))
    };
    for key in repository.definitions.join_keys(view) {
        table.check(&key.name, key.data_type).map_err(|reason| blame("entities", format!("join key {reason}")))?;
    }
    let Some(by) = &view.transform else {
        for field in &view.schema {
            let path = format!("schema.{}", field.name);
            table.check(&field.name, field.data_type).map_err(|reason| blame(&path, reason))?;
        }
        return Ok(());
    };
    let signature = components[&by.name].transform.signature();
    check_view_transform(view, by, signature).map_err(|reason| blame("transform", reason))?;
    let features: Vec<_> = view.schema.iter().map(|field| (field.name.clone(), field.data_type)).collect();
    let columns = ViewFeatures::new(view, &features, components)?.columns;
    for ((column, data_type), input) in columns.iter().zip(&signature.inputs) {
        let reason = |reason| format!("input `{}` of transform `{}`: {reason}", input.name, by.name);
        table.check(column, *data_type).map_err(|refusal| blame("transform", reason(refusal)))?;
    }
    Ok(())
}

/// The outputs of a view's transform are its features, no more and no less, and what it maps are inputs.
fn check_view_transform(view: &FeatureView, by: &ViewTransform, signature: &Signature) -> Result<(), String> {
    if let Some(input) = by.inputs.keys().find(|input| !signature.inputs.iter().any(|known| known.name == **input)) {
        return Err(format!("transform `{}` has no input `{input}`", by.name));
    }
    for field in &view.schema {
        let output = signature.outputs.iter().find(|output| output.name == field.name);
        match output {
            None => return Err(format!("feature `{}` is no output of transform `{}`", field.name, by.name)),
            Some(output) if output.data_type != field.data_type => {
                let (name, declared, found) = (&field.name, field.data_type, output.data_type);
                return Err(format!(
                    "feature `{name}` is declared {declared}, but transform `{}` yields {found}",
                    by.name
                ));
            }
            Some(_) => {}
        }
    }
    match signature.outputs.iter().find(|output| view.feature(&output.name).is_none()) {
        Some(output) => Err(format!("output `{}` of transform `{}` is missing from the schema", output.name, by.name)),
        None => Ok(()),
    }
}

fn check_on_demand_feature_view(
    repository: &Repository,
    view: &OnDemandFeatureView,
    components: &BTreeMap<String, AppliedComponent>,
) -> Result<()> {
    let blame = |path: &str, reason: String| {
        blame(repository, Kind::OnDemandFeatureView, &view.name, path, Error::invalid_definition(reason))
    };
    let signature = components[&view.transform].transform.signature();
    let is_input = |name: &str| signature.inputs.iter().any(|input| input.name == name);
    if let Some(input) = view.inputs.keys().find(|input| !is_input(input)) {
        return Err(blame(
            &format!("inputs.{input}"),
            format!("transform `{}` has no input `{input}`", view.transform),
        ));
    }
    for input in &signature.inputs {
        let path = if view.inputs.contains_key(&input.name) {
            format!("inputs.{}", input.name)
        } else {
            "transform".to_owned()
        };
        input_reference(&repository.definitions, view, input).map_err(|reason| blame(&path, reason))?;
    }
    Ok(())
}

/// Adds the place of a field, or of the object where the field has none of its own.
fn blame(repository: &Repository, kind: Kind, name: &str, path: &str, error: Error) -> Error {
    let place = repository.location_of(kind, name, path).or_else(|| repository.location(kind, name));
    match place {
        Some(place) => error.at(place),
        None => error,
    }
}
