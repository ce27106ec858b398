//! What is applied, opened for use: the registry's newest state, its components loaded, and the online store.
//!
//! A holder, not a facade: the verbs are functions beside it that take it as an argument.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skewless_runtime::Runtime;

use crate::certification::trust;
use crate::compute::AppliedComponent;
use crate::definitions::{Definitions, Settings};
use crate::feature_log::FeatureLog;
use crate::feature_set::{FeatureSet, Selection};
use crate::online::{OnlineStore, open_online_store};
use crate::online_counters::OnlineCounters;
use crate::registry::{Commit, Registry, State};
use crate::{Error, Result};

/// A project that is applied, ready to materialize, to serve, and to make training sets.
///
/// It stays at the commit it was opened at; open it again to see a newer one.
pub struct FeatureStore {
    root: PathBuf,
    registry: Registry,
    commit: Commit,
    components: BTreeMap<String, AppliedComponent>,
    online: Arc<dyn OnlineStore>,
    feature_log: Option<Arc<FeatureLog>>,
    counters: Arc<OnlineCounters>,
}

impl FeatureStore {
    /// Opens the project that `settings` name; paths in them are relative to `root`, the repository's folder.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where nothing is applied yet; whatever hinders reading the registry,
    /// loading a component or opening the online store.
    pub async fn open(root: &Path, settings: &Settings, runtime: &Runtime) -> Result<Self> {
        let registry = Registry::open(&settings.registry, root, &settings.project)?;
        let commit = registry.current().await?.ok_or_else(|| {
            let Settings { project, registry, .. } = settings;
            Error::not_found(format!(
                "nothing is applied for project `{project}` in registry `{registry}`; run `skewless apply`"
            ))
        })?;
        let components = load_components(&registry, &commit.state, runtime, &BTreeMap::new()).await?;
        let online = open_online_store(root, settings)?;
        Ok(Self {
            root: root.to_owned(),
            registry,
            commit,
            components,
            online,
            feature_log: None,
            counters: Arc::default(),
        })
    }

    /// The same project at its newest commit; `None` where that is the one it was opened at.
    ///
    /// The online store, the feature log and what was counted are shared, and so is each component that is still the same. Blocks while
    /// components compile.
    ///
    /// # Errors
    /// As [`FeatureStore::open`]; this store stays as it is.
    pub async fn newer(&self, runtime: &Runtime) -> Result<Option<Self>> {
        let commit = self.registry.current().await?.ok_or_else(|| {
            let project = self.registry.project();
            Error::not_found(format!("the registry of project `{project}` is gone; run `skewless apply`"))
        })?;
        if commit.number == self.commit.number && commit.at == self.commit.at {
            return Ok(None);
        }
        let components = load_components(&self.registry, &commit.state, runtime, &self.components).await?;
        Ok(Some(Self {
            root: self.root.clone(),
            registry: self.registry.clone(),
            commit,
            components,
            online: Arc::clone(&self.online),
            feature_log: self.feature_log.clone(),
            counters: Arc::clone(&self.counters),
        }))
    }

    /// The folder that relative paths of sources start from.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The registry it was opened from.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The commit it was opened at.
    #[must_use]
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// What is applied.
    #[must_use]
    pub fn definitions(&self) -> &Definitions {
        &self.commit.state.definitions
    }

    /// The loaded components, by the transform's name.
    #[must_use]
    pub fn components(&self) -> &BTreeMap<String, AppliedComponent> {
        &self.components
    }

    /// The online store.
    #[must_use]
    pub fn online(&self) -> &Arc<dyn OnlineStore> {
        &self.online
    }

    /// The same store, whose prepared questions can be logged to `log`.
    #[must_use]
    pub fn with_feature_log(self, log: Option<Arc<FeatureLog>>) -> Self {
        Self { feature_log: log, ..self }
    }

    /// Where answers are logged, if they are.
    #[must_use]
    pub fn feature_log(&self) -> Option<&Arc<FeatureLog>> {
        self.feature_log.as_ref()
    }

    /// The outputs of all on-demand views, as `view:output`.
    pub(crate) fn output_columns(&self) -> Vec<String> {
        let views = self.definitions().on_demand_feature_views.iter();
        let outputs = views.filter_map(|view| {
            let outputs = &self.components.get(&view.transform)?.transform.signature().outputs;
            Some(outputs.iter().map(|output| format!("{}:{}", view.name, output.name)))
        });
        outputs.flatten().collect()
    }

    /// What was counted of the reads of the online store, and of what was answered from it.
    #[must_use]
    pub fn counters(&self) -> &Arc<OnlineCounters> {
        &self.counters
    }

    /// What a selection of features comes to.
    ///
    /// # Errors
    /// As [`FeatureSet::resolve`].
    pub fn feature_set(&self, selection: &Selection) -> Result<FeatureSet> {
        FeatureSet::resolve(self.definitions(), &self.components, selection)
    }
}

/// Loads the components of `state`, apart from those that are `loaded` already.
pub(crate) async fn load_components(
    registry: &Registry,
    state: &State,
    runtime: &Runtime,
    loaded: &BTreeMap<String, AppliedComponent>,
) -> Result<BTreeMap<String, AppliedComponent>> {
    let mut components = BTreeMap::new();
    for (name, applied) in &state.transforms {
        let same = loaded.get(name).filter(|known| known.transform.digest().to_string() == applied.digest);
        let transform = match same {
            Some(known) => known.transform.clone(),
            None => {
                let bytes = registry.component(&applied.digest).await?;
                runtime.load(&bytes).map_err(|error| {
                    Error::corrupt(format!(
                        "component {} of transform `{name}` can't be loaded: {error}",
                        applied.digest
                    ))
                })?
            }
        };
        trust(name, &transform, registry).await?;
        let limits = state.definitions.transform(name).map(|definition| definition.limits).unwrap_or_default();
        components.insert(name.clone(), AppliedComponent { transform, limits });
    }
    Ok(components)
}
