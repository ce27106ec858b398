//! Is what a server answers what a training set holds, to the bit?
//!
//! A training set enters, and the address of a server; how many values are the same and which are not leaves. Values are
//! compared as the texts of the answer, which are the same exactly where the bits are (one text
//! stands for all NaNs).

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skewless_server::wire::ask::{ask, texts};
use skewless_store::{EVENT_TIMESTAMP, FeatureSet, Selection};

use crate::failure::{Failure, Result};

/// Rows of one request.
const ROWS_A_REQUEST: usize = 1_000;

/// Differences that are shown; the rest is counted.
const SHOWN_MAX: usize = 10;

/// How a feature fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FeatureParity {
    pub(crate) feature: String,
    /// values compared
    pub(crate) compared: u64,
    /// of those, nulls on both sides
    pub(crate) null: u64,
    /// values that differ
    pub(crate) differing: u64,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// the row of the training set, from 0
    pub(crate) row: usize,
    pub(crate) feature: String,
    pub(crate) trained: String,
    pub(crate) served: String,
    /// what the server says of it
    pub(crate) status: String,
}

/// What the comparison came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Parity {
    pub(crate) rows: u64,
    pub(crate) features: Vec<FeatureParity>,
    pub(crate) differences: Vec<Difference>,
}

impl Parity {
    pub(crate) fn differing(&self) -> u64 {
        self.features.iter().map(|feature| feature.differing).sum()
    }

    pub(crate) fn compared(&self) -> u64 {
        self.features.iter().map(|feature| feature.compared).sum()
    }

    /// Compares the rows of one request with its answer.
    fn count(&mut self, first_row: usize, trained: &RecordBatch, answer: &Answer) -> Result<()> {
        self.rows += trained.num_rows() as u64;
        for feature in &mut self.features {
            let name = &feature.feature;
            let place = answer.metadata.feature_names.iter().position(|known| known == name);
            let column = place.and_then(|place| answer.results.get(place));
            let (Some(served), Some(trained)) = (column, trained.column_by_name(name)) else {
                return Err(Failure::impossible(format!(
                    "feature `{name}` is missing on one side: was the set made with another selection?"
                )));
            };
            for (row, text) in texts(name, trained)?.iter().enumerate() {
                let trained = String::from_utf8_lossy(text);
                let served_text = served.values.get(row).map_or_else(|| "nothing".to_owned(), Value::to_string);
                feature.compared += 1;
                feature.null += u64::from(trained == "null" && served_text == "null");
                if trained == served_text {
                    continue;
                }
                feature.differing += 1;
                if self.differences.len() < SHOWN_MAX {
                    let status = served.statuses.get(row).cloned().unwrap_or_default();
                    let (row, feature) = (first_row + row, name.clone());
                    self.differences.push(Difference {
                        row,
                        feature,
                        trained: trained.into_owned(),
                        served: served_text,
                        status,
                    });
                }
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Column>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Column {
    values: Vec<Value>,
    statuses: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    feature_names: Vec<String>,
}

/// Asks the server at `url` for every row of `training_set` at its instant, and compares.
pub(crate) fn compare(
    set: &FeatureSet,
    selection: &Selection,
    training_set: &RecordBatch,
    url: &str,
    progress: impl Fn(u64),
) -> Result<Parity> {
    let features = set.output_names(false)?.into_iter();
    let features = features.map(|feature| FeatureParity { feature, compared: 0, null: 0, differing: 0 }).collect();
    let mut parity = Parity { features, ..Parity::default() };
    let instants = instants(training_set)?;
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut start = 0;
    for rows in instants.chunk_by(|a, b| a == b).flat_map(|rows| rows.chunks(ROWS_A_REQUEST)) {
        let trained = training_set.slice(start, rows.len());
        let body = ask(selection, &entities(set, &trained)?, rows[0])?;
        let answer = post(&agent, &format!("{}/get-online-features", url.trim_end_matches('/')), &body)?;
        parity.count(start, &trained, &answer)?;
        start += rows.len();
        progress(parity.rows);
    }
    Ok(parity)
}

/// The columns that a request needs.
fn entities<'a>(set: &'a FeatureSet, rows: &RecordBatch) -> Result<Vec<(&'a str, ArrayRef)>> {
    let join_keys = set.join_keys().iter().map(|key| key.name.as_str());
    let names = join_keys.chain(set.request_fields().iter().map(|(name, _)| name.as_str()));
    let column = |name: &'a str| match rows.column_by_name(name) {
        Some(column) => Ok((name, ArrayRef::clone(column))),
        None => Err(Failure::impossible(format!("the training set has no column `{name}`"))),
    };
    names.map(column).collect()
}

fn instants(training_set: &RecordBatch) -> Result<Vec<i64>> {
    let missing = || Failure::impossible(format!("the training set has no column `{EVENT_TIMESTAMP}` of instants"));
    let column = training_set.column_by_name(EVENT_TIMESTAMP).ok_or_else(missing)?;
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) if column.null_count() == 0 => {
            Ok(column.as_primitive::<TimestampMicrosecondType>().values().to_vec())
        }
        _ => Err(missing()),
    }
}

fn post(agent: &ureq::Agent, url: &str, body: &[u8]) -> Result<Answer> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::impossible(format!("`{url}` does not answer as a feature server does: {error}"))
    };
    let mut response = agent.post(url).content_type("application/json").send(body).map_err(|error| failed(&error))?;
    let status = response.status();
    let text = response.body_mut().with_config().limit(1 << 30).read_to_string().map_err(|error| failed(&error))?;
    if !status.is_success() {
        return Err(failed(&format!("{status} {text}")));
    }
    serde_json::from_str(&text).map_err(|error| failed(&error))
}
