//! Tokens of an identity provider that the server asks for its keys over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::feature_server::{Answer, FeatureServer, REQUEST, users, wait_until};
use crate::support::TestRepository;

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that tokens are signed with.
struct SigningKey {
    id: &'static str,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    fn new(id: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { id, pair: Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap() }
    }

    fn key_set(&self) -> String {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": self.id, "use": "sig", "alg": "EdDSA",
            "x": encoded(self.pair.public_key())});
        json!({ "keys": [key] }).to_string()
    }

    /// A token that says `claims`.
    fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.id});
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        format!("{message}.{}", encoded(self.pair.sign(message.as_bytes())))
    }
}

/// The second it is: what a server of the tests goes by, too.
#[expect(clippy::disallowed_methods, reason = "the server that is asked reads the same clock")]
fn now() -> i64 {
    Timestamp::now().as_second()
}

/// What a good token says.
fn claims() -> Value {
    json!({"iss": "https://id.example", "aud": "features", "sub": "scorer", "exp": now() + 600,
        "roles": ["test:read_online"]})
}

/// An identity provider at an address, which counts how often it is asked for its keys.
struct Provider {
    url: String,
    /// `None` while it has no answer
    key_set: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    fn start(key_set: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (key_set, asked) = (Arc::new(Mutex::new(key_set)), Arc::new(AtomicUsize::new(0)));
        std::thread::spawn({
            let (key_set, asked) = (Arc::clone(&key_set), Arc::clone(&asked));
            move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let mut head = [0; 4096];
                    let bytes = stream.read(&mut head).unwrap();
                    assert!(head[..bytes].starts_with(b"GET /keys HTTP/1.1\r\n"));
                    asked.fetch_add(1, Ordering::Relaxed);
                    let (status, body) = match &*key_set.lock().unwrap() {
                        Some(keys) => ("200 OK", keys.clone()),
                        None => ("502 Bad Gateway", String::new()),
                    };
                    let length = body.len();
                    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
                    let _ = stream.write_all((answer + &body).as_bytes());
                }
            }
        });
        Self { url, key_set, asked }
    }

    fn answers(&self, key_set: Option<String>) {
        *self.key_set.lock().unwrap() = key_set;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// A repository whose server asks this provider.
    fn repository(&self) -> TestRepository {
        users(&format!(
            "feature_server:\n  auth: {{type: oidc, issuer: https://id.example, audience: features, jwks_url: \"{}\"}}\n",
            self.url
        ))
    }
}

fn ask(server: &FeatureServer, token: &str) -> Answer {
    let header = format!("authorization: Bearer {token}\r\n");
    server.request("POST", "/get-online-features", &header, REQUEST.as_bytes())
}

/// Status and message of what must fail.
fn refusal(answer: &Answer) -> String {
    let envelope: String = serde_json::from_str(&answer.body).unwrap();
    let envelope: Value = serde_json::from_str(&envelope).unwrap();
    format!("{} {}", answer.status, envelope["message"].as_str().unwrap())
}

#[test]
fn a_good_token_is_answered_and_each_other_is_refused_with_the_reason() {
    let key = SigningKey::new("first");
    let provider = Provider::start(Some(key.key_set()));
    let repository = provider.repository();
    let server = FeatureServer::start(repository.path(), &[]);
    let good = ask(&server, &key.token(&claims()));
    assert_eq!(good.status, 200, "{}", good.body);
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims();
        change(&mut claims);
        let answer = ask(&server, &key.token(&claims));
        let challenge = answer.head.contains("www-authenticate: Bearer realm=\"skewless\"");
        assert_eq!(challenge, answer.status == 401, "{}", answer.head);
        refusal(&answer)
    };
    insta::assert_snapshot!(refused(&|claims| claims["aud"] = json!("others")), @"401 the token is of no use: InvalidAudience");
    insta::assert_snapshot!(refused(&|claims| claims["iss"] = json!("https://id.example.org")), @"401 the token is of no use: InvalidIssuer");
    insta::assert_snapshot!(refused(&|claims| claims["exp"] = json!(now() - 120)), @"401 the token is of no use: it has expired");
    insta::assert_snapshot!(refused(&|claims| claims["roles"] = json!(["other:read_online"])), @"403 `scorer` does not have the role `read_online` in project `test`: ask whoever runs the server for it");
    insta::assert_snapshot!(refusal(&ask(&server, &SigningKey::new("stolen").token(&claims()))), @"401 the token is of no use: it is signed with a key that the identity provider does not have");
    insta::assert_snapshot!(refusal(&ask(&server, &SigningKey::new("first").token(&claims()))), @"401 the token is of no use: InvalidSignature");
    let unsigned = format!("{}.{}.", encoded(r#"{"alg":"none","kid":"first"}"#), encoded(claims().to_string()));
    insta::assert_snapshot!(refusal(&ask(&server, &unsigned)), @"401 the token is of no use: JSON error: unknown variant `none`, expected one of `HS256`, `HS384`, `HS512`, `ES256`, `ES384`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `EdDSA` at line 1 column 13");
    insta::assert_snapshot!(refusal(&server.ask(REQUEST)), @"401 the request does not say who asks: send `authorization: Bearer …` with a key or token");
    assert_eq!(provider.asked(), 1, "its keys are kept");
}

#[test]
fn a_new_key_of_the_provider_is_fetched_and_a_withdrawn_one_is_of_no_use() {
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let provider = Provider::start(Some(old.key_set()));
    let repository = provider.repository();
    let server = FeatureServer::start(repository.path(), &[]);
    assert_eq!(ask(&server, &old.token(&claims())).status, 200);
    provider.answers(Some(new.key_set()));
    // For a key that is not known, the provider is asked every ten seconds at most.
    wait_until("the new key is known", || ask(&server, &new.token(&claims())).status == 200);
    insta::assert_snapshot!(refusal(&ask(&server, &old.token(&claims()))), @"401 the token is of no use: it is signed with a key that the identity provider does not have");
    assert_eq!(provider.asked(), 2);
}

#[test]
fn while_the_provider_is_away_tokens_can_not_be_checked_and_it_is_not_asked_more_for_that() {
    let key = SigningKey::new("first");
    let provider = Provider::start(None);
    let repository = provider.repository();
    let server = FeatureServer::start(repository.path(), &["--registry-poll", "20ms"]);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1_500) {
        let answer = ask(&server, &key.token(&claims()));
        assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
        let told = "503 the token can't be checked, for the identity provider does not answer: try again in a moment";
        assert_eq!(refusal(&answer), told);
    }
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    assert!(provider.asked() <= seconds + 2, "asked {} times in {seconds} s", provider.asked());
    assert_eq!(server.get("/health").status, 200, "who need not be known is answered");
    provider.answers(Some(key.key_set()));
    wait_until("the provider is found to be back", || ask(&server, &key.token(&claims())).status == 200);
    provider.answers(None);
    assert_eq!(ask(&server, &key.token(&claims())).status, 200, "its key is known");
}
