//! How much of the server anybody may have, and for how long.

use std::time::Duration;

/// The limits of a server. Each has a default that suits a server of a few cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// connections at the same time; whoever comes after waits to be accepted
    pub connections_max: usize,
    /// requests that are computed at the same time
    pub under_way_max: usize,
    /// requests that wait for that; whoever comes after is sent away
    pub waiting_max: usize,
    /// how long a request waits before it is sent away
    pub wait_max: Duration,
    /// how long the head of a connection's first request may take, and the handshake before it
    pub head_max: Duration,
    /// how long a connection is kept without a request
    pub idle_max: Duration,
    /// how long the body of a request may take to arrive
    pub body_max: Duration,
    /// how long a request may take as a whole
    pub request_max: Duration,
    /// how long requests under way may take to end once the server is asked to
    pub drain_max: Duration,
}

/// How many requests are computed at once for each core. More than one, so that the cores are busy while some wait for
/// the disk.
const REQUESTS_PER_CORE: usize = 2;

/// How many more wait. At a tenth of a millisecond each, the last of them waits some 50 ms on one core.
const WAITING_PER_CORE: usize = 512;

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            connections_max: 10_000,
            under_way_max: cores * REQUESTS_PER_CORE,
            waiting_max: cores * WAITING_PER_CORE,
            wait_max: Duration::from_secs(1),
            head_max: Duration::from_secs(10),
            idle_max: Duration::from_secs(75),
            body_max: Duration::from_secs(10),
            request_max: Duration::from_secs(30),
            drain_max: Duration::from_secs(30),
        }
    }
}
