//! A Redis server of the tests' own: its port, its folder, and its end.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server that is stopped when this is dropped, also by a panic; where the whole process is killed, the server goes
/// with it.
pub(crate) struct RedisServer {
    port: u16,
    folder: TempDir,
    settings: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// A server with nothing in it, that keeps nothing.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// A server with these settings: `--name`, `value`, …
    pub(crate) fn with(settings: &[&str]) -> Self {
        let settings = settings.iter().map(ToString::to_string).collect();
        let mut server = Self { port: free_port(), folder: tempfile::tempdir().unwrap(), settings, process: None };
        server.run();
        server
    }

    /// A server that speaks TLS and nothing else.
    pub(crate) fn behind_tls(settings: &[&str]) -> Self {
        let port = free_port();
        // Later settings count: the port for plain connections is none.
        let tls = ["--port", "0", "--tls-port"].map(str::to_owned).into_iter().chain([port.to_string()]);
        let settings = tls.chain(settings.iter().map(ToString::to_string)).collect();
        let mut server = Self { port, folder: tempfile::tempdir().unwrap(), settings, process: None };
        server.run();
        server
    }

    /// Starts it, again on the same port and with the same folder.
    pub(crate) fn run(&mut self) {
        let mut command = dies_with_its_parent("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(self.folder.path()).args(&self.settings);
        let log = fs::File::create(self.log()).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process =
            Some(command.spawn().expect("redis-server is installed: on Debian, apt-get install redis-server"));
        self.await_answer();
    }

    fn await_answer(&mut self) {
        let start = Instant::now();
        let answers = || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        // A server that needs a password, or TLS, has its say too, and has loaded its data.
        while !answers() || self.cli(&["ping"]).contains("LOADING") {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            let log = || fs::read_to_string(self.log()).unwrap();
            assert!(ended.is_none(), "redis-server ended at once:\n{}", log());
            assert!(start.elapsed() < Duration::from_secs(20), "redis-server does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it at once, without a word to anybody.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Has it do nothing any more, while the system goes on accepting connections for it.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    /// Has it go on where it was stopped.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `skewless.yaml` of the project `test` with its online store here.
    pub(crate) fn settings_yaml(&self) -> String {
        format!("project: test\nonline_store: {{type: redis, connection_string: \"{}\"}}\n", self.address())
    }

    /// What `redis-cli` prints.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        cli(self.port, arguments)
    }
}

/// `program`, ended by the system with the thread that starts it, where the system can do that.
fn dies_with_its_parent(program: &str) -> Command {
    let can = Command::new("setpriv")
        .arg("--help")
        .output()
        .is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--pdeathsig"));
    if !can {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command
}

/// What `redis-cli` prints about the server at a port.
pub(crate) fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three primaries that share the keys.
pub(crate) struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub(crate) fn start() -> Self {
        let settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let nodes: Vec<RedisServer> = (0..3).map(|_| RedisServer::with(&settings)).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        let created = create.args(["--cluster-replicas", "0", "--cluster-yes"]).output().unwrap();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        let start = Instant::now();
        while !nodes.iter().all(|node| node.cli(&["cluster", "info"]).contains("cluster_state:ok")) {
            assert!(start.elapsed() < Duration::from_secs(20), "the cluster does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { nodes }
    }

    pub(crate) fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// Deletes everything.
    pub(crate) fn flush(&self) {
        self.nodes.iter().for_each(|node| _ = node.cli(&["flushall"]));
    }

    /// `skewless.yaml` of the project `test` with its online store here.
    pub(crate) fn settings_yaml(&self) -> String {
        let nodes = self.addresses();
        format!(
            "project: test\nonline_store: {{type: redis, redis_type: redis_cluster, connection_string: \"{nodes}\"}}\n"
        )
    }

    /// `host:port` of each node, separated by commas
    pub(crate) fn addresses(&self) -> String {
        self.nodes.iter().map(RedisServer::address).collect::<Vec<_>>().join(",")
    }
}

/// A certificate authority and a server's certificate, both made for this test.
pub(crate) fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem");
    openssl("req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr");
    openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem");
}

/// A port that nobody listens at, and ten thousand above it neither: nodes of a cluster talk there. Below those that the
/// system hands out by itself, so that nobody takes it before the server does.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Elsewhere in every process, so that several can run at once.
        let number = std::process::id().wrapping_mul(7) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + (number % 10_000) as u16;
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}
