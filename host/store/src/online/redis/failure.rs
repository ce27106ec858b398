//! What the failures of a server mean, and what would mend them.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::address::Address;
use crate::Error;
use crate::definitions::RedisType;

/// Whether it may be otherwise in a moment.
pub(super) fn is_passing(error: &RedisError, redis_type: RedisType) -> bool {
    match error.kind() {
        ErrorKind::Io => !is_about_certificates(error),
        ErrorKind::ClusterConnectionNotFound
        | ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown,
        ) => true,
        // Slots have moved, or a replica is about to take over.
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::ReadOnly) => {
            redis_type == RedisType::RedisCluster
        }
        _ => false,
    }
}

fn is_about_certificates(error: &RedisError) -> bool {
    let text = error.to_string();
    text.contains("certificate") || text.contains("InvalidContentType")
}

/// What went wrong, and what to do about it.
pub(super) fn describe(address: &Address, error: RedisError) -> Error {
    let store = format!("online store {}", address.shown);
    let text = error.to_string();
    let says = |part: &str| text.contains(part);
    match error.kind() {
        ErrorKind::AuthenticationFailed => Error::unavailable(format!(
            "{store} refuses the user name or the password: mend `connection_string` in skewless.yaml"
        )),
        _ if says("NOAUTH") || says("WRONGPASS") => Error::unavailable(format!(
            "{store} asks for another user name or password: mend `connection_string` in skewless.yaml"
        )),
        ErrorKind::Server(ServerErrorKind::NoPerm) => Error::unavailable(format!(
            "{store} does not allow this user all that is needed: allow it hset, hget, hmget, hdel, hlen, hkeys, del, scan, \
             evalsha, script, pexpire, pttl and persist on the keys of the project"
        ))
        .because(error),
        ErrorKind::Server(ServerErrorKind::ReadOnly) => Error::unavailable(format!(
            "{store} is a replica, which can only be read: name the primary in `connection_string`"
        )),
        _ if says("OOM") => Error::unavailable(format!(
            "no space left for {store}: it has reached its `maxmemory`, and some rows of this batch may not be written: \
             give it more memory, and run again"
        )),
        _ if says("refused to switch database") => Error::unavailable(format!(
            "{store} has no such database: name another in `connection_string`, or raise the server's `databases`"
        )),
        ErrorKind::Server(
            ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot | ServerErrorKind::ClusterDown,
        ) if address.redis_type == RedisType::Redis =>
        {
            Error::unavailable(format!("{store} is a node of a cluster: say `redis_type: redis_cluster`"))
        }
        _ if says("WRONGTYPE") => Error::corrupt(format!(
            "{store} has a key of this project that is not a hash: something else writes to the keys of this project; \
             delete the key, or give the project a server of its own"
        )),
        _ if says("cluster support disabled") || says("Missing slot coverage") => Error::unavailable(format!(
            "{store} is not a cluster whose nodes share all keys: mend the cluster, or leave out `redis_type: redis_cluster`"
        )),
        _ if error.kind() == ErrorKind::Parse || says("Parse error") => Error::unavailable(format!(
            "{store} does not speak Redis's protocol: is it something else, or behind TLS (`rediss://`)?"
        )),
        ErrorKind::Server(ServerErrorKind::BusyLoading) => {
            Error::unavailable(format!("{store} is starting and still loads its data: try again in a while"))
        }
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound if is_about_certificates(&error) => {
            Error::unavailable(format!(
                "{store} can't be trusted: name the authority that signed its certificate with `ssl_ca_certs` in \
                 `connection_string`"
            ))
            .because(error)
        }
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => {
            Error::unavailable(format!("{store} does not answer")).because(error)
        }
        _ => Error::unavailable(format!("{store} fails")).because(error),
    }
}

/// A key of the project that holds something else, or what a newer version wrote.
pub(super) fn describe_key(address: &Address, key: &[u8], reason: &str) -> Error {
    let (store, key) = (&address.shown, key.escape_ascii());
    if reason.contains("WRONGTYPE") {
        return Error::corrupt(format!(
            "key `{key}` in online store {store} is not a hash: something else writes to the keys of this project; \
             delete the key, or give the project a database of its own"
        ));
    }
    Error::corrupt(format!("key `{key}` in online store {store}: {reason}"))
}
