//! The body of `POST /get-online-features`: what is asked, and for which rows.
//!
//! ```json
//! {"features": ["weather:wind_speed", "runway_wind"], "entities": {"origin": ["JFK", "LGA"], "runway_heading": [310, 40]}}
//! ```
//!
//! | key | what |
//! |---|---|
//! | `features` | the features, as `view:feature`, or `view` for all of a view; else |
//! | `feature_service` | the name of a feature service |
//! | `entities` | for each join key and each request field a list with a value for every row; exactly those that are needed |
//! | `full_feature_names` | whether features are called `view__feature` in the answer; false where absent |
//! | `event_timestamp` | the instant to answer for; the clock's where absent. Feast has no such key |
//! | `include_feature_view_version_metadata` | read and ignored, since Feast's client sends it |
//!
//! A null is as good as an absent key. An unknown key is an error, for it is a slip of somebody who expects it to have
//! an effect. Where the features need neither join keys nor request fields, there are no columns, and one row.
//!
//! The types of the columns follow from the features, which may come after them in the body: so it is read in two
//! steps, [`Request::parse`] and [`Request::entity_rows`]; or in three, of which the first is [`RequestText::parse`].

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use serde::Deserialize;
use serde_json::value::RawValue;
use skewless_store::Selection;
use skewless_store::definitions::FeatureRef;

use super::column::{Column, Role};
use super::columns::Columns;
use super::list::{each, scalar};
use super::scalar::Scalar;
use super::{FEATURES_MAX, RequestError, instant, json_text};

/// A request, its columns not read yet.
#[derive(Debug)]
pub struct Request<'a> {
    /// what is asked
    pub question: Question,
    /// the instant to answer for, in µs; `None`: now
    pub event_timestamp: Option<i64>,
    text: RequestText<'a>,
}

/// A request as it came: of its form, and nothing read yet. The same question mostly comes in the same text, by which it can be known
/// without reading it.
#[derive(Debug)]
pub struct RequestText<'a>(Body<'a>);

/// What is asked, whatever the rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// which features
    pub selection: Selection,
    /// whether they are called `view__feature` in the answer, rather than `feature`
    pub full_feature_names: bool,
}

/// The rows to answer for, as Arrow columns of the types that are needed.
#[derive(Debug, Clone)]
pub struct EntityRows {
    batch: RecordBatch,
    /// the columns of `batch` that are join keys
    join_keys: Vec<usize>,
}

/// The body as it came.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Body<'a> {
    #[serde(borrow)]
    features: Option<&'a RawValue>,
    #[serde(borrow)]
    feature_service: Option<&'a RawValue>,
    #[serde(borrow)]
    entities: Option<Columns<'a>>,
    #[serde(borrow)]
    full_feature_names: Option<&'a RawValue>,
    #[serde(borrow)]
    event_timestamp: Option<&'a RawValue>,
    #[serde(rename = "include_feature_view_version_metadata")]
    _ignored: Option<serde::de::IgnoredAny>,
}

impl<'a> Request<'a> {
    /// Reads everything but the columns.
    ///
    /// # Errors
    /// Says which part of the body is not as it must be.
    pub fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        let text = RequestText::parse(body)?;
        Ok(Self { question: text.question()?, event_timestamp: text.event_timestamp()?, text })
    }

    /// Reads the columns, which must be exactly those that are `needed`.
    ///
    /// # Errors
    /// Says which column is missing or of no use, or which value of which row does not fit.
    pub fn entity_rows(&self, needed: &[Column]) -> Result<EntityRows, RequestError> {
        self.text.entity_rows(needed)
    }
}

impl<'a> RequestText<'a> {
    /// Finds the parts of `body`.
    ///
    /// # Errors
    /// Where it is no JSON, or not of a request's form.
    pub fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        Ok(Self(json_text::parse(body)?))
    }

    /// The text of what is asked. Two requests with the same text ask the same.
    #[must_use]
    pub fn asked(&self) -> String {
        let Body { features, feature_service, full_feature_names, .. } = &self.0;
        // Texts of JSON have no such character.
        [features, feature_service, full_feature_names].map(|part| part.map_or("", RawValue::get)).join("\0")
    }

    /// What is asked.
    ///
    /// # Errors
    /// As [`Request::parse`].
    pub fn question(&self) -> Result<Question, RequestError> {
        let Body { features, feature_service, full_feature_names: full, .. } = self.0;
        Ok(Question {
            selection: selection(features, feature_service)?,
            full_feature_names: full.map_or(Ok(false), full_feature_names)?,
        })
    }

    /// The instant to answer for, in µs; `None`: now.
    ///
    /// # Errors
    /// As [`Request::parse`].
    pub fn event_timestamp(&self) -> Result<Option<i64>, RequestError> {
        self.0.event_timestamp.map(event_timestamp).transpose()
    }

    /// As [`Request::entity_rows`].
    ///
    /// # Errors
    /// As [`Request::entity_rows`].
    pub fn entity_rows(&self, needed: &[Column]) -> Result<EntityRows, RequestError> {
        EntityRows::read(needed, self.0.entities.iter().flat_map(Columns::iter), Column::read)
    }
}

impl EntityRows {
    /// The rows of the columns that are `given`, which must be exactly those that are `needed`; `read` reads one.
    ///
    /// # Errors
    /// As [`Request::entity_rows`].
    pub(super) fn read<'g, G: Copy>(
        needed: &[Column],
        given: impl Iterator<Item = (&'g str, G)>,
        read: impl Fn(&Column, G) -> Result<ArrayRef, RequestError>,
    ) -> Result<Self, RequestError> {
        let columns = given.map(|(name, values)| Ok((find(needed, name)?, values)));
        let columns = columns.collect::<Result<Vec<(&Column, G)>, RequestError>>()?;
        let is_given = |column: &&Column| columns.iter().any(|(given, _)| given == column);
        if let Some(missing) = needed.iter().find(|column| !is_given(column)) {
            return Err(RequestError::Missing { column: missing.clone(), needed: list(needed) });
        }
        let arrays = columns.iter().map(|(column, values)| read(column, *values)).collect::<Result<Vec<_>, _>>()?;
        let columns = columns.into_iter().map(|(column, _)| column).collect::<Vec<_>>();
        let join_keys = (0..columns.len()).filter(|index| columns[*index].role == Role::JoinKey).collect();
        Ok(Self { batch: batch(&columns, arrays)?, join_keys })
    }

    /// All columns, in the order in which they came.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Name and values of the join keys, in the order in which they came.
    pub fn join_keys(&self) -> impl Iterator<Item = (&str, &ArrayRef)> {
        let column = |index: &usize| (self.batch.schema_ref().field(*index).name().as_str(), self.batch.column(*index));
        self.join_keys.iter().map(column)
    }
}

fn selection(features: Option<&RawValue>, service: Option<&RawValue>) -> Result<Selection, RequestError> {
    let features = features.map_or_else(|| Ok(Vec::new()), references)?;
    let service = service.map(service_name).transpose()?.filter(|name| !name.is_empty());
    match service {
        None => Ok(Selection::Features(features)),
        Some(service) if features.is_empty() => Ok(Selection::Service(service)),
        Some(_) => Err(RequestError::TwoSelections),
    }
}

/// The references that are texts `given`.
pub(super) fn text_references(given: &[String]) -> Result<Vec<FeatureRef>, RequestError> {
    if given.len() > FEATURES_MAX {
        return Err(RequestError::TooManyFeatures);
    }
    let reference = |(position, text): (usize, &String)| {
        text.parse().map_err(|reason| RequestError::Reference { position, reason })
    };
    given.iter().enumerate().map(reference).collect()
}

fn references(raw: &RawValue) -> Result<Vec<FeatureRef>, RequestError> {
    const EXPECTED: &str = "a string such as \"view:feature\"";
    let path = |position: Option<usize>| position.map_or("features".to_owned(), |at| format!("features[{at}]"));
    let mut references = Vec::new();
    each(raw, path, "a list of strings such as \"view:feature\"", |position, reference: Scalar<'_>| {
        if position == FEATURES_MAX {
            return Err(RequestError::TooManyFeatures);
        }
        let Scalar::Text(reference) = reference else {
            return Err(shape(path(Some(position)), &reference, EXPECTED));
        };
        references.push(reference.parse().map_err(|reason| RequestError::Reference { position, reason })?);
        Ok(())
    })?;
    Ok(references)
}

fn service_name(raw: &RawValue) -> Result<String, RequestError> {
    let path = || "feature_service".to_owned();
    match scalar(raw, path)? {
        Scalar::Text(name) => Ok(name.into_owned()),
        other => Err(shape(path(), &other, "a string, the name of a feature service")),
    }
}

fn full_feature_names(raw: &RawValue) -> Result<bool, RequestError> {
    let path = || "full_feature_names".to_owned();
    match scalar(raw, path)? {
        Scalar::Bool(full) => Ok(full),
        other => Err(shape(path(), &other, "true or false")),
    }
}

fn event_timestamp(raw: &RawValue) -> Result<i64, RequestError> {
    let scalar = scalar(raw, || "event_timestamp".to_owned())?;
    instant::read(&scalar).ok_or_else(|| RequestError::EventTimestamp { found: scalar.to_string() })
}

fn shape(path: String, found: &Scalar<'_>, expected: &'static str) -> RequestError {
    RequestError::Shape { path, found: found.to_string(), expected }
}

fn find<'n>(needed: &'n [Column], name: &str) -> Result<&'n Column, RequestError> {
    let found = needed.iter().find(|column| column.name == name);
    found.ok_or_else(|| RequestError::Unknown { name: name.to_owned(), needed: list(needed) })
}

/// As in "join key `tailnum` (string) and request field `runway_heading` (float64)".
pub(super) fn list(needed: &[Column]) -> String {
    let words = needed.iter().map(|Column { name, data_type, role }| format!("{role} `{name}` ({data_type})"));
    match words.collect::<Vec<_>>().as_slice() {
        [] => "no columns at all".to_owned(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// The columns, each read in its type, as one batch.
pub(super) fn batch(columns: &[&Column], arrays: Vec<ArrayRef>) -> Result<RecordBatch, RequestError> {
    let rows = row_count(columns, &arrays)?;
    let fields = columns.iter().map(|column| Field::new(&column.name, column.data_type.to_arrow(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(schema, arrays, &options);
    Ok(batch.expect("each column was read in its type, and all are of one length"))
}

fn row_count(columns: &[&Column], arrays: &[ArrayRef]) -> Result<usize, RequestError> {
    let (Some(first), Some(rows)) = (columns.first(), arrays.first().map(|array| array.len())) else {
        return Ok(1);
    };
    if let Some((other, array)) = columns.iter().zip(arrays).find(|(_, array)| array.len() != rows) {
        let (name, first_name) = (other.path(None), first.path(None));
        return Err(RequestError::Lengths { name, rows: array.len(), first: first_name, first_rows: rows });
    }
    if rows == 0 {
        return Err(RequestError::NoRows { name: first.path(None) });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests;
