//! Sends requests at a fixed rate, whatever becomes of the answers, and says how long they took.
//!
//! wrk asks again when it has its answer: a server that stalls is asked less, and the stall counts once. Here each request
//! has its instant, and its time counts from there, also while it waits for a connection. One thread sends, on some connections; a
//! connection that fails is opened again, and its request has failed. So has one that is answered with another status than
//! 200, on a connection that is as good as before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

/// Sends requests at a rate, and prints JSON: how many were answered, how long they took, how many failed, and when.
#[derive(Parser)]
struct Arguments {
    /// Host and port
    #[arg(long)]
    address: String,
    /// Requests a second
    #[arg(long)]
    rate: f64,
    /// How long to go on
    #[arg(long)]
    seconds: f64,
    /// Connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// A file with one body of a request on each line; they are sent in turn
    #[arg(long)]
    bodies: std::path::PathBuf,
}

/// To be woken for each request takes more of the machine, which the server shares, than it is worth.
const SHORTEST_SLEEP: Duration = Duration::from_micros(100);

/// What became of requests.
struct Outcome {
    start: Instant,
    /// how long those took that were answered with 200
    answered_us: Vec<u32>,
    failed_us: Vec<u32>,
    /// when the first and the last were that failed
    failed_at: Option<(Instant, Instant)>,
    /// for each status, or `none` where there was no answer, how many there were in each second from the start
    by_second: BTreeMap<String, Vec<u64>>,
}

impl Outcome {
    fn new(start: Instant) -> Self {
        let (answered_us, failed_us) = (Vec::new(), Vec::new());
        Self { start, answered_us, failed_us, failed_at: None, by_second: BTreeMap::new() }
    }

    /// A request that was `due` has ended `now`.
    fn count(&mut self, status: Option<u16>, due: Instant, now: Instant) {
        let micros = u32::try_from(now.duration_since(due).as_micros()).unwrap_or(u32::MAX);
        if status == Some(200) {
            self.answered_us.push(micros);
        } else {
            self.failed_us.push(micros);
            self.failed_at.get_or_insert((now, now)).1 = now;
        }
        let name = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let seconds = self.by_second.entry(name).or_default();
        let second = now.duration_since(self.start).as_secs() as usize;
        seconds.resize(seconds.len().max(second + 1), 0);
        seconds[second] += 1;
    }

    fn told(mut self, started: f64, seconds: f64) -> serde_json::Value {
        self.answered_us.sort_unstable();
        self.failed_us.sort_unstable();
        let since_start = |instant: Instant| instant.duration_since(self.start).as_secs_f64();
        serde_json::json!({
            "started": started,
            "seconds": seconds,
            "answered": self.answered_us.len(),
            "failed": self.failed_us.len(),
            "p50_us": part(&self.answered_us, 0.5),
            "p99_us": part(&self.answered_us, 0.99),
            "p999_us": part(&self.answered_us, 0.999),
            "max_us": self.answered_us.last(),
            "failed_p50_us": part(&self.failed_us, 0.5),
            "failed_max_us": self.failed_us.last(),
            "first_failed_s": self.failed_at.map(|(first, _)| since_start(first)),
            "last_failed_s": self.failed_at.map(|(_, last)| since_start(last)),
            "by_second": self.by_second,
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let text = std::fs::read_to_string(&arguments.bodies)?;
    let requests: Vec<Vec<u8>> = text.lines().map(|body| request(&arguments.address, body)).collect();
    #[expect(clippy::disallowed_methods, reason = "a program of its own, which says when it was run")]
    let started = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let (requests, outcome) = (Arc::new(requests), Arc::new(Mutex::new(Outcome::new(Instant::now()))));
    let (due, waiting) = mpsc::unbounded_channel();
    let waiting = Arc::new(Mutex::new(waiting));
    let connections = (0..arguments.connections).map(|_| {
        let (address, outcome) = (arguments.address.clone(), Arc::clone(&outcome));
        tokio::spawn(connection(address, Arc::clone(&requests), Arc::clone(&waiting), outcome))
    });
    let connections: Vec<_> = connections.collect();
    let (count, rate) = ((arguments.rate * arguments.seconds) as usize, arguments.rate);
    let scheduler = std::thread::spawn(move || schedule(count, rate, &due));
    for connection in connections {
        connection.await?;
    }
    scheduler.join().map_err(|_| "the thread that says when requests are due has panicked")?;
    let outcome = Arc::into_inner(outcome).ok_or("a connection still counts")?.into_inner();
    println!("{}", outcome.told(started, arguments.seconds));
    Ok(())
}

/// Says of each request that it is due. On a thread of its own: the runtime's timer counts milliseconds, so that some dozen requests
/// would be sent at once, and wait for one another. Ends early where nobody listens.
fn schedule(count: usize, rate: f64, due: &mpsc::UnboundedSender<(usize, Instant)>) {
    let start = Instant::now();
    for number in 0..count {
        let instant = start + Duration::from_secs_f64(number as f64 / rate);
        let early = instant.saturating_duration_since(Instant::now());
        if !early.is_zero() {
            std::thread::sleep(early.max(SHORTEST_SLEEP));
        }
        if due.send((number, instant)).is_err() {
            return;
        }
    }
}

async fn connection(
    address: String,
    requests: Arc<Vec<Vec<u8>>>,
    waiting: Arc<Mutex<mpsc::UnboundedReceiver<(usize, Instant)>>>,
    outcome: Arc<Mutex<Outcome>>,
) {
    let mut stream = None;
    loop {
        let Some((number, due)) = waiting.lock().await.recv().await else { return };
        let status = match ask(&address, &mut stream, &requests[number % requests.len()]).await {
            Ok((200, _)) => Some(200),
            Ok((status, answer)) => {
                tell(&outcome, number, &answer).await;
                Some(status)
            }
            Err(error) => {
                stream = None;
                tell(&outcome, number, &error).await;
                None
            }
        };
        outcome.lock().await.count(status, due, Instant::now());
    }
}

/// Says why a request failed, of the first few.
async fn tell(outcome: &Mutex<Outcome>, number: usize, reason: &str) {
    if outcome.lock().await.failed_us.len() < 10 {
        eprintln!("request {number} failed: {reason}");
    }
}

/// One request, and the status and the text of its answer, which must say how long it is.
async fn ask(address: &str, stream: &mut Option<TcpStream>, request: &[u8]) -> Result<(u16, String), String> {
    let told = |error: std::io::Error| error.to_string();
    let stream = match stream {
        Some(stream) => stream,
        None => {
            let opened = TcpStream::connect(address).await.map_err(told)?;
            opened.set_nodelay(true).map_err(told)?;
            stream.insert(opened)
        }
    };
    stream.write_all(request).await.map_err(told)?;
    let mut answer = Vec::with_capacity(8 << 10);
    loop {
        if stream.read_buf(&mut answer).await.map_err(told)? == 0 {
            return Err("the connection was closed".to_owned());
        }
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).ok_or("no length")?;
        let total = end + 4 + length;
        while answer.len() < total {
            if stream.read_buf(&mut answer).await.map_err(told)? == 0 {
                return Err("the connection was closed".to_owned());
            }
        }
        return Ok((status, if status == 200 { String::new() } else { String::from_utf8_lossy(&answer).into_owned() }));
    }
}

fn request(address: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST /get-online-features HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The value that this part of them does not exceed.
fn part(sorted: &[u32], part: f64) -> Option<u32> {
    let place = (sorted.len() as f64 * part) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied()
}
