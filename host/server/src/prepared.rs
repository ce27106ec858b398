//! From a request to its answer, whoever asks.
//!
//! What depends on the question alone is done once, in [`Prepared::new`]: features resolved, names made, reads planned.
//! A request then costs its rows. [`PreparedCache`] keeps what was prepared for the questions of the day.

mod cache;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Instant;

use jiff::Timestamp;
use skewless_store::definitions::Definitions;
use skewless_store::{Error, FeatureStore, Features, OnlineFeatures, ReadRows, Selection, StoredRows};
use tracing::Span;

use crate::admission::{Admission, Overload};
use crate::at_once::{Quickness, connection_threads};
use crate::together::{Interrupted, Together};
use crate::wire::protobuf::{self, GetOnlineFeaturesResponse};
use crate::wire::response::response;
use crate::wire::{Column, EntityRows, Question, Request, RequestError, instant};

pub use cache::PreparedCache;

/// Rows of a request that may be answered on a thread that others need: more take long whatever is asked.
const ROWS_AT_ONCE: usize = 256;

/// Rows of a request that are computed with those of others: a call for more costs little more than its rows do.
const ROWS_TOGETHER: usize = 128;

/// After a call that failed for several requests, so many of them are computed each by itself: whoever asks for what fails
/// again and again costs the others little.
const APART: u32 = 1_000;

/// A question, prepared to be answered for any rows at any instant.
pub struct Prepared {
    features: OnlineFeatures,
    /// how long computing took of late
    quickness: Quickness,
    together: Together<ReadRows, Features>,
    /// how many more requests are computed each by itself
    apart: AtomicU32,
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
    /// There is no such source or feature view to push rows to.
    #[error("{0}")]
    UnknownPushSource(Error),
    /// Two features of the answer would have one name.
    #[error("{0}")]
    NameCollision(Error),
    /// Too many others want to be answered.
    #[error(transparent)]
    Overload(#[from] Overload),
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
        Ok(Self {
            columns: Column::needed_by(features.set()),
            names,
            features,
            quickness: Quickness::default(),
            together: Together::new(connection_threads()),
            apart: AtomicU32::new(0),
        })
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
        self.log(&rows, at, now, &features);
        self.json(&rows, &features)
    }

    /// The columns that a request must bring.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The features of `rows` at the instant `at`, in µs, asked for at the clock's `now`. Nothing but computing them blocks,
    /// and that only where it did not take long of late: else a thread that may wait does it, once it has a place.
    ///
    /// # Errors
    /// As [`Prepared::answer`].
    pub(crate) async fn features(
        self: &Arc<Self>,
        rows: &EntityRows,
        at: i64,
        now: Timestamp,
        admission: &Admission,
    ) -> Result<Features, AnswerError> {
        let few = rows.batch().num_rows() <= ROWS_AT_ONCE;
        let stored = match few {
            true => {
                let _waits = admission.wait()?;
                self.features.read(rows.batch(), at).await?
            }
            false => None,
        };
        let features = self.computed(rows, stored, at, admission).await?;
        self.log(rows, at, now, &features);
        Ok(features)
    }

    /// The features of `rows`, for which `stored` was read unless that takes a thread that may wait.
    async fn computed(
        self: &Arc<Self>,
        rows: &EntityRows,
        stored: Option<StoredRows>,
        at: i64,
        admission: &Admission,
    ) -> Result<Features, AnswerError> {
        let stored = match stored {
            Some(stored) if self.may_share_calls(rows) => match self.compute_together(rows, stored, admission).await? {
                Ok(features) => return Ok(features),
                Err(stored) => Some(stored),
            },
            stored => stored,
        };
        let may_be_quick = stored.is_some() && self.quickness.is_quick();
        let at_once = may_be_quick.then(|| admission.at_once.begin(Instant::now())).flatten();
        match (stored, at_once) {
            (Some(stored), Some(_at_once)) => self.compute(rows, stored),
            (stored, _) => {
                let (prepared, rows, span) = (Arc::clone(self), rows.clone(), Span::current());
                let place = admission.place().await?;
                let work = move || {
                    // The place is given back with the end of the work, even where the caller has gone meanwhile.
                    let _place = place;
                    span.in_scope(|| prepared.read_and_compute(&rows, stored, at))
                };
                tokio::task::spawn_blocking(work).await.map_err(|_| interrupted())?
            }
        }
    }

    /// Whether `rows` may be computed with those of others: where that is quick, and did not fail of late.
    fn may_share_calls(&self, rows: &EntityRows) -> bool {
        let may =
            rows.batch().num_rows() <= ROWS_TOGETHER && self.features.may_share_calls() && self.quickness.is_quick();
        let less = |apart: u32| apart.checked_sub(1);
        may && self.apart.fetch_update(Relaxed, Relaxed, less).is_err()
    }

    /// The features of `rows`, computed with those of others who are ready at the same moment; `stored` comes back where it is to be computed
    /// alone.
    async fn compute_together(
        &self,
        rows: &EntityRows,
        stored: StoredRows,
        admission: &Admission,
    ) -> Result<Result<Features, StoredRows>, AnswerError> {
        let all = |requests: Vec<ReadRows>| {
            let (start, count) = (Instant::now(), requests.len());
            let Some(_at_once) = admission.at_once.begin(start) else { return Err(requests) };
            let features = self.features.compute_together(requests);
            // Each by itself would have had this thread for its part of the time.
            self.quickness.took(start.elapsed() / count as u32);
            if features.is_err() {
                self.apart.store(APART, Relaxed);
            }
            features
        };
        let shared = self.together.share((rows.batch().clone(), stored), all).await;
        let shared = shared.map_err(|Interrupted| interrupted())?;
        Ok(shared.map_err(|(_, stored)| stored))
    }

    fn read_and_compute(
        &self,
        rows: &EntityRows,
        stored: Option<StoredRows>,
        at: i64,
    ) -> Result<Features, AnswerError> {
        match stored {
            Some(stored) => self.compute(rows, stored),
            None => Ok(self.features.get(rows.batch(), at)?),
        }
    }

    fn compute(&self, rows: &EntityRows, stored: StoredRows) -> Result<Features, AnswerError> {
        let start = Instant::now();
        let features = self.features.compute(rows.batch(), stored);
        self.quickness.took(start.elapsed());
        Ok(features?)
    }

    /// The answer to `rows` as JSON.
    pub(crate) fn json(&self, rows: &EntityRows, features: &Features) -> Result<Answer, AnswerError> {
        Ok(Answer { body: response(rows, &self.names, features)?, rows: rows.batch().num_rows() })
    }

    /// The answer to `rows` as a message.
    ///
    /// # Errors
    /// Where it has a list with a null in it, which protobuf can't say.
    pub(crate) fn message(
        &self,
        rows: &EntityRows,
        features: &Features,
    ) -> Result<GetOnlineFeaturesResponse, AnswerError> {
        Ok(protobuf::response::response(rows, &self.names, features)?)
    }

    /// What is remembered of an answer: the feature log's rows, and why transforms failed.
    fn log(&self, rows: &EntityRows, at: i64, now: Timestamp, features: &Features) {
        self.features.log(rows.batch(), at, now, features);
        self.log_failures(features);
    }

    /// Says why a transform failed on a row: the answer has no place for more than the status.
    fn log_failures(&self, features: &Features) {
        for (feature, name) in self.names.iter().enumerate() {
            if let Some((row, reason)) = features.first_failure(feature) {
                tracing::info!(feature = name, row, reason, "a transform failed on this row, and maybe on others");
            }
        }
    }
}

/// Something panicked.
fn interrupted() -> Error {
    Error::corrupt("the request was interrupted: the server's log says why")
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
            AnswerError::Overload(overload) => Self::unavailable(overload.to_string()),
            AnswerError::UnknownService(error)
            | AnswerError::UnknownView(error)
            | AnswerError::UnknownPushSource(error)
            | AnswerError::NameCollision(error)
            | AnswerError::Store(error) => error,
        }
    }
}
