//! One connection: to a server, or to all nodes of a cluster.

use std::time::Duration;

use redis::cluster::{ClusterClientBuilder, ClusterConnection, cluster_pipe};
use redis::cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo, SingleNodeRoutingInfo};
use redis::{Client, Cmd, Connection, RedisError, RedisResult, Value};

use super::address::Address;
use crate::definitions::RedisType;

/// How long to wait for a server to accept a connection, and for a reply.
pub(super) const CONNECT: Duration = Duration::from_secs(1);
pub(super) const REPLY: Duration = Duration::from_secs(3);

/// Bytes of commands sent before replies are waited for; twice as many are under way at most.
const WINDOW_BYTES: usize = 256 << 10;

/// The same for a cluster, in commands.
const WINDOW_COMMANDS: usize = 1_024;

/// A connection.
pub(super) enum Link {
    Server(Box<Connection>),
    Cluster(Box<ClusterConnection>),
}

/// A server, or one node of a cluster: host and port.
pub(super) type Node = Option<(String, u16)>;

impl Link {
    pub(super) fn open(address: &Address) -> RedisResult<Self> {
        match address.redis_type {
            RedisType::Redis => {
                let server = address.servers[0].clone();
                let client = match &address.certificates {
                    None => Client::open(server)?,
                    Some(certificates) => Client::build_with_tls(server, certificates.clone())?,
                };
                let connection = client.get_connection_with_timeout(CONNECT)?;
                connection.set_read_timeout(Some(REPLY))?;
                connection.set_write_timeout(Some(REPLY))?;
                Ok(Self::Server(Box::new(connection)))
            }
            RedisType::RedisCluster => {
                // Whoever uses the connection tries again, upon a new one, which has learnt where the keys are now.
                let client = ClusterClientBuilder::new(address.servers.iter().cloned())
                    .retries(0)
                    .connection_timeout(CONNECT)
                    .response_timeout(REPLY);
                let client = match &address.certificates {
                    None => client,
                    Some(certificates) => client.certs(certificates.clone()),
                };
                let connection = client.build()?.get_connection()?;
                connection.set_write_timeout(Some(REPLY))?;
                Ok(Self::Cluster(Box::new(connection)))
            }
        }
    }

    /// The replies to `commands`, in order; a few commands take one round trip to each server. Sends more before the
    /// replies are there, but never more than a bounded amount.
    ///
    /// # Errors
    /// The first error of the connection or in a reply. (That a key is of the wrong type stays a reply where it comes from
    /// one server.) Some commands may have been executed. The connection is of no use after it.
    pub(super) fn send(&mut self, commands: &[Cmd]) -> RedisResult<Vec<Value>> {
        match self {
            Self::Server(connection) => exchange(connection, commands),
            Self::Cluster(connection) => {
                let mut replies = Vec::with_capacity(commands.len());
                for some in commands.chunks(WINDOW_COMMANDS) {
                    let mut pipeline = cluster_pipe();
                    for command in some {
                        pipeline.add_command(command.clone());
                    }
                    replies.extend(pipeline.query::<Vec<Value>>(connection)?);
                }
                Ok(replies)
            }
        }
    }

    /// Has every server that can be written to carry out `command`.
    pub(super) fn send_to_all(&mut self, command: &Cmd) -> RedisResult<()> {
        match self {
            Self::Server(connection) => command.exec(&mut **connection),
            Self::Cluster(connection) => {
                let all = (MultipleNodeRoutingInfo::AllMasters, Some(ResponsePolicy::AllSucceeded));
                connection.route_command(command, RoutingInfo::MultiNode(all)).map(drop)
            }
        }
    }

    /// The servers that together hold all keys.
    pub(super) fn nodes(&mut self) -> RedisResult<Vec<Node>> {
        let Self::Cluster(connection) = self else { return Ok(vec![None]) };
        let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let replies = connection.route_command(&redis::cmd("PING"), all)?;
        let Value::Map(replies) = replies else { return Err(unexpected(&replies)) };
        let address = |reply: &(Value, Value)| {
            let text: String = redis::from_redis_value_ref(&reply.0)?;
            let (host, port) = text.rsplit_once(':').ok_or_else(|| unexpected(&reply.0))?;
            Ok(Some((host.to_owned(), port.parse().map_err(|_| unexpected(&reply.0))?)))
        };
        replies.iter().map(address).collect()
    }

    /// Has `node` carry out `command`.
    pub(super) fn send_to(&mut self, node: &Node, command: &Cmd) -> RedisResult<Value> {
        match (self, node) {
            (Self::Cluster(connection), Some((host, port))) => {
                let node = SingleNodeRoutingInfo::ByAddress { host: host.clone(), port: *port };
                connection.route_command(command, RoutingInfo::SingleNode(node))
            }
            (Self::Cluster(connection), None) => command.query(&mut **connection),
            (Self::Server(connection), _) => command.query(&mut **connection),
        }
    }
}

/// Sends the commands window by window. The replies to one are read when the next is on its way, so that the server
/// always has something to do.
fn exchange(connection: &mut Connection, commands: &[Cmd]) -> RedisResult<Vec<Value>> {
    let mut replies = Vec::with_capacity(commands.len());
    let (mut window, mut sent, mut waiting) = (Vec::new(), 0, 0);
    for (index, command) in commands.iter().enumerate() {
        command.write_packed_command(&mut window);
        if window.len() < WINDOW_BYTES && index + 1 < commands.len() {
            continue;
        }
        connection.send_packed_command(&window)?;
        window.clear();
        receive(connection, waiting, &mut replies)?;
        waiting = index + 1 - sent;
        sent = index + 1;
    }
    receive(connection, waiting, &mut replies)?;
    Ok(replies)
}

fn receive(connection: &mut Connection, count: usize, replies: &mut Vec<Value>) -> RedisResult<()> {
    for _ in 0..count {
        replies.push(usable(connection.recv_response()?)?);
    }
    Ok(())
}

/// The reply, unless it says that the command was not carried out. That a key is of the wrong type is about that key
/// alone, and stays a reply.
pub(super) fn usable(reply: Value) -> RedisResult<Value> {
    match reply {
        Value::ServerError(error) if error.code() == "WRONGTYPE" => Ok(Value::ServerError(error)),
        reply => reply.extract_error(),
    }
}

/// A reply that no server should give.
pub(super) fn unexpected(reply: &Value) -> RedisError {
    RedisError::from((
        redis::ErrorKind::UnexpectedReturnType,
        "the server gave a reply of another kind",
        format!("{reply:?}"),
    ))
}
