//! From joined rows to features: the step of a training set's plan that calls transforms.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{
    DataType as ArrowType, Field, FieldRef, Int64Type, Schema, SchemaRef, TimestampMicrosecondType,
};
use skewless_runtime::Limits;

use super::TrainingSetSummary;
use crate::entity_rows::EntityRows;
use crate::feature_log::Layout;
use crate::feature_set::FeatureSet;
use crate::features::{Features, StatusCounts};
use crate::offline::point_in_time::EntityLayout;
use crate::view_features::ViewFeatures;
use crate::view_rows::{ViewRows, arrow_error};
use crate::{Error, Result};

/// Computes the features of joined rows, and counts what became of them.
pub(super) struct FeatureStep {
    pub(super) set: FeatureSet,
    /// how the features of each view come from its source
    pub(super) view_features: Vec<ViewFeatures>,
    pub(super) entity_rows: Arc<EntityRows>,
    pub(super) layout: EntityLayout,
    /// the first column of each view in the joined rows
    pub(super) view_columns: Vec<usize>,
    /// whether the row's number comes out behind the features, to sort by
    pub(super) with_row: bool,
    pub(super) schema: SchemaRef,
    pub(super) counts: Arc<Counts>,
    /// where the rows of a log are wanted, and not those of a training set
    pub(super) log: Option<Arc<Layout>>,
}

impl FeatureStep {
    /// The user's columns, the features, and the row's number where it is wanted.
    pub(super) fn of(&self, joined: &RecordBatch) -> Result<RecordBatch> {
        let asked = self.entity_rows.asked(joined, self.layout)?;
        let view = |place: usize| self.view_rows(joined, place, &asked.event_timestamps);
        let views = (0..self.set.views.len()).map(view).collect::<Result<Vec<_>>>()?;
        let features = Features::compute(&self.set, views, &asked, Limits::BATCH)?;
        self.counts.add(&features, joined.num_rows() as u64);
        let mut columns = match &self.log {
            Some(log) => log.of_history(&asked, &features)?.columns().to_vec(),
            None => {
                let user_columns = joined.columns()[..self.layout.user_columns].iter();
                let features = (0..features.len()).map(|feature| features.values(feature));
                user_columns.chain(features).map(Arc::clone).collect()
            }
        };
        if self.with_row {
            columns.push(Arc::clone(joined.column(self.layout.row())));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(arrow_error)
    }

    fn view_rows(&self, joined: &RecordBatch, place: usize, at: &[i64]) -> Result<ViewRows> {
        let (stored, features) = (&self.set.views[place], &self.view_features[place]);
        let first = self.view_columns[place];
        let last = first + features.columns.len();
        let happened = joined.column(last).as_primitive::<Int64Type>().iter().collect();
        let mut columns = joined.columns()[first..last].to_vec();
        let created = if features.has_created { columns.pop() } else { None };
        let rows = ViewRows::at(&stored.view, columns, happened, at)?;
        let (columns, _) = features.of(rows.columns.clone(), &rows.present())?;
        let rows = ViewRows { columns, ..rows };
        if self.log.is_none() {
            return Ok(rows);
        }
        let created = created.map_or_else(
            || vec![None; at.len()],
            |created| created.as_primitive::<TimestampMicrosecondType>().iter().collect(),
        );
        let component = features.component().map(skewless_runtime::Digest::prefix);
        Ok(rows.with_origins(created, vec![component; at.len()]))
    }
}

/// What became of the features so far; the batches of a plan come in any order.
pub(super) struct Counts {
    names: Vec<String>,
    counted: Mutex<(u64, Vec<StatusCounts>)>,
}

impl Counts {
    pub(super) fn new(names: Vec<String>) -> Self {
        let counts = vec![StatusCounts::default(); names.len()];
        Self { names, counted: Mutex::new((0, counts)) }
    }

    fn add(&self, features: &Features, rows: u64) {
        let counts: Vec<StatusCounts> = (0..features.len()).map(|feature| features.counts(feature)).collect();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.0 += rows;
        counted.1.iter_mut().zip(counts).for_each(|(all, some)| *all += some);
    }

    pub(super) fn summary(&self) -> TrainingSetSummary {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let features = self.names.iter().zip(&counted.1);
        let features = features.map(|(name, counts)| super::FeatureSummary { name: name.clone(), counts: *counts });
        TrainingSetSummary { rows: counted.0, features: features.collect() }
    }
}

/// The columns of a training set: those of the entity rows, then the features under `names`.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where the entity rows have a column of a feature's name.
pub(super) fn output_schema(set: &FeatureSet, names: &[String], entity_rows: &SchemaRef) -> Result<SchemaRef> {
    let mut fields: Vec<FieldRef> = entity_rows.fields().iter().map(Arc::clone).collect();
    for (name, output) in names.iter().zip(set.outputs()) {
        if entity_rows.field_with_name(name).is_ok() {
            return Err(Error::invalid_input(format!(
                "the entity rows already have a column `{name}`, like the feature of view `{}`: rename it, or ask for full feature names",
                output.view
            )));
        }
        fields.push(Arc::new(Field::new(name, output.data_type.to_arrow(), true)));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// `schema` with the row's number behind the other columns.
pub(super) fn with_row(schema: &SchemaRef) -> SchemaRef {
    let row = Arc::new(Field::new("row", ArrowType::UInt64, false));
    Arc::new(Schema::new(schema.fields().iter().map(Arc::clone).chain([row]).collect::<Vec<_>>()))
}
