//! What a service, or a list of features, comes to: which views to read, what to compute from them, what to answer.
//!
//! Resolved once from the registry's state, then used for any number of requests and training sets; see [`FeatureSet::resolve`].

use std::collections::BTreeMap;

use skewless_runtime::{DataType, Field, ScalarType};

use crate::compute::AppliedComponent;
use crate::definitions::{Definitions, FeatureRef, FeatureView, InputRef, JoinKey, OnDemandFeatureView, hint, unknown};
use crate::stored_views::written_on_demand_view;
use crate::{Error, Result};

/// The features somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selection {
    /// All features of a feature service.
    Service(String),
    /// These features.
    Features(Vec<FeatureRef>),
}

/// Everything that is needed to answer for a selection of features.
#[derive(Clone, Default)]
pub struct FeatureSet {
    pub(crate) views: Vec<StoredView>,
    pub(crate) on_demand: Vec<OnDemand>,
    pub(crate) outputs: Vec<OutputFeature>,
    /// the join keys of all views, each once
    join_keys: Vec<JoinKey>,
    /// the fields a request must bring, each once
    request: Vec<(String, DataType)>,
}

/// A feature view to read, and which of its features.
#[derive(Debug, Clone)]
pub(crate) struct StoredView {
    pub(crate) view: FeatureView,
    pub(crate) join_keys: Vec<JoinKey>,
    pub(crate) features: Vec<(String, DataType)>,
}

/// An on-demand feature view to compute.
#[derive(Clone)]
pub(crate) struct OnDemand {
    pub(crate) name: String,
    pub(crate) component: AppliedComponent,
    /// where each input of the transform comes from, in the signature's order
    pub(crate) inputs: Vec<Input>,
}

/// Where an input of a transform comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// a feature read: view and column, both as positions in the set
    Stored { view: usize, column: usize },
    /// a field of the request
    Request(String),
    /// the instant asked for
    EventTimestamp,
}

/// A feature of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFeature {
    /// the view it belongs to
    pub view: String,
    /// its name there
    pub feature: String,
    /// its type
    pub data_type: DataType,
    pub(crate) origin: Origin,
}

/// Where a feature of the answer is found; positions in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Stored { view: usize, column: usize },
    Computed { on_demand: usize, output: usize },
}

impl OutputFeature {
    /// Its name in an answer: `feature`, or `view__feature` in full, as Feast writes it.
    #[must_use]
    pub fn name(&self, full_feature_names: bool) -> String {
        if full_feature_names { format!("{}__{}", self.view, self.feature) } else { self.feature.clone() }
    }
}

impl FeatureSet {
    /// Resolves `selection` in what is applied.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a service, view or feature that isn't there, with the nearest name;
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a selection of nothing.
    pub fn resolve(
        definitions: &Definitions,
        components: &BTreeMap<String, AppliedComponent>,
        selection: &Selection,
    ) -> Result<Self> {
        let mut resolver = Resolver { definitions, components, set: Self::default() };
        for reference in references(definitions, selection)? {
            resolver.add(reference)?;
        }
        if resolver.set.outputs.is_empty() {
            return Err(Error::invalid_input("no features are asked for: name a feature service or some features"));
        }
        Ok(resolver.set)
    }

    /// The features of an answer, in order.
    #[must_use]
    pub fn outputs(&self) -> &[OutputFeature] {
        &self.outputs
    }

    /// The join keys an entity row must have, each once, in the order in which the views need them.
    #[must_use]
    pub fn join_keys(&self) -> &[JoinKey] {
        &self.join_keys
    }

    /// The fields a request must bring besides: name and type.
    #[must_use]
    pub fn request_fields(&self) -> &[(String, DataType)] {
        &self.request
    }

    /// The names of the features in an answer.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where two have the same name, or one that of a join key.
    pub fn output_names(&self, full_feature_names: bool) -> Result<Vec<String>> {
        let names: Vec<String> = self.outputs.iter().map(|output| output.name(full_feature_names)).collect();
        for (position, name) in names.iter().enumerate() {
            if let Some(first) = names[..position].iter().position(|earlier| earlier == name) {
                let (first, second) = (&self.outputs[first], &self.outputs[position]);
                return Err(Error::invalid_input(format!(
                    "`{}:{}` and `{}:{}` would both be called `{name}`; ask for full feature names, or for one of them",
                    first.view, first.feature, second.view, second.feature
                )));
            }
            if self.join_keys.iter().any(|key| key.name == *name) {
                let OutputFeature { view, feature, .. } = &self.outputs[position];
                return Err(Error::invalid_input(format!(
                    "`{view}:{feature}` would be called like join key `{name}`; ask for full feature names"
                )));
            }
        }
        Ok(names)
    }
}

fn references<'a>(definitions: &'a Definitions, selection: &'a Selection) -> Result<&'a [FeatureRef]> {
    match selection {
        Selection::Features(features) => Ok(features),
        Selection::Service(name) => match definitions.feature_service(name) {
            Some(service) => Ok(&service.features),
            None => {
                let known = definitions.feature_services.iter().map(|service| service.name.as_str());
                Err(Error::not_found(unknown("feature service", name, known)))
            }
        },
    }
}

struct Resolver<'a> {
    definitions: &'a Definitions,
    components: &'a BTreeMap<String, AppliedComponent>,
    set: FeatureSet,
}

impl Resolver<'_> {
    fn add(&mut self, reference: &FeatureRef) -> Result<()> {
        let name = reference.view();
        if let Some(view) = self.definitions.feature_view(name) {
            return self.add_stored(view, reference);
        }
        if let Some(view) = self.definitions.on_demand_feature_view(name) {
            return match view.write_to_online_store {
                true => self.add_stored(&self.written(view)?, reference),
                false => self.add_on_demand(view, reference),
            };
        }
        Err(Error::not_found(unknown("feature view", name, self.definitions.view_names())))
    }

    fn add_stored(&mut self, view: &FeatureView, reference: &FeatureRef) -> Result<()> {
        let names: Vec<&str> = view.schema.iter().map(|field| field.name.as_str()).collect();
        for feature in chosen(reference, &names)? {
            let (view_index, column) = self.read(view, feature)?;
            let data_type = self.set.views[view_index].features[column].1;
            self.answer(&view.name, feature, data_type, Origin::Stored { view: view_index, column });
        }
        Ok(())
    }

    /// What an on-demand feature view is that is stored.
    fn written(&self, view: &OnDemandFeatureView) -> Result<FeatureView> {
        let signature = self.component(view)?.transform.signature();
        written_on_demand_view(self.definitions, view, signature).map_err(Error::invalid_definition)
    }

    fn component(&self, view: &OnDemandFeatureView) -> Result<&AppliedComponent> {
        self.components.get(&view.transform).ok_or_else(|| {
            Error::not_found(format!("transform `{}` of view `{}` is not applied", view.transform, view.name))
        })
    }

    fn add_on_demand(&mut self, view: &OnDemandFeatureView, reference: &FeatureRef) -> Result<()> {
        let position = self.set.on_demand.iter().position(|known| known.name == view.name);
        let on_demand = match position {
            Some(position) => position,
            None => self.compute(view)?,
        };
        let outputs = self.set.on_demand[on_demand].component.transform.signature().outputs.clone();
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        for feature in chosen(reference, &names)? {
            let output = names.iter().position(|name| *name == feature).expect("`chosen` returns known names");
            self.answer(&view.name, feature, outputs[output].data_type, Origin::Computed { on_demand, output });
        }
        Ok(())
    }

    fn answer(&mut self, view: &str, feature: &str, data_type: DataType, origin: Origin) {
        if !self.set.outputs.iter().any(|output| output.origin == origin) {
            let (view, feature) = (view.to_owned(), feature.to_owned());
            self.set.outputs.push(OutputFeature { view, feature, data_type, origin });
        }
    }

    /// Has the set read `feature` of `view`; returns where it will be.
    fn read(&mut self, view: &FeatureView, feature: &str) -> Result<(usize, usize)> {
        let position = self.set.views.iter().position(|known| known.view.name == view.name);
        let position = position.unwrap_or_else(|| {
            let join_keys = self.definitions.join_keys(view);
            for key in &join_keys {
                if !self.set.join_keys.iter().any(|known| known.name == key.name) {
                    self.set.join_keys.push(key.clone());
                }
            }
            self.set.views.push(StoredView { view: view.clone(), join_keys, features: Vec::new() });
            self.set.views.len() - 1
        });
        let features = &mut self.set.views[position].features;
        if let Some(column) = features.iter().position(|(name, _)| name == feature) {
            return Ok((position, column));
        }
        let field = view.feature(feature).ok_or_else(|| {
            let known = view.schema.iter().map(|field| field.name.as_str());
            Error::not_found(format!(
                "feature view `{}` has no feature `{feature}`: {}",
                view.name,
                hint(feature, known)
            ))
        })?;
        features.push((feature.to_owned(), field.data_type));
        Ok((position, features.len() - 1))
    }

    fn compute(&mut self, view: &OnDemandFeatureView) -> Result<usize> {
        let component = self.component(view)?.clone();
        let inputs = component.transform.signature().inputs.iter();
        let inputs = inputs.map(|field| self.input(view, field)).collect::<Result<Vec<_>>>()?;
        self.set.on_demand.push(OnDemand { name: view.name.clone(), component, inputs });
        Ok(self.set.on_demand.len() - 1)
    }

    fn input(&mut self, view: &OnDemandFeatureView, field: &Field) -> Result<Input> {
        match input_reference(self.definitions, view, field).map_err(Error::invalid_definition)? {
            InputRef::EventTimestamp => Ok(Input::EventTimestamp),
            InputRef::Request(name) => {
                if !self.set.request.iter().any(|(known, _)| *known == name) {
                    self.set.request.push((name.clone(), field.data_type));
                }
                Ok(Input::Request(name))
            }
            InputRef::Feature { view, feature } => {
                let view = self.definitions.feature_view(&view).expect("`input_reference` found it");
                let (view, column) = self.read(view, &feature)?;
                Ok(Input::Stored { view, column })
            }
        }
    }
}

fn chosen<'a>(reference: &'a FeatureRef, known: &[&'a str]) -> Result<Vec<&'a str>> {
    match reference {
        FeatureRef::View(_) => Ok(known.to_vec()),
        FeatureRef::Feature { feature, .. } if known.contains(&feature.as_str()) => Ok(vec![feature]),
        FeatureRef::Feature { view, feature } => {
            let hint = hint(feature, known.iter().copied());
            Err(Error::not_found(format!("view `{view}` has no feature `{feature}`: {hint}")))
        }
    }
}

/// What fills an input of an on-demand feature view: what its `inputs` say, else the request field of that name, else
/// the first of its `sources` with a feature of that name. The types must be the same.
///
/// # Errors
/// Says what is missing or doesn't fit.
pub(crate) fn input_reference(
    definitions: &Definitions,
    view: &OnDemandFeatureView,
    field: &Field,
) -> Result<InputRef, String> {
    let from_sources = || {
        let mut sources = view.sources.iter().filter_map(|name| definitions.feature_view(name));
        let source = sources.find(|source| source.feature(&field.name).is_some())?;
        Some(InputRef::Feature { view: source.name.clone(), feature: field.name.clone() })
    };
    let reference = view
        .inputs
        .get(&field.name)
        .cloned()
        .or_else(|| view.request_field(&field.name).map(|field| InputRef::Request(field.name.clone())))
        .or_else(from_sources)
        .ok_or_else(|| {
            format!(
                "input `{}` ({}) of transform `{}` comes from nowhere in view `{}`: name it in `inputs`, add a request field \
                 of that name, or list in `sources` a feature view that has it",
                field.name, field.data_type, view.transform, view.name
            )
        })?;
    let found = match &reference {
        InputRef::EventTimestamp => Some(ScalarType::Timestamp.into()),
        InputRef::Request(name) => view.request_field(name).map(|field| field.data_type),
        InputRef::Feature { view, feature } => {
            definitions.feature_view(view).and_then(|view| view.feature(feature)).map(|field| field.data_type)
        }
    };
    match found {
        Some(found) if found == field.data_type => Ok(reference),
        Some(found) => Err(format!(
            "input `{}` of transform `{}` is {}, but `{reference}` is {found}",
            field.name, view.transform, field.data_type
        )),
        None => Err(format!("`{reference}`, meant for input `{}` of view `{}`, does not exist", field.name, view.name)),
    }
}
