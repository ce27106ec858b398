//! Connections that are kept, and what happens when one fails.

use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};

use super::SET_IF_NEWER;
use super::address::Address;
use super::failure::{describe, is_passing};
use super::link::Link;
use crate::Result;

/// Connections kept for later.
const IDLE_MAX: usize = 64;

/// Connections to one store. Each is used by one caller at a time.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) address: Address,
    idle: Mutex<Vec<Link>>,
}

/// How long to go on trying where the server does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Somebody waits for an answer.
    Read,
    /// A job would have to begin anew: a server may take its time to start again.
    Write,
}

impl Patience {
    /// The waits before each further try, in ms.
    pub(super) const fn waits_ms(self) -> &'static [u64] {
        match self {
            Self::Read => &[10, 100],
            Self::Write => &[10, 100, 200, 500, 1_000, 2_000, 2_000, 2_000],
        }
    }
}

impl Pool {
    pub(super) fn new(address: Address) -> Self {
        install_cryptography();
        Self { address, idle: Mutex::default() }
    }

    /// Calls `work` with a connection; again, upon a new one, where it fails in a way that may pass. So `work` must do no
    /// harm when it is done twice.
    ///
    /// # Errors
    /// What `work` says last, in words.
    pub(super) fn run<T>(&self, patience: Patience, work: impl Fn(&mut Link) -> RedisResult<T>) -> Result<T> {
        let mut waits = patience.waits_ms().iter();
        loop {
            let error = match self.attempt(&work) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            // A reply that did not come in seconds has cost whoever waits for a read too much already.
            let took_too_long = patience == Patience::Read && error.is_timeout();
            match waits.next() {
                Some(wait_ms) if !took_too_long && is_passing(&error, self.address.redis_type) => {
                    tracing::debug!(store = self.address.shown, %error, wait_ms, "the online store is tried again");
                    std::thread::sleep(Duration::from_millis(*wait_ms));
                }
                _ => return Err(describe(&self.address, error)),
            }
        }
    }

    fn attempt<T>(&self, work: impl Fn(&mut Link) -> RedisResult<T>) -> RedisResult<T> {
        let mut link = self.take()?;
        let mut result = work(&mut link);
        if result.as_ref().is_err_and(knows_no_script) {
            // The replies to what else was sent are still on their way, so it takes another connection.
            link = Link::open(&self.address)?;
            link.send_to_all(redis::cmd("SCRIPT").arg("LOAD").arg(SET_IF_NEWER))?;
            result = work(&mut link);
        }
        match &result {
            Ok(_) => self.keep(link),
            // The others were most likely cut off with this one.
            Err(error) if error.is_io_error() => self.idle().clear(),
            Err(_) => {}
        }
        result
    }

    fn take(&self) -> RedisResult<Link> {
        let idle = self.idle().pop();
        idle.map_or_else(|| Link::open(&self.address), Ok)
    }

    fn keep(&self, link: Link) {
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push(link);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Link>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn knows_no_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Several libraries for TLS may be linked, and this process has to say which one it means.
fn install_cryptography() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Whoever was faster has chosen, and that is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Server(_) => "Server",
            Self::Cluster(_) => "Cluster",
        })
    }
}
