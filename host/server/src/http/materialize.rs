//! `POST /materialize` and `POST /materialize-incremental`: jobs in this process.
//!
//! A job has threads of its own, of lower priority, so that it delays no request. Of each feature view one job runs at a time; a
//! second is refused with 409. With `?async=true` the answer is 202 as soon as the job has begun, and the log says how it
//! ended; else the answer comes with its end. A caller that goes away ends no job. `force=true`, which Feast's client may
//! send to overcome a job that is stuck in its registry, is read and ignored: here a job ends with its process at the latest.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::json;
use skewless_store::materialize::{self, MaterializeRequest, ViewSummary};
use skewless_store::{Error, ErrorKind, FeatureStore};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::ServerState;
use super::body::RequestBody;
use super::state::interrupted;
use crate::failure::Failure;
use crate::priority::lower_priority_of_thread;
use crate::wire::{RequestError, materialization};

/// Threads of a job that may wait for files and stores at once.
const WAITING_THREADS_OF_A_JOB: usize = 4;

/// The feature views that are materialized at the moment.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Mutex<BTreeSet<String>>);

/// A job's hold on its views; they are free again when it is dropped.
struct Held {
    jobs: Arc<Jobs>,
    views: Vec<String>,
}

pub(super) async fn materialize(
    state: State<Arc<ServerState>>,
    query: RawQuery,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    run(state.0, query, &body, materialization::materialize).await
}

pub(super) async fn materialize_incremental(
    state: State<Arc<ServerState>>,
    query: RawQuery,
    RequestBody(body): RequestBody,
) -> Result<Response, Failure> {
    run(state.0, query, &body, materialization::materialize_incremental).await
}

async fn run(
    state: Arc<ServerState>,
    query: RawQuery,
    body: &[u8],
    parse: fn(&[u8], Timestamp) -> Result<MaterializeRequest, RequestError>,
) -> Result<Response, Failure> {
    let is_async = is_async(query.0.as_deref().unwrap_or_default())?;
    let mut request = parse(body, (state.clock)())?;
    let store = Arc::clone(&state.serving.load().store);
    request.views = materialize::view_names(&store, &request.views)?;
    let held = Jobs::hold(&state.jobs, &request.views)?;
    let views = request.views.clone();
    let ended = start(store, request, held)?;
    if is_async {
        let accepted = json!({ "status": "accepted", "feature_views": views });
        return Ok((StatusCode::ACCEPTED, Json(accepted)).into_response());
    }
    ended.await.map_err(|_| interrupted())??;
    Ok(Json(()).into_response())
}

/// Whether the query says that nobody waits for the end.
fn is_async(query: &str) -> Result<bool, Failure> {
    let mut is_async = false;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = match value.to_ascii_lowercase().as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err(bad_query(format!("`{name}` is {value:?}: send true or false"))),
        };
        match name.as_ref() {
            "async" => is_async = value,
            "force" => {}
            _ => return Err(bad_query(format!("`{name}` is unknown: send `async` or nothing"))),
        }
    }
    Ok(is_async)
}

fn bad_query(reason: String) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, format!("the query of the address can't be read: {reason}"))
}

impl Jobs {
    fn hold(jobs: &Arc<Self>, views: &[String]) -> Result<Held, Failure> {
        let mut running = jobs.running();
        if let Some(view) = views.iter().find(|view| running.contains(*view)) {
            return Err(Error::conflict(format!(
                "feature view `{view}` is being materialized by this server: wait until that is done"
            ))
            .into());
        }
        running.extend(views.iter().cloned());
        Ok(Held { jobs: Arc::clone(jobs), views: views.to_vec() })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        // Names are added and removed one by one, so that a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut running = self.jobs.running();
        self.views.iter().for_each(|view| _ = running.remove(view));
    }
}

/// Starts the job on threads of its own; what comes back is its end.
fn start(
    store: Arc<FeatureStore>,
    request: MaterializeRequest,
    held: Held,
) -> Result<oneshot::Receiver<Result<(), Error>>, Failure> {
    let failed = |error| Error::unavailable("a job can't be started").because(error);
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(WAITING_THREADS_OF_A_JOB).build().map_err(failed)?;
    let (end, ended) = oneshot::channel();
    let span = tracing::Span::current();
    let job = move || {
        // Before there are other threads of the job, which all start from this one.
        lower_priority_of_thread();
        let outcome = runtime.block_on(materialize::materialize(&store, &request, &|_| {}));
        // Before anybody hears of the end, so that the next job can follow at once.
        drop(held);
        let outcome = span.in_scope(|| log(outcome));
        // Nobody waits where the job is not waited for, or the caller has gone.
        let _ = end.send(outcome);
    };
    std::thread::Builder::new().name("materialize".to_owned()).spawn(job).map_err(failed)?;
    Ok(ended)
}

fn log(outcome: Result<Vec<ViewSummary>, Error>) -> Result<(), Error> {
    match &outcome {
        Ok(summaries) => {
            for ViewSummary { feature_view, rows_read, entities, written, skipped_older, failed_rows, .. } in summaries
            {
                tracing::info!(feature_view, rows_read, entities, written, skipped_older, failed_rows, "materialized");
            }
        }
        Err(error) if error.kind() == ErrorKind::InvalidInput => tracing::info!(%error, "not materialized"),
        Err(error) => tracing::error!(%error, "materialization failed"),
    }
    outcome.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_whether_anybody_waits() {
        assert!(!is_async("").unwrap());
        assert!(is_async("async=true&force=True").unwrap());
        assert!(!is_async("async=false").unwrap());
        insta::assert_snapshot!(is_async("async=yes").unwrap_err().message(), @r#"the query of the address can't be read: `async` is "yes": send true or false"#);
        insta::assert_snapshot!(is_async("asynch=true").unwrap_err().message(), @"the query of the address can't be read: `asynch` is unknown: send `async` or nothing");
    }

    #[test]
    fn of_a_view_one_job_runs_at_a_time() {
        let jobs = Arc::<Jobs>::default();
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let first = Jobs::hold(&jobs, &names(&["weather", "planes"])).unwrap();
        let _other = Jobs::hold(&jobs, &names(&["airports"])).unwrap();
        let refused = Jobs::hold(&jobs, &names(&["planes", "flights"])).err().unwrap();
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        insta::assert_snapshot!(refused.message(), @"feature view `planes` is being materialized by this server: wait until that is done");
        drop(first);
        assert!(Jobs::hold(&jobs, &names(&["planes", "flights"])).is_ok());
    }
}
