//! Requests that share the calls of their transforms are answered as each is by itself.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch};
use skewless_store::{ErrorKind, FeatureStore, OnlineFeatures, ReadRows};

use crate::feature_server::{FeatureServer, REQUEST, users};
use crate::support::{
    TestRepository, component, features, int64s, materialize_all, micros, strings, table, timestamps,
};

const AT: &str = "2024-01-20T00:00:00Z";

/// Some users; a transform of what is stored of them and of what the request says, and one that does what it is told.
async fn store() -> (TestRepository, FeatureStore) {
    let yaml = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: users, path: users.parquet, timestamp_field: event_timestamp}
transforms:
  - {name: purchases_per_dollar, path: RATIO}
  - {name: misbehaviour, path: MISBEHAVIOUR}
feature_views:
  - {name: user_stats, entities: [user], source: users, ttl: 30d, schema: [{name: purchases, type: int64}]}
on_demand_feature_views:
  - {name: efficiency, transform: purchases_per_dollar, sources: [user_stats], request: [{name: spend, type: float64}]}
  - {name: behaviour, transform: misbehaviour, request: [{name: what, type: string}]}
"#;
    let path = |name| component(name).display().to_string();
    let yaml = yaml.replace("RATIO", &path("purchases_per_dollar")).replace("MISBEHAVIOUR", &path("misbehaviour"));
    let rows = table(&[
        ("user_id", int64s(&[1, 2, 3])),
        ("purchases", int64s(&[12, 7, 1])),
        ("event_timestamp", timestamps(&["2024-01-15T00:00:00Z", "2024-01-15T06:30:00Z", "2023-01-15T06:30:00Z"])),
    ]);
    let repository = TestRepository::new(&yaml).data("users.parquet", &rows);
    let store = repository.apply().await.unwrap();
    materialize_all(&store).await;
    (repository, store)
}

fn online(store: &FeatureStore) -> OnlineFeatures {
    let online = OnlineFeatures::prepare(store, &features(&["user_stats", "efficiency", "behaviour"])).unwrap();
    assert!(online.may_share_calls());
    online
}

/// A request for rows of these users, what they spend, and what the second transform is to do.
fn request(rows: &[(i64, Option<f64>, &str)]) -> RecordBatch {
    let spend: Float64Array = rows.iter().map(|(_, spend, _)| *spend).collect();
    table(&[
        ("user_id", int64s(&rows.iter().map(|(user, ..)| *user).collect::<Vec<_>>())),
        ("spend", Arc::new(spend)),
        ("what", strings(&rows.iter().map(|(.., what)| *what).collect::<Vec<_>>())),
    ])
}

async fn read(online: &OnlineFeatures, requests: &[RecordBatch]) -> Vec<ReadRows> {
    let mut read = Vec::new();
    for rows in requests {
        let stored = online.read(rows, micros(AT)).await.unwrap();
        read.push((
            rows.clone(),
            stored.expect("a few rows of the embedded store are read without a thread that waits"),
        ));
    }
    read
}

#[tokio::test]
async fn requests_that_share_calls_have_the_features_that_each_has_by_itself() {
    let (_repository, store) = store().await;
    let online = online(&store);
    // Users that are there, expired and unknown; rows that fail, alone and among others; nulls.
    let what = ["fine", "fail", "", "fine too"];
    let spend = [Some(35.0), None, Some(-0.0), Some(6.5), Some(f64::NAN)];
    let row = |number: usize| ((number % 5) as i64, spend[number % 5], what[number / 3 % 4]);
    let rows = |number: usize| (0..[1, 2, 3, 4, 100][number % 5]).map(move |place| row(number + place));
    let requests: Vec<RecordBatch> = (0..40).map(|number| request(&rows(number).collect::<Vec<_>>())).collect();
    let shared = online.compute_together(read(&online, &requests).await).ok().unwrap();
    assert_eq!(shared.len(), requests.len());
    let mut reasons = 0;
    for (rows, shared) in requests.iter().zip(&shared) {
        let alone = online.get(rows, micros(AT)).unwrap();
        for feature in 0..alone.len() {
            assert_eq!(shared.values(feature), alone.values(feature), "feature {feature} of {rows:?}");
            for row in 0..rows.num_rows() {
                assert_eq!(shared.status(feature, row), alone.status(feature, row));
                assert_eq!(shared.failure_reason(feature, row), alone.failure_reason(feature, row));
                assert_eq!(shared.event_timestamp(feature, row), alone.event_timestamp(feature, row));
                reasons += usize::from(shared.failure_reason(feature, row).is_some());
            }
        }
    }
    assert!(reasons > 10, "{reasons} rows failed");
}

#[tokio::test]
async fn where_one_request_makes_a_call_fail_all_come_back_and_the_others_are_answered() {
    let (_repository, store) = store().await;
    let online = online(&store);
    let requests =
        [[(1, Some(1.0), "fine")], [(2, Some(2.0), "panic")], [(3, Some(3.0), "fine")]].map(|rows| request(&rows));
    let back = online.compute_together(read(&online, &requests).await).err().unwrap();
    assert!(back.iter().map(|(rows, _)| rows).eq(&requests));
    let alone = back.into_iter().map(|(rows, stored)| online.compute(&rows, stored).map_err(|error| error.kind()));
    let failed: Vec<Option<ErrorKind>> = alone.map(Result::err).collect();
    assert_eq!(failed, [None, Some(ErrorKind::Transform), None]);
}

#[test]
fn a_server_shares_the_calls_of_requests_that_come_at_the_same_moment() {
    const CLIENTS: usize = 16;
    const REQUESTS: usize = 200;
    let repository = users("");
    let server = FeatureServer::start(repository.path(), &[]);
    // It is known to be quick from now on.
    let expected = server.ask(REQUEST).body;
    assert_eq!(server.ask(REQUEST).body, expected);
    let length = REQUEST.len();
    let message = format!("POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{REQUEST}");
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut stream = server.connect();
                for _ in 0..REQUESTS {
                    stream.write_all(message.as_bytes()).unwrap();
                    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
                    while !answer.ends_with(expected.as_bytes()) {
                        let read = stream.read(&mut buffer).unwrap();
                        answer.extend_from_slice(&buffer[..read]);
                        assert!(read > 0 && answer.starts_with(b"HTTP/1.1 200"), "{}", answer.escape_ascii());
                    }
                }
            });
        }
    });
    let calls = server.metric(r#"skewless_transform_calls_total{transform="purchases_per_dollar"}"#).unwrap();
    assert!(calls < (CLIENTS * REQUESTS) as f64, "{calls} calls for {CLIENTS} × {REQUESTS} requests");
}
