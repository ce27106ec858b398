//! From newest rows to the online store.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array as _, BooleanArray, LargeBinaryArray, RecordBatch};
use arrow::datatypes::{Field, Schema};
use tokio::task::JoinSet;

use crate::definitions::{FeatureView, JoinKey};
use crate::offline::latest::LatestRows;
use crate::online::{KeyedRow, OnlineStore, RowEncoder, WriteSizes, WriteSummary};
use crate::registry::State;
use crate::row_schema::RowSchema;
use crate::stored_views::stored_views;
use crate::view_features::ViewFeatures;
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// What was written.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Done {
    pub(super) entities: u64,
    pub(super) failed_rows: u64,
    pub(super) writes: WriteSummary,
}

/// Turns newest rows into packed rows, and has them written while it makes the next ones; never more at once than the
/// store takes well, so that rows wait in the source and not in memory.
pub(super) struct Writer {
    view: String,
    schema: RowSchema,
    features: ViewFeatures,
    kept_for: Option<Duration>,
    online: Arc<dyn OnlineStore>,
    sizes: WriteSizes,
    waiting: Vec<Packed>,
    writing: JoinSet<Result<WriteSummary>>,
    done: Done,
}

struct Packed {
    keys: LargeBinaryArray,
    rows: LargeBinaryArray,
}

impl Writer {
    pub(super) fn new(
        view: &FeatureView,
        schema: RowSchema,
        features: ViewFeatures,
        kept_for: Option<Duration>,
        online: Arc<dyn OnlineStore>,
    ) -> Self {
        Self {
            view: view.name.clone(),
            schema,
            features,
            kept_for,
            sizes: online.write_sizes(),
            online,
            waiting: Vec::new(),
            writing: JoinSet::new(),
            done: Done::default(),
        }
    }

    pub(super) async fn take(&mut self, latest: LatestRows) -> Result<()> {
        let count = latest.keys.len();
        let all = BooleanArray::from(vec![true; count]);
        let (columns, failed) = self.features.of(latest.columns, &all)?;
        let fields = self.schema.fields.iter().map(|(name, data_type)| Field::new(name, data_type.to_arrow(), true));
        let batch =
            RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns).map_err(arrow_error)?;
        let encoder =
            RowEncoder::new(&self.schema, &batch, &latest.event_timestamps, Some(&latest.created_timestamps))?;
        let encoder = match self.features.component() {
            Some(digest) => encoder.made_by(digest.prefix()),
            None => encoder,
        };
        self.waiting.push(Packed { keys: latest.keys, rows: encoder.encode() });
        self.done.entities += count as u64;
        self.done.failed_rows += failed;
        if self.waiting.iter().map(|packed| packed.keys.len()).sum::<usize>() >= self.sizes.rows {
            self.write().await?;
        }
        Ok(())
    }

    /// Writes what is left, and waits until all is stored.
    pub(super) async fn finish(&mut self) -> Result<Done> {
        self.write().await?;
        while !self.writing.is_empty() {
            self.one_written().await?;
        }
        Ok(self.done)
    }

    /// Has the rows that are waiting written, as soon as the store has room for them.
    async fn write(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        while self.writing.len() >= self.sizes.writes {
            self.one_written().await?;
        }
        let (waiting, online, view) = (std::mem::take(&mut self.waiting), Arc::clone(&self.online), self.view.clone());
        let kept_for = self.kept_for;
        self.writing.spawn_blocking(move || {
            let rows = waiting.iter().flat_map(|packed| packed.keys.iter().zip(&packed.rows));
            let rows: Vec<_> = rows.filter_map(|(key, row)| Some(KeyedRow { key: key?, row: row? })).collect();
            online.write(&view, &rows, kept_for)
        });
        Ok(())
    }

    async fn one_written(&mut self) -> Result<()> {
        let Some(written) = self.writing.join_next().await else { return Ok(()) };
        let written = written.map_err(|error| {
            Error::unavailable(format!("writing feature view `{}` was cut off", self.view)).because(error)
        })??;
        self.done.writes.written += written.written;
        self.done.writes.skipped_older += written.skipped_older;
        Ok(())
    }

    /// How many entities were given to it.
    pub(super) fn entities(&self) -> u64 {
        self.done.entities
    }

    /// The digest of the component that computes the rows, where one does.
    pub(super) fn component(&self) -> Option<String> {
        self.features.component().map(ToString::to_string)
    }
}

/// How long the rows of a view's entities can be of use: as long as the longest ttl of the views that describe the same
/// entities; `None` where one of them has none, so that they are kept for ever.
pub(crate) fn kept_for(state: &State, view: &FeatureView) -> Option<Duration> {
    let join_keys = |view: &FeatureView| {
        let mut keys = state.definitions.join_keys(view);
        keys.sort_by(|one, other| one.name.cmp(&other.name));
        keys.into_iter().map(|JoinKey { name, data_type, .. }| (name, data_type)).collect::<Vec<_>>()
    };
    let keys = join_keys(view);
    let mut longest = Duration::ZERO;
    for other in stored_views(state).iter().filter(|other| other.online && join_keys(other) == keys) {
        let micros = other.ttl.map_or(0, |ttl| ttl.as_micros().unsigned_abs());
        if micros == 0 {
            return None;
        }
        longest = longest.max(Duration::from_micros(micros));
    }
    Some(longest).filter(|longest| !longest.is_zero())
}
