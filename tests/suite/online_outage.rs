//! Redis goes away under load: requests fail fast and say so, and are answered again as soon as it is back.

use std::cell::RefCell;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::feature_server::{Answer, FeatureServer, REQUEST, run, users, wait_until};
use crate::redis_server::RedisServer;
use crate::support::TestRepository;

/// How many ask at the same time.
const CALLERS: usize = 8;

/// How soon after Redis is back the last request fails.
const OVER_AFTER: Duration = Duration::from_secs(1);

/// The moment of an answer, its status, and how long it took.
type Answered = (Instant, u16, Duration);

/// What callers heard who asked all the while.
struct Heard {
    gone: Instant,
    back: Instant,
    answers: Vec<Answered>,
}

fn ask_until(stop: &AtomicBool, server: &FeatureServer, answers: &Mutex<Vec<Answered>>) {
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let answer = server.ask(REQUEST);
        if answer.status == 503 {
            assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
        }
        answers.lock().unwrap().push((Instant::now(), answer.status, start.elapsed()));
    }
}

/// Asks until Redis is `gone`, as long as it is, and until all are answered once it is `back`.
fn heard(server: &FeatureServer, gone: impl FnOnce(), outage: Duration, back: impl FnOnce()) -> Heard {
    let (stop, answers) = (AtomicBool::new(false), Mutex::default());
    let (gone, back) = std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| ask_until(&stop, server, &answers));
        }
        wait_until("requests are answered", || answers.lock().unwrap().len() > 50);
        let start = Instant::now();
        gone();
        wait_until("requests fail", || answers.lock().unwrap().iter().any(|(_, status, _)| *status == 503));
        let health = server.get("/health");
        assert_eq!(health.status, 503);
        assert!(health.body.contains(r#""status":"unavailable""#), "{}", health.body);
        std::thread::sleep(outage.saturating_sub(start.elapsed()));
        back();
        let back = Instant::now();
        wait_until("all requests are answered again", || {
            let answers = answers.lock().unwrap();
            answers.len() > 50 && answers.iter().rev().take(50).all(|(_, status, _)| *status == 200)
        });
        stop.store(true, Ordering::Relaxed);
        (start, back)
    });
    Heard { gone, back, answers: answers.into_inner().unwrap() }
}

impl Heard {
    /// Requests failed as they should, none took longer than `slowest_max`, and soon none failed any more.
    fn check(&self, slowest_max: Duration) {
        let Self { gone, back, answers } = self;
        assert!(answers.iter().all(|(_, status, _)| [200, 503].contains(status)), "a request failed otherwise");
        let failed: Vec<_> = answers.iter().filter(|(_, status, _)| *status == 503).collect();
        assert!(failed.iter().all(|(at, ..)| at > gone), "a request failed too early");
        let slowest = failed.iter().map(|(_, _, time)| *time).max().unwrap();
        let last = failed.iter().map(|(at, ..)| *at).max().unwrap().saturating_duration_since(*back);
        println!(
            "{} of {} failed, the slowest in {slowest:?}, the last {last:?} after Redis was back",
            failed.len(),
            answers.len()
        );
        assert!(slowest < slowest_max, "a request took {slowest:?} to fail");
        assert!(last < OVER_AFTER, "a request failed {last:?} after Redis was back");
    }
}

fn users_on(redis: &RedisServer) -> TestRepository {
    users(&redis.settings_yaml().replace("project: test\n", ""))
}

#[test]
fn while_redis_is_away_requests_fail_fast_and_are_answered_once_it_is_back() {
    let redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let repository = users_on(&redis);
    let server = FeatureServer::start(repository.path(), &[]);
    let redis = RefCell::new(redis);
    let heard = heard(&server, || redis.borrow_mut().kill(), Duration::from_secs(3), || redis.borrow_mut().run());
    heard.check(Duration::from_secs(1));
    assert!(server.metric("skewless_online_store_read_failures_total").unwrap() >= 1.0);
    run(repository.path(), &["get-online-features", "--features", "user_stats:purchases", "-e", "user_id=1"]);
}

#[test]
fn while_redis_is_stopped_those_who_waited_for_it_fail_in_seconds_and_all_others_at_once() {
    let redis = RedisServer::start();
    let repository = users_on(&redis);
    let server = FeatureServer::start(repository.path(), &[]);
    let heard = heard(&server, || redis.stop(), Duration::from_secs(7), || redis.go_on());
    // A reply is waited for for three seconds.
    heard.check(Duration::from_secs(5));
    let at_once = heard.answers.iter().filter(|(_, status, time)| *status == 503 && *time < Duration::from_secs(1));
    assert!(at_once.count() > 10 * CALLERS, "most of them do not wait");
}

/// At the address of Redis there is something that takes whatever is sent, and never says a word.
#[test]
fn a_redis_that_never_says_a_word_holds_up_nothing_but_what_needs_it() {
    let redis = RedisServer::start();
    let repository = users_on(&redis);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    std::thread::spawn(move || silent.incoming().collect::<Vec<_>>());
    let settings = repository.path().join("skewless.yaml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace(&redis.address(), &address)).unwrap();
    let server = FeatureServer::start(repository.path(), &[]);
    let timed = |ask: &dyn Fn() -> Answer| {
        let start = Instant::now();
        (ask().status, start.elapsed())
    };
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..64).map(|_| scope.spawn(|| timed(&|| server.ask(REQUEST)))).collect();
        for path in ["/openapi.json", "/metrics"] {
            let (status, time) = timed(&|| server.get(path));
            assert!(status == 200 && time < Duration::from_secs(1), "{path}: {status} in {time:?}");
        }
        let (status, time) = timed(&|| server.get("/health"));
        assert!(status == 503 && time < Duration::from_secs(4), "{status} in {time:?}");
        for asking in asking {
            let (status, time) = asking.join().unwrap();
            assert!(status == 503 && time < Duration::from_secs(4), "{status} in {time:?}");
        }
    });
    // Now it is known, and whoever does not look whether it has changed hears so at once.
    let asked: Vec<_> = (0..20).map(|_| timed(&|| server.ask(REQUEST))).collect();
    assert!(asked.iter().all(|(status, time)| *status == 503 && *time < Duration::from_secs(4)), "{asked:?}");
    assert!(asked.iter().filter(|(_, time)| *time < Duration::from_millis(500)).count() > 10, "{asked:?}");
}

/// Worse than a server that is gone: one that accepts everything and says nothing.
#[test]
fn while_redis_says_nothing_requests_hear_that_it_does_and_are_answered_once_it_speaks() {
    let redis = RedisServer::start();
    let repository = users_on(&redis);
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
