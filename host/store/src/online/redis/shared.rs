//! Connections that requests share: the commands of many are on their way at once, and nobody holds a thread meanwhile.
//!
//! A blocking connection costs a request two changes of threads and a system call each way; here the library's driver of a
//! connection writes and reads for all who wait. To servers only: pipelines over a cluster go the blocking way.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, RedisResult, Value};

use super::address::Address;
use super::failure::{describe, is_passing};
use super::link::{CONNECT, REPLY, usable};
use super::pool::Patience;
use crate::Result;

/// Connections that share the work. One driver can be busy with long replies while the other takes the next.
const LINKS: usize = 2;

/// Some connections to one server, opened when they are needed.
#[derive(Debug, Default)]
pub(super) struct SharedLinks {
    links: [SharedLink; LINKS],
    next: AtomicUsize,
}

#[derive(Default)]
struct SharedLink {
    /// the connection, and its number
    current: Mutex<Option<(u64, MultiplexedConnection)>>,
    /// held by whoever opens one
    opening: tokio::sync::Mutex<()>,
    /// how often one was opened, or not
    attempts: AtomicU64,
    /// why the last attempt failed
    failure: Mutex<Option<redis::RedisError>>,
}

impl SharedLinks {
    /// The replies to `commands`, in order, in one round trip; again, upon a new connection, where it fails in a way that may
    /// pass. So the commands must do no harm when they are sent twice.
    ///
    /// # Errors
    /// The last failure, in words.
    pub(super) async fn send(&self, address: &Address, commands: Vec<Cmd>) -> Result<Vec<Value>> {
        let count = commands.len();
        let mut pipeline = Pipeline::with_capacity(count);
        for command in commands {
            pipeline.add_command(command);
        }
        let mut waits = Patience::Read.waits_ms().iter();
        loop {
            let link = &self.links[self.next.fetch_add(1, Ordering::Relaxed) % LINKS];
            let error = match link.send(address, &pipeline, count).await {
                Ok(replies) => return Ok(replies),
                Err(error) => error,
            };
            match waits.next() {
                // A reply that did not come in seconds has cost whoever waits for it too much already.
                Some(wait_ms) if !error.is_timeout() && is_passing(&error, address.redis_type) => {
                    tracing::debug!(store = address.shown, %error, wait_ms, "the online store is tried again");
                    tokio::time::sleep(Duration::from_millis(*wait_ms)).await;
                }
                _ => return Err(describe(address, error)),
            }
        }
    }
}

impl SharedLink {
    async fn send(&self, address: &Address, pipeline: &Pipeline, count: usize) -> RedisResult<Vec<Value>> {
        let (number, mut connection) = self.connection(address).await?;
        let replies = connection.send_packed_commands(pipeline, 0, count).await;
        let replies = replies.and_then(|replies| replies.into_iter().map(usable).collect::<RedisResult<Vec<_>>>());
        if let Err(error) = &replies
            && (error.is_io_error() || error.is_unrecoverable_error())
        {
            self.forget(number);
        }
        replies
    }

    /// The connection, opened if there is none. Who waits while somebody else opens it fails with that attempt: when a server is
    /// gone, requests must not wait one after the other.
    async fn connection(&self, address: &Address) -> RedisResult<(u64, MultiplexedConnection)> {
        if let Some(known) = self.current().clone() {
            return Ok(known);
        }
        let before = self.attempts.load(Ordering::Acquire);
        let _opening = self.opening.lock().await;
        if let Some(known) = self.current().clone() {
            return Ok(known);
        }
        if self.attempts.load(Ordering::Acquire) != before
            && let Some(failure) = locked(&self.failure).clone()
        {
            return Err(failure);
        }
        let opened = open(address).await;
        let number = self.attempts.fetch_add(1, Ordering::AcqRel);
        *locked(&self.failure) = opened.as_ref().err().cloned();
        let opened = (number, opened?);
        *self.current() = Some(opened.clone());
        Ok(opened)
    }

    /// The next caller opens another connection, unless somebody has already.
    fn forget(&self, number: u64) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|(known, _)| *known == number) {
            *current = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<(u64, MultiplexedConnection)>> {
        locked(&self.current)
    }
}

/// A panic can't leave half of a value behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn open(address: &Address) -> RedisResult<MultiplexedConnection> {
    let server = address.servers[0].clone();
    let client = match &address.certificates {
        None => Client::open(server)?,
        Some(certificates) => Client::build_with_tls(server, certificates.clone())?,
    };
    let limits = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(REPLY));
    client.get_multiplexed_async_connection_with_config(&limits).await
}

impl std::fmt::Debug for SharedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedLink")
    }
}
