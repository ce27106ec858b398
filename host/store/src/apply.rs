//! From a repository to the registry: check everything, show what would change, commit it.
//!
//! Loading the repository has checked the definitions against each other. Here they meet the world: the columns of the
//! files, and the components. Everything that can be wrong is found before anything is written.

mod checks;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use skewless_runtime::{Certificate, Runtime, Transform};

use crate::certification::{Uncertified, certify};
use crate::compute::AppliedComponent;
use crate::definitions::{Change, Kind, Repository, TransformDefinition, diff};
use crate::materialize::row_schema;
use crate::registry::{Action, AppliedTransform, Commit, Registry, State};
use crate::stored_content::StoredContent;
use crate::stored_views::stored_views;
use crate::{Error, Result};

/// What `apply` would change, checked against data files and components.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// the commit it would follow; 0 for the first
    pub parent: u64,
    /// changed definitions
    pub changes: Vec<Change>,
    /// transforms whose component is new or another
    pub components: Vec<ComponentChange>,
    /// transforms whose component has no parity certificate that counts
    pub uncertified: Vec<Uncertified>,
    #[serde(skip)]
    built: BTreeMap<String, Built>,
}

/// A transform whose component would be another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentChange {
    /// the transform
    pub transform: String,
    /// the digest applied now
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// the digest that would be applied
    pub to: String,
}

/// A component of the repository: its bytes and what it says of itself.
struct Built {
    bytes: Vec<u8>,
    transform: Transform,
    certificate: Option<Certificate>,
}

impl std::fmt::Debug for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Built").field("digest", self.transform.digest()).finish_non_exhaustive()
    }
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.components.is_empty()
    }

    /// Whether it says what is to be changed of `state`.
    fn holds_for(&self, state: &State, repository: &Repository) -> bool {
        self.changes == diff(&state.definitions, &repository.definitions)
            && self.components == component_changes(state, &self.built)
    }
}

/// Checks `repository` against its data files and components, and compares it with what is applied.
///
/// # Errors
/// [`ErrorKind::InvalidDefinition`](crate::ErrorKind::InvalidDefinition) with file and line for a column, a type or a component that
/// doesn't fit; [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for a damaged data file.
pub async fn plan(repository: &Repository, runtime: &Runtime) -> Result<Plan> {
    let settings = &repository.settings;
    let registry = Registry::open(&settings.registry, &repository.root, &settings.project)?;
    let (mut built, mut uncertified) = (BTreeMap::new(), Vec::new());
    for definition in &repository.definitions.transforms {
        let mut component = load_component(repository, definition, runtime)?;
        let path = component_path(repository, definition);
        match certify(&definition.name, &component.transform, &path, &registry).await? {
            Ok(certificate) => component.certificate = Some(certificate),
            Err(without) => uncertified.push(without),
        }
        built.insert(definition.name.clone(), component);
    }
    let components = built.iter().map(|(name, built)| {
        let limits = repository.definitions.transform(name).map(|definition| definition.limits).unwrap_or_default();
        (name.clone(), AppliedComponent { transform: built.transform.clone(), limits })
    });
    checks::check(repository, &components.collect()).await?;
    let (parent, state) =
        registry.current().await?.map_or((0, State::default()), |commit| (commit.number, commit.state));
    let changes = diff(&state.definitions, &repository.definitions);
    Ok(Plan { parent, changes, components: component_changes(&state, &built), uncertified, built })
}

/// The transforms whose component is another than in `state`.
fn component_changes(state: &State, built: &BTreeMap<String, Built>) -> Vec<ComponentChange> {
    let change = |(name, built): (&String, &Built)| {
        let from = state.transforms.get(name).map(|applied| applied.digest.clone());
        let to = built.transform.digest().to_string();
        (from.as_ref() != Some(&to)).then(|| ComponentChange { transform: name.clone(), from, to })
    };
    built.iter().filter_map(change).collect()
}

/// Whether a component may be applied that has no parity certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certification {
    /// It may not: each has one that passed, on this engine.
    Required,
    /// It may; its instances are not reused then.
    Optional,
}

/// Commits a plan made from the same repository. `None` where there is nothing to change. Jobs that materialized since the plan was made
/// have committed too, and are no hindrance.
///
/// # Errors
/// [`ErrorKind::InvalidDefinition`](crate::ErrorKind::InvalidDefinition) for a component without a certificate where
/// one is required; [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) where somebody applied something since the
/// plan was made, so that it does not say any more what would be changed.
pub async fn apply(
    repository: &Repository,
    plan: &Plan,
    certification: Certification,
    at: Timestamp,
) -> Result<Option<Commit>> {
    if let (Certification::Required, Some(without)) = (certification, plan.uncertified.first()) {
        return Err(refuse(repository, without));
    }
    let settings = &repository.settings;
    let registry = Registry::open(&settings.registry, &repository.root, &settings.project)?;
    for built in plan.built.values() {
        if !plan.is_empty() {
            registry.put_component(&built.bytes).await?;
        }
        if let Some(certificate) = &built.certificate {
            registry.put_certificate(built.transform.digest(), certificate).await?;
        }
    }
    if plan.is_empty() {
        return Ok(None);
    }
    let change = |state: &mut State| {
        if !plan.holds_for(state, repository) {
            return Err(Error::conflict(
                "somebody applied other definitions meanwhile: `skewless plan` shows what there is to change now",
            ));
        }
        *state = state_after(state, repository, plan);
        Ok(())
    };
    registry.update(at, Action::Apply, change).await.map(Some)
}

fn refuse(repository: &Repository, without: &Uncertified) -> Error {
    let Uncertified { transform, reason, .. } = without;
    let error = Error::invalid_definition(format!(
        "{reason}; `skewless verify {transform}` shows whether training and serving get the same bits from it, and \
         `--allow-uncertified` applies it all the same"
    ));
    match repository.location_of(Kind::Transform, transform, "path") {
        Some(location) => error.at(location),
        None => error,
    }
}

/// What holds after the plan. What is materialized of a view counts no longer where the view or its component is another.
fn state_after(before: &State, repository: &Repository, plan: &Plan) -> State {
    let definitions = repository.definitions.clone();
    let applied = |built: &Built| AppliedTransform {
        digest: built.transform.digest().to_string(),
        size_bytes: built.bytes.len() as u64,
        signature: built.transform.signature().clone(),
    };
    let transforms = plan.built.iter().map(|(name, built)| (name.clone(), applied(built))).collect();
    let (project, mut views) = (before.project.clone(), before.views.clone());
    let saved_datasets = before.saved_datasets.clone();
    let mut after = State { project, definitions, transforms, views: BTreeMap::new(), saved_datasets };
    for view in stored_views(&after).iter().filter(|view| view.online) {
        views.entry(view.name.clone()).or_default().remember(row_schema(view));
    }
    for (name, view) in &mut views {
        if StoredContent::of(before, name) != StoredContent::of(&after, name) {
            view.outdate();
        }
    }
    after.views = views;
    after
}

/// Where the component of a transform lies: the file that `path` names, or where `skewless build` puts what it makes of
/// the crate in the folder `path`.
#[must_use]
pub fn component_path(repository: &Repository, definition: &TransformDefinition) -> PathBuf {
    if definition.path.ends_with(".wasm") {
        repository.root.join(&definition.path)
    } else {
        repository.root.join(".skewless/components").join(format!("{}.wasm", definition.name))
    }
}

fn load_component(repository: &Repository, definition: &TransformDefinition, runtime: &Runtime) -> Result<Built> {
    let name = &definition.name;
    let path = component_path(repository, definition);
    let blame = |error: Error| match repository.location_of(Kind::Transform, name, "path") {
        Some(location) => error.at(location),
        None => error,
    };
    let bytes = std::fs::read(&path).map_err(|error| {
        let hint = if definition.path.ends_with(".wasm") { "" } else { "; run `skewless build` first" };
        let message = format!("the component of transform `{name}` can't be read from `{}`{hint}", path.display());
        blame(Error::invalid_definition(message).because(error))
    })?;
    let transform = runtime.load(&bytes).map_err(|error| {
        let message = format!("component `{}` of transform `{name}` can't be used: {error}", path.display());
        blame(Error::invalid_definition(message))
    })?;
    let own_name = &transform.signature().name;
    if own_name != name {
        let message =
            format!("transform `{name}` has a component that calls itself `{own_name}`: give both the same name");
        return Err(blame(Error::invalid_definition(message)));
    }
    Ok(Built { bytes, transform, certificate: None })
}
