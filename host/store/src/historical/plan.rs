//! The plan of a training set.
//!
//! ```text
//! hash    entity rows ─────────────────────────────────► PointInTimeHashExec ─► FeaturesExec ─► rows in order
//!         keys of each source, columns of each source ──┘
//!
//! merge   entity rows ─► by key ─► sorted ─► PointInTimeMergeExec ─► … ─► FeaturesExec ─► sorted by row ─► rows in order
//!         each source ─► by key ─► sorted ──┘  one for each set of join keys
//! ```
//!
//! It is put together by hand: every step is where the picture has it, and no optimizer moves it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType as ArrowType, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::context::SessionContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};

use super::entities::Entities;
use super::feature_step::{Counts, FeatureStep, output_schema, with_row};
use super::{HistoricalRequest, JoinMode};
use crate::entity_rows::EntityRows;
use crate::feature_log::Layout;
use crate::feature_set::{FeatureSet, StoredView};
use crate::feature_store::FeatureStore;
use crate::offline::failure::from_datafusion;
use crate::offline::map::MapExec;
use crate::offline::point_in_time::{
    EntityLayout, HashInput, MergeInput, PointInTimeHashExec, PointInTimeMergeExec, ascending,
};
use crate::offline::rows::Window;
use crate::offline::source::SourceTable;
use crate::view_features::ViewFeatures;
use crate::{Error, Result};

/// A training set that is ready to be computed.
pub(super) struct Plan {
    /// the rows of the training set, in the order of the entity rows, in one partition
    pub(super) root: Arc<dyn ExecutionPlan>,
    pub(super) context: Arc<TaskContext>,
    /// how the views are joined
    pub(super) join: JoinMode,
    /// how many entity rows there are
    pub(super) rows: u64,
    pub(super) counts: Arc<Counts>,
    /// from when on source rows are read, by view; what is older is outside its ttl for every entity row
    pub(super) read_from: Vec<(String, i64)>,
}

/// Plans the training set of the features `set` for `entities`, joined as `join` says; with `log`, its rows are those of a log.
///
/// # Errors
/// Where the entity rows lack a column, a source can't be opened, or names collide.
pub(super) async fn plan(
    store: &FeatureStore,
    request: &HistoricalRequest,
    set: &FeatureSet,
    entities: &Entities,
    session: &SessionContext,
    join: JoinMode,
    log: Option<&Arc<Layout>>,
) -> Result<Plan> {
    let entity_rows = Arc::new(EntityRows::new(set, request.event_timestamp));
    let user_schema = entity_rows.user_schema(entities.schema())?;
    let names = set.output_names(request.full_feature_names)?;
    let schema = match log {
        Some(layout) => Arc::clone(layout.schema()),
        None => output_schema(set, &names, &user_schema)?,
    };
    let bounds = entities.bounds(&entity_rows, session).await?;
    let mut views = Vec::with_capacity(set.views.len());
    for (stored, key_set) in set.views.iter().zip(&entity_rows.key_set_of_view) {
        let from = match request.exact_causes {
            true => None,
            false => bounds.first.zip(stored.view.ttl).map(|(first, ttl)| ttl.oldest_live(first)),
        };
        let window = Window { from: from.filter(|from| *from != i64::MIN), to: bounds.last };
        let view = ViewSource::open(store, stored, *key_set, window, session).await?;
        views.push(if log.is_some() { view.with_created() } else { view });
    }
    let planner = Planner {
        threads: request.resources.threads.max(1),
        known_at: request.known_at,
        layout: entity_rows.layout(&user_schema),
        keyed_schema: entity_rows.keyed_schema(&user_schema),
        context: session.task_ctx(),
        counts: Arc::new(Counts::new(names)),
        set: set.clone(),
        entity_rows,
        schema,
        views,
        log: log.cloned(),
    };
    let join = planner.choose(join, bounds.rows, request.resources.memory_bytes);
    let read_from = planner.read_from();
    let (context, counts) = (Arc::clone(&planner.context), Arc::clone(&planner.counts));
    let input = entities.scan(None, session).await?;
    let root = match join {
        JoinMode::Merge => planner.merge(input).await?,
        _ => planner.hash(input).await?,
    };
    Ok(Plan { root, context, join, rows: bounds.rows, counts, read_from })
}

/// A feature view and where its rows come from.
struct ViewSource {
    name: String,
    key_set: usize,
    features: ViewFeatures,
    table: SourceTable,
    window: Window,
}

impl ViewSource {
    async fn open(
        store: &FeatureStore,
        stored: &StoredView,
        key_set: usize,
        window: Window,
        session: &SessionContext,
    ) -> Result<Self> {
        let view = &stored.view;
        let source = store.definitions().source(&view.source).expect("definitions were checked when they were applied");
        let features = ViewFeatures::new(view, &stored.features, store.components())?;
        let table = SourceTable::open_in(source, store.root(), session).await?;
        Ok(Self { name: view.name.clone(), key_set, features, table, window })
    }

    /// The same, which also finds out when each row became known.
    fn with_created(self) -> Self {
        let created = self.table.created_timestamp();
        Self { features: self.features.with_created(created), ..self }
    }

    fn types(&self) -> Vec<ArrowType> {
        self.features.columns.iter().map(|(_, data_type)| data_type.to_arrow()).collect()
    }
}

struct Planner {
    threads: usize,
    known_at: bool,
    set: FeatureSet,
    entity_rows: Arc<EntityRows>,
    layout: EntityLayout,
    keyed_schema: SchemaRef,
    schema: SchemaRef,
    views: Vec<ViewSource>,
    log: Option<Arc<Layout>>,
    context: Arc<TaskContext>,
    counts: Arc<Counts>,
}

impl Planner {
    /// Holding the entity rows is faster, wherever they and what is found for them fit into memory.
    fn choose(&self, join: JoinMode, rows: u64, memory_bytes: Option<usize>) -> JoinMode {
        let (JoinMode::Auto, Some(memory_bytes)) = (join, memory_bytes) else {
            return if join == JoinMode::Auto { JoinMode::Hash } else { join };
        };
        let entity_row = 2 * row_bytes(self.keyed_schema.fields().iter().map(|field| field.data_type()));
        let view = |view: &ViewSource| 96 + 2 * row_bytes(view.types().iter());
        let row = entity_row + self.views.iter().map(view).sum::<u64>();
        if rows.saturating_mul(row) <= memory_bytes as u64 { JoinMode::Hash } else { JoinMode::Merge }
    }

    fn read_from(&self) -> Vec<(String, i64)> {
        self.views.iter().filter_map(|view| Some((view.name.clone(), view.window.from?))).collect()
    }

    fn keyed(&self, input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        let (entity_rows, schema) = (Arc::clone(&self.entity_rows), Arc::clone(&self.keyed_schema));
        let keyed = move |batch: &RecordBatch, position: crate::offline::map::Position| {
            entity_rows.keyed(batch, position.rows_before, &schema)
        };
        let detail = format!("key_sets={}", self.layout.key_sets);
        Arc::new(MapExec::new("EntityRowsExec", detail, input, Arc::clone(&self.keyed_schema), keyed))
    }

    async fn hash(self, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let mut inputs = Vec::with_capacity(self.views.len());
        let mut view_columns = Vec::with_capacity(self.views.len());
        let mut next = self.layout.joined();
        for view in &self.views {
            let (window, threads) = (view.window, self.threads);
            let join_keys = self.entity_rows.join_keys(view.key_set);
            inputs.push(HashInput {
                view: view.name.clone(),
                key_set: view.key_set,
                layout: view.table.layout(self.known_at),
                keys: view.table.keyed_rows(join_keys, &[], window, self.known_at, threads).await?,
                columns: view.table.columns(&view.features.columns, window, threads).await?,
                types: view.types(),
            });
            view_columns.push(next);
            next += view.features.columns.len() + 1;
        }
        let joined = PointInTimeHashExec::new(self.keyed(input), self.layout, inputs);
        Ok(self.features(Arc::new(joined), view_columns, false))
    }

    async fn merge(self, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let mut joined = self.keyed(input);
        let mut view_columns = vec![0; self.views.len()];
        for key_set in 0..self.layout.key_sets {
            let order = PointInTimeMergeExec::entity_order(self.layout, key_set);
            joined = sorted(joined, &order, self.threads).map_err(unplanned)?;
            let mut next = joined.schema().fields().len();
            let mut inputs = Vec::new();
            for (place, view) in self.views.iter().enumerate().filter(|(_, view)| view.key_set == key_set) {
                let (layout, columns) = (view.table.layout(self.known_at), &view.features.columns);
                let join_keys = self.entity_rows.join_keys(key_set);
                let rows = view.table.keyed_rows(join_keys, columns, view.window, self.known_at, self.threads).await?;
                let order = PointInTimeMergeExec::source_order(layout);
                let rows = sorted(rows, &order, self.threads).map_err(unplanned)?;
                inputs.push(MergeInput { view: view.name.clone(), layout, rows, types: view.types() });
                view_columns[place] = next;
                next += columns.len() + 1;
            }
            joined = Arc::new(PointInTimeMergeExec::new(joined, self.layout, key_set, inputs));
        }
        let schema = Arc::clone(&self.schema);
        let features = self.features(joined, view_columns, true);
        let row = schema.fields().len();
        let order = ascending(&features, &[row]);
        let in_order: Arc<dyn ExecutionPlan> =
            Arc::new(SortExec::new(order.clone(), features).with_preserve_partitioning(true));
        let in_order = Arc::new(SortPreservingMergeExec::new(order, in_order));
        let columns: Vec<usize> = (0..row).collect();
        let without_row = move |batch: &RecordBatch, _| batch.project(&columns).map_err(crate::view_rows::arrow_error);
        Ok(Arc::new(MapExec::new("WithoutRowNumberExec", format!("columns={row}"), in_order, schema, without_row)))
    }

    fn features(
        self,
        joined: Arc<dyn ExecutionPlan>,
        view_columns: Vec<usize>,
        with_row_number: bool,
    ) -> Arc<dyn ExecutionPlan> {
        let transforms: Vec<&str> = self.set.on_demand.iter().map(|view| view.name.as_str()).collect();
        let detail = format!("features={}, on_demand=[{}]", self.set.outputs().len(), transforms.join(", "));
        let schema = if with_row_number { with_row(&self.schema) } else { Arc::clone(&self.schema) };
        let step = FeatureStep {
            view_features: self.views.into_iter().map(|view| view.features).collect(),
            set: self.set,
            entity_rows: self.entity_rows,
            layout: self.layout,
            view_columns,
            with_row: with_row_number,
            schema: Arc::clone(&schema),
            counts: self.counts,
            log: self.log,
        };
        let threads = self.threads;
        let features = MapExec::new("FeaturesExec", detail, joined, schema, move |batch, _| step.of(batch));
        // After a merge there are as many partitions as threads already.
        Arc::new(features.at_once(if with_row_number { 1 } else { threads }))
    }
}

/// The rows of `plan` by the first of `columns` in `partitions` partitions, each sorted by all of them.
fn sorted(
    plan: Arc<dyn ExecutionPlan>,
    columns: &[usize],
    partitions: usize,
) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let key: Arc<dyn PhysicalExpr> = Arc::new(Column::new(plan.schema().field(columns[0]).name(), columns[0]));
    let by_key: Arc<dyn ExecutionPlan> =
        Arc::new(RepartitionExec::try_new(plan, Partitioning::Hash(vec![key], partitions))?);
    let order = ascending(&by_key, columns);
    Ok(Arc::new(SortExec::new(order, by_key).with_preserve_partitioning(true)))
}

fn unplanned(error: DataFusionError) -> Error {
    from_datafusion(error, "the training set can't be planned")
}

/// What a row takes in memory, or a guess where that depends on its values.
fn row_bytes<'a>(types: impl Iterator<Item = &'a ArrowType>) -> u64 {
    types.map(|data_type| data_type.primitive_width().map_or(40, |width| width as u64)).sum()
}
