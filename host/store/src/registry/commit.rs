//! What a commit holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skewless_runtime::Signature;

use super::interval::Interval;
use super::sharded::ShardedJob;
use crate::definitions::Definitions;
use crate::row_schema::RowSchema;
use crate::saved_datasets::SavedDataset;

/// The format of commits that this version writes, and the newest it reads.
pub(super) const FORMAT: u32 = 1;

/// One step of a project: the whole state after it, and what made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// the version of this format
    pub format: u32,
    /// its place in the log, from 1, without gaps
    pub number: u64,
    /// when it was made, by the clock of whoever made it
    pub at: Timestamp,
    /// the program that wrote it, such as `skewless 0.1.0`
    pub tool: String,
    /// what made it
    pub action: Action,
    /// everything that holds from here on
    pub state: State,
}

/// A commit without its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitSummary {
    /// its place in the log, from 1
    pub number: u64,
    /// when it was made, by the clock of whoever made it
    pub at: Timestamp,
    /// the program that wrote it
    pub tool: String,
    /// what made it
    pub action: Action,
}

/// What made a commit, for people who read the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The definitions were applied.
    Apply,
    /// A feature view was materialized.
    Materialize {
        /// the view
        feature_view: String,
        /// the first instant, included
        start: Timestamp,
        /// the last instant, included
        end: Timestamp,
        /// the part of the entities, such as `2/4`, where it was not all of them
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shard: Option<String>,
    },
    /// The stored values of a feature view were deleted.
    DeleteValues {
        /// the view
        feature_view: String,
    },
    /// A training set was given a name.
    SaveDataset {
        /// the name
        name: String,
    },
    /// The project was taken down.
    Teardown,
}

/// Everything that holds for a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// the project's name
    pub project: String,
    /// what is applied, variables filled in
    pub definitions: Definitions,
    /// the component of each applied transform
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transforms: BTreeMap<String, AppliedTransform>,
    /// what is stored online of each feature view
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<String, ViewState>,
    /// training sets that have a name
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub saved_datasets: BTreeMap<String, SavedDataset>,
}

/// The component behind a transform's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppliedTransform {
    /// its digest, `sha256:` and 64 hexadecimal digits
    pub digest: String,
    /// its size
    pub size_bytes: u64,
    /// what it says of itself
    pub signature: Signature,
}

/// What is stored online of a feature view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewState {
    /// every schema in which rows were written, the newest last
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<RowSchema>,
    /// what is materialized: sorted, and neither overlapping nor touching
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub materialized: Vec<Interval>,
    /// jobs of several workers of which some are done and others are not
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sharded: Vec<ShardedJob>,
    /// whether rows are stored that would come out otherwise now: it needs to be materialized again
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outdated: bool,
    /// the digest of the component that computed the newest rows, where one did
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl ViewState {
    /// Remembers that rows of `schema` are written, which makes it the newest.
    pub fn remember(&mut self, schema: RowSchema) {
        self.schemas.retain(|known| known.id != schema.id);
        self.schemas.push(schema);
    }

    /// Forgets what is materialized, since the same rows would come out otherwise now.
    pub fn outdate(&mut self) {
        self.outdated |= !self.materialized.is_empty();
        self.forget_intervals();
    }

    /// Forgets what is materialized: nothing of it is there any more.
    pub fn forget_intervals(&mut self) {
        self.materialized.clear();
        self.sharded.clear();
    }

    /// The last materialized microsecond, from which an incremental run goes on.
    #[must_use]
    pub fn watermark(&self) -> Option<i64> {
        self.materialized.last().map(|interval| interval.end)
    }
}

/// The program that writes commits here.
pub(super) fn tool() -> String {
    concat!("skewless ", env!("CARGO_PKG_VERSION")).to_owned()
}
