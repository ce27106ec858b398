//! The public keys of an identity provider (a JSON Web Key Set), kept and asked for anew.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::AlgorithmFamily;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse};
use skewless_store::definitions::OidcSettings;
use skewless_store::{Error, Result};
use url::Url;

use super::unusable;

/// How long keys are kept before the provider is asked again.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(300);

/// How soon it is asked again because of a token whose key is not known. Anybody can send such a token.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// How long the provider may take, and how much it may say.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Keys, and where they come from.
#[derive(Debug)]
pub(super) struct KeySet {
    source: Source,
    keys: ArcSwap<JwkSet>,
    /// when the source was last asked
    asked_at: Mutex<Timestamp>,
}

#[derive(Debug)]
enum Source {
    Url(Url, reqwest::Client),
    File(PathBuf),
}

impl KeySet {
    /// The keys that `settings` name. A provider that does not answer is asked again later; a file must be there.
    pub(super) async fn open(root: &Path, settings: &OidcSettings, now: Timestamp) -> Result<Self> {
        let source = source(root, settings)?;
        let keys = match (source.read().await, &source) {
            (Ok(keys), _) => keys,
            (Err(error), Source::File(_)) => return Err(error),
            (Err(error), Source::Url(..)) => {
                tracing::error!(%error, "no token can be checked until the identity provider answers");
                JwkSet { keys: Vec::new() }
            }
        };
        Ok(Self { source, keys: ArcSwap::from_pointee(keys), asked_at: Mutex::new(now) })
    }

    /// The key called `id` for tokens signed by an algorithm of `family`; where a token names none, the only one.
    pub(super) async fn find(&self, id: Option<&str>, family: AlgorithmFamily, now: Timestamp) -> Option<Jwk> {
        let found = find(&self.keys.load(), id, family);
        if found.is_some() || !self.may_ask(now, ASKED_AGAIN_AFTER) {
            return found;
        }
        self.ask().await;
        find(&self.keys.load(), id, family)
    }

    /// Asks for the keys anew where they are old, or where there are none.
    pub(super) async fn refresh(&self, now: Timestamp) {
        let kept_for = if self.keys.load().keys.is_empty() { SignedDuration::ZERO } else { KEPT_FOR };
        if self.may_ask(now, kept_for) {
            self.ask().await;
        }
    }

    /// Whether the last time is `after` ago; then it is now.
    fn may_ask(&self, now: Timestamp, after: SignedDuration) -> bool {
        let mut asked_at = self.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let may = now.duration_since(*asked_at) >= after;
        if may {
            *asked_at = now;
        }
        may
    }

    async fn ask(&self) {
        match self.source.read().await {
            Ok(keys) => self.keys.store(Arc::new(keys)),
            Err(error) => tracing::error!(%error, "the identity provider's keys stay as they are"),
        }
    }
}

fn find(keys: &JwkSet, id: Option<&str>, family: AlgorithmFamily) -> Option<Jwk> {
    let fits = |key: &&Jwk| {
        let family_of_key = match &key.algorithm {
            AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa,
            AlgorithmParameters::EllipticCurve(_) => AlgorithmFamily::Ec,
            AlgorithmParameters::OctetKeyPair(_) => AlgorithmFamily::Ed,
            _ => return false,
        };
        family_of_key == family && key.common.public_key_use != Some(PublicKeyUse::Encryption)
    };
    let mut fitting = keys.keys.iter().filter(fits);
    match id {
        Some(id) => fitting.find(|key| key.common.key_id.as_deref() == Some(id)).cloned(),
        None => fitting.next().filter(|_| fitting.next().is_none()).cloned(),
    }
}

fn source(root: &Path, settings: &OidcSettings) -> Result<Source> {
    match (&settings.jwks_url, &settings.jwks_file) {
        (Some(text), None) => {
            let url =
                Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme())).ok_or_else(|| {
                    Error::invalid_definition(format!("`jwks_url` is `{text}`: expected an address such as https://…"))
                })?;
            // A library for TLS among several has to be chosen; whoever was faster chose as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = reqwest::Client::builder().timeout(ANSWER_MAX).build();
            let client = client.map_err(|error| Error::unavailable("no HTTP client can be made").because(error))?;
            Ok(Source::Url(url, client))
        }
        (None, Some(file)) => Ok(Source::File(root.join(file))),
        _ => Err(Error::invalid_definition(
            "`feature_server.auth` needs exactly one of `jwks_url` and `jwks_file`, where the issuer's keys are",
        )),
    }
}

impl Source {
    async fn read(&self) -> Result<JwkSet> {
        match self {
            Self::File(path) => {
                let text = tokio::fs::read(path).await.map_err(|error| unusable(path, error))?;
                serde_json::from_slice(&text).map_err(|error| unusable(path, error))
            }
            Self::Url(url, client) => {
                let failed = |error: &dyn std::fmt::Display| {
                    Error::unavailable(format!("the identity provider's keys at {url} can't be read: {error}"))
                };
                let answer = client.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status);
                let mut answer = answer.map_err(|error| failed(&error))?;
                let mut text = Vec::new();
                while let Some(bytes) = answer.chunk().await.map_err(|error| failed(&error))? {
                    text.extend_from_slice(&bytes);
                    if text.len() > ANSWER_BYTES_MAX {
                        return Err(failed(&format!("more than {ANSWER_BYTES_MAX} bytes came")));
                    }
                }
                serde_json::from_slice(&text).map_err(|error| failed(&error))
            }
        }
    }
}
