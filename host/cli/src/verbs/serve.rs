//! `skewless serve`: a listener, the store, who may ask, and the signals that end it.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::FutureExt as _;
use skewless_server::{
    Authenticator, Limits, ServerOptions, ServerState, Tls, connection_threads, keep_current, serve, serve_metrics,
};
use skewless_store::FeatureStore;
use skewless_store::definitions::FeatureServerSettings;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock;
use crate::failure::{Failure, Result};
use crate::feature_log::{self, LogArguments};
use crate::session::{Session, block_on_threads};

const EXAMPLES: &str = "\
Examples:
  skewless serve
  skewless serve --host 0.0.0.0 --port 8080 --tls-cert tls.crt --tls-key tls.key
  skewless serve --log-path feature_log --log-rate 0.01
  curl http://127.0.0.1:6566/get-online-features -d @request.json

Requests and answers are those of Feast's feature server; `event_timestamp` in a request asks about another instant than \
now. What is applied later is served a few seconds later; what is materialized later is served at once. SIGTERM and \
Ctrl-C let the requests under way end. Who may ask is said in skewless.yaml, under `feature_server.auth`.";

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
    /// Where `/metrics` is, in place of the port of the requests
    #[arg(long, value_name = "HOST:PORT")]
    metrics_address: Option<String>,
    /// How often to look for what was applied meanwhile
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time)]
    registry_poll: Duration,
    /// Let everybody who reaches the server ask, on an address that others can reach
    #[arg(long)]
    no_auth: bool,
    /// The certificate, in PEM; read anew when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "TLS")]
    tls_cert: Option<PathBuf>,
    /// Its private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "TLS")]
    tls_key: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    log: LogArguments,
}

/// How much anybody may have. Without an argument, what [`Limits`] say.
#[derive(Args)]
#[command(next_help_heading = "Limits")]
struct LimitArguments {
    /// Connections at the same time [default: 10000]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// Requests that are computed at the same time [default: two for each processor]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    max_requests: Option<usize>,
    /// Requests that wait for that; more are sent away [default: 512 for each processor]
    #[arg(long, value_name = "N")]
    max_waiting: Option<usize>,
    /// How long a request may wait for that [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    wait_timeout: Option<Duration>,
    /// How long a new connection may take to ask something [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    head_timeout: Option<Duration>,
    /// How long the body of a request may take to arrive [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    body_timeout: Option<Duration>,
    /// How long a request may take as a whole [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    request_timeout: Option<Duration>,
    /// How long requests under way may take to end when the server is asked to [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    drain_timeout: Option<Duration>,
}

impl LimitArguments {
    fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            connections_max: self.max_connections.unwrap_or(default.connections_max),
            under_way_max: self.max_requests.unwrap_or(default.under_way_max),
            waiting_max: self.max_waiting.unwrap_or(default.waiting_max),
            wait_max: self.wait_timeout.unwrap_or(default.wait_max),
            head_max: self.head_timeout.unwrap_or(default.head_max),
            body_max: self.body_timeout.unwrap_or(default.body_max),
            request_max: self.request_timeout.unwrap_or(default.request_max),
            drain_max: self.drain_timeout.unwrap_or(default.drain_max),
            ..default
        }
    }
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    block_on_threads(connection_threads(), async {
        let (root, settings) = session.settings()?;
        let tls = tls(arguments)?;
        let auth = authenticator(arguments, &root, &settings.feature_server).await?;
        let runtime = Session::runtime()?;
        let store = FeatureStore::open(&root, &settings, &runtime).await?;
        let log = arguments.log.start(session, &store)?;
        let store = store.with_feature_log(log.clone());
        let (project, commit) = (store.commit().state.project.clone(), store.commit().number);
        let options = ServerOptions {
            limits: arguments.limits.limits(),
            auth,
            open_metrics: settings.feature_server.open_metrics,
            metrics_elsewhere: arguments.metrics_address.is_some(),
            request_id_seed: RandomState::new().hash_one("request ids"),
        };
        let state = Arc::new(ServerState::with_options(Arc::new(store), Arc::new(clock::now), options));
        // Before the first word is out: whoever reads it may ask for the end at once.
        let shutdown = shutdown()?.shared();
        let (listener, address) = listen(&format!("{}:{}", arguments.host, arguments.port)).await?;
        let metrics = match &arguments.metrics_address {
            None => None,
            Some(address) => Some(listen(address).await?.0),
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        session.output.print(&format!("serving project {project}, commit {commit}, on {scheme}://{address}"))?;
        let following = keep_current(Arc::clone(&state), runtime, tls.clone(), arguments.registry_poll);
        let following = tokio::spawn(following);
        let telling = async {
            let Some(listener) = metrics else { return Ok(()) };
            serve_metrics(listener, Arc::clone(&state), None, shutdown.clone()).await
        };
        let (served, told) = tokio::join!(serve(listener, Arc::clone(&state), tls, shutdown.clone()), telling);
        following.abort();
        feature_log::close(session, log).await;
        served.and(told).map_err(|error| Failure::impossible(format!("the server failed: {error}")))
    })
}

fn tls(arguments: &Arguments) -> Result<Option<Arc<Tls>>> {
    let files = arguments.tls_cert.as_ref().zip(arguments.tls_key.as_ref());
    Ok(files.map(|(certificate, key)| Tls::open(certificate, key)).transpose()?.map(Arc::new))
}

/// What says who asks; without it, only this machine may be asked, unless the user says otherwise.
async fn authenticator(arguments: &Arguments, root: &Path, settings: &FeatureServerSettings) -> Result<Authenticator> {
    let authenticator = Authenticator::open(root, &settings.auth, clock::now()).await?;
    match (authenticator.is_open(), arguments.no_auth) {
        (true, false) if !is_loopback(&arguments.host) => Err(Failure::impossible(format!(
            "on {}, everybody who reaches it could ask this server: say who may under `feature_server.auth` in \
             skewless.yaml, or `--no-auth` where that is meant",
            arguments.host
        ))),
        (false, true) => {
            Err(Failure::usage("`--no-auth` contradicts `feature_server.auth` in skewless.yaml: leave out one of them"))
        }
        _ => Ok(authenticator),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A listener, and the address it has.
async fn listen(address: &str) -> Result<(TcpListener, std::net::SocketAddr)> {
    let failed = |error| Failure::impossible(format!("can't listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
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

/// Reads `5s`, `250ms`, `2m`.
fn parse_time(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit_seconds = match &text[number.len()..] {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => f64::NAN,
    };
    let seconds = number.parse::<f64>().unwrap_or(f64::NAN) * unit_seconds;
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero());
    time.ok_or_else(|| format!("`{text}` is no time: write a number with a unit, such as 5s, 250ms or 2m"))
}

fn parse_positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("`{text}` is no number from 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, milliseconds) in [("5s", 5_000), ("250ms", 250), ("1.5m", 90_000)] {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "0s", "-1s", "1h", "NaNs", "infs", "1e300m"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        assert!(["127.0.0.1", "127.8.0.1", "::1", "localhost"].into_iter().all(is_loopback));
        assert!(!["0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org"].into_iter().any(is_loopback));
    }
}
