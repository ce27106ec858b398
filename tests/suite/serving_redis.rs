//! The server over Redis: requests share connections, and what happens when the server they go to ends.

use std::time::Duration;

use crate::http::Server;
use crate::redis_server::RedisServer;
use crate::support::{TestRepository, int64s, table, timestamps};

const DEFINITIONS: &str = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: orders, path: orders.parquet, timestamp_field: happened}
feature_views:
  - {name: totals, entities: [user], source: orders, schema: [{name: purchases, type: int64}]}
  - {name: visits, entities: [user], source: orders, schema: [{name: visits, type: int64}]}
"#;

fn server(redis: &RedisServer) -> Server {
    let orders = table(&[
        ("user_id", int64s(&[1, 2])),
        ("purchases", int64s(&[10, 20])),
        ("visits", int64s(&[3, 4])),
        ("happened", timestamps(&["2024-01-10T00:00:00Z", "2024-01-20T00:00:00Z"])),
    ]);
    let repository = TestRepository::new(DEFINITIONS).data("orders.parquet", &orders);
    std::fs::write(repository.path().join("skewless.yaml"), redis.settings_yaml()).unwrap();
    Server::start(repository)
}

fn body(rows: usize) -> String {
    let ids: Vec<String> = (0..rows).map(|row| (row % 3 + 1).to_string()).collect();
    format!(r#"{{"features": ["totals", "visits"], "entities": {{"user_id": [{}]}}}}"#, ids.join(","))
}

/// The values of both features.
fn values(server: &Server, rows: usize) -> String {
    let answer: serde_json::Value = serde_json::from_str(&server.ask(&body(rows))).unwrap();
    format!("{} {}", answer["results"][1]["values"], answer["results"][2]["values"])
}

#[test]
fn requests_at_the_same_time_share_connections_and_each_has_its_own_answer() {
    let redis = RedisServer::start();
    let server = server(&redis);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(values(&server, 3), "[10,20,null] [3,4,null]");
                    assert_eq!(values(&server, 1), "[10] [3]");
                }
            });
        }
    });
    // More rows than are read on a connection's own thread.
    assert_eq!(values(&server, 1_000).matches("20").count(), 333);
}

#[test]
fn a_redis_that_is_gone_is_503_and_one_that_is_back_answers() {
    let mut redis = RedisServer::start();
    let server = server(&redis);
    assert_eq!(values(&server, 2), "[10,20] [3,4]");
    redis.kill();
    for _ in 0..2 {
        let (status, answer) = server.post("/get-online-features", &body(2));
        assert_eq!(status, 503, "{answer}");
        assert!(answer.contains("FeastError") && answer.contains(&redis.address()), "{answer}");
    }
    redis.run();
    // That it is back is found out by whoever looks next, a fraction of a second after the last failure.
    let is_back = || server.post("/get-online-features", &body(2)).0 == 200;
    assert!(
        (0..100).any(|_| is_back() || {
            std::thread::sleep(Duration::from_millis(50));
            false
        }),
        "it is not found"
    );
    assert_eq!(values(&server, 2), "[null,null] [null,null]");
}
