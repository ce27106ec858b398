//! The logged inputs, computed again by the batch path with the components of the logged digests: every output must have the same
//! bits and the same status. Or by a candidate component: what would change?
//!
//! Reading and computing go on side by side: each thread decodes a row group and computes its batches, and what is held is
//! a file or two and a batch for each thread.

mod candidate;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use skewless_runtime::{Limits, Runtime, Transform};
use tokio::task::spawn_blocking;

use super::compare::{differing, shown};
use super::layout::{REQUEST_ID, REQUEST_ROW, failures, feature_column};
use super::logged_set::{LoggedSet, LoggedSets, logged_request, logged_views};
use super::reader::{LogFile, LogFiles, LogFilter, instants, status, text, texts};
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::feature_set::{FeatureSet, Origin, OutputFeature};
use crate::feature_store::FeatureStore;
use crate::features::Features;
use crate::status::Status;
use crate::{Error, Result};

pub use super::compare::{Quantiles, Sizes};
pub use candidate::{CandidateChange, FeatureChange};
pub use report::{Difference, FeatureReplay, Replay};

use candidate::Candidates;

/// What to replay.
pub struct ReplayRequest<'a> {
    /// the log: a folder, a file, or a URL
    pub log: &'a str,
    /// which of its rows
    pub filter: LogFilter,
    /// components to try in the place of what is applied, by the transform's name
    pub candidates: BTreeMap<String, Transform>,
    /// how many threads compute
    pub threads: usize,
}

/// Computes the rows of a log again and compares; tells `progress` how many rows are done.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no log, or the registry lacks what was served; [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt)
/// for a damaged file; [`ErrorKind::Transform`](crate::ErrorKind::Transform) where a transform fails as a whole.
pub async fn replay(
    store: &FeatureStore,
    runtime: &Runtime,
    request: &ReplayRequest<'_>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Replay> {
    candidate::check(&request.candidates, store.definitions())?;
    let files = LogFiles::find(request.log).await?;
    let sets = LoggedSets::new(store, runtime);
    let work = stream::iter(&files.files).then(async |file| {
        let Some(file) = files.open(file, &request.filter).await? else { return Ok(None) };
        let set = sets.get(&file.metadata).await?;
        Work::new(file, set, request).map(|work| Some(Arc::new(work)))
    });
    let row_groups = work.try_filter_map(async |work| Ok(work)).map_ok(|work| {
        let groups = 0..work.file.row_groups();
        stream::iter(groups.map(move |group| Ok::<_, Error>((Arc::clone(&work), group))))
    });
    let parts = row_groups.try_flatten().map_ok(|(work, group)| async move {
        let part = spawn_blocking(move || work.run(group)).await;
        part.unwrap_or_else(|error| Err(Error::unavailable("the replay was cut off").because(error)))
    });
    let mut parts = std::pin::pin!(parts.try_buffered(request.threads.max(1)));
    let mut whole = Replay::default();
    while let Some(part) = parts.try_next().await? {
        whole.merge(part);
        progress(whole.rows);
    }
    Ok(whole)
}

/// A file and what its rows are compared with.
struct Work {
    file: LogFile,
    logged: Arc<LoggedSet>,
    filter: LogFilter,
    candidates: Option<Candidates>,
    obstacle: Option<String>,
}

impl Work {
    fn new(file: LogFile, logged: Arc<LoggedSet>, request: &ReplayRequest<'_>) -> Result<Self> {
        let obstacle = logged.obstacle(&file.metadata);
        let candidates = match obstacle {
            None if !request.candidates.is_empty() => {
                Some(Candidates::new(&logged, &file.metadata, &request.candidates)?)
            }
            _ => None,
        };
        Ok(Self { file, logged, filter: request.filter.clone(), candidates, obstacle })
    }

    /// What becomes of the rows of a row group. Blocks.
    fn run(&self, row_group: usize) -> Result<Replay> {
        let mut part = Replay::default();
        for batch in self.file.read(row_group, &self.filter)? {
            let batch = batch?;
            match &self.obstacle {
                Some(obstacle) => part.leave_out(obstacle, batch.num_rows() as u64),
                None => self.compare(&batch, &mut part)?,
            }
        }
        part.of_file(row_group == 0);
        Ok(part)
    }

    fn compare(&self, batch: &RecordBatch, part: &mut Replay) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let set = &self.logged.set;
        let views = logged_views(set, &self.file.metadata, batch)?;
        let asked = logged_request(set, batch)?;
        let features = Features::compute(set, views, &asked, Limits::BATCH)?;
        part.rows += batch.num_rows() as u64;
        let other_statuses = OtherStatuses::find(set, &features, batch)?;
        for (feature, output) in set.outputs().iter().enumerate() {
            let column = feature_column(&output.view, &output.feature);
            if self.file.metadata.hiding(&column).is_some() {
                continue;
            }
            let logged = batch.column_by_name(&column).ok_or_else(|| {
                Error::corrupt(format!("`{}` has no column `{column}`, which it says it has", self.file.shown))
            })?;
            let mut rows = differing(logged, features.values(feature))?;
            rows.extend(other_statuses.of(output));
            rows.sort_unstable();
            rows.dedup();
            part.count(FeatureReplay {
                feature: column.clone(),
                computed: matches!(output.origin, Origin::Computed { .. }),
                compared: batch.num_rows() as u64,
                differing: rows.len() as u64,
            });
            if !rows.is_empty() {
                self.show(batch, &column, logged, (&features, feature), &rows, part)?;
            }
        }
        match &self.candidates {
            Some(candidates) => candidates.compare(&self.file.metadata, batch, part),
            None => Ok(()),
        }
    }

    /// Writes down the first of the `rows` that differ.
    fn show(
        &self,
        batch: &RecordBatch,
        column: &str,
        logged: &ArrayRef,
        (features, feature): (&Features, usize),
        rows: &[usize],
        part: &mut Replay,
    ) -> Result<()> {
        let ids = texts(batch, REQUEST_ID)?;
        let at = instants(batch, EVENT_TIMESTAMP)?;
        let view = column.split_once(':').map_or(column, |(view, _)| view);
        let statuses = texts(batch, &format!("{view}@status"))?;
        let request_rows = batch.column_by_name(REQUEST_ROW).map(ArrayRef::clone);
        for &row in rows {
            let request_row = request_rows.as_ref().map_or_else(String::new, |rows| shown(rows, row));
            let kept = part.differ(Difference {
                request: format!("{}/{request_row}", text(&ids, row)),
                event_timestamp: at.value(row),
                feature: column.to_owned(),
                logged: shown(logged, row),
                replayed: shown(features.values(feature), row),
                logged_status: logged_status(status(&statuses, row), logged, row).to_owned(),
                replayed_status: features.status(feature, row).as_str().to_owned(),
                file: self.file.shown.clone(),
            });
            if !kept {
                break;
            }
        }
        Ok(())
    }
}

/// The status of a value of the log, from that of its view.
fn logged_status<'a>(view: &'a str, values: &ArrayRef, row: usize) -> &'a str {
    if view == Status::Present.as_str() && values.is_null(row) { Status::NullValue.as_str() } else { view }
}

/// The rows of each view whose status is another one than the log says.
struct OtherStatuses(Vec<(String, Vec<usize>)>);

impl OtherStatuses {
    fn find(set: &FeatureSet, features: &Features, batch: &RecordBatch) -> Result<Self> {
        let mut found = Vec::new();
        let mut look = |view: &str, statuses: &mut dyn Iterator<Item = &'static str>| -> Result<()> {
            let logged = texts(batch, &format!("{view}@status"))?;
            let rows: Vec<usize> =
                statuses.enumerate().filter(|(row, now)| status(&logged, *row) != *now).map(|(row, _)| row).collect();
            if !rows.is_empty() {
                found.push((view.to_owned(), rows));
            }
            Ok(())
        };
        for (stored, rows) in set.views.iter().zip(features.views()) {
            look(&stored.view.name, &mut rows.statuses.iter().map(|status| status.as_str()))?;
        }
        for (view, computed) in set.on_demand.iter().zip(features.computed()) {
            let word =
                |failure: Option<&str>| if failure.is_some() { Status::Invalid } else { Status::Present }.as_str();
            look(&view.name, &mut failures(computed).map(word))?;
        }
        Ok(Self(found))
    }

    fn of(&self, output: &OutputFeature) -> impl Iterator<Item = usize> + '_ {
        let rows = self.0.iter().find(|(view, _)| *view == output.view).map(|(_, rows)| rows.as_slice());
        rows.unwrap_or_default().iter().copied()
    }
}
