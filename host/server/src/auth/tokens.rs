//! Tokens of an identity provider: JSON Web Tokens, signed with one of its keys, for us, and not too old.

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};
use skewless_store::Result;
use skewless_store::definitions::OidcSettings;

use super::key_set::{KeySet, ProviderAway};
use super::signatures::{self, ALGORITHMS};
use super::{Caller, Grants};
use crate::failure::Failure;

/// How far the clocks of the provider and of this machine may be apart.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// What checks tokens.
#[derive(Debug)]
pub struct Tokens {
    settings: OidcSettings,
    keys: Arc<KeySet>,
}

/// What a token says.
#[derive(Deserialize)]
struct Claims {
    exp: f64,
    nbf: Option<f64>,
    sub: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Tokens {
    pub(super) async fn open(root: &Path, settings: &OidcSettings, now: Timestamp) -> Result<Self> {
        signatures::install();
        Ok(Self { settings: settings.clone(), keys: Arc::new(KeySet::open(root, settings, now).await?) })
    }

    pub(super) async fn refresh(&self, now: Timestamp) {
        self.keys.refresh(now).await;
    }

    /// Whose token this is, at the instant `now`.
    pub(super) async fn caller(&self, token: &str, now: Timestamp) -> Result<Caller, Failure> {
        let header = decode_header(token).map_err(|error| refused(&error))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused(&format!("{:?} is not among the algorithms {ALGORITHMS:?}", header.alg)));
        }
        let key =
            self.keys.find(header.kid.as_deref(), header.alg.family(), now).await.map_err(|ProviderAway| away())?;
        let key = key.ok_or_else(|| refused(&"it is signed with a key that the identity provider does not have"))?;
        let claims = self.claims(token, header.alg, &key)?;
        in_time(&claims, now)?;
        let roles = texts(&claims.others, &self.settings.roles_claim);
        Ok(Caller {
            name: claims.sub.unwrap_or_else(|| "a token without `sub`".to_owned()),
            grants: Grants::among(roles),
        })
    }

    fn claims(&self, token: &str, algorithm: Algorithm, key: &Jwk) -> Result<Claims, Failure> {
        if key.common.key_algorithm.is_some_and(|of_key| of_key != algorithm.into()) {
            return Err(refused(&"its algorithm is not that of its key"));
        }
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        // By our clock, below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let key = DecodingKey::from_jwk(key).map_err(|error| refused(&error))?;
        Ok(decode::<Claims>(token, &key, &validation).map_err(|error| refused(&error))?.claims)
    }
}

fn in_time(claims: &Claims, now: Timestamp) -> Result<(), Failure> {
    let (now, leeway) = (now.as_second() as f64, LEEWAY.as_secs() as f64);
    if claims.exp + leeway <= now {
        return Err(refused(&"it has expired"));
    }
    match claims.nbf {
        Some(not_before) if not_before - leeway > now => Err(refused(&"it is not valid yet")),
        _ => Ok(()),
    }
}

/// The text, or the texts of the list, at `path` in `claims`.
fn texts<'a>(claims: &'a Map<String, Value>, path: &str) -> Vec<&'a str> {
    let mut steps = path.split('.');
    let first = steps.next().and_then(|step| claims.get(step));
    match steps.try_fold(first, |value, step| Some(value?.get(step))).flatten() {
        // As OAuth writes scopes.
        Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// No fault of the caller's, and nothing that another token would mend.
fn away() -> Failure {
    let message = "the token can't be checked, for the identity provider does not answer: try again in a moment";
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, message)
}

fn refused(reason: &dyn std::fmt::Display) -> Failure {
    Failure::unauthenticated(format!("the token is of no use: {reason}"))
}
