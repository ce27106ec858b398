//! A feature server in a process of its own, for the tests of how it is operated.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use crate::support::{TestRepository, component, int64s, printed, skewless, table, timestamps};

/// A server of a repository; killed when dropped.
pub(crate) struct FeatureServer {
    process: Child,
    pub(crate) url: String,
}

/// An answer: status, head and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl FeatureServer {
    /// Serves what is applied in `repository`, which must outlive it.
    pub(crate) fn start(repository: &Path, arguments: &[&str]) -> Self {
        Self::with(repository, arguments, |command| command)
    }

    /// The same with more settings for the process.
    pub(crate) fn with(repository: &Path, arguments: &[&str], set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = skewless(repository);
        command.args(["serve", "--port", "0"]).args(arguments).stdout(Stdio::piped());
        let mut process = set(&mut command).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().last().unwrap_or_default().to_owned();
        assert!(url.contains("://"), "{line}");
        Self { process, url }
    }

    fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends one request, byte for byte, and reads until the server closes.
    pub(crate) fn exchange(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = self.connect();
        // The server may have had enough before all of it is sent.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        self.exchange(&[head.as_bytes(), body].concat()).expect("the server did not answer")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "", b"")
    }

    pub(crate) fn ask(&self, body: &str) -> Answer {
        self.request("POST", "/get-online-features", "", body.as_bytes())
    }

    /// A counter or gauge of `/metrics`, with its labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").body;
        let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    }

    pub(crate) fn stderr(&mut self) -> ChildStderr {
        self.process.stderr.take().unwrap()
    }

    /// Asks the server to end.
    pub(crate) fn terminate(&self) {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
    }

    /// Ends the server at once, without a word to it.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for FeatureServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A request for two users of [`users`].
pub(crate) const REQUEST: &str = r#"{"features": ["user_stats:purchases", "efficiency:purchases_per_dollar"],
    "entities": {"user_id": [2, 1], "spend": [35, 6]}, "event_timestamp": "2024-01-20T00:00:00Z"}"#;

/// Users and what they spend, applied and materialized, with `settings` in skewless.yaml.
pub(crate) fn users(settings: &str) -> TestRepository {
    let yaml = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: users, path: users.parquet, timestamp_field: event_timestamp}
transforms:
  - {name: purchases_per_dollar, path: RATIO}
feature_views:
  - name: user_stats
    entities: [user]
    source: users
    ttl: 30d
    schema: [{name: purchases, type: int64}]
on_demand_feature_views:
  - {name: efficiency, transform: purchases_per_dollar, sources: [user_stats], request: [{name: spend, type: float64}]}
"#;
    let yaml = yaml.replace("RATIO", &component("purchases_per_dollar").display().to_string());
    let users = table(&[
        ("user_id", int64s(&[1, 2])),
        ("purchases", int64s(&[12, 7])),
        ("event_timestamp", timestamps(&["2024-01-15T00:00:00Z", "2024-01-15T06:30:00Z"])),
    ]);
    let repository = TestRepository::new(&yaml).data("users.parquet", &users);
    std::fs::write(repository.path().join("skewless.yaml"), format!("project: test\n{settings}")).unwrap();
    run(repository.path(), &["apply"]);
    run(repository.path(), &["materialize", "2024-01-01", "2024-02-01"]);
    repository
}

/// Runs a command that must succeed.
pub(crate) fn run(repository: &Path, arguments: &[&str]) {
    let output = skewless(repository).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
}

/// Asks until the answer is yes.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: not within 20 s");
}
