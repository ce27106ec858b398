//! The public keys of an identity provider (a JSON Web Key Set), kept and asked for anew.
//!
//! A provider that does not answer takes nothing from anybody whose key is known. Of other tokens nobody can say whether they
//! are any good: that is told at once, and only now and then does one of them wait to see whether the provider is back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::AlgorithmFamily;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse};
use skewless_store::definitions::OidcSettings;
use skewless_store::{Error, Result};
use tokio::sync::OwnedMutexGuard;
use url::Url;

use super::unusable;

/// How long keys are kept before the provider is asked again.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(300);

/// How soon it is asked again because of a token whose key is not known. Anybody can send such a token.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// How soon it is asked again where it did not answer, or had no keys, without anybody waiting for that.
const RETRIED_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// How long the provider may take, and how much it may say.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Keys, and where they come from.
#[derive(Debug)]
pub(super) struct KeySet {
    source: Source,
    keys: ArcSwap<JwkSet>,
    asked: Mutex<Asked>,
    /// held by whoever asks the source
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// What is known of the source.
#[derive(Debug)]
struct Asked {
    /// when it was last asked
    at: Timestamp,
    /// whether it had no answer
    failed: bool,
}

/// Whether a key is among the provider's can't be said: the provider does not answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProviderAway;

#[derive(Debug)]
enum Source {
    Url(Url, reqwest::Client),
    File(PathBuf),
}

impl KeySet {
    /// The keys that `settings` name. A provider that does not answer is asked again later; a file must be there.
    pub(super) async fn open(root: &Path, settings: &OidcSettings, now: Timestamp) -> Result<Self> {
        let source = source(root, settings)?;
        let (keys, failed) = match (source.read().await, &source) {
            (Ok(keys), _) => (keys, false),
            (Err(error), Source::File(_)) => return Err(error),
            (Err(error), Source::Url(..)) => {
                tracing::error!(%error, "no token can be checked until the identity provider answers");
                (JwkSet { keys: Vec::new() }, true)
            }
        };
        let (asked, asking) = (Mutex::new(Asked { at: now, failed }), Arc::default());
        Ok(Self { source, keys: ArcSwap::from_pointee(keys), asked, asking })
    }

    /// The key called `id` for tokens signed by an algorithm of `family`; where a token names none, the only one.
    ///
    /// # Errors
    /// Where the key is not known, and the provider did not answer when it was last asked.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        family: AlgorithmFamily,
        now: Timestamp,
    ) -> Result<Option<Jwk>, ProviderAway> {
        let known = || find(&self.keys.load(), id, family);
        if let Some(key) = known() {
            return Ok(Some(key));
        }
        // Somebody may be asking for the same key, which then is there in a moment, unless nobody answers anyway.
        let failed = self.asked().failed;
        let asking = match failed {
            false => Some(Arc::clone(&self.asking).lock_owned().await),
            true => Arc::clone(&self.asking).try_lock_owned().ok(),
        };
        match asking {
            Some(asking) if known().is_none() && self.may_ask(now, ASKED_AGAIN_AFTER) => self.ask(asking).await,
            asking => drop(asking),
        }
        match known() {
            None if self.asked().failed => Err(ProviderAway),
            key => Ok(key),
        }
    }

    /// Asks for the keys anew where they are old, or where there are none.
    pub(super) async fn refresh(self: &Arc<Self>, now: Timestamp) {
        let asking = Arc::clone(&self.asking).lock_owned().await;
        let nothing = self.asked().failed || self.keys.load().keys.is_empty();
        if self.may_ask(now, if nothing { RETRIED_AFTER } else { KEPT_FOR }) {
            self.ask(asking).await;
        }
    }

    /// Whether the last time is `after` ago; then it is now.
    fn may_ask(&self, now: Timestamp, after: SignedDuration) -> bool {
        let mut asked = self.asked();
        let may = now.duration_since(asked.at) >= after;
        if may {
            asked.at = now;
        }
        may
    }

    /// Asks, to the end even where whoever wants to know goes: else anybody could keep keys away from everybody.
    async fn ask(self: &Arc<Self>, asking: OwnedMutexGuard<()>) {
        let keys = Arc::clone(self);
        let asked = tokio::spawn(async move {
            keys.read().await;
            drop(asking);
        });
        // Nobody ends it; and if it panics, the keys stay as they are.
        let _ = asked.await;
    }

    async fn read(&self) {
        let read = self.source.read().await;
        let failed_before = std::mem::replace(&mut self.asked().failed, read.is_err());
        match read {
            Ok(keys) => self.keys.store(Arc::new(keys)),
            Err(error) if !failed_before => tracing::error!(%error, "the identity provider's keys stay as they are"),
            Err(error) => tracing::debug!(%error, "the identity provider still does not answer"),
        }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        // Its parts are set one by one, so that a panic leaves nothing half done.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests;
