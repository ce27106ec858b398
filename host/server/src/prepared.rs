//! From a request to its answer, whoever asks.
//!
//! What depends on the question alone is done once, in [`Prepared::new`]: features resolved, names made, reads planned.
//! A request then costs its rows. [`PreparedCache`] keeps what was prepared for the questions of the day.

mod cache;

use jiff::Timestamp;
use skewless_store::definitions::Definitions;
use skewless_store::{Error, FeatureStore, Features, OnlineFeatures, Selection};

use crate::wire::response::response;
use crate::wire::{Column, Question, Request, RequestError, instant};

pub use cache::PreparedCache;

/// A question, prepared to be answered for any rows at any instant.
pub struct Prepared {
    features: OnlineFeatures,
    columns: Vec<Column>,
    names: Vec<String>,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// JSON, as [`wire::response`](crate::wire::response) has it
    pub body: Vec<u8>,
    /// how many rows it answers for
    pub rows: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The request can't be answered as it is.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There is no such feature service.
    #[error("{0}")]
    UnknownService(Error),
    /// There is no such feature view.
    #[error("{0}")]
    UnknownView(Error),
    /// Two features of the answer would have one name.
    #[error("{0}")]
    NameCollision(Error),
    /// Anything else that the store can't do.
    #[error("{0}")]
    Store(#[from] Error),
}

/// Answers the request `body` from `store`, for the instant it names or else for `now`. Blocks.
///
/// # Errors
/// As [`Request::parse`], [`Prepared::new`] and [`Prepared::answer`].
pub fn answer(store: &FeatureStore, body: &[u8], now: Timestamp) -> Result<Answer, AnswerError> {
    let request = Request::parse(body)?;
    Prepared::new(store, &request.question)?.answer(&request, now)
}

impl Prepared {
    /// Prepares to answer `question` from `store`.
    ///
    /// # Errors
    /// For names that are not applied, views that are not kept online, and features that would have one name.
    pub fn new(store: &FeatureStore, question: &Question) -> Result<Self, AnswerError> {
        let Question { selection, full_feature_names } = question;
        let features = OnlineFeatures::prepare(store, selection)
            .map_err(|error| AnswerError::of_selection(store.definitions(), selection, error))?;
        let names = features.set().output_names(*full_feature_names).map_err(AnswerError::NameCollision)?;
        Ok(Self { columns: Column::needed_by(features.set()), names, features })
    }

    /// Answers `request`, whose question must be the one this was prepared for, for the instant it names or else for
    /// `now`. Blocks for a read of the online store and the calls of the transforms.
    ///
    /// # Errors
    /// For columns that are not as they must be, transforms that fail on all rows, and whatever hinders reading the
    /// online store.
    pub fn answer(&self, request: &Request<'_>, now: Timestamp) -> Result<Answer, AnswerError> {
        let rows = request.entity_rows(&self.columns)?;
        let at = request.event_timestamp.unwrap_or_else(|| instant::micros(now));
        let features = self.features.get(rows.batch(), at)?;
        self.features.log(rows.batch(), at, now, &features);
        let row_count = rows.batch().num_rows();
        self.log_failures(&features, row_count);
        Ok(Answer { body: response(&rows, &self.names, &features)?, rows: row_count })
    }

    /// Says why a transform failed on a row: the answer has no place for more than the status.
    fn log_failures(&self, features: &Features, rows: usize) {
        for (feature, name) in self.names.iter().enumerate() {
            let reason = |row| features.failure_reason(feature, row).map(|reason| (row, reason));
            if let Some((row, reason)) = (0..rows).find_map(reason) {
                tracing::info!(feature = name, row, reason, "a transform failed on this row, and maybe on others");
            }
        }
    }
}

impl AnswerError {
    /// Says what it was that `selection` names and `definitions` lack.
    fn of_selection(definitions: &Definitions, selection: &Selection, error: Error) -> Self {
        match selection {
            Selection::Service(name) if definitions.feature_service(name).is_none() => Self::UnknownService(error),
            Selection::Features(features)
                if features.iter().any(|feature| definitions.view_names().all(|known| known != feature.view())) =>
            {
                Self::UnknownView(error)
            }
            _ => Self::Store(error),
        }
    }
}

/// For callers that know the store's errors only, such as the command line.
impl From<AnswerError> for Error {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Request(error) => error.into(),
            AnswerError::UnknownService(error)
            | AnswerError::UnknownView(error)
            | AnswerError::NameCollision(error)
            | AnswerError::Store(error) => error,
        }
    }
}
