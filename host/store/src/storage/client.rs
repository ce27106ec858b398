//! One client for each store of the process, with its settings in one place.
//!
//! A request is repeated while the store is busy, cuts the connection or does not answer, but never for long: after
//! [`Patience::total`] at the latest there is an answer or an error.

use std::collections::HashMap;
use std::env;
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;

use super::Place;
use super::address::bad;
use crate::{Error, Result};

/// How long a store may take, in seconds, retries included; the environment may say otherwise.
const PATIENCE_SECONDS: &str = "SKEWLESS_STORAGE_TIMEOUT";

/// The limit where the environment says nothing.
const TOTAL: Duration = Duration::from_secs(30);

/// How long one request to a store may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// with all its retries
    total: Duration,
}

impl Patience {
    fn from_env() -> Result<Self> {
        let Some(text) = env::var_os(PATIENCE_SECONDS).filter(|text| !text.is_empty()) else {
            return Ok(Self { total: TOTAL });
        };
        let seconds = text.to_str().and_then(|text| text.parse::<f64>().ok());
        let total =
            seconds.filter(|seconds| *seconds > 0.0).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        total.map(|total| Self { total }).ok_or_else(|| {
            Error::invalid_input(format!(
                "the environment variable `{PATIENCE_SECONDS}` is {text:?}: give the seconds that a store may take, such as 30"
            ))
        })
    }

    /// A try may take two thirds of the time, and none begins after the first third: so all ends within the whole.
    fn limits(self) -> [(ClientConfigKey, &'static str, Duration); 2] {
        [
            (ClientConfigKey::Timeout, "TIMEOUT", self.total * 2 / 3),
            (ClientConfigKey::ConnectTimeout, "CONNECT_TIMEOUT", self.total / 6),
        ]
    }

    fn retry(self) -> RetryConfig {
        let backoff =
            BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: self.total / 6, base: 2.0 };
        RetryConfig { backoff, max_retries: 10, retry_timeout: self.total / 3 }
    }
}

/// The local disk.
pub(super) fn local(path: Path, shown: String) -> Place {
    static DISK: LazyLock<Arc<dyn ObjectStore>> = LazyLock::new(|| Arc::new(LocalFileSystem::new()));
    let root = Url::parse("file:///").expect("this is a URL");
    Place { store: Arc::clone(&DISK), path, root, shown }
}

/// The store behind `url`, made when it is first asked for.
///
/// # Errors
/// `InvalidDefinition` where the environment has settings that make no client, or there are none for such URLs.
pub(super) fn remote(url: &Url, scheme: ObjectStoreScheme, path: Path) -> Result<Place> {
    static STORES: LazyLock<Mutex<HashMap<String, Arc<dyn ObjectStore>>>> = LazyLock::new(Mutex::default);
    let root = root(url, &path);
    let shown = url.as_str().trim_end_matches('/').to_owned();
    if scheme == ObjectStoreScheme::Memory {
        // For tests: whoever opens one has one of his own.
        return Ok(Place { store: Arc::new(InMemory::new()), path, root, shown });
    }
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    let store = match stores.get(root.as_str()) {
        Some(store) => Arc::clone(store),
        None => {
            let store = connect(url, scheme)?;
            stores.insert(root.to_string(), Arc::clone(&store));
            store
        }
    };
    Ok(Place { store, path, root, shown })
}

/// `url` without the place in the store: where the store's own paths start.
fn root(url: &Url, path: &Path) -> Url {
    let mut root = url.clone();
    let names: Vec<&str> = url.path().split('/').filter(|name| !name.is_empty()).collect();
    root.set_path(&names[..names.len().saturating_sub(path.parts_count())].join("/"));
    root
}

/// A builder that knows the environment and `$url`, with our limits where the environment sets none of its own.
macro_rules! builder {
    ($builder:ident, $key:ident, $prefix:literal, $url:expr, $patience:expr) => {{
        let mut builder = $builder::from_env().with_url($url.as_str()).with_retry($patience.retry());
        for (key, variable, limit) in $patience.limits() {
            if env::var_os(format!("{}_{variable}", $prefix)).is_none() {
                builder = builder.with_config($key::Client(key), format!("{}ms", limit.as_millis()));
            }
        }
        builder
    }};
}

fn connect(url: &Url, scheme: ObjectStoreScheme) -> Result<Arc<dyn ObjectStore>> {
    choose_cryptography();
    let patience = Patience::from_env()?;
    let no_client = |error: object_store::Error| bad(url.as_str(), error);
    Ok(match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let builder = builder!(AmazonS3Builder, AmazonS3ConfigKey, "AWS", url, patience);
            let builder = builder.with_conditional_put(S3ConditionalPut::ETagMatch);
            Arc::new(builder.build().map_err(no_client)?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = builder!(GoogleCloudStorageBuilder, GoogleConfigKey, "GOOGLE", url, patience);
            Arc::new(builder.build().map_err(no_client)?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = builder!(MicrosoftAzureBuilder, AzureConfigKey, "AZURE", url, patience);
            Arc::new(builder.build().map_err(no_client)?)
        }
        _ => return Err(bad(url.as_str(), "no store is known behind such a URL")),
    })
}

/// Two of our dependencies bring TLS with a cryptography of their own each, and rustls refuses to guess which of two to use.
fn choose_cryptography() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        // Refused only where the program has chosen before us, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_store_is_its_url_without_the_place() {
        let root_of = |text: &str| {
            let url = Url::parse(text).unwrap();
            let (_, path) = ObjectStoreScheme::parse(&url).unwrap();
            root(&url, &path).to_string()
        };
        assert_eq!(root_of("s3://bucket/data/x.parquet"), "s3://bucket");
        assert_eq!(root_of("s3://bucket"), "s3://bucket");
        assert_eq!(
            root_of("https://account.blob.core.windows.net/container/a/b"),
            "https://account.blob.core.windows.net/container"
        );
    }

    #[test]
    fn all_tries_together_end_within_the_time_that_is_set() {
        let patience = Patience { total: Duration::from_secs(30) };
        let [(_, _, one_try), _] = patience.limits();
        assert_eq!(patience.retry().retry_timeout + one_try, patience.total);
    }

    #[test]
    fn a_bucket_has_one_client_in_the_process() {
        let open = |text: &str| {
            let url = Url::parse(text).unwrap();
            let (scheme, path) = ObjectStoreScheme::parse(&url).unwrap();
            remote(&url, scheme, path).unwrap()
        };
        let (first, second) = (open("s3://one/a/b"), open("s3://one/c"));
        assert!(Arc::ptr_eq(&first.store, &second.store));
        assert!(!Arc::ptr_eq(&first.store, &open("s3://two/a").store));
        assert_eq!((second.path.as_ref(), second.shown.as_str()), ("c", "s3://one/c"));
    }
}
