//! Sends requests at a fixed rate, whatever becomes of the answers, and says how long they took.
//!
//! wrk asks again when it has its answer: a server that stalls is asked less, and the stall counts once. Here each request
//! has its instant, and its time counts from there, also while it waits for a connection. One thread, some connections; a
//! connection that fails is opened again, and its request has failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

/// Sends requests at a rate, and prints JSON: how many were answered, how long they took, how many failed.
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

/// What became of requests.
#[derive(Default)]
struct Outcome {
    micros: Mutex<Vec<u32>>,
    failed: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let text = std::fs::read_to_string(&arguments.bodies)?;
    let requests: Vec<Vec<u8>> = text.lines().map(|body| request(&arguments.address, body)).collect();
    let (requests, outcome) = (Arc::new(requests), Arc::new(Outcome::default()));
    let (due, waiting) = mpsc::unbounded_channel();
    let waiting = Arc::new(Mutex::new(waiting));
    let connections = (0..arguments.connections).map(|_| {
        let (address, outcome) = (arguments.address.clone(), Arc::clone(&outcome));
        tokio::spawn(connection(address, Arc::clone(&requests), Arc::clone(&waiting), outcome))
    });
    let connections: Vec<_> = connections.collect();
    schedule(&arguments, &due).await?;
    drop(due);
    for connection in connections {
        connection.await?;
    }
    let mut micros = std::mem::take(&mut *outcome.micros.lock().await);
    micros.sort_unstable();
    let told = serde_json::json!({
        "answered": micros.len(),
        "failed": outcome.failed.load(Ordering::Relaxed),
        "seconds": arguments.seconds,
        "p50_us": part(&micros, 0.5),
        "p99_us": part(&micros, 0.99),
        "p999_us": part(&micros, 0.999),
        "max_us": micros.last(),
    });
    println!("{told}");
    Ok(())
}

/// Says of each request when it is due, a millisecond's worth at a time.
async fn schedule(
    arguments: &Arguments,
    due: &mpsc::UnboundedSender<(usize, Instant)>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (start, mut sent) = (Instant::now(), 0_usize);
    let count = (arguments.rate * arguments.seconds) as usize;
    while sent < count {
        let instant = |number: usize| start + Duration::from_secs_f64(number as f64 / arguments.rate);
        while sent < count && instant(sent) <= Instant::now() {
            due.send((sent, instant(sent)))?;
            sent += 1;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(())
}

async fn connection(
    address: String,
    requests: Arc<Vec<Vec<u8>>>,
    waiting: Arc<Mutex<mpsc::UnboundedReceiver<(usize, Instant)>>>,
    outcome: Arc<Outcome>,
) {
    let mut stream = None;
    loop {
        let Some((number, due)) = waiting.lock().await.recv().await else { return };
        match ask(&address, &mut stream, &requests[number % requests.len()]).await {
            Ok(()) => {
                let micros = u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX);
                outcome.micros.lock().await.push(micros);
            }
            Err(error) => {
                stream = None;
                if outcome.failed.fetch_add(1, Ordering::Relaxed) < 10 {
                    eprintln!("request {number} failed: {error}");
                }
            }
        }
    }
}

/// One request and its answer, which must be 200 and say how long it is.
async fn ask(address: &str, stream: &mut Option<TcpStream>, request: &[u8]) -> Result<(), String> {
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
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).ok_or("no length")?;
        let total = end + 4 + length;
        while answer.len() < total {
            if stream.read_buf(&mut answer).await.map_err(told)? == 0 {
                return Err("the connection was closed".to_owned());
            }
        }
        return match head.starts_with("http/1.1 200") {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&answer).into_owned()),
        };
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
