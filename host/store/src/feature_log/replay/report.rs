//! What a replay comes to.

use serde::Serialize;

use super::super::{LeftOut, leave_out};
use super::candidate::CandidateChange;

/// Differences that are written down; the rest is counted.
const DIFFERENCES_MAX: usize = 100;

/// What a replay comes to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Replay {
    /// files with rows that were asked for
    pub files: u64,
    /// rows computed again
    pub rows: u64,
    /// values compared, in each feature
    pub features: Vec<FeatureReplay>,
    /// the first differences
    pub differences: Vec<Difference>,
    /// rows that could not be computed again
    pub left_out: Vec<LeftOut>,
    /// what the candidates would change
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<CandidateChange>,
}

/// How a feature fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeatureReplay {
    /// the feature, as `view:feature`
    pub feature: String,
    /// whether a transform computed it again; a stored feature is read from the log, and its view's ttl applied again
    pub computed: bool,
    /// values compared
    pub compared: u64,
    /// values with other bits, or with another status
    pub differing: u64,
}

/// A value that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// the request and which of its rows, as `id/row`
    pub request: String,
    /// the instant that was asked about, in µs
    pub event_timestamp: i64,
    /// the feature, as `view:feature`
    pub feature: String,
    /// the value as it was served
    pub logged: String,
    /// the value as it came out
    pub replayed: String,
    /// the status as it was served
    pub logged_status: String,
    /// the status as it came out
    pub replayed_status: String,
    /// the file of the log
    pub file: String,
}

impl Replay {
    /// Values compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.features.iter().map(|feature| feature.compared).sum()
    }

    /// Values that differ.
    #[must_use]
    pub fn differing(&self) -> u64 {
        self.features.iter().map(|feature| feature.differing).sum()
    }

    pub(super) fn of_file(&mut self, first: bool) {
        self.files += u64::from(first && (self.rows > 0 || !self.left_out.is_empty()));
    }

    pub(super) fn leave_out(&mut self, reason: &str, rows: u64) {
        leave_out(&mut self.left_out, reason, rows);
    }

    pub(super) fn count(&mut self, part: FeatureReplay) {
        match self.features.iter_mut().find(|known| known.feature == part.feature) {
            Some(known) => {
                known.compared += part.compared;
                known.differing += part.differing;
            }
            None => self.features.push(part),
        }
    }

    /// Writes a difference down; false where there are enough.
    pub(super) fn differ(&mut self, difference: Difference) -> bool {
        let room = self.differences.len() < DIFFERENCES_MAX;
        if room {
            self.differences.push(difference);
        }
        room
    }

    pub(super) fn merge(&mut self, part: Self) {
        self.files += part.files;
        self.rows += part.rows;
        part.features.into_iter().for_each(|feature| self.count(feature));
        part.left_out.iter().for_each(|left_out| self.leave_out(&left_out.reason, left_out.rows));
        for difference in part.differences {
            self.differ(difference);
        }
        for candidate in part.candidates {
            self.candidate(&candidate.view, &candidate.transform, &candidate.digest).merge(&candidate);
        }
    }

    /// What the candidate of `transform` changes in `view`.
    pub(super) fn candidate(&mut self, view: &str, transform: &str, digest: &str) -> &mut CandidateChange {
        let place = self.candidates.iter().position(|known| known.view == view);
        let place = place.unwrap_or_else(|| {
            self.candidates.push(CandidateChange::new(view, transform, digest));
            self.candidates.len() - 1
        });
        &mut self.candidates[place]
    }
}
