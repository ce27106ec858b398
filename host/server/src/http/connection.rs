//! One connection: TLS where there is a certificate, HTTP/1.1 or HTTP/2, and its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::head::{HEAD_BYTES_MAX, HEADERS_MAX};
use super::{App, Limits};
use crate::tls::Tls;

/// Requests of one HTTP/2 connection at the same time.
const STREAMS_MAX: u32 = 256;

/// Streams that a caller may open and take back before they are looked at, until the connection is closed.
const RESETS_MAX: usize = 32;

/// How much of a body may be on its way before it is read, for each stream and for the connection, in bytes.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// How often a quiet HTTP/2 connection is asked whether there is still somebody, and how long that may take.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_MAX: Duration = Duration::from_secs(10);

/// What all connections share.
#[derive(Clone)]
pub(super) struct Connections {
    app: Arc<App>,
    tls: Option<Arc<Tls>>,
    builder: Arc<Builder<TokioExecutor>>,
    limits: Limits,
    draining: watch::Receiver<bool>,
}

impl Connections {
    pub(super) fn new(app: App, tls: Option<Arc<Tls>>, limits: Limits, draining: watch::Receiver<bool>) -> Self {
        Self { app: Arc::new(app), tls, builder: Arc::new(builder(&limits)), limits, draining }
    }

    /// Serves `stream` to its end: until it is closed, is silent for too long, or the server drains.
    pub(super) async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        // An answer is one write, and must not wait for the acknowledgement of the one before it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        match &self.tls {
            None => self.exchange(stream, peer).await,
            Some(tls) => match tokio::time::timeout(self.limits.head_max, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.exchange(stream, peer).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a handshake failed"),
                Err(_) => tracing::debug!(%peer, "a handshake took too long"),
            },
        }
    }

    async fn exchange(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr) {
        let spoken = Arc::new(AtomicBool::new(false));
        let service = service_fn({
            let (app, spoken) = (Arc::clone(&self.app), Arc::clone(&spoken));
            move |request| {
                spoken.store(true, Relaxed);
                answer(Arc::clone(&app), request)
            }
        });
        let mut draining = self.draining.clone();
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        // The protocol is told by the first bytes, and nothing else bounds how long these may take.
        let mut silence = pin!(tokio::time::sleep(self.limits.head_max));
        let (mut is_heard, mut is_draining) = (false, false);
        loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, %error, "a connection failed");
                    }
                    return;
                }
                () = &mut silence, if !is_heard => {
                    is_heard = true;
                    if !spoken.load(Relaxed) {
                        tracing::debug!(%peer, "a connection asked nothing in time");
                        return;
                    }
                }
                _ = draining.changed(), if !is_draining => {
                    is_draining = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

async fn answer(app: Arc<App>, request: Request<Incoming>) -> Result<Response, Infallible> {
    Ok(app.answer(request.map(Body::new)).await)
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_max)
        .max_headers(2 * HEADERS_MAX)
        .max_buf_size(2 * HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(2 * HEAD_BYTES_MAX as u32)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_MAX);
    builder
}
