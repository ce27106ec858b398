use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use skewless_store::definitions::OidcSettings;

use super::*;

const NOW: i64 = 1_700_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// An identity provider with a key of each kind.
struct Provider {
    ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
    rsa: RsaKeyPair,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let arguments = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"];
        let rsa = Command::new("openssl").args(arguments).output().expect("the test needs openssl").stdout;
        Self {
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            // Some versions write the key alone, others what kind of key it is as well.
            rsa: RsaKeyPair::from_pkcs8(&rsa).or_else(|_| RsaKeyPair::from_der(&rsa)).unwrap(),
        }
    }

    fn key_set(&self) -> Value {
        let point = self.ec.public_key().as_ref();
        let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "x": encoded(self.ed.public_key())},
            {"kty": "EC", "crv": "P-256", "kid": "ec", "alg": "ES256", "x": encoded(&point[1..33]), "y": encoded(&point[33..])},
            {"kty": "RSA", "kid": "rsa", "n": encoded(&rsa.n),
             "e": encoded(&rsa.e)},
        ]})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match header["kid"].as_str() {
            Some("ec") => self.ec.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Some("rsa") => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            _ => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encoded(signature))
    }
}

fn settings() -> OidcSettings {
    OidcSettings {
        issuer: "https://id.example".into(),
        audience: "skewless".into(),
        jwks_url: None,
        jwks_file: Some("keys.json".into()),
        roles_claim: "realm.roles".into(),
    }
}

fn claims() -> Value {
    json!({"iss": "https://id.example", "aud": ["skewless", "other"], "sub": "scorer", "exp": NOW + 300, "nbf": NOW - 5,
        "realm": {"roles": ["offline_access", "shop:read_online"]}})
}

async fn tokens(provider: &Provider) -> Authenticator {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys.json"), provider.key_set().to_string()).unwrap();
    Authenticator::open(folder.path(), &AuthSettings::Oidc(settings()), now()).await.unwrap()
}

async fn admit(authenticator: &Authenticator, authorization: &str, role: Role) -> Result<Option<String>, String> {
    let headers = [(header::AUTHORIZATION, authorization.parse().unwrap())].into_iter().collect();
    let admitted = authenticator.admit(&headers, role, "shop", now()).await;
    admitted.map_err(|failure| format!("{} {}", failure.status().as_u16(), failure.message()))
}

#[tokio::test]
async fn a_token_signed_by_the_provider_is_taken_whatever_its_kind_of_key() {
    let provider = Provider::new();
    let authenticator = tokens(&provider).await;
    for (algorithm, id) in [("EdDSA", "ed"), ("ES256", "ec"), ("RS256", "rsa")] {
        let token = provider.sign(&json!({"alg": algorithm, "kid": id}), &claims());
        let caller = admit(&authenticator, &format!("Bearer {token}"), Role::ReadOnline).await;
        assert_eq!(caller, Ok(Some("scorer".to_owned())), "{algorithm}");
        let refusal = admit(&authenticator, &format!("bearer {token}"), Role::Admin).await.unwrap_err();
        assert_eq!(
            refusal,
            "403 `scorer` does not have the role `admin` in project `shop`: ask whoever runs the server for it"
        );
    }
    // Of each kind there is one key only, so that a token need not name it.
    let token = provider.sign(&json!({"alg": "EdDSA"}), &claims());
    assert!(admit(&authenticator, &format!("Bearer {token}"), Role::ReadOnline).await.is_ok());
}

#[tokio::test]
async fn a_token_that_is_too_old_or_for_others_is_refused() {
    let provider = Provider::new();
    let authenticator = tokens(&provider).await;
    let refusal = async |change: &dyn Fn(&mut Value)| {
        let mut claims = claims();
        change(&mut claims);
        let token = provider.sign(&json!({"alg": "EdDSA", "kid": "ed"}), &claims);
        admit(&authenticator, &format!("Bearer {token}"), Role::ReadOnline).await.unwrap_err()
    };
    insta::assert_snapshot!(refusal(&|claims| claims["exp"] = json!(NOW - 61)).await, @"401 the token is of no use: it has expired");
    insta::assert_snapshot!(refusal(&|claims| claims["nbf"] = json!(NOW + 61)).await, @"401 the token is of no use: it is not valid yet");
    insta::assert_snapshot!(refusal(&|claims| claims["iss"] = json!("https://id.example/")).await, @"401 the token is of no use: InvalidIssuer");
    insta::assert_snapshot!(refusal(&|claims| claims["aud"] = json!("other")).await, @"401 the token is of no use: InvalidAudience");
    for claim in ["exp", "iss", "aud"] {
        let without = refusal(&|claims| drop(claims.as_object_mut().unwrap().remove(claim))).await;
        assert!(without.starts_with("401 ") && without.contains(claim), "{without}");
    }
    insta::assert_snapshot!(refusal(&|claims| claims["realm"] = json!({})).await, @"403 `scorer` does not have the role `read_online` in project `shop`: ask whoever runs the server for it");
    insta::assert_snapshot!(refusal(&|claims| claims["realm"]["roles"] = json!(["flights:admin"])).await, @"403 `scorer` does not have the role `read_online` in project `shop`: ask whoever runs the server for it");
}

#[tokio::test]
async fn a_token_whose_signature_or_algorithm_is_not_the_keys_is_refused() {
    let provider = Provider::new();
    let authenticator = tokens(&provider).await;
    let refusal =
        async |token: String| admit(&authenticator, &format!("Bearer {token}"), Role::ReadOnline).await.unwrap_err();
    let good = provider.sign(&json!({"alg": "EdDSA", "kid": "ed"}), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let mut forged = claims();
    forged["realm"]["roles"] = json!(["admin"]);
    let forged = format!("{header}.{}.{signature}", encoded(forged.to_string()));
    insta::assert_snapshot!(refusal(forged).await, @"401 the token is of no use: InvalidSignature");
    insta::assert_snapshot!(refusal(Provider::new().sign(&json!({"alg": "EdDSA", "kid": "ed"}), &claims())).await, @"401 the token is of no use: InvalidSignature");
    // The public key as the secret of a symmetric algorithm: whoever knows it could sign.
    insta::assert_snapshot!(refusal(provider.sign(&json!({"alg": "HS256", "kid": "ed"}), &claims())).await, @"401 the token is of no use: HS256 is not among the algorithms [RS256, ES256, EdDSA]");
    for header in [json!({"alg": "ES256", "kid": "ed"}), json!({"alg": "EdDSA", "kid": "unknown"})] {
        let refusal = refusal(provider.sign(&header, &claims())).await;
        assert_eq!(
            refusal,
            "401 the token is of no use: it is signed with a key that the identity provider does not have"
        );
    }
    let none = format!("{}.{}.", encoded(r#"{"alg":"none"}"#), encoded(claims().to_string()));
    for broken in [none.as_str(), "", "x", "a.b.c", "....", "é"] {
        let headers: HeaderMap =
            [(header::AUTHORIZATION, header::HeaderValue::from_bytes(format!("Bearer {broken}").as_bytes()).unwrap())]
                .into_iter()
                .collect();
        let failure = authenticator.admit(&headers, Role::ReadOnline, "shop", now()).await.unwrap_err();
        assert_eq!(failure.status(), 401, "{broken}");
    }
}

#[tokio::test]
async fn whoever_says_nothing_or_something_else_is_told_what_to_send() {
    let provider = Provider::new();
    let authenticator = tokens(&provider).await;
    let failure = authenticator.admit(&HeaderMap::new(), Role::ReadOnline, "shop", now()).await.unwrap_err();
    insta::assert_snapshot!(failure.message(), @"the request does not say who asks: send `authorization: Bearer …` with a key or token");
    insta::assert_snapshot!(admit(&authenticator, "Basic dTpw", Role::ReadOnline).await.unwrap_err(), @"401 the header `authorization` is of another form than `Bearer …`");
    assert_eq!(admit(&Authenticator::Nobody, "Basic dTpw", Role::Admin).await, Ok(None));
}

#[tokio::test]
async fn settings_that_can_not_be_meant_are_refused() {
    let refusal = async |settings: OidcSettings| {
        let folder = tempfile::tempdir().unwrap();
        let opened = Authenticator::open(folder.path(), &AuthSettings::Oidc(settings), now()).await;
        opened.unwrap_err().to_string().replace(&folder.path().display().to_string(), "REPOSITORY")
    };
    insta::assert_snapshot!(refusal(settings()).await, @"`REPOSITORY/keys.json` can't be used: No such file or directory (os error 2)");
    insta::assert_snapshot!(refusal(OidcSettings { jwks_file: None, ..settings() }).await, @"`feature_server.auth` needs exactly one of `jwks_url` and `jwks_file`, where the issuer's keys are");
    let url = OidcSettings { jwks_file: None, jwks_url: Some("id.example/keys".into()), ..settings() };
    insta::assert_snapshot!(refusal(url).await, @"`jwks_url` is `id.example/keys`: expected an address such as https://…");
}
