//! What the comparison of a log with the offline store comes to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::compare::{Quantiles, Sizes};
use super::super::{LeftOut, leave_out};
use super::cause::{Cause, Explained};

/// Values that are shown of each feature and cause: the worst.
const WORST_MAX: usize = 5;

/// What was served and is not what a training set has.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Skew {
    /// rows compared
    pub rows: u64,
    /// values compared
    pub compared: u64,
    /// values that differ
    pub differing: u64,
    /// each feature
    pub features: Vec<FeatureSkew>,
    /// rows that could not be asked for any more
    pub left_out: Vec<LeftOut>,
}

/// How a feature fared.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FeatureSkew {
    /// the feature, as `view:feature`
    pub feature: String,
    /// values compared
    pub compared: u64,
    /// values that differ
    pub differing: u64,
    /// why, in the order of the causes
    pub causes: Vec<FeatureCause>,
}

/// The values of a feature that differ for one cause.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureCause {
    /// the cause
    pub cause: Cause,
    /// how many values
    pub values: u64,
    /// which share of the feature's values
    pub share: f64,
    /// for how many seconds the rows had been there that were not yet materialized
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<Quantiles>,
    /// the values that are furthest off
    pub worst: Vec<SkewedValue>,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkewedValue {
    /// the request and which of its rows, as `id/row`
    pub request: String,
    /// the join keys, as `user_id=1`
    pub entity: String,
    /// the instant that was asked about, in µs
    pub event_timestamp: i64,
    /// the value as it was served
    pub logged: String,
    /// the value that a training set has
    pub recomputed: String,
    /// how far two numbers are apart
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<f64>,
    /// for how many seconds the row had been there that was not yet materialized
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<f64>,
}

impl Skew {
    /// How many values differ for each cause that there is, in the order of the causes.
    #[must_use]
    pub fn by_cause(&self) -> BTreeMap<Cause, u64> {
        let mut counts = BTreeMap::new();
        for cause in self.features.iter().flat_map(|feature| &feature.causes) {
            *counts.entry(cause.cause).or_default() += cause.values;
        }
        counts
    }

    /// The share of the values that differ, from 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        share(self.differing, self.compared)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A report that grows.
#[derive(Default)]
pub(super) struct Findings {
    rows: u64,
    features: Vec<FeatureFindings>,
    left_out: Vec<LeftOut>,
}

struct FeatureFindings {
    feature: String,
    compared: u64,
    causes: BTreeMap<Cause, CauseFindings>,
}

#[derive(Default)]
struct CauseFindings {
    values: u64,
    ages: Sizes,
    worst: Vec<SkewedValue>,
}

impl Findings {
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn add_rows(&mut self, rows: u64) {
        self.rows += rows;
    }

    pub(super) fn leave_out(&mut self, reason: &str, rows: u64) {
        leave_out(&mut self.left_out, reason, rows);
    }

    pub(super) fn compared(&mut self, feature: &str, values: u64) {
        self.feature(feature).compared += values;
    }

    pub(super) fn differ(&mut self, feature: &str, explained: &Explained, value: SkewedValue) {
        let cause = self.feature(feature).causes.entry(explained.cause).or_default();
        cause.values += 1;
        if let Some(age) = explained.age {
            cause.ages.add(age as f64 / 1e6);
        }
        cause.worst.push(value);
        // Values in the place of nulls are as far off as can be.
        cause.worst.sort_by(|a, b| {
            let size = |value: &SkewedValue| value.size.unwrap_or(f64::INFINITY);
            size(b).total_cmp(&size(a))
        });
        cause.worst.truncate(WORST_MAX);
    }

    fn feature(&mut self, feature: &str) -> &mut FeatureFindings {
        let place = self.features.iter().position(|known| known.feature == feature).unwrap_or_else(|| {
            self.features.push(FeatureFindings { feature: feature.to_owned(), compared: 0, causes: BTreeMap::new() });
            self.features.len() - 1
        });
        &mut self.features[place]
    }

    pub(super) fn skew(self) -> Skew {
        let features: Vec<FeatureSkew> = self.features.into_iter().map(FeatureFindings::skew).collect();
        Skew {
            rows: self.rows,
            compared: features.iter().map(|feature| feature.compared).sum(),
            differing: features.iter().map(|feature| feature.differing).sum(),
            features,
            left_out: self.left_out,
        }
    }
}

impl FeatureFindings {
    fn skew(self) -> FeatureSkew {
        let Self { feature, compared, causes } = self;
        let cause = |(cause, found): (Cause, CauseFindings)| FeatureCause {
            cause,
            values: found.values,
            share: share(found.values, compared),
            age_seconds: found.ages.quantiles(),
            worst: found.worst,
        };
        let causes: Vec<FeatureCause> = causes.into_iter().map(cause).collect();
        let differing = causes.iter().map(|cause| cause.values).sum();
        FeatureSkew { feature, compared, differing, causes }
    }
}
