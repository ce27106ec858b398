//! A listener and its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::{ServerState, app};

/// How long requests under way may take to end once the server is asked to. Longer than any transform may take; a
/// caller that sends its body slower than that is cut off.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// Serves on `listener` until `shutdown` ends: then takes no more connections, answers the requests under way, and
/// returns.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: Arc<ServerState>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let draining = Arc::new(Notify::new());
    let drain = Arc::clone(&draining);
    let shutdown = async move {
        shutdown.await;
        tracing::info!("draining");
        drain.notify_one();
    };
    // An answer is one write, and must not wait for the acknowledgement of the one before it.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let server = axum::serve(listener, app(state)).with_graceful_shutdown(shutdown);
    let too_long = async {
        draining.notified().await;
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        ended = server => ended,
        () = too_long => {
            tracing::warn!(seconds = DRAIN_MAX.as_secs(), "connections were cut off that did not end in time");
            Ok(())
        }
    }
}
