//! What is Redis's own: layout, round trips, expiry, ways in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::LargeBinaryArray;
use skewless_store::definitions::Settings;
use skewless_store::online::{KeyedRow, OnlineStore, ReadRequest, encode_keys};
use skewless_store::{ErrorKind, Result, open_online_store};

use crate::online_store::packed;
use crate::redis_server::{RedisServer, certificates, cli};
use crate::support::{int64s, strings};

/// The store of the project `test` at an address, with other settings beside.
pub(crate) fn open(connection_string: &str, other: serde_json::Value) -> Arc<dyn OnlineStore> {
    let mut online_store = serde_json::json!({"type": "redis", "connection_string": connection_string});
    online_store.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    let settings = serde_json::json!({"project": "test", "online_store": online_store});
    open_online_store(".".as_ref(), &serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
}

pub(crate) fn store_at(server: &RedisServer) -> Arc<dyn OnlineStore> {
    open(&server.address(), serde_json::json!({}))
}

pub(crate) fn write(store: &dyn OnlineStore, view: &str, keys: &[&str], kept_for_ms: Option<u64>) -> Result<u64> {
    let row = packed(1, None, 7);
    let rows: Vec<_> = keys.iter().map(|key| KeyedRow { key: key.as_bytes(), row: &row }).collect();
    Ok(store.write(view, &rows, kept_for_ms.map(Duration::from_millis))?.written)
}

/// How many of the keys have a row.
pub(crate) fn found(store: &dyn OnlineStore, view: &str, keys: &[&str]) -> Result<usize> {
    let keys = LargeBinaryArray::from_iter_values(keys.iter().map(|key| key.as_bytes()));
    let mut found = 0;
    let mut count = |_: usize, row: Option<&[u8]>| {
        found += usize::from(row.is_some());
        Ok(())
    };
    store.read(&[ReadRequest { feature_view: view, keys: &keys }], &mut count)?;
    Ok(found)
}

#[test]
fn an_entity_is_one_hash_with_a_field_for_each_view() {
    let server = RedisServer::start();
    let store = store_at(&server);
    let keys = encode_keys(&[("user_id", int64s(&[1])), ("shop", strings(&["north"]))]).unwrap();
    let row = packed(1, None, 7);
    for view in ["visits", "orders"] {
        store.write(view, &[KeyedRow { key: keys.value(0), row: &row }], None).unwrap();
    }
    // Stored values are found by these bytes: changing them loses every row.
    insta::assert_snapshot!(server.cli(&["--no-raw", "keys", "*"]), @r#"1) "test:{\x04shop\x01\x00\x00\x00\x05north\auser_id\x04\x00\x00\x00\x00\x00\x00\x00\x01}""#);
    let key = server.cli(&["eval", "return redis.call('keys', '*')[1]", "0"]);
    assert!(key.starts_with("test:{"), "{key:?}");
    let fields = server.cli(&["eval", "return redis.call('hkeys', redis.call('keys', '*')[1])", "0"]);
    assert_eq!(fields, "visits\norders");
    let length = server.cli(&["eval", "return redis.call('hstrlen', redis.call('keys', '*')[1], 'visits')", "0"]);
    assert_eq!(length, row.len().to_string());
}

#[test]
fn a_request_is_one_round_trip_with_one_command_for_each_entity() {
    let server = RedisServer::start();
    let store = store_at(&server);
    let keys: Vec<String> = (0..100).map(|key| format!("N{key}")).collect();
    let texts: Vec<&str> = keys.iter().map(String::as_str).collect();
    for view in ["planes", "weather", "delays"] {
        assert_eq!(write(&*store, view, &texts, None).unwrap(), 100);
    }
    assert_eq!(found(&*store, "planes", &texts).unwrap(), 100);
    let stat = |section: &str, name: &str| -> u64 {
        let info = server.cli(&["info", section]);
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |rest| rest.split([',', '\r']).next().unwrap().parse().unwrap())
    };
    let array = LargeBinaryArray::from_iter_values(&keys);
    let requests = ["planes", "weather", "delays"].map(|feature_view| ReadRequest { feature_view, keys: &array });
    server.cli(&["config", "resetstat"]);
    let mut rows = 0;
    let mut count = |_: usize, row: Option<&[u8]>| {
        rows += usize::from(row.is_some());
        Ok(())
    };
    store.read(&requests, &mut count).unwrap();
    assert_eq!(rows, 300);
    // What the server has read from its connections: the request, and the two questions about it.
    let (reads, calls) = (stat("stats", "total_reads_processed:"), stat("commandstats", "cmdstat_hmget:calls="));
    assert_eq!(calls, 100);
    assert!(reads <= 4, "{reads} reads");
}

/// How long the server keeps the only key, in ms; -1: for ever.
fn pttl(server: &RedisServer) -> i64 {
    server.cli(&["eval", "return redis.call('pttl', redis.call('keys', '*')[1])", "0"]).parse().unwrap()
}

#[test]
fn an_entity_nobody_writes_any_more_leaves_when_its_rows_are_dead() {
    let server = RedisServer::start();
    let store = open(&server.address(), serde_json::json!({"key_ttl_margin": "150ms"}));
    write(&*store, "planes", &["N1"], Some(100)).unwrap();
    assert!((1..=250).contains(&pttl(&server)));
    let start = Instant::now();
    while found(&*store, "planes", &["N1"]).unwrap() > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not expire");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(server.cli(&["dbsize"]), "0");
}

#[test]
fn the_time_to_live_of_an_entity_grows_and_never_shrinks() {
    let server = RedisServer::start();
    let store = open(&server.address(), serde_json::json!({"key_ttl_margin": "1s"}));
    let hour = 3_600_000;
    write(&*store, "planes", &["N1"], Some(hour)).unwrap();
    let long = pttl(&server);
    assert!((hour as i64..=hour as i64 + 1_000).contains(&long), "{long}");
    // Another view, whose rows die sooner, and the same row once more.
    write(&*store, "delays", &["N1"], Some(60_000)).unwrap();
    assert!(pttl(&server) > 60_000 + 1_000);
    write(&*store, "planes", &["N1"], Some(2 * hour)).unwrap();
    assert!(pttl(&server) > hour as i64 + 1_000);
    // A view whose rows live for ever.
    write(&*store, "weather", &["N1"], None).unwrap();
    assert_eq!(pttl(&server), -1);
    write(&*store, "planes", &["N1"], Some(hour)).unwrap();
    assert!(pttl(&server) > 0);
}

#[test]
fn a_server_behind_tls_is_trusted_by_the_authority_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key, authority) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let server = RedisServer::behind_tls(&[
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority,
        "--tls-auth-clients",
        "no",
    ]);
    let address = server.address();
    for connection_string in [
        format!("rediss://{address},ssl_ca_certs={authority}"),
        format!("{address},ssl=true,ssl_ca_certs={authority}"),
        format!("localhost:{},ssl=true,ssl_ca_certs={authority}", server.port()),
    ] {
        let store = open(&connection_string, serde_json::json!({}));
        assert_eq!(write(&*store, "planes", &["N1", "N2"], None).unwrap(), 2);
        assert_eq!(found(&*store, "planes", &["N1", "N2", "N3"]).unwrap(), 2);
    }
    let untrusted = open(&format!("rediss://{address}"), serde_json::json!({}));
    let error = found(&*untrusted, "planes", &["N1"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let message = error.to_string().replace(&address, "HOST:PORT");
    insta::assert_snapshot!(message, @"online store rediss://HOST:PORT/0 can't be trusted: name the authority that signed its certificate with `ssl_ca_certs` in `connection_string`: invalid peer certificate: UnknownIssuer");
}

#[test]
fn a_user_of_an_access_list_gets_in_with_what_it_may_do() {
    let server = RedisServer::with(&["--requirepass", "admin"]);
    let admin = |arguments: &[&str]| server.cli(&[&["-a", "admin", "--no-auth-warning"], arguments].concat());
    let commands = "+hset +hget +hmget +hdel +hlen +hkeys +del +scan +evalsha +script +pexpire +pttl +persist";
    let mut rule = vec!["acl", "setuser", "feature_store", "on", ">p,=@ss", "~test:*"];
    rule.extend(commands.split(' '));
    assert_eq!(admin(&rule), "OK");
    let store = open(&format!("redis://feature_store:p%2C%3D%40ss@{}", server.address()), serde_json::json!({}));
    assert_eq!(write(&*store, "planes", &["N1"], Some(60_000)).unwrap(), 1);
    assert_eq!(found(&*store, "planes", &["N1"]).unwrap(), 1);
    assert_eq!(store.counts().unwrap().len(), 1);
    assert_eq!((store.delete_view("planes").unwrap(), store.delete_entity(b"N1").unwrap()), (1, 0));
    // It may not ask which server it is, and is served all the same.
    assert_eq!(store.incarnation().unwrap(), "");
}

#[test]
fn the_incarnation_changes_when_the_server_is_started_anew() {
    let mut server = RedisServer::start();
    let store = store_at(&server);
    let first = store.incarnation().unwrap();
    assert_eq!(store.incarnation().unwrap(), first);
    server.kill();
    server.run();
    assert_ne!(store.incarnation().unwrap(), first);
}

#[test]
fn keys_of_others_in_the_database_are_left_alone() {
    let server = RedisServer::start();
    server.cli(&["set", "test", "1"]);
    server.cli(&["set", "other:{N1}", "1"]);
    server.cli(&["hset", "tests:{N1}", "planes", "1"]);
    let store = store_at(&server);
    write(&*store, "planes", &["N1"], None).unwrap();
    assert_eq!(store.counts().unwrap().into_iter().collect::<Vec<_>>(), [("planes".to_owned(), 1)]);
    assert_eq!(store.delete_view("planes").unwrap(), 1);
    assert_eq!(cli(server.port(), &["dbsize"]), "3");
}
