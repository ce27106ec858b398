//! `skewless serve`: a listener, the store, and the signals that end it.

use std::sync::Arc;

use clap::Args;
use skewless_server::{ServerState, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock;
use crate::failure::{Failure, Result};
use crate::feature_log::{self, LogArguments};
use crate::session::{Session, block_on};

const EXAMPLES: &str = "\
Examples:
  skewless serve
  skewless serve --host 0.0.0.0 --port 8080
  skewless serve --log-path feature_log --log-rate 0.01
  curl http://127.0.0.1:6566/get-online-features -d @request.json

Requests and answers are those of Feast's feature server; `event_timestamp` in a request asks about another instant than \
now. What is applied later is served after a restart; what is materialized later is served at once. SIGTERM and Ctrl-C \
let the requests under way end.";

/// Answer requests for features over HTTP
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port to listen on; 0 takes a free one
    #[arg(short, long, default_value_t = 6566)]
    port: u16,
    #[command(flatten)]
    log: LogArguments,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let Arguments { host, port, log } = arguments;
    block_on(async {
        let store = session.store().await?;
        let log = log.start(session, &store)?;
        let store = store.with_feature_log(log.clone());
        let (project, commit) = (store.commit().state.project.clone(), store.commit().number);
        // Before the first word is out: whoever reads it may ask for the end at once.
        let shutdown = shutdown()?;
        let failed = |error| Failure::impossible(format!("can't listen on {host}:{port}: {error}"));
        let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        session.output.print(&format!("serving project {project}, commit {commit}, on http://{address}"))?;
        let state = Arc::new(ServerState::new(Arc::new(store), Arc::new(clock::now)));
        let served = serve(listener, state, shutdown).await.map_err(failed);
        feature_log::close(session, log).await;
        served
    })
}

/// Ends when the process is asked to end.
fn shutdown() -> Result<impl Future<Output = ()> + Send + 'static> {
    let listen = |kind| signal(kind).map_err(|error| Failure::impossible(format!("can't wait for signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
