//! Who asks, and whether they may.
//!
//! A caller shows a key or a token in the header `authorization`, `Bearer …`; in gRPC that is a key of the metadata with
//! the same name. Each route needs a role ([`Role`]), in the project that is served. Who asks is known by
//!
//! * an API key, of which the server knows the SHA-256, or
//! * a token that an identity provider signed.

mod api_keys;
mod grants;
mod key_set;
mod signatures;
mod tokens;

use std::path::Path;

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use skewless_store::definitions::AuthSettings;
use skewless_store::{Error, Result};

use self::api_keys::ApiKeys;
use self::tokens::Tokens;
use crate::failure::Failure;

pub(crate) use grants::Grants;
pub use grants::Role;

/// What says who asks.
#[derive(Debug, Default)]
pub enum Authenticator {
    /// Nothing does: everybody may do everything.
    #[default]
    Nobody,
    /// Keys of the callers' own.
    Keys(ApiKeys),
    /// Tokens of an identity provider.
    Tokens(Box<Tokens>),
}

/// Somebody who is known.
pub(crate) struct Caller {
    name: String,
    grants: Grants,
}

impl Authenticator {
    /// What `settings` say; paths in them are relative to `root`, the repository's folder. An identity provider that does
    /// not answer now is asked again later.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidDefinition`](skewless_store::ErrorKind::InvalidDefinition) where the file of keys can't be used,
    /// or there is not exactly one place for an identity provider's keys.
    pub async fn open(root: &Path, settings: &AuthSettings, now: Timestamp) -> Result<Self> {
        Ok(match settings {
            AuthSettings::NoAuth => Self::Nobody,
            AuthSettings::ApiKey { keys_file } => Self::Keys(ApiKeys::open(&root.join(keys_file))?),
            AuthSettings::Oidc(settings) => Self::Tokens(Box::new(Tokens::open(root, settings, now).await?)),
        })
    }

    /// Whether everybody may do everything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Nobody)
    }

    /// Reads keys anew where they may have changed; keeps those it has where that fails.
    pub(crate) async fn refresh(&self, now: Timestamp) {
        match self {
            Self::Nobody => {}
            Self::Keys(keys) => keys.refresh(),
            Self::Tokens(tokens) => tokens.refresh(now).await,
        }
    }

    /// The name of whoever sent `headers`, who has `role` in `project`; `None` where nobody is asked for a name.
    ///
    /// # Errors
    /// 401 where they are not known, 403 where they may not, 503 where nobody can say since an identity provider is away.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        role: Role,
        project: &str,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        let caller = match self {
            Self::Nobody => return Ok(None),
            Self::Keys(keys) => keys.caller(bearer(headers)?)?,
            Self::Tokens(tokens) => tokens.caller(bearer(headers)?, now).await?,
        };
        if caller.grants.allow(role, project) {
            return Ok(Some(caller.name));
        }
        let name = &caller.name;
        Err(Failure::forbidden(format!(
            "`{name}` does not have the role `{role}` in project `{project}`: ask whoever runs the server for it"
        )))
    }
}

/// What follows `Bearer`.
fn bearer(headers: &HeaderMap) -> Result<&str, Failure> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| {
        Failure::unauthenticated(
            "the request does not say who asks: send `authorization: Bearer …` with a key or token",
        )
    })?;
    let value = value.to_str().ok().and_then(|value| value.split_once(' '));
    match value {
        Some((scheme, proof)) if scheme.eq_ignore_ascii_case("bearer") && !proof.trim().is_empty() => Ok(proof.trim()),
        _ => Err(Failure::unauthenticated("the header `authorization` is of another form than `Bearer …`")),
    }
}

/// A file that says who may ask, and can't be used.
fn unusable(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::invalid_definition(format!("`{}` can't be used: {reason}", path.display()))
}

#[cfg(test)]
mod tests;
