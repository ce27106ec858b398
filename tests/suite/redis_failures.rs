//! Redis that is away, full, closed, or somebody else's: one clear error each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skewless_store::ErrorKind;
use skewless_store::online::OnlineStore;

use crate::redis::{found, open, store_at, write};
use crate::redis_server::{RedisCluster, RedisServer, free_port};

/// The message of what must fail, with the port left out.
fn refused<T: std::fmt::Debug>(result: skewless_store::Result<T>, kind: ErrorKind, port: u16) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string().replace(&port.to_string(), "PORT")
}

fn away<T: std::fmt::Debug>(result: skewless_store::Result<T>, port: u16) -> String {
    refused(result, ErrorKind::Unavailable, port)
}

fn read(store: &dyn OnlineStore) -> skewless_store::Result<usize> {
    found(store, "planes", &["N1", "N2"])
}

fn put(store: &dyn OnlineStore) -> skewless_store::Result<u64> {
    write(store, "planes", &["N1", "N2"], None)
}

#[test]
fn a_server_that_is_not_there_is_named_after_a_few_tries() {
    let port = free_port();
    let store = open(&format!("redis://user:secret@127.0.0.1:{port}/0"), serde_json::json!({}));
    insta::assert_snapshot!(away(read(&*store), port), @"online store redis://127.0.0.1:PORT/0 does not answer: Connection refused (os error 111)");
}

#[test]
fn a_server_that_comes_back_is_used_again_and_no_write_is_lost() {
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = store_at(&server);
    assert_eq!(put(&*store).unwrap(), 2);
    server.kill();
    let port = server.port();
    assert!(away(read(&*store), port).contains("does not answer"));
    std::thread::scope(|scope| {
        // The write begins while nobody answers.
        let writing = scope.spawn(|| write(&*store, "planes", &["N1", "N2", "N3"], None));
        std::thread::sleep(Duration::from_millis(300));
        server.run();
        assert_eq!(writing.join().unwrap().unwrap(), 3);
    });
    assert_eq!(found(&*store, "planes", &["N1", "N2", "N3"]).unwrap(), 3);
}

#[test]
fn readers_and_a_writer_live_through_restarts_with_no_write_reported_that_is_lost() {
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (store, stop) = (store_at(&server), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = Vec::new();
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let key = format!("N{number}");
                if write(&*store, "planes", &[&key], None).is_ok() {
                    written.push(key);
                }
            }
            written
        });
        let reader = scope.spawn(|| {
            let mut answers = 0;
            while !stop.load(Ordering::Relaxed) {
                // An error is an answer too, as long as it is the right one.
                match found(&*store, "planes", &["N0"]) {
                    Ok(_) => answers += 1,
                    Err(error) => {
                        let message = error.to_string();
                        assert!(
                            ["does not answer", "is starting"].iter().any(|text| message.contains(text)),
                            "{message}"
                        );
                    }
                }
            }
            answers
        });
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(100));
            server.kill();
            std::thread::sleep(Duration::from_millis(100));
            server.run();
        }
        stop.store(true, Ordering::Relaxed);
        let written = writer.join().unwrap();
        assert!(reader.join().unwrap() > 0);
        assert!(!written.is_empty());
        let written: Vec<&str> = written.iter().map(String::as_str).collect();
        assert_eq!(found(&*store, "planes", &written).unwrap(), written.len());
    });
}

#[test]
fn connections_that_the_server_closed_are_replaced_without_anybody_noticing() {
    let server = RedisServer::start();
    let store = store_at(&server);
    for _ in 0..3 {
        assert_eq!(put(&*store).unwrap(), 2);
        assert_eq!(read(&*store).unwrap(), 2);
        server.cli(&["client", "kill", "type", "normal"]);
    }
}

#[test]
fn a_replica_takes_no_writes_and_answers_reads() {
    let primary = RedisServer::start();
    put(&*store_at(&primary)).unwrap();
    let replica = RedisServer::with(&["--replicaof", &format!("127.0.0.1 {}", primary.port())]);
    let store = store_at(&replica);
    while !replica.cli(&["info", "replication"]).contains("master_link_status:up") {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(read(&*store).unwrap(), 2);
    insta::assert_snapshot!(away(put(&*store), replica.port()), @"online store redis://127.0.0.1:PORT/0 is a replica, which can only be read: name the primary in `connection_string`");
}

#[test]
fn a_full_server_says_so_and_takes_the_rest_once_it_has_room() {
    let server = RedisServer::start();
    let store = store_at(&server);
    put(&*store).unwrap();
    server.cli(&["config", "set", "maxmemory", "1mb"]);
    server.cli(&["config", "set", "maxmemory-policy", "noeviction"]);
    insta::assert_snapshot!(away(put(&*store), server.port()), @"no space left for online store redis://127.0.0.1:PORT/0: it has reached its `maxmemory`, and some rows of this batch may not be written: give it more memory, and run again");
    assert_eq!(read(&*store).unwrap(), 2, "it is still read");
    server.cli(&["config", "set", "maxmemory", "0"]);
    assert_eq!(put(&*store).unwrap(), 2);
}

#[test]
fn a_wrong_password_is_told_and_not_repeated() {
    let server = RedisServer::with(&["--requirepass", "right"]);
    let (address, port) = (server.address(), server.port());
    let with = |rest: &str| open(&format!("{address}{rest}"), serde_json::json!({}));
    insta::assert_snapshot!(away(read(&*with(",password=wrong")), port), @"online store redis://127.0.0.1:PORT/0 refuses the user name or the password: mend `connection_string` in skewless.yaml");
    insta::assert_snapshot!(away(put(&*with(",username=nobody,password=wrong")), port), @"online store redis://127.0.0.1:PORT/0 refuses the user name or the password: mend `connection_string` in skewless.yaml");
    insta::assert_snapshot!(away(read(&*with("")), port), @"online store redis://127.0.0.1:PORT/0 asks for another user name or password: mend `connection_string` in skewless.yaml");
    assert_eq!(put(&*with(",password=right")).unwrap(), 2);
}

#[test]
fn a_user_that_may_not_write_is_told_what_it_lacks() {
    let server = RedisServer::start();
    server.cli(&["acl", "setuser", "reader", "on", ">pass", "~*", "+hmget"]);
    let store = open(&format!("{},username=reader,password=pass", server.address()), serde_json::json!({}));
    assert_eq!(read(&*store).unwrap(), 0);
    insta::assert_snapshot!(away(put(&*store), server.port()), @"online store redis://127.0.0.1:PORT/0 does not allow this user all that is needed: allow it hset, hget, hmget, hdel, hlen, hkeys, del, scan, evalsha, script, pexpire, pttl and persist on the keys of the project: NoPerm: this user has no permissions to run the 'evalsha' command");
}

#[test]
fn a_database_that_does_not_exist_is_told() {
    let server = RedisServer::with(&["--databases", "2"]);
    let store = open(&format!("{},db=7", server.address()), serde_json::json!({}));
    insta::assert_snapshot!(away(read(&*store), server.port()), @"online store redis://127.0.0.1:PORT/7 has no such database: name another in `connection_string`, or raise the server's `databases`");
}

#[test]
fn a_key_that_holds_something_else_is_named() {
    let server = RedisServer::start();
    let store = store_at(&server);
    server.cli(&["set", "test:{N2}", "something else"]);
    insta::assert_snapshot!(refused(read(&*store), ErrorKind::Corrupt, server.port()), @"key `test:{N2}` in online store redis://127.0.0.1:PORT/0 is not a hash: something else writes to the keys of this project; delete the key, or give the project a database of its own");
    insta::assert_snapshot!(refused(put(&*store), ErrorKind::Corrupt, server.port()), @"key `test:{N2}` in online store redis://127.0.0.1:PORT/0 is not a hash: something else writes to the keys of this project; delete the key, or give the project a database of its own");
    insta::assert_snapshot!(refused(store.counts(), ErrorKind::Corrupt, server.port()), @"key `test:{N2}` in online store redis://127.0.0.1:PORT/0 is not a hash: something else writes to the keys of this project; delete the key, or give the project a database of its own");
    insta::assert_snapshot!(refused(store.delete_view("planes"), ErrorKind::Corrupt, server.port()), @"key `test:{N2}` in online store redis://127.0.0.1:PORT/0 is not a hash: something else writes to the keys of this project; delete the key, or give the project a database of its own");
    // What is about another entity goes on.
    assert_eq!(write(&*store, "planes", &["N1"], None).unwrap(), 1);
    assert_eq!(found(&*store, "planes", &["N1"]).unwrap(), 1);
}

#[test]
fn a_row_of_a_newer_version_is_not_overwritten_and_one_that_nobody_can_read_is() {
    let server = RedisServer::start();
    let store = store_at(&server);
    let newer = "return redis.call('hset', 'test:{N1}', 'planes', '\\9' .. string.rep('x', 60))";
    server.cli(&["eval", newer, "0"]);
    insta::assert_snapshot!(refused(put(&*store), ErrorKind::Corrupt, server.port()), @"a stored row of feature view `planes` can't be read: it is written in format 9, and this skewless reads format 2: use the skewless that wrote it, or a newer one");
    for unreadable in ["'torn'", "'\\1' .. string.rep('x', 60)"] {
        server.cli(&["eval", &format!("return redis.call('hset', 'test:{{N1}}', 'planes', {unreadable})"), "0"]);
        assert_eq!(write(&*store, "planes", &["N1"], None).unwrap(), 1);
    }
}

#[test]
fn what_is_no_redis_and_what_is_another_kind_of_it_are_told_apart() {
    let cluster = RedisCluster::start();
    let node = open(&cluster.nodes()[0].address(), serde_json::json!({}));
    let keys: Vec<String> = (0..40).map(|key| format!("N{key}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    insta::assert_snapshot!(away(found(&*node, "planes", &keys), cluster.nodes()[0].port()), @"online store redis://127.0.0.1:PORT/0 is a node of a cluster: say `redis_type: redis_cluster`");
    let alone = RedisServer::start();
    let as_cluster = open(&alone.address(), serde_json::json!({"redis_type": "redis_cluster"}));
    insta::assert_snapshot!(away(read(&*as_cluster), alone.port()), @"online store redis://127.0.0.1:PORT is not a cluster whose nodes share all keys: mend the cluster, or leave out `redis_type: redis_cluster`");
    // Something that listens and says what no server says.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = std::io::Write::write_all(&mut stream.unwrap(), b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let store = open(&format!("127.0.0.1:{port}"), serde_json::json!({}));
    insta::assert_snapshot!(away(read(&*store), port), @"online store redis://127.0.0.1:PORT/0 does not speak Redis's protocol: is it something else, or behind TLS (`rediss://`)?");
}
