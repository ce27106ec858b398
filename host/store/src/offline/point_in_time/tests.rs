//! Both operators against an oracle that tries every row, whatever the batches and partitions.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType as ArrowType, Field, Int64Type, Schema, SchemaRef};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning, collect};
use proptest::prelude::*;

use super::*;
use crate::offline::conversion::convert;
use crate::offline::keys::JoinKeys;
use crate::offline::map::{MapExec, Position};
use crate::offline::rows::{FileColumns, KeyedRows, Window};
use crate::offline::session::{Resources, session};

#[derive(Debug, Clone)]
struct SourceRow {
    key: i64,
    event: i64,
    created: Option<i64>,
    value: i64,
}

#[derive(Debug, Clone)]
struct EntityRow {
    key: i64,
    at: i64,
}

/// How the work is cut up.
#[derive(Debug, Clone)]
struct Cut {
    partitions: usize,
    batch_rows: usize,
    /// whether keys are texts
    texts: bool,
}

/// The greatest by event timestamp, created timestamp and place, of those that are seen at the instant.
fn oracle(rows: &[SourceRow], entity: &EntityRow, known_at: bool) -> Option<(i64, i64)> {
    let seen = |row: &&SourceRow| {
        row.key == entity.key
            && row.event <= entity.at
            && (!known_at || row.created.is_none_or(|created| created <= entity.at))
    };
    let newest = rows.iter().filter(seen).enumerate().max_by_key(|(place, row)| (row.event, row.created, *place));
    newest.map(|(_, row)| (row.value, row.event))
}

impl Cut {
    fn key_type(&self) -> &'static str {
        if self.texts { "string" } else { "int64" }
    }

    fn keys(&self, keys: impl Iterator<Item = i64>) -> ArrayRef {
        match self.texts {
            // Of different lengths, so that the order of texts is another than that of numbers.
            true => Arc::new(StringArray::from_iter_values(keys.map(|key| "k".repeat(key as usize + 1)))),
            false => Arc::new(Int64Array::from_iter_values(keys)),
        }
    }

    fn join_keys(&self) -> JoinKeys {
        JoinKeys::new(vec![("key".to_owned(), self.key_type().parse().unwrap())])
    }

    /// A plan of `batch` in partitions and batches; the rows keep their order.
    fn plan(&self, batch: &RecordBatch, partitions: usize) -> Arc<dyn ExecutionPlan> {
        let each = batch.num_rows().div_ceil(partitions).max(1);
        let partition = |partition: usize| {
            let (start, end) = (each * partition, (each * (partition + 1)).min(batch.num_rows()));
            let starts = (start..end).step_by(self.batch_rows);
            starts.map(|from| batch.slice(from, self.batch_rows.min(end - from))).collect::<Vec<_>>()
        };
        let partitions: Vec<_> = (0..partitions).map(partition).collect();
        MemorySourceConfig::try_new_exec(&partitions, batch.schema(), None).unwrap()
    }

    fn source(&self, rows: &[SourceRow]) -> RecordBatch {
        let instants = |times: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
        };
        RecordBatch::try_from_iter_with_nullable([
            ("key", self.keys(rows.iter().map(|row| row.key)), true),
            ("event", instants(rows.iter().map(|row| Some(row.event)).collect()), true),
            ("created", instants(rows.iter().map(|row| row.created).collect()), true),
            ("value", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.value))), true),
        ])
        .unwrap()
    }

    fn keyed(&self, source: &RecordBatch, layout: SourceLayout, with_value: bool) -> Arc<dyn ExecutionPlan> {
        let mut wanted = vec![("key", self.key_type()), ("event", "timestamp"), ("created", "timestamp")];
        if with_value {
            wanted.push(("value", "int64"));
        }
        let places: Vec<usize> = (0..wanted.len()).collect();
        let fields = places.iter().map(|place| source.schema().field(*place).clone()).collect();
        let wanted = wanted.into_iter().map(|(name, to)| (name.to_owned(), to.parse().unwrap())).collect();
        let columns = FileColumns { wanted, fields, places };
        let rows = KeyedRows { columns, join_keys: self.join_keys(), layout, window: Window::default() };
        let schema = rows.schema();
        let out = Arc::clone(&schema);
        let rows = move |batch: &RecordBatch, position: Position| rows.of(batch, position, &out);
        Arc::new(MapExec::new("rows", String::new(), self.plan(source, self.partitions), schema, rows))
    }

    fn entity_rows(&self, rows: &[EntityRow]) -> (Arc<dyn ExecutionPlan>, EntityLayout) {
        let layout = EntityLayout { user_columns: 0, key_sets: 1 };
        let keys = self.join_keys().encode(&[self.keys(rows.iter().map(|row| row.key))]).unwrap();
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("row", ArrowType::UInt64, false),
            Field::new("at", ArrowType::Int64, false),
            Field::new("entity_key", keys.data_type().clone(), false),
        ]));
        let number = arrow::array::UInt64Array::from_iter_values(0..rows.len() as u64);
        let at = Int64Array::from_iter_values(rows.iter().map(|row| row.at));
        let batch = RecordBatch::try_new(schema, vec![Arc::new(number), Arc::new(at), keys]).unwrap();
        (self.plan(&batch, 1), layout)
    }

    fn hash(
        &self,
        source: &RecordBatch,
        entities: &[EntityRow],
        source_layout: SourceLayout,
    ) -> Arc<dyn ExecutionPlan> {
        let (entity_rows, layout) = self.entity_rows(entities);
        let value = source.project(&[3]).unwrap();
        let columns = ColumnsInput {
            plan: self.plan(&value, self.partitions),
            columns: vec![0],
            convert: Arc::new(|raw| Ok(vec![convert(&raw[0], "int64".parse().unwrap()).unwrap()])),
        };
        let input = HashInput {
            view: "sales".to_owned(),
            key_set: 0,
            layout: source_layout,
            keys: self.keyed(source, source_layout, false),
            columns: vec![columns],
            types: vec![ArrowType::Int64],
        };
        Arc::new(PointInTimeHashExec::new(entity_rows, layout, vec![input]))
    }

    fn sorted(&self, plan: Arc<dyn ExecutionPlan>, columns: [usize; 2]) -> Arc<dyn ExecutionPlan> {
        let key = Arc::new(datafusion::physical_expr::expressions::Column::new("key", columns[0]));
        let by_key = RepartitionExec::try_new(plan, Partitioning::Hash(vec![key], self.partitions)).unwrap();
        let by_key: Arc<dyn ExecutionPlan> = Arc::new(by_key);
        Arc::new(SortExec::new(ascending(&by_key, &columns), by_key).with_preserve_partitioning(true))
    }

    /// The source twice, as two views: they share the entity rows.
    fn merge(&self, source: &RecordBatch, entities: &[EntityRow], layout: SourceLayout) -> Arc<dyn ExecutionPlan> {
        let (entity_rows, entity_layout) = self.entity_rows(entities);
        let entity_rows = self.sorted(entity_rows, PointInTimeMergeExec::entity_order(entity_layout, 0));
        let input = || MergeInput {
            view: "sales".to_owned(),
            layout,
            rows: self.sorted(self.keyed(source, layout, true), PointInTimeMergeExec::source_order(layout)),
            types: vec![ArrowType::Int64],
        };
        Arc::new(PointInTimeMergeExec::new(entity_rows, entity_layout, 0, vec![input(), input()]))
    }

    /// Value and event timestamp by entity row, of the view whose columns start at `first`.
    fn found(&self, plan: Arc<dyn ExecutionPlan>, first: usize) -> Vec<Option<(i64, i64)>> {
        let resources = Resources { threads: self.partitions, memory_bytes: None, batch_rows: self.batch_rows };
        let context = session(&resources).unwrap().task_ctx();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let schema = plan.schema();
        let batches = runtime.block_on(collect(plan, context)).unwrap();
        let rows = concat_batches(&schema, &batches).unwrap();
        let column = |place: usize| rows.column(place).as_primitive::<Int64Type>();
        let mut found: Vec<(u64, Option<(i64, i64)>)> = rows
            .column(0)
            .as_primitive::<arrow::datatypes::UInt64Type>()
            .values()
            .iter()
            .zip(column(first).iter().zip(column(first + 1)))
            .map(|(row, (value, event))| (*row, value.zip(event)))
            .collect();
        found.sort_unstable_by_key(|(row, _)| *row);
        found.into_iter().map(|(_, found)| found).collect()
    }
}

fn source_row() -> impl Strategy<Value = SourceRow> {
    (0..4_i64, -5_i64..15, proptest::option::of(-5_i64..20), any::<i64>())
        .prop_map(|(key, event, created, value)| SourceRow { key, event, created, value })
}

fn entity_row() -> impl Strategy<Value = EntityRow> {
    (0..5_i64, -7_i64..18).prop_map(|(key, at)| EntityRow { key, at })
}

fn cut() -> impl Strategy<Value = Cut> {
    (1..4_usize, 1..12_usize, any::<bool>()).prop_map(|(partitions, batch_rows, texts)| Cut {
        partitions,
        batch_rows,
        texts,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn both_joins_find_what_trying_every_row_finds_however_the_work_is_cut(
        rows in proptest::collection::vec(source_row(), 0..80),
        entities in proptest::collection::vec(entity_row(), 0..50),
        known_at: bool,
        cut in cut(),
    ) {
        let layout = SourceLayout { has_created: true, known_at };
        let source = cut.source(&rows);
        let expected: Vec<_> = entities.iter().map(|entity| oracle(&rows, entity, known_at)).collect();
        let hashed = cut.found(cut.hash(&source, &entities, layout), 3);
        prop_assert_eq!(&hashed, &expected);
        for view in [3, 5] {
            let merged = cut.found(cut.merge(&source, &entities, layout), view);
            prop_assert_eq!(&merged, &expected);
        }
    }
}

#[test]
fn the_operators_say_in_a_plan_what_they_join_and_need() {
    let cut = Cut { partitions: 2, batch_rows: 8, texts: false };
    let layout = SourceLayout { has_created: true, known_at: false };
    let source = cut.source(&[]);
    let merge = cut.merge(&source, &[], layout);
    let shown =
        |plan: &Arc<dyn ExecutionPlan>| datafusion::physical_plan::displayable(plan.as_ref()).one_line().to_string();
    insta::assert_snapshot!(shown(&merge), @"PointInTimeMergeExec: views=[sales, sales]");
    insta::assert_snapshot!(shown(&cut.hash(&source, &[], layout)), @"PointInTimeHashExec: views=[sales]");
    assert!(merge.required_input_ordering().iter().all(Option::is_some));
}
