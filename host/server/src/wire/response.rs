//! The body of an answer: for each join key and feature its values, what became of them, and when they happened.
//!
//! ```json
//! {"results":[{"values":["JFK"],"statuses":["PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z"]},
//!             {"values":[7.5],"statuses":["PRESENT"],"event_timestamps":["2013-01-01T05:00:00Z"]}],
//!  "metadata":{"feature_names":["origin","wind_speed"]}}
//! ```
//!
//! Join keys come first, in the order in which they were sent, then the features in the order in which they were asked
//! for; rows are in the order of the request. The request's fields are not sent back. Where there is no stored row (join
//! keys, what is computed on demand, what is not found), the timestamp is that of 1970, as Feast has it.

mod cells;

use std::ops::Range;

use arrow::array::{Array as _, ArrayRef};
use skewless_store::{Error, Features, Result, Status};

use self::cells::Cells;
pub(super) use self::cells::append_json;
use super::{EntityRows, instant};

/// What a column takes beside its rows, and what each of its rows takes: room for most answers, where a row is a number of 19 digits at most, its
/// status and its instant.
const BYTES_A_COLUMN: usize = 80;
const BYTES_A_ROW: usize = 56;

/// The status of most values, with its comma.
const PRESENT: &[u8] = br#""PRESENT","#;
const SOME_PRESENT: usize = 16;
const PRESENT_SOME_TIMES: &[u8; SOME_PRESENT * PRESENT.len()] = &{
    let mut texts = [0; SOME_PRESENT * PRESENT.len()];
    let mut at = 0;
    while at < texts.len() {
        texts[at] = PRESENT[at % PRESENT.len()];
        at += 1;
    }
    texts
};

/// Writes an answer, column by column, straight from Arrow columns.
#[derive(Debug)]
pub struct ResponseWriter<'a> {
    out: Vec<u8>,
    names: Vec<&'a str>,
    other_versions: &'a [String],
    /// lists of event timestamps that were written, by the view of their rows; `None`: those of no rows
    written: Vec<(Option<usize>, Range<usize>)>,
}

/// The body of the answer to `rows`: `names` are those of the `features`, in their order.
///
/// # Errors
/// As [`ResponseWriter::column`].
pub fn response(rows: &EntityRows, names: &[String], features: &Features) -> Result<Vec<u8>> {
    let count = rows.batch().num_rows();
    let mut writer = ResponseWriter::with_capacity((names.len() + 1) * (BYTES_A_COLUMN + count * BYTES_A_ROW));
    for (name, values) in rows.join_keys() {
        writer.values(name, values)?;
        writer.all_present(values.len());
        writer.timestamps_of(None, values.len(), |_| None);
    }
    for (feature, name) in names.iter().enumerate() {
        let values = features.values(feature);
        writer.values(name, values)?;
        // What is null has a reason, and what is not is there.
        match values.null_count() {
            0 => writer.all_present(values.len()),
            _ => writer.statuses(values.len(), |row| features.status(feature, row)),
        }
        let instant = |row| features.event_timestamp(feature, row);
        writer.timestamps_of(features.stored_view(feature), values.len(), instant);
    }
    Ok(writer.with_other_versions(features.other_versions()).finish())
}

impl<'a> ResponseWriter<'a> {
    /// An answer without columns.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// The same with room for so many bytes.
    fn with_capacity(bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.extend_from_slice(br#"{"results":["#);
        Self { out, names: Vec::new(), other_versions: &[], written: Vec::new() }
    }

    /// With the feature views whose rows are another version's.
    #[must_use]
    pub fn with_other_versions(self, other_versions: &'a [String]) -> Self {
        Self { other_versions, ..self }
    }

    /// Appends a join key or feature; `detail` knows each row's status and when it happened, in µs.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](skewless_store::ErrorKind::Corrupt) for values of a type that no feature can have.
    pub fn column(
        &mut self,
        name: &'a str,
        values: &ArrayRef,
        detail: impl Fn(usize) -> (Status, Option<i64>),
    ) -> Result<()> {
        self.values(name, values)?;
        self.statuses(values.len(), |row| detail(row).0);
        self.timestamps(values.len(), |row| detail(row).1);
        Ok(())
    }

    /// Begins a column.
    fn values(&mut self, name: &'a str, values: &ArrayRef) -> Result<()> {
        let cells = cells(name, values)?;
        if !self.names.is_empty() {
            self.out.push(b',');
        }
        self.names.push(name);
        self.out.extend_from_slice(br#"{"values":"#);
        append_list(&mut self.out, values.len(), |out, row| cells.append(out, row));
        Ok(())
    }

    /// The statuses of a column without nulls, which most are.
    fn all_present(&mut self, rows: usize) {
        self.out.extend_from_slice(br#","statuses":["#);
        for _ in 0..rows / SOME_PRESENT {
            self.out.extend_from_slice(PRESENT_SOME_TIMES);
        }
        self.out.extend_from_slice(&PRESENT_SOME_TIMES[..rows % SOME_PRESENT * PRESENT.len()]);
        if rows > 0 {
            self.out.pop();
        }
        self.out.push(b']');
    }

    fn statuses(&mut self, rows: usize, status: impl Fn(usize) -> Status) {
        self.out.extend_from_slice(br#","statuses":"#);
        append_list(&mut self.out, rows, |out, row| {
            out.push(b'"');
            out.extend_from_slice(status(row).as_str().as_bytes());
            out.push(b'"');
        });
    }

    /// Ends a column whose rows are those of a view, or none: to write an instant takes longer than most values, and columns
    /// of one view have the same.
    fn timestamps_of(&mut self, view: Option<usize>, rows: usize, instant: impl Fn(usize) -> Option<i64>) {
        if let Some((_, list)) = self.written.iter().find(|(known, _)| *known == view) {
            self.out.extend_from_within(list.clone());
            return;
        }
        let start = self.out.len();
        self.timestamps(rows, instant);
        self.written.push((view, start..self.out.len()));
    }

    /// Ends a column.
    fn timestamps(&mut self, rows: usize, instant: impl Fn(usize) -> Option<i64>) {
        self.out.extend_from_slice(br#","event_timestamps":"#);
        append_list(&mut self.out, rows, |out, row| match instant(row) {
            Some(micros) => instant::append(out, micros),
            None => out.extend_from_slice(br#""1970-01-01T00:00:00Z""#),
        });
        self.out.push(b'}');
    }

    /// The body.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(br#"],"metadata":{"feature_names":"#);
        append_json(&mut self.out, &self.names);
        if !self.other_versions.is_empty() {
            self.out.extend_from_slice(br#","feature_views_of_other_versions":"#);
            append_json(&mut self.out, &self.other_versions);
        }
        self.out.extend_from_slice(b"}}");
        self.out
    }
}

impl Default for ResponseWriter<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// The cells of column `name`.
pub(super) fn cells<'a>(name: &str, values: &'a ArrayRef) -> Result<Cells<'a>> {
    let refused = || Error::corrupt(format!("`{name}` has type {}, which no feature can have", values.data_type()));
    Cells::new(values).ok_or_else(refused)
}

pub(super) fn append_list(out: &mut Vec<u8>, length: usize, mut append: impl FnMut(&mut Vec<u8>, usize)) {
    out.push(b'[');
    for position in 0..length {
        if position > 0 {
            out.push(b',');
        }
        append(out, position);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests;
