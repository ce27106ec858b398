//! Redis goes away under load: requests fail fast and say so, and are answered again as soon as it is back.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::feature_server::{FeatureServer, REQUEST, run, users, wait_until};
use crate::redis_server::RedisServer;

/// How many ask at the same time, and for how long nobody answers them.
const CALLERS: usize = 8;
const OUTAGE: Duration = Duration::from_secs(3);

/// Statuses by the moment of the answer, and how long each took.
type Answers = Mutex<Vec<(Instant, u16, Duration)>>;

fn ask_until(stop: &AtomicBool, server: &FeatureServer, answers: &Answers) {
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let answer = server.ask(REQUEST);
        if answer.status == 503 {
            assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
        }
        answers.lock().unwrap().push((Instant::now(), answer.status, start.elapsed()));
    }
}

#[test]
fn while_redis_is_away_requests_fail_fast_and_are_answered_once_it_is_back() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let settings = redis.settings_yaml().replace("project: test\n", "");
    let repository = users(&settings);
    let server = FeatureServer::start(repository.path(), &[]);
    let (stop, answers) = (AtomicBool::new(false), Answers::default());
    let (gone, back) = std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| ask_until(&stop, &server, &answers));
        }
        wait_until("requests are answered", || answers.lock().unwrap().len() > 50);
        redis.kill();
        let gone = Instant::now();
        wait_until("requests fail", || answers.lock().unwrap().iter().any(|(_, status, _)| *status == 503));
        let health = server.get("/health");
        assert_eq!(health.status, 503);
        assert!(
            health.body.contains(r#""status":"unavailable""#) && health.body.contains("does not answer"),
            "{}",
            health.body
        );
        std::thread::sleep(OUTAGE.saturating_sub(gone.elapsed()));
        redis.run();
        let back = Instant::now();
        wait_until("requests are answered again", || server.ask(REQUEST).status == 200);
        wait_until("all of them are", || {
            let answers = answers.lock().unwrap();
            answers.iter().rev().take(50).all(|(_, status, _)| *status == 200)
        });
        stop.store(true, Ordering::Relaxed);
        (gone, back)
    });
    let answers = answers.into_inner().unwrap();
    assert!(answers.iter().all(|(_, status, _)| [200, 503].contains(status)), "a request failed otherwise");
    assert!(answers.iter().all(|(at, status, _)| *status == 200 || *at > gone), "a request failed too early");
    let away = answers.iter().filter(|(_, status, _)| *status == 503);
    let slowest = away.clone().map(|(_, _, time)| *time).max().unwrap();
    let last = away.clone().map(|(at, ..)| *at).max().unwrap();
    println!(
        "{} failed, the slowest in {slowest:?}, the last {:?} after Redis was back; {} were answered",
        away.count(),
        last.saturating_duration_since(back),
        answers.iter().filter(|(_, status, _)| *status == 200).count()
    );
    assert!(server.metric("skewless_online_store_read_failures_total").unwrap() >= 1.0);
    run(repository.path(), &["get-online-features", "--features", "user_stats:purchases", "-e", "user_id=1"]);
}

/// Worse than a server that is gone: one that accepts everything and says nothing.
#[test]
fn while_redis_says_nothing_requests_hear_that_it_does_and_are_answered_once_it_speaks() {
    let redis = RedisServer::start();
    let settings = redis.settings_yaml().replace("project: test\n", "");
    let repository = users(&settings);
    let server = FeatureServer::start(repository.path(), &[]);
    assert_eq!(server.ask(REQUEST).status, 200);
    redis.cli(&["client", "pause", "60000", "all"]);
    let answer = server.ask(REQUEST);
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("does not answer"), "{}", answer.body);
    // One of them looks whether there is an answer now, and the others do not wait for it.
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..64).map(|_| scope.spawn(|| server.ask(REQUEST).status)).collect();
        assert!(asking.into_iter().all(|asking| asking.join().unwrap() == 503));
    });
    redis.cli(&["client", "unpause"]);
    wait_until("requests are answered again", || server.ask(REQUEST).status == 200);
}
