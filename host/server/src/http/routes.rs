//! A route is added with who may use it and how long it may take; there is no other way to add one.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::MethodRouter;
use tracing::Span;

use super::ServerState;
use crate::auth::Role;
use crate::failure::{Failure, Protocol};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// everybody
    Open,
    /// whoever has this role in the project
    Needs(Role),
}

/// How long a route may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// what a request may take
    Request,
    /// as long as it needs: a job
    Job,
}

/// A route, by its path, as metrics and the log know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RouteName(pub(super) &'static str);

/// The routes so far.
pub(crate) struct Routes {
    router: Router<Arc<ServerState>>,
    state: Arc<ServerState>,
    paths: Vec<&'static str>,
}

/// What stands before a route.
#[derive(Clone)]
pub(super) struct Guard {
    state: Arc<ServerState>,
    path: &'static str,
    access: Access,
    pace: Pace,
}

impl Routes {
    pub(crate) fn new(state: &Arc<ServerState>) -> Self {
        Self { router: Router::new(), state: Arc::clone(state), paths: Vec::new() }
    }

    /// Adds what answers at `path`.
    #[must_use]
    pub(crate) fn add(
        mut self,
        path: &'static str,
        access: Access,
        pace: Pace,
        handler: MethodRouter<Arc<ServerState>>,
    ) -> Self {
        let guard = Guard::new(&self.state, path, access, pace);
        self.router = self.router.route(path, handler.route_layer(middleware::from_fn_with_state(guard, layer)));
        self.paths.push(path);
        self
    }

    /// Adds routes that were made elsewhere, such as those of a gRPC service; metrics know them all as `name`.
    #[must_use]
    pub(crate) fn merge(mut self, name: &'static str, access: Access, other: Router<Arc<ServerState>>) -> Self {
        let guard = Guard::new(&self.state, name, access, Pace::Request);
        let other = other.route_layer(middleware::from_fn_with_state(guard, layer));
        self.router = self.router.merge(other);
        self
    }

    /// The paths that were added.
    pub(crate) fn paths(&self) -> &[&'static str] {
        &self.paths
    }

    /// The router of all that was added.
    pub(crate) fn finish(self) -> Router<Arc<ServerState>> {
        self.router
    }
}

impl Guard {
    pub(super) fn new(state: &Arc<ServerState>, path: &'static str, access: Access, pace: Pace) -> Self {
        Self { state: Arc::clone(state), path, access, pace }
    }
}

/// The guard as a layer of a router.
async fn layer(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    guarded(&guard, request, |request| next.run(request)).await
}

/// What `inner` answers, where the caller may ask it and it does not take too long.
pub(super) async fn guarded<F>(guard: &Guard, request: Request, inner: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let Guard { state, path, access, pace } = guard;
    let mut response = match admitted(state, *access, request.headers()).await {
        Err(failure) => failure.into_response_in(Protocol::of(request.headers())),
        Ok(()) => match pace {
            Pace::Job => inner(request).await,
            Pace::Request => in_time(state, request, inner).await,
        },
    };
    response.extensions_mut().insert(RouteName(path));
    response
}

async fn admitted(state: &ServerState, access: Access, headers: &HeaderMap) -> Result<(), Failure> {
    let Access::Needs(role) = access else { return Ok(()) };
    if state.auth.is_open() {
        return Ok(());
    }
    let project = state.project();
    let caller = state.auth.admit(headers, role, &project, (state.clock)()).await?;
    if let Some(caller) = caller {
        Span::current().record("caller", caller);
    }
    Ok(())
}

async fn in_time<F>(state: &ServerState, request: Request, inner: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let request_max = state.limits().request_max;
    let protocol = Protocol::of(request.headers());
    tokio::time::timeout(request_max, inner(request)).await.unwrap_or_else(|_| {
        let message = format!(
            "the request was not answered within {} s: ask for fewer rows or features at a time, or try again",
            request_max.as_secs_f64()
        );
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, message).into_response_in(protocol)
    })
}
