//! A transform that is quick as a rule and runs to its deadline on some rows: others are answered meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::feature_server::{FeatureServer, run};
use crate::support::{TestRepository, component, int64s, table, timestamps};

/// Users, and a transform that may take four seconds.
fn repository() -> TestRepository {
    let yaml = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: int64}]}
sources:
  - {name: users, path: users.parquet, timestamp_field: event_timestamp}
transforms:
  - {name: misbehaviour, path: MISBEHAVIOUR, limits: {deadline_ms: 4000}}
feature_views:
  - {name: user_stats, entities: [user], source: users, schema: [{name: purchases, type: int64}]}
on_demand_feature_views:
  - {name: behaviour, transform: misbehaviour, request: [{name: what, type: string}]}
"#;
    let yaml = yaml.replace("MISBEHAVIOUR", &component("misbehaviour").display().to_string());
    let users = table(&[
        ("user_id", int64s(&[1])),
        ("purchases", int64s(&[12])),
        ("event_timestamp", timestamps(&["2024-01-15T00:00:00Z"])),
    ]);
    let repository = TestRepository::new(&yaml).data("users.parquet", &users);
    run(repository.path(), &["apply"]);
    run(repository.path(), &["materialize", "2024-01-01", "2024-02-01"]);
    repository
}

fn ask(server: &FeatureServer, what: &str) -> u16 {
    server.ask(&format!(r#"{{"features": ["behaviour"], "entities": {{"what": ["{what}"]}}}}"#)).status
}

#[test]
fn while_rows_run_to_the_deadline_of_their_transform_others_are_answered() {
    const STORED: &str = r#"{"features": ["user_stats"], "entities": {"user_id": [1]}}"#;
    let repository = repository();
    let server = FeatureServer::start(repository.path(), &[]);
    // It is known to be quick: what comes now is tried where it comes in.
    for _ in 0..20 {
        assert_eq!((ask(&server, "fine"), server.ask(STORED).status), (200, 200));
    }
    // One more than there are threads that watch connections.
    let slow = std::thread::available_parallelism().unwrap().get().max(2) + 1;
    let spinning = AtomicUsize::new(0);
    let mut slowest = Duration::ZERO;
    std::thread::scope(|scope| {
        for _ in 0..slow {
            scope.spawn(|| {
                spinning.fetch_add(1, Ordering::Relaxed);
                assert_eq!(ask(&server, "loop"), 422);
                spinning.fetch_sub(1, Ordering::Relaxed);
            });
            // Longer than anything quick takes, and than a busy machine needs to bring the request there: two that come within a
            // millisecond are both tried where they come in.
            std::thread::sleep(Duration::from_millis(200));
        }
        let mut answered = 0;
        while spinning.load(Ordering::Relaxed) == slow {
            let start = Instant::now();
            assert_eq!((server.ask(STORED).status, server.get("/health").status), (200, 200));
            slowest = slowest.max(start.elapsed());
            answered += 1;
        }
        assert!(answered > 1, "nothing was answered while they spun");
    });
    assert!(slowest < Duration::from_secs(2), "somebody waited for {slowest:?}");
    assert_eq!(ask(&server, "fine"), 200);
}
