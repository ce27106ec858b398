//! A real S3 server for the tests, and a proxy that makes it fail.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use crate::support::project;

/// Where `scripts/test.sh` has put the server.
const PYTHON: &str = "SKEWLESS_S3_PYTHON";

/// Some key's, which a server without `--credentials` takes for good.
const AUTHORIZATION: &str =
    "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// A server process. It ends with its standard input, which ends with this process at the latest.
pub(crate) struct S3Server {
    _process: Child,
    url: String,
    credentials: Option<(String, String)>,
}

impl S3Server {
    /// The server of all tests that need no credentials; each uses a bucket of its own.
    pub(crate) fn shared() -> &'static Self {
        static SERVER: LazyLock<S3Server> = LazyLock::new(|| S3Server::start(&[]));
        &SERVER
    }

    /// A server that accepts one key only.
    pub(crate) fn with_credentials() -> Self {
        Self::start(&["--credentials"])
    }

    /// A server that speaks HTTPS.
    pub(crate) fn with_tls() -> Self {
        Self::start(&["--tls"])
    }

    fn start(arguments: &[&str]) -> Self {
        let python = std::env::var_os(PYTHON).unwrap_or_else(|| {
            panic!(
                "there is no S3 server to test with: run scripts/test.sh, which gets one, or set {PYTHON} to a Python that has \
                 moto[server]"
            )
        });
        let mut command = Command::new(python);
        command.arg(project().join("tests/suite/s3_server.py")).args(arguments);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        let url = words.next().expect("the S3 server says where it is");
        Self { _process: process, url, credentials: words.next().zip(words.next()) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.url.strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// A new bucket, for one test.
    pub(crate) fn bucket(&self, name: &str) -> Bucket<'_> {
        self.put(name, b"");
        self.existing(name)
    }

    /// A bucket that is there.
    pub(crate) fn existing(&self, name: &str) -> Bucket<'_> {
        Bucket { server: self, name: name.to_owned() }
    }

    fn put(&self, path: &str, content: &[u8]) {
        let request = ureq::put(format!("{}/{path}", self.url)).header("Authorization", AUTHORIZATION);
        let response = request.send(content).unwrap();
        assert!(response.status().is_success());
    }

    /// What a program needs in its environment to come here through `url`.
    pub(crate) fn environment_at(&self, url: &str) -> Vec<(&'static str, String)> {
        let (key, secret) = self.credentials.clone().unwrap_or_else(|| ("key".to_owned(), "secret".to_owned()));
        vec![
            ("AWS_ENDPOINT_URL", url.to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ]
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        self.environment_at(&self.url)
    }
}

/// A bucket of a server.
pub(crate) struct Bucket<'a> {
    server: &'a S3Server,
    name: String,
}

impl Bucket<'_> {
    pub(crate) fn put(&self, key: &str, content: &[u8]) {
        self.server.put(&format!("{}/{key}", self.name), content);
    }

    /// The keys that start with `prefix`; at most 1,000.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let url = format!("{}/{}?list-type=2&prefix={prefix}", self.server.url, self.name);
        let answer =
            ureq::get(url).header("Authorization", AUTHORIZATION).call().unwrap().body_mut().read_to_string().unwrap();
        answer.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
    }
}

/// What a proxy does with a connection.
#[derive(Clone)]
pub(crate) enum Fault {
    /// passes it on
    None,
    /// passes it on, but does something first
    Before(Arc<dyn Fn() + Send + Sync>),
    /// answers that the store is busy
    SlowDown,
    /// answers that the caller may not
    Forbidden,
    /// cuts it
    Cut,
    /// passes on some kilobytes of the answer, then cuts it
    CutAnswer,
    /// passes it on, and loses the answer
    LoseAnswer,
    /// never answers
    Silence,
}

/// Stands between a program and an S3 server. Every connection carries one request, since the server closes it.
pub(crate) struct Proxy {
    pub(crate) url: String,
    faults: Arc<AtomicUsize>,
}

impl Proxy {
    /// Does `fault` to the first `count` requests whose first line contains `to`, and passes on all others.
    pub(crate) fn start(server: &S3Server, fault: Fault, count: usize, to: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (target, faults) = (server.address(), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&faults);
        let silent: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (seen, silent, fault) = (Arc::clone(&seen), Arc::clone(&silent), fault.clone());
                let is_wronged = move |line: &str| {
                    let more = |seen| (seen < count).then_some(seen + 1);
                    line.contains(to) && seen.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
                };
                std::thread::spawn(move || serve(client, target, &fault, &is_wronged, &silent));
            }
        });
        Self { url, faults }
    }

    /// How many requests were wronged.
    pub(crate) fn faults(&self) -> usize {
        self.faults.load(Ordering::SeqCst)
    }
}

/// One connection, which ends with an error on either side as it likes.
fn serve(
    mut client: TcpStream,
    target: SocketAddr,
    fault: &Fault,
    is_wronged: &dyn Fn(&str) -> bool,
    silent: &Mutex<Vec<TcpStream>>,
) {
    let Some(head) = read_head(&mut client) else { return };
    let fault = if head.lines().next().is_some_and(is_wronged) { fault } else { &Fault::None };
    match fault {
        Fault::SlowDown => refuse(&mut client, "503 Slow Down", "SlowDown"),
        Fault::Forbidden => refuse(&mut client, "403 Forbidden", "InvalidAccessKeyId"),
        Fault::Cut => drop(client.shutdown(Shutdown::Both)),
        Fault::Silence => silent.lock().unwrap().push(client),
        Fault::CutAnswer => pass_on(client, target, &head, 2_000),
        Fault::LoseAnswer => pass_on(client, target, &head, 0),
        Fault::Before(act) => {
            act();
            pass_on(client, target, &head, u64::MAX);
        }
        Fault::None => pass_on(client, target, &head, u64::MAX),
    }
}

/// The request's first lines, up to the empty one, and what came with them.
fn read_head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn refuse(client: &mut TcpStream, status: &str, code: &str) {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>a test says so</Message></Error>");
    let _ = write!(client, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
}

fn pass_on(mut client: TcpStream, target: SocketAddr, head: &str, answer_max: u64) {
    let Ok(mut server) = TcpStream::connect(target) else { return };
    let _ = server.write_all(head.as_bytes());
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
    let mut answer = server.take(answer_max);
    let _ = std::io::copy(&mut answer, &mut client);
    // Only once all is answered was all of the request heard.
    let _ = std::io::copy(&mut answer.into_inner(), &mut std::io::sink());
    let _ = client.shutdown(Shutdown::Both);
}
