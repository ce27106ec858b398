//! A training set straight from the log: what was served, as it was served, for those who log and wait.

use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};

use super::metadata::{Hiding, LogMetadata};
use super::reader::{LogFile, LogFiles, LogFilter, status, texts};
use crate::definitions::FeatureRef;
use crate::entity_rows::EVENT_TIMESTAMP;
use crate::features::StatusCounts;
use crate::historical::{FeatureSummary, Output, TrainingSetSummary};
use crate::training_set::{Provenance, ProvenanceComponent, TrainingSetFile};
use crate::view_rows::arrow_error;
use crate::{Error, Result, Selection};

/// Which features to take from which log.
pub struct FromLog<'a> {
    /// the log: a folder, a file, or a URL
    pub log: &'a str,
    /// the features: those of a service as it was served, or some
    pub selection: &'a Selection,
    /// whether features are called `view__feature` instead of `feature`
    pub full_feature_names: bool,
}

/// Writes the rows of a log, with join keys, request fields and instants, as a training set. Returns what made it, and its rows.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no log, or none of its files has the features;
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where two files have them in other types or beside other columns.
pub async fn write_training_set_from_log(request: &FromLog<'_>, output: &Output<'_>) -> Result<Provenance> {
    let files = LogFiles::find(request.log).await?;
    let service = match request.selection {
        Selection::Service(name) => Some(name.clone()),
        Selection::Features(_) => None,
    };
    let filter = LogFilter { service, ..LogFilter::default() };
    let mut set: Option<Set> = None;
    let mut failed = None;
    for file in &files.files {
        let Some(file) = files.open(file, &filter).await? else { continue };
        let Some(columns) = Columns::of(&file, request)? else { continue };
        let set = match &mut set {
            Some(set) => set,
            none => none.insert(Set::create(&columns, &file.metadata, output).await?),
        };
        if let Err(error) = set.write(&file, &columns).await {
            failed = Some(error);
            break;
        }
    }
    if let Some(error) = failed {
        if let Some(set) = set {
            set.file.abort().await;
        }
        return Err(error);
    }
    let set = set.ok_or_else(|| {
        let log = request.log;
        Error::not_found(format!("no file of the log `{log}` has the features that are asked for"))
    })?;
    set.finish(output.command_line).await
}

/// The columns of a log file that make a training set.
struct Columns {
    schema: SchemaRef,
    places: Vec<usize>,
    /// the features among them: name in the set, `view:feature`
    features: Vec<(String, String)>,
}

impl Columns {
    /// `None` where the file lacks a feature that is asked for.
    fn of(file: &LogFile, request: &FromLog<'_>) -> Result<Option<Self>> {
        let metadata = &file.metadata;
        let Some(features) = chosen(metadata, request.selection) else { return Ok(None) };
        if let Some(omitted) = features.iter().find(|feature| metadata.hiding(feature) == Some(Hiding::Omit)) {
            return Err(Error::invalid_input(format!(
                "`{}` leaves out `{omitted}` (`omit` in feature_logging): ask for the other features by their names",
                file.shown
            )));
        }
        let schema = file.schema();
        let mut fields: Vec<FieldRef> = Vec::new();
        let mut places = Vec::new();
        let mut add = |column: &str, name: &str| {
            if let Ok(place) = schema.index_of(column)
                && !places.contains(&place)
            {
                places.push(place);
                fields.push(Arc::new(schema.field(place).clone().with_name(name)));
            }
        };
        let asked = metadata.join_keys.iter().chain(&metadata.request_fields);
        asked.for_each(|(name, _)| add(name, name));
        add(EVENT_TIMESTAMP, EVENT_TIMESTAMP);
        let name = |feature: &String| {
            let (view, short) = feature.split_once(':').unwrap_or(("", feature));
            if request.full_feature_names { format!("{view}__{short}") } else { short.to_owned() }
        };
        let features: Vec<(String, String)> = features.iter().map(|feature| (name(feature), feature.clone())).collect();
        features.iter().for_each(|(name, feature)| add(feature, name));
        if let Some(twice) =
            fields.iter().find(|field| fields.iter().filter(|other| other.name() == field.name()).count() > 1)
        {
            let name = twice.name();
            return Err(Error::invalid_input(format!(
                "two columns would both be called `{name}`; ask for full feature names, or for one of them"
            )));
        }
        Ok(Some(Self { schema: Arc::new(Schema::new(fields)), places, features }))
    }
}

/// The features of a file that `selection` asks for; `None` where it has not got them.
fn chosen(metadata: &LogMetadata, selection: &Selection) -> Option<Vec<String>> {
    let Selection::Features(references) = selection else { return Some(metadata.features.clone()) };
    let mut chosen: Vec<String> = Vec::new();
    for reference in references {
        let wanted = |feature: &&String| match reference {
            FeatureRef::View(view) => feature.split_once(':').is_some_and(|(of, _)| of == view),
            FeatureRef::Feature { .. } => **feature == reference.to_string(),
        };
        let found: Vec<String> = metadata.features.iter().filter(wanted).cloned().collect();
        if found.is_empty() {
            return None;
        }
        chosen.extend(found);
    }
    Some(chosen)
}

/// A training set that is being written.
struct Set {
    file: TrainingSetFile,
    schema: SchemaRef,
    features: Vec<(String, String)>,
    metadata: LogMetadata,
    summary: TrainingSetSummary,
}

impl Set {
    async fn create(columns: &Columns, metadata: &LogMetadata, output: &Output<'_>) -> Result<Self> {
        let file = TrainingSetFile::create(output.path, output.format, &columns.schema).await?;
        let feature =
            |(name, _): &(String, String)| FeatureSummary { name: name.clone(), counts: StatusCounts::default() };
        Ok(Self {
            file,
            schema: Arc::clone(&columns.schema),
            features: columns.features.clone(),
            metadata: metadata.clone(),
            summary: TrainingSetSummary { rows: 0, features: columns.features.iter().map(feature).collect() },
        })
    }

    async fn write(&mut self, file: &LogFile, columns: &Columns) -> Result<()> {
        if columns.schema != self.schema {
            return Err(Error::invalid_input(format!(
                "`{}` has the features in other types, or beside other columns, than the files before it: name a log, or a part \
                 of one, in which they are the same",
                file.shown
            )));
        }
        if file.metadata.registry_commit > self.metadata.registry_commit {
            self.metadata = (*file.metadata).clone();
        }
        for row_group in 0..file.row_groups() {
            for batch in file.read(row_group, &LogFilter::default())? {
                let batch = batch?;
                self.count(&batch)?;
                let rows = batch.project(&columns.places).map_err(arrow_error)?;
                let rows =
                    RecordBatch::try_new(Arc::clone(&self.schema), rows.columns().to_vec()).map_err(arrow_error)?;
                self.file.write(rows).await?;
            }
        }
        Ok(())
    }

    fn count(&mut self, batch: &RecordBatch) -> Result<()> {
        self.summary.rows += batch.num_rows() as u64;
        for ((_, feature), summary) in self.features.iter().zip(&mut self.summary.features) {
            let Some(values) = batch.column_by_name(feature) else { continue };
            let view = feature.split_once(':').map_or(feature.as_str(), |(view, _)| view);
            let statuses = texts(batch, &format!("{view}@status"))?;
            for row in 0..batch.num_rows() {
                let counts = &mut summary.counts;
                let count = match status(&statuses, row) {
                    "NOT_FOUND" => &mut counts.not_found,
                    "OUTSIDE_MAX_AGE" => &mut counts.outside_max_age,
                    "INVALID" => &mut counts.invalid,
                    _ if values.is_null(row) => &mut counts.null_value,
                    _ => &mut counts.present,
                };
                *count += 1;
            }
        }
        Ok(())
    }

    async fn finish(self, command_line: &str) -> Result<Provenance> {
        let component = |component: &super::LoggedComponent| ProvenanceComponent {
            transform: component.transform.clone(),
            digest: component.digest.clone(),
            certificate: None,
        };
        let provenance = Provenance {
            project: self.metadata.project.clone(),
            registry_commit: self.metadata.registry_commit,
            feature_service: self.metadata.feature_service.clone(),
            features: self.features.iter().map(|(_, feature)| feature.clone()).collect(),
            components: self.metadata.components.iter().map(component).collect(),
            ttl: Vec::new(),
            read_from: Vec::new(),
            known_at: true,
            engine: self.metadata.server.clone(),
            command_line: command_line.to_owned(),
            summary: self.summary,
        };
        self.file.finish(&provenance).await?;
        Ok(provenance)
    }
}
