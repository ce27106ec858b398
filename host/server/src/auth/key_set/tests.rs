use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;

/// An identity provider that counts how often it is asked.
struct Provider {
    url: String,
    /// the names of its keys; `None` while it has no answer
    keys: Arc<Mutex<Option<Vec<&'static str>>>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    fn start(keys: Option<Vec<&'static str>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
        std::thread::spawn({
            let (keys, asked) = (Arc::clone(&keys), Arc::clone(&asked));
            move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let _ = stream.read(&mut [0; 4096]).unwrap();
                    asked.fetch_add(1, Ordering::Relaxed);
                    // Long enough for others to come meanwhile.
                    std::thread::sleep(Duration::from_millis(50));
                    let (status, body) = match &*keys.lock().unwrap() {
                        Some(ids) => ("200 OK", key_set(ids).to_string()),
                        None => ("500 Internal Server Error", String::new()),
                    };
                    let length = body.len();
                    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
                    let _ = stream.write_all((answer + &body).as_bytes());
                }
            }
        });
        Self { url, keys, asked }
    }

    async fn open(&self) -> Arc<KeySet> {
        let settings = OidcSettings {
            issuer: "https://id.example".into(),
            audience: "skewless".into(),
            jwks_url: Some(self.url.clone()),
            jwks_file: None,
            roles_claim: "roles".into(),
        };
        Arc::new(KeySet::open(Path::new(""), &settings, at(0)).await.unwrap())
    }

    fn has(&self, ids: Option<Vec<&'static str>>) {
        *self.keys.lock().unwrap() = ids;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn key_set(ids: &[&str]) -> Value {
    let key = |id: &&str| json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": "AAAA"});
    json!({"keys": ids.iter().map(key).collect::<Vec<_>>()})
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Whether the key is there, at a second.
async fn found(keys: &Arc<KeySet>, id: &str, second: i64) -> Result<bool, ProviderAway> {
    keys.find(Some(id), AlgorithmFamily::Ed, at(second)).await.map(|key| key.is_some())
}

#[tokio::test]
async fn a_key_that_is_new_is_asked_for_and_who_come_meanwhile_wait_for_the_same_answer() {
    let provider = Provider::start(Some(vec!["old"]));
    let keys = provider.open().await;
    assert_eq!(found(&keys, "old", 11).await, Ok(true));
    provider.has(Some(vec!["new"]));
    let all = futures::future::join_all((0..20).map(|_| found(&keys, "new", 11))).await;
    assert!(all.iter().all(|found| *found == Ok(true)), "{all:?}");
    assert_eq!(provider.asked(), 2, "once at the start, once for all of them");
    assert_eq!(found(&keys, "old", 11).await, Ok(false), "it was withdrawn");
}

#[tokio::test]
async fn keys_that_nobody_has_make_nobody_ask_more_than_every_ten_seconds() {
    let provider = Provider::start(Some(vec!["known"]));
    let keys = provider.open().await;
    for second in 0..=20 {
        assert_eq!(found(&keys, "guessed", second).await, Ok(false));
    }
    assert_eq!(provider.asked(), 3, "at the start, after ten seconds, and after twenty");
}

#[tokio::test]
async fn while_the_provider_is_away_known_keys_stay_good_and_of_others_nobody_can_say() {
    let provider = Provider::start(Some(vec!["known"]));
    let keys = provider.open().await;
    provider.has(None);
    keys.refresh(at(299)).await;
    assert_eq!(provider.asked(), 1, "keys are kept for five minutes");
    keys.refresh(at(300)).await;
    assert_eq!(found(&keys, "known", 300).await, Ok(true));
    let all = futures::future::join_all((0..20).map(|_| found(&keys, "new", 301))).await;
    assert!(all.iter().all(|found| *found == Err(ProviderAway)), "{all:?}");
    assert_eq!(provider.asked(), 2);
    provider.has(Some(vec!["known", "new"]));
    keys.refresh(at(301)).await;
    assert_eq!(found(&keys, "new", 301).await, Ok(true));
    assert_eq!(provider.asked(), 3);
}

#[tokio::test]
async fn a_provider_that_is_away_at_the_start_is_asked_again_once_a_second_at_most() {
    let provider = Provider::start(None);
    let keys = provider.open().await;
    for _ in 0..20 {
        keys.refresh(at(0)).await;
        assert_eq!(found(&keys, "known", 0).await, Err(ProviderAway));
    }
    assert_eq!(provider.asked(), 1);
    keys.refresh(at(1)).await;
    assert_eq!(provider.asked(), 2);
    // Where nobody refreshes, a token makes somebody look.
    provider.has(Some(vec!["known"]));
    assert_eq!(found(&keys, "known", 11).await, Ok(true));
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_keep_the_keys_from_others() {
    let provider = Provider::start(Some(vec!["old"]));
    let keys = provider.open().await;
    provider.has(Some(vec!["new"]));
    let left = tokio::time::timeout(Duration::from_millis(10), found(&keys, "new", 11)).await;
    assert!(left.is_err(), "the provider takes longer");
    assert_eq!(found(&keys, "new", 11).await, Ok(true));
    assert_eq!(provider.asked(), 2);
}
