//! New commits of the registry, picked up while serving.
//!
//! The newest commit is opened beside the one that is served, its components compiled; then both the store and the
//! questions prepared for it change at once, and requests under way end with what they began with. A commit that can't
//! be opened changes nothing: it is said in the log, in `/health` and in the metrics, and tried again.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use skewless_runtime::Runtime;
use skewless_store::{Error, FeatureStore, Result};
use tokio::runtime::Handle;

use crate::http::{ServerState, Serving};
use crate::tls::Tls;

/// What came of following the registry.
#[derive(Debug)]
pub(crate) struct Reload {
    status: Mutex<ReloadStatus>,
    succeeded: AtomicU64,
    failed: AtomicU64,
}

/// What came of it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReloadStatus {
    /// when the registry last answered and its newest commit was served from then on
    pub(crate) checked_at: Timestamp,
    /// why that is longer ago than it should be
    pub(crate) error: Option<String>,
}

impl Reload {
    pub(crate) fn new(now: Timestamp) -> Self {
        let status = Mutex::new(ReloadStatus { checked_at: now, error: None });
        Self { status, succeeded: AtomicU64::new(0), failed: AtomicU64::new(0) }
    }

    pub(crate) fn status(&self) -> ReloadStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many commits were taken over, and how often that or asking for one failed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.succeeded.load(Relaxed), self.failed.load(Relaxed))
    }

    fn checked(&self, now: Timestamp) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = ReloadStatus { checked_at: now, error: None };
    }

    /// Remembers why, and says whether it is something new.
    fn failed(&self, error: &Error) -> bool {
        self.failed.fetch_add(1, Relaxed);
        let reason = Some(error.to_string());
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = status.error != reason;
        status.error = reason;
        is_new
    }
}

/// Follows the registry, and the files that say who may ask and who we are, for ever: looks `every` so often.
pub async fn keep_current(state: Arc<ServerState>, runtime: Runtime, tls: Option<Arc<Tls>>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        refresh(&state, &runtime).await;
        state.auth.refresh((state.clock)()).await;
        if let Some(tls) = &tls {
            tls.refresh();
        }
    }
}

/// Serves from the newest commit, if it isn't yet.
pub(crate) async fn refresh(state: &ServerState, runtime: &Runtime) {
    let store = Arc::clone(&state.serving.load().store);
    let now = (state.clock)();
    match newer(store, runtime.clone()).await {
        Ok(None) => state.reload.checked(now),
        Ok(Some(store)) => {
            tracing::info!(commit = store.commit().number, "serving another commit");
            state.serving.store(Arc::new(Serving::new(Arc::new(store))));
            state.reload.succeeded.fetch_add(1, Relaxed);
            state.reload.checked(now);
        }
        Err(error) => {
            if state.reload.failed(&error) {
                let serving = state.serving.load().store.commit().number;
                tracing::error!(%error, serving, "the newest commit can't be served, the one before it still is");
            }
        }
    }
}

/// Opens the newest commit where no request waits for it: components may take seconds to compile.
async fn newer(store: Arc<FeatureStore>, runtime: Runtime) -> Result<Option<FeatureStore>> {
    let handle = Handle::current();
    let opened = tokio::task::spawn_blocking(move || handle.block_on(store.newer(&runtime))).await;
    opened.map_err(|error| Error::unavailable("opening the newest commit was cut off").because(error))?
}

#[cfg(test)]
mod tests {
    use skewless_runtime::RuntimeOptions;
    use skewless_store::registry::{Action, AppliedTransform, State};

    use super::*;
    use crate::planes::Planes;

    fn runtime() -> Runtime {
        Runtime::new(RuntimeOptions { calls_max: 1, ..RuntimeOptions::default() }).unwrap()
    }

    fn state(planes: &Planes) -> ServerState {
        ServerState::new(Arc::clone(&planes.store), Arc::new(|| Timestamp::UNIX_EPOCH))
    }

    /// Commits what `change` makes of what is applied.
    async fn commit(planes: &Planes, parent: u64, change: impl FnOnce(&mut State)) {
        let mut state = planes.store.commit().state.clone();
        change(&mut state);
        planes.store.registry().commit(parent, Action::Apply, state, Timestamp::UNIX_EPOCH).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_commit_is_served_and_a_broken_one_leaves_the_one_before_it() {
        let planes = Planes::new().await;
        let (state, runtime) = (state(&planes), runtime());
        let serving = || state.serving.load().store.commit().number;
        refresh(&state, &runtime).await;
        assert_eq!((serving(), state.reload.counts()), (1, (0, 0)));

        commit(&planes, 1, |state| state.definitions.feature_services.clear()).await;
        refresh(&state, &runtime).await;
        assert_eq!((serving(), state.reload.counts()), (2, (1, 0)));
        assert!(state.serving.load().store.definitions().feature_services.is_empty());

        let component = AppliedTransform {
            digest: format!("sha256:{}", "0".repeat(64)),
            size_bytes: 1,
            signature: serde_json::from_str(
                r#"{"name": "gone", "version": "", "documentation": "", "inputs": [], "outputs": []}"#,
            )
            .unwrap(),
        };
        commit(&planes, 2, |state| drop(state.transforms.insert("gone".into(), component))).await;
        for tries in 1..=2 {
            refresh(&state, &runtime).await;
            assert_eq!((serving(), state.reload.counts()), (2, (1, tries)));
        }
        let error = state.reload.status().error.unwrap();
        assert!(error.contains("has no component sha256:000"), "{error}");

        commit(&planes, 3, |_| {}).await;
        refresh(&state, &runtime).await;
        assert_eq!((serving(), state.reload.counts(), state.reload.status().error), (4, (2, 2), None));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_online_store_and_the_counters_outlive_a_commit() {
        let planes = Planes::new().await;
        let state = state(&planes);
        commit(&planes, 1, |_| {}).await;
        refresh(&state, &runtime()).await;
        let store = Arc::clone(&state.serving.load().store);
        assert!(Arc::ptr_eq(store.online(), planes.store.online()));
        assert!(Arc::ptr_eq(store.counters(), planes.store.counters()));
    }
}
