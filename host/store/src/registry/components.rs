//! Components, stored under their SHA-256.

use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore as _, ObjectStoreExt as _, PutMode, PutPayload};
use skewless_runtime::{Certificate, Digest};

use super::Registry;
use crate::{Error, Result};

impl Registry {
    /// Stores a component and returns its digest, `sha256:` and 64 hexadecimal digits. A component that is there
    /// already stays.
    ///
    /// # Errors
    /// `Unavailable` where the store does not answer or is full.
    pub async fn put_component(&self, bytes: &[u8]) -> Result<String> {
        let digest = Digest::of(bytes);
        let path = self.component_path(&digest);
        let failed = |error| self.unavailable(&format!("store the component {digest}"), error);
        let payload = || PutPayload::from(bytes.to_vec());
        match self.store.put_opts(&path, payload(), PutMode::Create.into()).await {
            Ok(_) => {}
            Err(StoreError::AlreadyExists { .. }) => {
                // A copy of another length was cut off by a crash or a full disk: this one mends it.
                let stored = self.store.head(&path).await.map_err(failed)?;
                if stored.size != bytes.len() as u64 {
                    self.store.put(&path, payload()).await.map_err(failed)?;
                }
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(digest.to_string())
    }

    /// The bytes of a component, checked against its digest.
    ///
    /// # Errors
    /// `NotFound` where there is none of that digest, or it is no digest; `Corrupt` where its bytes have another
    /// one; `Unavailable` where the store does not answer.
    pub async fn component(&self, digest: &str) -> Result<Vec<u8>> {
        let wanted = digest.parse::<Digest>().map_err(|error| Error::not_found(error.to_string()))?;
        let path = self.component_path(&wanted);
        let failed = |error| self.unavailable(&format!("read the component {wanted}"), error);
        let object = match self.store.get(&path).await {
            Err(StoreError::NotFound { .. }) => {
                let message =
                    format!("the registry `{}` has no component {wanted}: apply the repository again", self.address);
                return Err(Error::not_found(message));
            }
            object => object.map_err(failed)?,
        };
        let bytes = object.bytes().await.map_err(failed)?;
        if Digest::of(&bytes) == wanted {
            return Ok(bytes.into());
        }
        Err(Error::corrupt(format!(
            "the component `{path}` is damaged, its bytes have the digest {}: remove the file and apply the \
             repository again",
            Digest::of(&bytes)
        )))
    }

    /// Stores the certificate of a component beside it, in place of one that was there.
    ///
    /// # Errors
    /// `Unavailable` where the store does not answer or is full.
    pub async fn put_certificate(&self, digest: &Digest, certificate: &Certificate) -> Result<()> {
        let text = serde_json::to_vec_pretty(certificate).expect("a certificate is plain data");
        let path = self.beside_component(digest, "certificate.json");
        let put = self.store.put(&path, PutPayload::from(text)).await;
        put.map_err(|error| self.unavailable(&format!("store the certificate of {digest}"), error)).map(drop)
    }

    /// The certificate of a component, if there is one.
    ///
    /// # Errors
    /// `Corrupt` for something else in its place; `Unavailable` where the store does not answer.
    pub async fn certificate(&self, digest: &Digest) -> Result<Option<Certificate>> {
        let path = self.beside_component(digest, "certificate.json");
        let failed = |error| self.unavailable(&format!("read the certificate of {digest}"), error);
        let object = match self.store.get(&path).await {
            Err(StoreError::NotFound { .. }) => return Ok(None),
            object => object.map_err(failed)?,
        };
        let text = object.bytes().await.map_err(failed)?;
        let certificate = serde_json::from_slice(&text).map_err(|error| {
            let message = format!("`{path}` is no parity certificate: remove the file, verify and apply again");
            Error::corrupt(message).because(error)
        })?;
        Ok(Some(certificate))
    }

    fn component_path(&self, digest: &Digest) -> Path {
        self.beside_component(digest, "wasm")
    }

    fn beside_component(&self, digest: &Digest, extension: &str) -> Path {
        let hex = digest.hex();
        let file = format!("{hex}.{extension}");
        self.folder.clone().join("components").join("sha256").join(&hex[..2]).join(file)
    }
}
