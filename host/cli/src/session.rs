//! What verbs share: where the repository is, and how to open what is in it. Nothing is opened before a verb asks.

use std::env;
use std::path::{Path, PathBuf};

use skewless_runtime::{CompiledCache, Runtime, RuntimeOptions};
use skewless_server::LOWER_PRIORITY;
use skewless_store::FeatureStore;
use skewless_store::definitions::{Repository, SETTINGS_FILE, Settings};
use skewless_store::registry::{Commit, Registry};
use tokio::runtime::Builder;

use crate::failure::{Failure, Result};
use crate::output::Output;

/// One run of the command.
pub(crate) struct Session {
    pub(crate) output: Output,
}

impl Session {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { output: Output::new(quiet) }
    }

    /// The repository's folder: the nearest from here upwards.
    pub(crate) fn root() -> Result<PathBuf> {
        let here = env::current_dir().map_err(|error| Failure::file("find", Path::new("."), &error))?;
        let depth = here.ancestors().position(|folder| folder.join(SETTINGS_FILE).is_file()).ok_or_else(|| {
            Failure::impossible(format!(
                "neither `{}` nor a folder above it has a {SETTINGS_FILE}: go to a repository, name one with `--chdir`, \
                 or make one with `skewless init`",
                here.display()
            ))
        })?;
        // Relative, so that messages name files as they can be opened from here.
        Ok(if depth == 0 { PathBuf::from(".") } else { std::iter::repeat_n("..", depth).collect() })
    }

    /// Reads and checks the repository's files.
    pub(crate) fn repository(&self) -> Result<Repository> {
        Ok(Repository::load(&Self::root()?, &|name| env::var(name).ok())?)
    }

    /// The repository's folder, and what `skewless.yaml` says; the other files are not looked at.
    pub(crate) fn settings(&self) -> Result<(PathBuf, Settings)> {
        let root = Self::root()?;
        let settings = Settings::load(&root, &|name| env::var(name).ok())?;
        Ok((root, settings))
    }

    /// Starts the engine that transforms run in.
    pub(crate) fn runtime() -> Result<Runtime> {
        Ok(Runtime::new(RuntimeOptions { cache: Self::compiled_cache(), ..RuntimeOptions::default() })?)
    }

    /// Where compiled components are kept between runs.
    pub(crate) fn compiled_cache() -> Option<CompiledCache> {
        cache_folder().map(|folder| CompiledCache::new(folder.join("compiled")))
    }

    /// Opens what is applied: registry, components, online store.
    pub(crate) async fn store(&self) -> Result<FeatureStore> {
        let (root, settings) = self.settings()?;
        Ok(FeatureStore::open(&root, &settings, &Self::runtime()?).await?)
    }

    /// The newest commit of the registry, for verbs that need nothing but its words.
    pub(crate) async fn commit(&self) -> Result<(Registry, Commit)> {
        let (root, settings) = self.settings()?;
        let registry = Registry::open(&settings.registry, &root, &settings.project)?;
        let commit = registry.current().await?.ok_or_else(|| {
            Failure::impossible(format!(
                "nothing is applied for project `{}` in registry `{}`; run `skewless apply`",
                settings.project, settings.registry
            ))
        })?;
        Ok((registry, commit))
    }
}

/// Goes to `folder`, as if the command had been started there.
pub(crate) fn enter(folder: &Path) -> Result<()> {
    env::set_current_dir(folder).map_err(|error| Failure::file("enter", folder, &error))
}

/// Threads of a job that may wait for files and stores at once: some that read, and the writes that are under way. Each
/// keeps memory for what it has read, so a job with hundreds of them would take more the longer it runs.
const WAITING_THREADS_OF_A_JOB: usize = 4;

/// Runs `work` to its end, on as many threads as there are processors.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    run(&mut Builder::new_multi_thread(), work)
}

/// The same for a job that reads a lot, which keeps to few threads for that, and lets servers on the same processors go first.
pub(crate) fn block_on_job<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    // Threads inherit it. Where it is forbidden, the job works all the same.
    let _ = rustix::process::nice(LOWER_PRIORITY);
    run(Builder::new_multi_thread().max_blocking_threads(WAITING_THREADS_OF_A_JOB), work)
}

/// Runs `work` to its end, on `threads` threads.
pub(crate) fn block_on_threads<T>(threads: usize, work: impl Future<Output = Result<T>>) -> Result<T> {
    run(Builder::new_multi_thread().worker_threads(threads), work)
}

fn run<T>(builder: &mut Builder, work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = builder.enable_all().build();
    runtime.map_err(|error| Failure::impossible(format!("can't start threads: {error}")))?.block_on(work)
}

/// Where things are kept that can be made again; `None` without a home.
fn cache_folder() -> Option<PathBuf> {
    let folder = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("SKEWLESS_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|caches| caches.join("skewless")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/skewless")))
}
