//! The online store in Redis, or in anything that speaks its protocol and knows its oldest commands, such as Valkey.
//!
//! An entity is one hash, under the key `project:{…}` with the [entity key](super::encode_keys) between the braces, and
//! each feature view a field of it, named as the view, with the [packed row](super::row) as its value. So one command
//! reads all views of an entity, and in a cluster whatever is kept of an entity lies on one node. A request is
//! one round trip.
//!
//! Whether a row is newer than the stored one is decided by a script on the server, for a few rows at a time, so that no
//! writer can come between. A write that was cut off is simply sent again.
//!
//! A hash can be given a time to live: when no row of it can be live any more, plus a margin, the server deletes it. It
//! is lengthened by later writes and never shortened, and taken away where a view keeps its rows for ever.
//!
//! Used: HSET, HGET, HMGET, HDEL, HLEN, HKEYS, DEL, SCAN, EVALSHA, SCRIPT LOAD, PEXPIRE, PTTL, PERSIST, and
//! INFO where it is allowed.

mod address;
mod connect;
mod failure;
mod line;
mod link;
mod lookup;
mod outage;
mod pool;
mod reply;
mod shared;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use futures::future::BoxFuture;
use redis::{Cmd, ErrorKind, RedisResult, Script, ServerErrorKind, Value, cmd};

use self::failure::describe_key;
use self::link::{Link, Node, unexpected};
use self::lookup::Lookup;
use self::outage::Outage;
use self::pool::{Patience, Pool};
use self::reply::Replies;
use self::shared::SharedLinks;
use super::newest::{TimedRow, newest_of_each_entity};
use super::row::RowDamage;
use super::{KeyedRow, OnlineStore, ReadRequest, Visit, WriteSizes, WriteSummary};
use crate::definitions::{RedisType, Ttl};
use crate::{Error, Result};

pub(in crate::online) use address::Address;
pub(crate) use address::check_connection_string;

/// Rows in one call of the script, during which the server does nothing else.
const ROWS_A_CALL: usize = 128;

/// Keys that one step of a scan looks at.
const KEYS_A_STEP: usize = 1_000;

/// The script, and the name by which a server knows it.
const SET_IF_NEWER: &str = include_str!("set_if_newer.lua");
static SET_IF_NEWER_HASH: LazyLock<String> = LazyLock::new(|| Script::new(SET_IF_NEWER).get_hash().to_owned());

/// The online store of one project, in Redis.
#[derive(Debug)]
pub(in crate::online) struct RedisStore {
    /// what all keys of the project begin with
    prefix: Vec<u8>,
    margin: Ttl,
    pool: Pool,
    shared: SharedLinks,
    outage: Outage,
}

impl RedisStore {
    /// The store of `project` at `address`. Nothing is asked of the server yet.
    ///
    /// A hash that is to be kept for a while is kept for `margin` longer.
    pub(in crate::online) fn new(address: Address, project: &str, margin: Ttl) -> Self {
        Self {
            prefix: format!("{project}:{{").into_bytes(),
            margin,
            pool: Pool::new(address),
            shared: SharedLinks::default(),
            outage: Outage::default(),
        }
    }

    /// The hash of an entity.
    fn key(&self, entity: &[u8]) -> Vec<u8> {
        [&self.prefix, entity, b"}"].concat()
    }

    /// The calls of the script that store `rows`.
    fn calls(&self, feature_view: &str, rows: &[TimedRow<'_>], kept_for: Option<Duration>) -> Vec<Cmd> {
        let margin = Duration::from_micros(self.margin.as_micros().unsigned_abs());
        let kept_for_ms = kept_for.map_or(0, |kept_for| kept_for.saturating_add(margin).as_millis().max(1));
        // What is longer than the server can count is for ever.
        let kept_for_ms = u64::try_from(kept_for_ms).ok().filter(|ms| *ms < 1 << 50).unwrap_or(0);
        let call = |rows: &[TimedRow<'_>]| {
            let mut call = cmd("EVALSHA");
            call.arg(&*SET_IF_NEWER_HASH).arg(rows.len());
            for (row, _) in rows {
                call.arg(self.key(row.key));
            }
            call.arg(feature_view).arg(kept_for_ms);
            for (row, _) in rows {
                call.arg(row.row);
            }
            call
        };
        rows.chunks(self.rows_a_call()).map(call).collect()
    }

    /// A call is about the keys of one node: in a cluster about one key.
    fn rows_a_call(&self) -> usize {
        match self.pool.address.redis_type {
            RedisType::Redis => ROWS_A_CALL,
            RedisType::RedisCluster => 1,
        }
    }

    /// How many rows a call stored.
    fn written(&self, feature_view: &str, rows: &[TimedRow<'_>], reply: &Value) -> Result<u64> {
        let (position, reason): (usize, String) = match reply {
            Value::Int(written) => return Ok(written.unsigned_abs()),
            reply => redis::from_redis_value_ref(reply)
                .map_err(|_| failure::describe(&self.pool.address, unexpected(reply)))?,
        };
        let format = reason.strip_prefix("FORMAT ").and_then(|format| format.parse().ok());
        if let Some(format) = format {
            return Err(RowDamage::Format(format).describe(feature_view, "a stored row"));
        }
        let key = rows.get(position.saturating_sub(1)).map_or_else(Vec::new, |(row, _)| self.key(row.key));
        Err(describe_key(&self.pool.address, &key, &reason))
    }

    /// Calls `each` with some of the project's keys at a time; where the store is changed meanwhile, the same key may
    /// come twice.
    fn scan(&self, mut each: impl FnMut(Vec<Vec<u8>>) -> Result<()>) -> Result<()> {
        let pattern = [&self.prefix[..], b"*"].concat();
        for node in self.pool.run(Patience::Read, Link::nodes)? {
            let mut cursor = 0;
            loop {
                let mut step = cmd("SCAN");
                step.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(KEYS_A_STEP);
                let (next, keys) = self.pool.run(Patience::Write, |link| scan_step(link, &node, &step))?;
                if !keys.is_empty() {
                    each(keys)?;
                }
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The sum of the numbers that `command` replies for each of `keys`.
    fn sum(&self, keys: &[Vec<u8>], command: impl Fn(&Vec<u8>) -> Cmd) -> Result<u64> {
        let commands: Vec<Cmd> = keys.iter().map(command).collect();
        let replies = self.pool.run(Patience::Write, |link| link.send(&commands))?;
        let mut sum = 0;
        for (key, reply) in keys.iter().zip(&replies) {
            sum += self.number(key, reply)?;
        }
        Ok(sum)
    }

    /// Hands over the rows in the `replies` to the commands of `lookup`.
    fn visit(&self, lookup: &Lookup<'_>, replies: Vec<Value>, visit: &mut Visit<'_>) -> Result<()> {
        let mut values = Vec::new();
        for ((entity, count), reply) in lookup.entities().zip(replies) {
            match reply {
                Value::Array(found) if found.len() == count => values.extend(found),
                other => return Err(self.no_use(&self.key(entity), &other)),
            }
        }
        let row = |number: usize| match &values[number] {
            Value::BulkString(row) => Some(row.as_slice()),
            _ => None,
        };
        lookup.visit(row, visit)
    }

    fn number(&self, key: &[u8], reply: &Value) -> Result<u64> {
        match reply {
            Value::Int(number) => Ok(number.unsigned_abs()),
            other => Err(self.no_use(key, other)),
        }
    }

    /// A reply about `key` that is not what it must be.
    fn no_use(&self, key: &[u8], reply: &Value) -> Error {
        match reply {
            Value::ServerError(error) => describe_key(&self.pool.address, key, &error.to_string()),
            other => failure::describe(&self.pool.address, unexpected(other)),
        }
    }
}

fn scan_step(link: &mut Link, node: &Node, step: &Cmd) -> RedisResult<(u64, Vec<Vec<u8>>)> {
    Ok(redis::from_redis_value(link.send_to(node, step)?)?)
}

fn run_id(link: &mut Link, node: &Node) -> RedisResult<String> {
    let info = match link.send_to(node, cmd("INFO").arg("server")) {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => return Ok(String::new()),
        info => redis::from_redis_value::<String>(info?)?,
    };
    let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    Ok(run_id.unwrap_or_default().to_owned())
}

impl OnlineStore for RedisStore {
    /// Rows are stored a few at a time: where the server fails in between, those before are stored.
    fn write(&self, feature_view: &str, rows: &[KeyedRow<'_>], kept_for: Option<Duration>) -> Result<WriteSummary> {
        let newest = newest_of_each_entity(rows)?;
        if newest.is_empty() {
            return Ok(WriteSummary::default());
        }
        let calls = self.calls(feature_view, &newest, kept_for);
        let replies = self.pool.run(Patience::Write, |link| link.send(&calls))?;
        self.outage.is_over();
        let mut written = 0;
        for (rows, reply) in newest.chunks(self.rows_a_call()).zip(&replies) {
            written += self.written(feature_view, rows, reply)?;
        }
        Ok(WriteSummary { written, skipped_older: rows.len() as u64 - written })
    }

    fn read(&self, requests: &[ReadRequest<'_>], visit: &mut Visit<'_>) -> Result<()> {
        let lookup = Lookup::new(requests);
        let commands = lookup.commands(&self.prefix);
        let replies = match commands.as_slice() {
            [] => Vec::new(),
            commands => self.outage.guard(|| self.pool.run(Patience::Read, |link| link.send(commands)))?,
        };
        self.visit(&lookup, replies, visit)
    }

    fn read_without_blocking<'a>(
        &'a self,
        requests: &'a [ReadRequest<'a>],
        visit: &'a mut Visit<'a>,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        if self.pool.address.redis_type == RedisType::RedisCluster {
            return None;
        }
        Some(Box::pin(async move {
            let lookup = Lookup::new(requests);
            if lookup.len() == 0 {
                return lookup.visit(|_| None, visit);
            }
            let reading = self.shared.read(&self.pool.address, &lookup, &self.prefix);
            match self.outage.guard_async(reading).await? {
                Replies::Values(values) => lookup.visit(|number| values.get(number), visit),
                Replies::Odd(command, reply) => {
                    let entity = lookup.entities().nth(command).map(|(key, _)| self.key(key));
                    Err(self.no_use(&entity.unwrap_or_default(), &reply))
                }
            }
        }))
    }

    fn counts(&self) -> Result<BTreeMap<String, u64>> {
        let mut counts = BTreeMap::new();
        self.scan(|keys| {
            let commands: Vec<Cmd> = keys.iter().map(|key| cmd("HKEYS").arg(key).take()).collect();
            let replies = self.pool.run(Patience::Read, |link| link.send(&commands))?;
            for (key, reply) in keys.iter().zip(replies) {
                let Value::Array(views) = reply else { return Err(self.no_use(key, &reply)) };
                let views = views.iter().filter_map(|view| redis::from_redis_value_ref::<String>(view).ok());
                views.for_each(|view| *counts.entry(view).or_default() += 1);
            }
            Ok(())
        })?;
        Ok(counts)
    }

    /// Goes through all keys of the database, whoever they belong to.
    fn delete_view(&self, feature_view: &str) -> Result<u64> {
        let mut deleted = 0;
        self.scan(|keys| {
            deleted += self.sum(&keys, |key| cmd("HDEL").arg(key).arg(feature_view).take())?;
            Ok(())
        })?;
        Ok(deleted)
    }

    fn delete_entity(&self, key: &[u8]) -> Result<u64> {
        let key = self.key(key);
        let commands = [cmd("HLEN").arg(&key).take(), cmd("DEL").arg(&key).take()];
        let replies = self.pool.run(Patience::Write, |link| link.send(&commands))?;
        let (rows, deleted) = (self.number(&key, &replies[0])?, self.number(&key, &replies[1])?);
        Ok(if deleted == 0 { 0 } else { rows })
    }

    /// Every server has a name of its own for each time it runs. Where this user may not ask for it, nobody will know.
    fn incarnation(&self) -> Result<String> {
        let names = self.pool.run(Patience::Write, |link| {
            let nodes = link.nodes()?;
            nodes.iter().map(|node| run_id(link, node)).collect::<RedisResult<Vec<_>>>()
        });
        names.map(|mut names| {
            names.sort_unstable();
            names.join(" ")
        })
    }

    /// Two writes at once: while one waits for its replies, the other keeps the server busy.
    fn write_sizes(&self) -> WriteSizes {
        WriteSizes { rows: 8_192, writes: 2 }
    }
}
