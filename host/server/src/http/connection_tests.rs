//! Connections as clients make them: slow, greedy, by HTTP/1.1 and HTTP/2, with TLS and without.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Limits, ServerOptions, ServerState, serve};
use crate::planes::{KNOWN_AT, Planes};
use crate::tls::Tls;

const BODY: &str = r#"{"feature_service": "model", "entities": {"tailnum": ["N1"]}}"#;

/// A server on a port of its own.
struct Running {
    address: SocketAddr,
    state: Arc<ServerState>,
    shut_down: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
    _planes: Planes,
}

impl Running {
    async fn new(limits: Limits, tls: Option<Arc<Tls>>) -> Self {
        let planes = Planes::new().await;
        let noon = Timestamp::from_microsecond(KNOWN_AT).unwrap() + SignedDuration::from_hours(12);
        let options = ServerOptions { limits, ..ServerOptions::default() };
        let state = ServerState::with_options(Arc::clone(&planes.store), Arc::new(move || noon), options);
        let state = Arc::new(state);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shut_down, shutdown) = oneshot::channel::<()>();
        let shutdown = async { shutdown.await.unwrap() };
        let server = tokio::spawn(serve(listener, Arc::clone(&state), tls, shutdown));
        Self { address, state, shut_down, server, _planes: planes }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What comes back when `request` is all that is sent, until the server closes.
    async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // The server may have had enough before all of it is sent.
        let _ = stream.write_all(request.as_ref()).await;
        read_all(&mut stream).await
    }
}

async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        bytes.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8(bytes).unwrap()
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /get-online-features HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}")
}

/// The status line and the body of an answer.
fn seen(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    format!("{} | {body}", head.lines().next().unwrap_or_default())
}

#[tokio::test]
async fn a_connection_that_asks_nothing_in_time_is_closed() {
    let limits = Limits { head_max: Duration::from_millis(50), ..Limits::default() };
    let running = Running::new(limits, None).await;
    for silence in ["", "P", "POST /get-online-features HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        assert_eq!(running.exchange(silence).await, "", "{silence}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_slow_is_refused() {
    let limits = Limits { body_max: Duration::from_millis(50), ..Limits::default() };
    let running = Running::new(limits, None).await;
    let answer = running.exchange(post("content-length: 1000\r\n", "{\"features\"")).await;
    insta::assert_snapshot!(seen(&answer), @r#"HTTP/1.1 408 Request Timeout | "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request's body did not arrive within 0.05 s: send it faster, or ask for fewer rows at a time\"}""#);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_with_a_message() {
    let running = Running::new(Limits::default(), None).await;
    let close = "connection: close\r\ncontent-length: 0\r\n";
    let long = post(&format!("{close}x-long: {}\r\n", "x".repeat(40_000)), "");
    insta::assert_snapshot!(seen(&running.exchange(long).await), @r#"HTTP/1.1 431 Request Header Fields Too Large | "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request's path and headers have 40061 bytes, 32768 are allowed\"}""#);
    let many: String = (0..101).map(|number| format!("x-{number}: y\r\n")).collect();
    insta::assert_snapshot!(seen(&running.exchange(post(&format!("{close}{many}"), "")).await), @r#"HTTP/1.1 431 Request Header Fields Too Large | "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request has 104 headers, 100 are allowed\"}""#);
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "x".repeat(40_000));
    insta::assert_snapshot!(seen(&running.exchange(path).await), @r#"HTTP/1.1 431 Request Header Fields Too Large | "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request's path and headers have 40021 bytes, 32768 are allowed\"}""#);
    // So much that the connection itself has enough.
    let endless = post(&format!("{close}x-long: {}\r\n", "x".repeat(200_000)), "");
    let answer = running.exchange(endless).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let running = Running::new(Limits::default(), None).await;
    for request in ["\0\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}hello hello hello\r\n\r\n"] {
        let answer = running.exchange(request).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    for length in ["content-length: -1\r\n", "content-length: 1\r\ncontent-length: 2\r\n", "content-length: x\r\n"] {
        let answer = running.exchange(post(length, "x")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{length}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_harms_nobody() {
    let running = Running::new(Limits::default(), None).await;
    let mut stream = running.connect().await;
    stream.write_all(post("content-length: 1000\r\n", "{").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let whole = post(&format!("connection: close\r\ncontent-length: {}\r\n", BODY.len()), BODY);
    assert!(running.exchange(whole).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn whoever_comes_when_all_connections_are_taken_is_served_when_one_ends() {
    let running = Running::new(Limits { connections_max: 1, ..Limits::default() }, None).await;
    let first = running.connect().await;
    let health = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut second = running.connect().await;
    second.write_all(health.as_bytes()).await.unwrap();
    let mut byte = [0];
    let silence = tokio::time::timeout(Duration::from_millis(100), second.read(&mut byte)).await;
    assert!(silence.is_err(), "two were served at once");
    drop(first);
    assert!(read_all(&mut second).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_connection_without_a_request_ends_when_the_server_does() {
    let running = Running::new(Limits::default(), None).await;
    let mut idle = running.connect().await;
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut start = [0; 12];
    idle.read_exact(&mut start).await.unwrap();
    let mut silent = running.connect().await;
    // It is accepted once another request is answered.
    running.exchange("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    running.shut_down.send(()).unwrap();
    running.server.await.unwrap().unwrap();
    read_all(&mut idle).await;
    assert_eq!(read_all(&mut silent).await, "");
    assert!(TcpStream::connect(running.address).await.is_err());
}

/// A client of HTTP/2 over `stream`.
async fn client(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> http2::SendRequest<Body> {
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn request(body: &'static str) -> http::Request<Body> {
    http::Request::post("http://x/get-online-features").body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn http_2_is_spoken_on_the_same_port() {
    let running = Running::new(Limits::default(), None).await;
    let mut sender = client(running.connect().await).await;
    let response = sender.send_request(request(BODY)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
}

#[tokio::test]
async fn a_flood_of_streams_that_are_taken_back_harms_nobody() {
    let running = Running::new(Limits::default(), None).await;
    let mut sender = client(running.connect().await).await;
    for _ in 0..2_000 {
        if sender.ready().await.is_err() {
            break;
        }
        // Given up before there is an answer: the stream is reset.
        let mut answer = Box::pin(sender.send_request(request(BODY)));
        drop(futures::poll!(&mut answer));
        drop(answer);
        tokio::task::yield_now().await;
    }
    let mut sender = client(running.connect().await).await;
    assert_eq!(sender.send_request(request(BODY)).await.unwrap().status(), 200);
    while running.state.admission.counts() != (0, 0) {
        tokio::task::yield_now().await;
    }
}

fn certificate() -> (tempfile::TempDir, Arc<Tls>, ClientConfig) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("the test needs openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let tls = Tls::open(&certificate, &key).unwrap();
    (folder, Arc::new(tls), config)
}

#[tokio::test]
async fn over_tls_both_protocols_are_spoken_and_nothing_else_is_answered() {
    let (_folder, tls, mut config) = certificate();
    let running = Running::new(Limits::default(), Some(tls)).await;
    let connect = async |config: ClientConfig| {
        let name = ServerName::try_from("localhost").unwrap();
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, running.connect().await).await.unwrap()
    };
    let mut stream = connect(config.clone()).await;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200 "));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut sender = client(connect(config).await).await;
    assert_eq!(sender.send_request(request(BODY)).await.unwrap().status(), 200);
    let plain = running.exchange("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(!plain.contains("200"), "{plain}");
}

#[tokio::test]
async fn requests_beyond_the_queue_are_sent_away_at_once() {
    let limits = Limits { under_way_max: 1, waiting_max: 0, ..Limits::default() };
    let running = Running::new(limits, None).await;
    let place = running.state.admission.place().await.unwrap();
    let whole = post(&format!("connection: close\r\ncontent-length: {}\r\n", BODY.len()), BODY);
    let answer = running.exchange(&whole).await;
    insta::assert_snapshot!(seen(&answer), @r#"HTTP/1.1 503 Service Unavailable | "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"too many requests: 1 are under way and 0 wait; try again in a moment, or elsewhere\"}""#);
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    drop(place);
    assert!(running.exchange(&whole).await.starts_with("HTTP/1.1 200 "));
    assert!(crate::metrics::text(&running.state).contains("skewless_requests_shed_total{reason=\"queue_full\"} 1\n"));
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_sent_away() {
    let limits = Limits {
        under_way_max: 1,
        wait_max: Duration::from_secs(60),
        request_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = Running::new(limits, None).await;
    let _place = running.state.admission.place().await.unwrap();
    let whole = post(&format!("connection: close\r\ncontent-length: {}\r\n", BODY.len()), BODY);
    insta::assert_snapshot!(seen(&running.exchange(&whole).await), @r#"HTTP/1.1 503 Service Unavailable | "{\"module\":\"feast.errors\",\"class\":\"FeastError\",\"message\":\"the request was not answered within 0.05 s: ask for fewer rows or features at a time, or try again\"}""#);
}
