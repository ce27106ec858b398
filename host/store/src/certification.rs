//! Parity certificates on their way from beside a component to the registry, and to whoever loads the component.

use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use skewless_runtime::{Certificate, Transform};

use crate::registry::Registry;
use crate::{Error, Result};

/// A transform whose component has no certificate, or one that doesn't count here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uncertified {
    /// the transform
    pub transform: String,
    /// its component's digest
    pub digest: String,
    /// what is the matter, as a sentence without its end
    pub reason: String,
}

/// Where the certificate of the component file `component` is kept: beside it.
#[must_use]
pub fn certificate_path(component: &Path) -> PathBuf {
    component.with_extension("certificate.json")
}

/// Reads a certificate; `None` where there is no such file.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for a file that is no certificate.
pub fn read_certificate(path: &Path) -> Result<Option<Certificate>> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| {
            Error::unavailable(format!("the certificate `{}` can't be read", path.display())).because(error)
        })?,
    };
    let certificate = serde_json::from_slice(&text).map_err(|error| {
        let message = format!("`{}` is no parity certificate: remove it and run `skewless verify`", path.display());
        Error::corrupt(message).because(error)
    })?;
    Ok(Some(certificate))
}

/// The certificate that counts for `transform`: the one beside its component, else the one in the registry.
///
/// # Errors
/// An inner [`Uncertified`] where there is none, or none that passed, for this component on this engine.
pub(crate) async fn certify(
    name: &str,
    transform: &Transform,
    component: &Path,
    registry: &Registry,
) -> Result<Result<Certificate, Uncertified>> {
    let digest = transform.digest();
    let candidates = [read_certificate(&certificate_path(component))?, registry.certificate(digest).await?];
    let mut reasons = Vec::new();
    for certificate in candidates.into_iter().flatten() {
        match certificate.covers(digest) {
            Ok(()) => return Ok(Ok(certificate)),
            Err(reason) => reasons.push(reason),
        }
    }
    let reason = match reasons.into_iter().next() {
        None => format!("the component of transform `{name}` has no parity certificate"),
        Some(reason) => format!("the parity certificate of transform `{name}` does not count: {reason}"),
    };
    Ok(Err(Uncertified { transform: name.to_owned(), digest: digest.to_string(), reason }))
}

/// Lets `transform` reuse its instances if the registry has a certificate for it that counts here.
pub(crate) async fn trust(name: &str, transform: &Transform, registry: &Registry) -> Result<()> {
    let Some(certificate) = registry.certificate(transform.digest()).await? else { return Ok(()) };
    if let Err(reason) = transform.reuse_instances(&certificate) {
        tracing::info!(transform = name, %reason, "instances are not reused; to change it, verify and apply again");
    }
    Ok(())
}
