//! Where the newest row of every entity waits for requests.
//!
//! Enters: batches of feature rows, as Arrow columns. Leaves: the stored row of each entity asked for, as Arrow
//! columns again, with the same bits. On the way a row is two byte strings, one codec each, the same for every store:
//!
//! * the entity's [key](encode_keys), made of its join keys, and
//! * the packed [`row`]: when it happened, by which schema and transform, and its values.
//!
//! An [`OnlineStore`] keeps at most one row for a project, feature view and key: the newest by [`RowTime`], whatever the
//! order in which rows arrive and however often they are written. Whether that row is still within its feature view's
//! ttl is the caller's question, not the store's. There are two: a file for one machine (`embedded`), and Redis.

mod embedded;
mod key;
mod newest;
mod redis;
pub mod row;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::LargeBinaryArray;
use futures::future::BoxFuture;

use self::embedded::EmbeddedStore;
use self::redis::RedisStore;
use crate::definitions::{OnlineStoreSettings, Settings};
use crate::{Error, Result};

pub use key::{KeyError, encode_keys};
pub(crate) use redis::check_connection_string;
pub(crate) use row::stored_checksum;
pub use row::{RowBatch, RowDecoder, RowEncoder, RowPlan, RowTime};

/// The online store of one project. Every call blocks until it is done; calls may be made from several threads at once.
pub trait OnlineStore: fmt::Debug + Send + Sync {
    /// Stores each row that is not older than its entity's stored row.
    ///
    /// Of several rows of one entity, the newest is stored, and the last of those that are as new. So writing a batch
    /// again does no harm, and the order in which batches arrive does not matter. Each row is there whole or not at all.
    /// Rows are kept for at least `kept_for` from now, or for ever; a store may delete those of an entity after that.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) where the store does not answer, is full or refuses: some rows of the
    /// batch may be stored then, and writing all of it again mends it. [`Corrupt`](crate::ErrorKind::Corrupt) where it is
    /// damaged, or a newer version wrote to it.
    fn write(&self, feature_view: &str, rows: &[KeyedRow<'_>], kept_for: Option<Duration>) -> Result<WriteSummary>;

    /// Calls `visit` for each key of each request, in order, with the number of the request and the stored row.
    ///
    /// A null key finds nothing. All rows of one entity are of one instant.
    ///
    /// # Errors
    ///
    /// The first error of `visit`; [`Unavailable`](crate::ErrorKind::Unavailable) and
    /// [`Corrupt`](crate::ErrorKind::Corrupt) as for [`OnlineStore::write`]. Some rows may have been visited before.
    fn read(&self, requests: &[ReadRequest<'_>], visit: &mut Visit<'_>) -> Result<()>;

    /// As [`OnlineStore::read`], for a caller whose thread others need: what waits, waits without it. `None` where the store can't do
    /// that for these requests, so that a thread that may wait has to read.
    fn read_without_blocking<'a>(
        &'a self,
        requests: &'a [ReadRequest<'a>],
        visit: &'a mut Visit<'a>,
    ) -> Option<BoxFuture<'a, Result<()>>>;

    /// How many entities have a row, for each feature view that has any, known to the registry or not.
    ///
    /// # Errors
    ///
    /// As [`OnlineStore::read`].
    fn counts(&self) -> Result<BTreeMap<String, u64>>;

    /// Deletes every row of a feature view, and says how many there were.
    ///
    /// # Errors
    ///
    /// As [`OnlineStore::write`]; then some may be deleted.
    fn delete_view(&self, feature_view: &str) -> Result<u64>;

    /// Deletes the rows of an entity in every feature view, and says how many there were.
    ///
    /// # Errors
    ///
    /// As [`OnlineStore::write`].
    fn delete_entity(&self, key: &[u8]) -> Result<u64>;

    /// A text that changes whenever rows that were written may be lost, since a server was started anew or another has
    /// taken its place. A job that sees it change begins again.
    ///
    /// # Errors
    ///
    /// As [`OnlineStore::read`].
    fn incarnation(&self) -> Result<String>;

    /// How many rows a job should hand over in one write, and how many writes it may have under way at once.
    fn write_sizes(&self) -> WriteSizes;
}

/// What `call` says, which blocks, without holding up others meanwhile.
///
/// # Errors
/// Those of `call`.
pub(crate) async fn in_background<T: Send + 'static>(
    online: &Arc<dyn OnlineStore>,
    call: impl FnOnce(&dyn OnlineStore) -> Result<T> + Send + 'static,
) -> Result<T> {
    let online = Arc::clone(online);
    tokio::task::spawn_blocking(move || call(&*online))
        .await
        .map_err(|error| Error::unavailable("a call of the online store was cut off").because(error))?
}

/// What is called with the number of a request and a stored row.
pub type Visit<'a> = dyn FnMut(usize, Option<&[u8]>) -> Result<()> + Send + 'a;

/// A packed row and the entity it is about.
#[derive(Debug, Clone, Copy)]
pub struct KeyedRow<'a> {
    /// made by [`encode_keys`]
    pub key: &'a [u8],
    /// made by a [`RowEncoder`]
    pub row: &'a [u8],
}

/// The entities to read of one feature view.
#[derive(Debug, Clone, Copy)]
pub struct ReadRequest<'a> {
    /// the feature view
    pub feature_view: &'a str,
    /// made by [`encode_keys`]; the same entity may be there twice
    pub keys: &'a LargeBinaryArray,
}

/// What became of the rows of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteSummary {
    /// rows that are now stored
    pub written: u64,
    /// rows left out because a newer one of their entity was stored, or was in the same batch
    pub skipped_older: u64,
}

/// What a store takes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteSizes {
    /// rows in one write
    pub rows: usize,
    /// writes at once
    pub writes: usize,
}

/// The online store that `settings` name; a path in them is relative to `root`, the repository's folder.
///
/// # Errors
/// Where its file can't be read, or is something else; where what is said of a server can't be meant. A server need not
/// answer yet.
pub fn open_online_store(root: &Path, settings: &Settings) -> Result<Arc<dyn OnlineStore>> {
    Ok(match &settings.online_store {
        OnlineStoreSettings::Embedded { path } => Arc::new(EmbeddedStore::open(&root.join(path), &settings.project)?),
        OnlineStoreSettings::Redis { connection_string, redis_type, key_ttl_margin } => {
            let address = redis::Address::parse(connection_string.as_str(), *redis_type, root)?;
            Arc::new(RedisStore::new(address, &settings.project, *key_ttl_margin))
        }
    })
}
