//! What requests share: what is served, the limits, who may ask, and what is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use axum::http::StatusCode;
use jiff::Timestamp;
use skewless_store::FeatureStore;
use tracing::Span;

use super::Limits;
use super::materialize::Jobs;
use super::request_id::RequestIds;
use crate::admission::Admission;
use crate::auth::Authenticator;
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::prepared::{AnswerError, PreparedCache};
use crate::reload::Reload;

/// What tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a server can be set to.
#[derive(Debug, Default)]
pub struct ServerOptions {
    /// how much anybody may have
    pub limits: Limits,
    /// who may ask
    pub auth: Authenticator,
    /// whether `/metrics` is open to everybody
    pub open_metrics: bool,
    /// whether `/metrics` has a listener of its own
    pub metrics_elsewhere: bool,
    /// what ids of requests begin with: another number for each process
    pub request_id_seed: u64,
}

/// Everything that requests share.
pub struct ServerState {
    pub(crate) serving: ArcSwap<Serving>,
    pub(crate) clock: Clock,
    pub(crate) auth: Authenticator,
    pub(crate) metrics: Metrics,
    pub(crate) reload: Reload,
    pub(crate) request_ids: RequestIds,
    pub(crate) admission: Admission,
    pub(super) jobs: Arc<Jobs>,
    pub(crate) open_metrics: bool,
    pub(crate) metrics_elsewhere: bool,
    limits: Limits,
    /// the second in which the log last said that somebody was sent away
    told_in: AtomicI64,
}

/// What is served. Questions are prepared for one state of the store, so that both change together or not at all.
pub(crate) struct Serving {
    pub(crate) store: Arc<FeatureStore>,
    pub(crate) prepared: PreparedCache,
}

impl Serving {
    pub(crate) fn new(store: Arc<FeatureStore>) -> Self {
        Self { store, prepared: PreparedCache::default() }
    }
}

impl ServerState {
    /// Serves from `store`, and asks `clock` for the instant of requests that name none.
    #[must_use]
    pub fn new(store: Arc<FeatureStore>, clock: Clock) -> Self {
        Self::with_options(store, clock, ServerOptions::default())
    }

    /// The same, set up by `options`.
    #[must_use]
    pub fn with_options(store: Arc<FeatureStore>, clock: Clock, options: ServerOptions) -> Self {
        let ServerOptions { limits, auth, open_metrics, metrics_elsewhere, request_id_seed } = options;
        Self {
            reload: Reload::new(clock()),
            serving: ArcSwap::from_pointee(Serving::new(store)),
            clock,
            auth,
            metrics: Metrics::default(),
            request_ids: RequestIds::new(request_id_seed),
            admission: Admission::new(limits),
            jobs: Arc::default(),
            open_metrics,
            metrics_elsewhere,
            limits,
            told_in: AtomicI64::new(i64::MIN),
        }
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether this is the first in its second that is sent away: in an outage there are thousands, all for one reason.
    pub(super) fn is_worth_a_line(&self) -> bool {
        let second = (self.clock)().as_second();
        self.told_in.swap(second, Relaxed) != second
    }

    /// The project that is served.
    #[must_use]
    pub fn project(&self) -> String {
        self.serving.load().store.commit().state.project.clone()
    }

    /// Does `work`, which blocks, on a thread where it holds up nobody, with what is served now and the present instant.
    /// It goes on with that to its end, whatever is served meanwhile.
    ///
    /// # Errors
    /// Those of `work`; 503 where too many others are under way.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Serving, Timestamp) -> Result<T, AnswerError> + Send + 'static,
    ) -> Result<T, Failure> {
        let place = self.admission.place().await.map_err(AnswerError::from)?;
        let (state, span) = (Arc::clone(self), Span::current());
        let done = tokio::task::spawn_blocking(move || {
            // The place is given back with the end of the work, even where the caller has gone meanwhile.
            let _place = place;
            let serving = state.serving.load_full();
            span.in_scope(|| work(&serving, (state.clock)()))
        });
        Ok(done.await.map_err(|_| interrupted())??)
    }
}

/// The work panicked.
pub(super) fn interrupted() -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the request was interrupted: the server's log says why")
}
