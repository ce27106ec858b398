//! Connections that requests share: the commands of many are on their way at once, and nobody holds a thread meanwhile.
//!
//! A blocking connection costs a request two changes of threads and a system call each way; here a [`Line`] writes and reads
//! for all who wait. To servers only: what is kept in a cluster is read the blocking way.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::RedisResult;

use super::address::Address;
use super::connect::connect;
use super::failure::{describe, is_passing};
use super::line::Line;
use super::link::{CONNECT, REPLY};
use super::lookup::Lookup;
use super::pool::Patience;
use super::reply::Replies;
use crate::Result;

/// Connections that share the work: one for what is little, so that as much of it as can be goes together, and some for what is much, so
/// that what is little need not wait for it. Of these the one is taken that has the least to do: a server is slower where it has to
/// hold many long replies for one connection.
const LINKS: usize = 9;

/// Entities of which to read is little.
const FEW_ENTITIES: usize = 16;

/// Some connections to one server, opened when they are needed.
#[derive(Debug, Default)]
pub(super) struct SharedLinks {
    links: [SharedLink; LINKS],
}

#[derive(Default)]
struct SharedLink {
    /// the connection, and its number
    current: Mutex<Option<(u64, Arc<Line>)>>,
    /// held by whoever opens one
    opening: tokio::sync::Mutex<()>,
    /// how often one was opened, or not
    attempts: AtomicU64,
    /// why the last attempt failed
    failure: Mutex<Option<redis::RedisError>>,
    /// how many wait for it
    waiting: AtomicUsize,
}

/// Somebody waits until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SharedLinks {
    /// What is stored of the entities of `lookup`, in one round trip; `prefix` is what their keys begin with. Asked again, upon a
    /// new connection, where that fails in a way that may pass.
    ///
    /// # Errors
    /// The last failure, in words.
    pub(super) async fn read(&self, address: &Address, lookup: &Lookup<'_>, prefix: &[u8]) -> Result<Replies> {
        let commands = lookup.packed(prefix);
        let mut waits = Patience::Read.waits_ms().iter();
        loop {
            let error = match self.link(lookup).read(address, &commands, lookup).await {
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

    fn link(&self, lookup: &Lookup<'_>) -> &SharedLink {
        let (few, many) = self.links.split_at(1);
        let least_to_do = || many.iter().min_by_key(|link| link.waiting.load(Ordering::Relaxed));
        if lookup.len() <= FEW_ENTITIES { &few[0] } else { least_to_do().unwrap_or(&few[0]) }
    }
}

impl SharedLink {
    async fn read(&self, address: &Address, commands: &[u8], lookup: &Lookup<'_>) -> RedisResult<Replies> {
        let _waiting = Waiting::new(&self.waiting);
        let (number, line) = self.line(address).await?;
        let replies = line.ask(commands, lookup.len(), Instant::now() + REPLY).await;
        if replies.is_err() {
            self.forget(number);
        }
        Replies::read(replies?, lookup.entities().map(|(_, count)| count))
    }

    /// The connection, opened if there is none. Who waits while somebody else opens it fails with that attempt: when a server is
    /// gone, requests must not wait one after the other.
    async fn line(&self, address: &Address) -> RedisResult<(u64, Arc<Line>)> {
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

    fn current(&self) -> MutexGuard<'_, Option<(u64, Arc<Line>)>> {
        locked(&self.current)
    }
}

/// A panic can't leave half of a value behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn open(address: &Address) -> RedisResult<Arc<Line>> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection within a second");
    let stream = tokio::time::timeout(CONNECT, connect(address)).await.map_err(late)??;
    Ok(Arc::new(Line::new(stream, REPLY)))
}

impl std::fmt::Debug for SharedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedLink")
    }
}
