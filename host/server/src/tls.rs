//! TLS: who we are, by a certificate that may be renewed while serving.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use skewless_store::{Error, Result};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A certificate and its key, as they are in their files.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<Current>,
}

struct Current {
    /// what the files held
    files: [Vec<u8>; 2],
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the certificate, with those that lead to an authority after it, and its key; PEM both.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidDefinition`](skewless_store::ErrorKind::InvalidDefinition) where a file can't be read, or the two
    /// don't belong together.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self> {
        let current = ArcSwap::from_pointee(read(certificate, key)?);
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), current })
    }

    /// Reads the files anew; where they can't be used now, what was read before stays.
    pub(crate) fn refresh(&self) {
        match read(&self.certificate, &self.key) {
            Ok(current) if current.files == self.current.load().files => {}
            Ok(current) => {
                tracing::info!("the certificate was read anew");
                self.current.store(Arc::new(current));
            }
            Err(error) => tracing::error!(%error, "the certificate stays as it is"),
        }
    }

    /// Agrees with a client on a key.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.current.load().config);
        TlsAcceptor::from(config).accept(stream).await
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Current> {
    let unusable = |path: &Path, reason: String| {
        Error::invalid_definition(format!("`{}` can't be used: {reason}", path.display()))
    };
    let bytes = |path: &Path| std::fs::read(path).map_err(|error| unusable(path, error.to_string()));
    let files = [bytes(certificate)?, bytes(key)?];
    let chain = CertificateDer::pem_slice_iter(&files[0]).collect::<std::result::Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| unusable(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(certificate, "it holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&files[1])
        .map_err(|error| unusable(key, format!("it holds no private key in PEM: {error}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map(|config| config.with_no_client_auth().with_single_cert(chain, private));
    let mut config = config
        .flatten()
        .map_err(|error| unusable(certificate, format!("it does not go with the key `{}`: {error}", key.display())))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Current { files, config: Arc::new(config) })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A certificate for localhost, and its key.
    fn make(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("the test needs openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (certificate, key)
    }

    #[test]
    fn a_certificate_follows_its_files_and_outlives_broken_ones() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = make(folder.path(), "first");
        let (next, next_key) = make(folder.path(), "next");
        let tls = Tls::open(&certificate, &key).unwrap();
        let config = || Arc::as_ptr(&tls.current.load().config);
        let first = config();
        tls.refresh();
        assert_eq!(config(), first, "nothing has changed");
        // Half of the change is there.
        std::fs::copy(&next, &certificate).unwrap();
        tls.refresh();
        assert_eq!(config(), first);
        std::fs::copy(&next_key, &key).unwrap();
        tls.refresh();
        assert_ne!(config(), first);
    }

    #[test]
    fn files_that_can_not_be_meant_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = make(folder.path(), "own");
        let (_, other_key) = make(folder.path(), "other");
        let refusal = |certificate: &Path, key: &Path| {
            let message = Tls::open(certificate, key).err().unwrap().to_string();
            message.replace(&folder.path().display().to_string(), "FOLDER")
        };
        insta::assert_snapshot!(refusal(&folder.path().join("none"), &key), @"`FOLDER/none` can't be used: No such file or directory (os error 2)");
        insta::assert_snapshot!(refusal(&key, &key), @"`FOLDER/own.key` can't be used: it holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)");
        insta::assert_snapshot!(refusal(&certificate, &certificate), @"`FOLDER/own.pem` can't be used: it holds no private key in PEM: no items found");
        insta::assert_snapshot!(refusal(&certificate, &other_key), @"`FOLDER/own.pem` can't be used: it does not go with the key `FOLDER/other.key`: keys may not be consistent: KeyMismatch");
    }
}
