//! A listener, its connections, and their end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::connection::Connections;
use super::{App, ServerState, app, metrics_app};
use crate::tls::Tls;

/// How long nobody is accepted after that failed: for want of memory or file handles, which takes a moment to mend.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves on `listener` until `shutdown` ends: then takes no more connections, answers the requests under way, and
/// returns. With `tls`, by TLS only.
///
/// # Errors
/// None so far: a listener that fails is tried again.
pub async fn serve(
    listener: TcpListener,
    state: Arc<ServerState>,
    tls: Option<Arc<Tls>>,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let app = app(Arc::clone(&state));
    serve_app(listener, app, state, tls, shutdown).await
}

/// The same for nothing but the metrics.
///
/// # Errors
/// As [`serve`].
pub async fn serve_metrics(
    listener: TcpListener,
    state: Arc<ServerState>,
    tls: Option<Arc<Tls>>,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let app = metrics_app(Arc::clone(&state));
    serve_app(listener, app, state, tls, shutdown).await
}

async fn serve_app(
    listener: TcpListener,
    app: App,
    state: Arc<ServerState>,
    tls: Option<Arc<Tls>>,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (drain, draining) = watch::channel(false);
    let connections = Connections::new(app, tls, *state.limits(), draining);
    let mut tasks = JoinSet::new();
    tokio::select! {
        () = accept(&listener, &state, &connections, &mut tasks) => {}
        () = shutdown => {}
    }
    // From here on, whoever comes is refused by the system.
    drop(listener);
    tracing::info!(connections = tasks.len(), "draining");
    drain.send_replace(true);
    let drain_max = state.limits().drain_max;
    let drained = tokio::time::timeout(drain_max, async { while tasks.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        let seconds = drain_max.as_secs_f64();
        tracing::warn!(seconds, connections = tasks.len(), "connections were cut off that did not end in time");
    }
    Ok(())
}

/// Accepts connections for ever, as many at a time as there may be.
async fn accept(listener: &TcpListener, state: &ServerState, connections: &Connections, tasks: &mut JoinSet<()>) {
    let places = Arc::new(Semaphore::new(state.limits().connections_max));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes the semaphore");
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_about_one_connection(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (connection, counted) = (connections.clone().serve(stream, peer), state.metrics.connection());
        tasks.spawn(async move {
            connection.await;
            drop((counted, place));
        });
        while tasks.try_join_next().is_some() {}
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
