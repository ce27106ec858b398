//! The same rows give the same bits on the three ways: training set, materialization and request.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray,
    RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, make_array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::Float64Type;
use proptest::prelude::*;
use skewless_runtime::{Limits, Output, Transform};
use skewless_store::{FeatureStore, Status};

use crate::support::{
    TestRepository, component, historical, materialize_all, micros, online, runtime, table, timestamps,
};

const AT: &str = "2024-06-01T00:00:00Z";

/// One row of inputs for the transform over every type.
#[derive(Debug, Clone)]
struct Row {
    integer: Option<i64>,
    number: Option<f64>,
    single: Option<f32>,
    flag: Option<bool>,
    text: Option<String>,
    raw: Option<Vec<u8>>,
    instant: Option<i64>,
    list: Option<Vec<Option<f64>>>,
}

fn integers() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(i64::MIN), Just(i64::MAX), Just((1 << 53) + 1), any::<i64>()]
}

fn floats() -> impl Strategy<Value = f64> {
    let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE / 2.0, f64::MAX, f64::NAN];
    let odd_nan = f64::from_bits(0xfff8_0000_dead_beef);
    prop_oneof![proptest::sample::select(special.to_vec()), Just(odd_nan), any::<f64>()]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("fail".to_owned()), Just("ǅ 𝕊 ß".to_owned()), "\\PC{0,12}"]
}

fn row() -> impl Strategy<Value = Row> {
    use proptest::option::of;
    let singles = prop_oneof![Just(0.0_f32), Just(-0.0), Just(f32::NAN), any::<f32>()];
    let instants =
        prop_oneof![Just(0), Just(-1), Just(951_868_799_999_999), -4_000_000_000_000_000_i64..4_000_000_000_000_000];
    let lists = proptest::collection::vec(of(floats()), 0..5);
    let bytes = proptest::collection::vec(any::<u8>(), 0..6);
    (of(integers()), of(floats()), of(singles), of(any::<bool>()), of(texts()), of(bytes), of(instants), of(lists))
        .prop_map(|(integer, number, single, flag, text, raw, instant, list)| Row {
            integer,
            number,
            single,
            flag,
            text,
            raw,
            instant,
            list,
        })
}

fn inputs(rows: &[Row]) -> RecordBatch {
    let instants = TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.instant)).with_timezone("UTC");
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>(rows.iter().map(|row| row.list.clone()));
    table(&[
        ("integer", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.integer)))),
        ("number", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.number)))),
        ("single", Arc::new(Float32Array::from_iter(rows.iter().map(|row| row.single)))),
        ("flag", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.flag)))),
        ("text", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.text.as_deref())))),
        ("raw", Arc::new(BinaryArray::from_iter(rows.iter().map(|row| row.raw.as_deref())))),
        ("instant", Arc::new(instants)),
        ("list", Arc::new(lists)),
    ])
}

/// With the columns that make it a source: an entity for each row, and a time.
fn source(rows: &[Row]) -> RecordBatch {
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("id".to_owned(), Arc::new(Int64Array::from_iter_values(0..rows.len() as i64))),
        ("happened_at".to_owned(), timestamps(&vec!["2024-05-01T00:00:00Z"; rows.len()])),
    ];
    let inputs = inputs(rows);
    let named = inputs
        .schema()
        .fields()
        .iter()
        .zip(inputs.columns())
        .map(|(field, column)| (field.name().clone(), Arc::clone(column)))
        .collect::<Vec<_>>();
    columns.extend(named);
    table(&columns.iter().map(|(name, column)| (name.as_str(), Arc::clone(column))).collect::<Vec<_>>())
}

const OUTPUTS: [(&str, &str); 10] = [
    ("doubled", "int64"),
    ("quotient", "float64"),
    ("wave", "float64"),
    ("negated", "float32"),
    ("shouted", "string"),
    ("backwards", "bytes"),
    ("next_day", "timestamp"),
    ("is_set", "bool"),
    ("halves", "list<float64>"),
    ("total", "float64"),
];

/// The transform three times over: on the way into the store, on demand over stored inputs, and over request data.
fn definitions() -> String {
    let field = |(name, data_type): &(&str, &str)| format!("      - {{name: {name}, type: {data_type}}}\n");
    let outputs: String = OUTPUTS.iter().map(field).collect();
    let inputs: String = [
        ("integer", "int64"),
        ("number", "float64"),
        ("single", "float32"),
        ("flag", "bool"),
        ("text", "string"),
        ("raw", "bytes"),
        ("instant", "timestamp"),
        ("list", "list<float64>"),
    ]
    .iter()
    .map(field)
    .collect();
    format!(
        r#"
entities:
  - {{name: thing, join_keys: [{{name: id, type: int64}}]}}
sources:
  - {{name: things, path: things.parquet, timestamp_field: happened_at}}
transforms:
  - {{name: mixture, path: {component}}}
feature_views:
  - name: raw_things
    entities: [thing]
    source: things
    schema:
{inputs}
  - name: on_write
    entities: [thing]
    source: things
    transform: {{name: mixture}}
    schema:
{outputs}
on_demand_feature_views:
  - name: on_read
    transform: mixture
    sources: [raw_things]
  - name: on_request
    transform: mixture
    request:
{inputs}
"#,
        component = component("mixture").display()
    )
}

async fn store(rows: &[Row]) -> (TestRepository, FeatureStore) {
    let repository = TestRepository::new(&definitions()).data("things.parquet", &source(rows));
    let store = repository.apply().await.unwrap();
    materialize_all(&store).await;
    (repository, store)
}

/// The bits of a column: Arrow's buffers, with nothing left under nulls. `==` on arrays would call two NaNs different
/// and two zeroes the same.
fn bits(array: &dyn Array) -> ArrayData {
    let rows: Vec<u32> = (0..array.len() as u32).collect();
    let fresh = arrow::compute::take(array, &UInt32Array::from(rows), None).unwrap();
    fresh.to_data()
}

pub(crate) fn assert_same_bits(a: &dyn Array, b: &dyn Array, what: &str) -> Result<(), TestCaseError> {
    for row in 0..a.len().max(b.len()) {
        let (a, b) = (written(a, row), written(b, row));
        prop_assert!(a == b, "{what}, row {row}: {a} on one way, {b} on the other");
    }
    Ok(())
}

/// A value with all its bits, floats as hexadecimal.
fn written(array: &dyn Array, row: usize) -> String {
    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, Float32Type};
    if array.is_null(row) {
        return "null".to_owned();
    }
    match array.data_type() {
        DataType::Float64 => format!("{:016x}", array.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Float32 => format!("{:08x}", array.as_primitive::<Float32Type>().value(row).to_bits()),
        DataType::List(_) => {
            let elements = array.as_list::<i32>().value(row);
            (0..elements.len()).map(|element| written(&elements, element) + " ").collect()
        }
        _ => format!("{:?}", make_array(bits(&*array.slice(row, 1)))),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn one_transform_gives_the_same_bits_on_all_three_ways(rows in proptest::collection::vec(row(), 0..40)) {
        let rows_count = rows.len();
        block_on(async {
            let (_repository, store) = store(&rows).await;
            let mut entity_rows = source(&rows);
            let times = timestamps(&vec![AT; rows_count]);
            let place = entity_rows.schema().index_of("happened_at").unwrap();
            entity_rows.remove_column(place);
            let mut columns: Vec<_> = entity_rows.schema().fields().iter().map(|field| field.name().clone()).zip(entity_rows.columns().iter().cloned()).collect();
            columns.push(("event_timestamp".to_owned(), times));
            let entity_rows = table(&columns.iter().map(|(name, column)| (name.as_str(), Arc::clone(column))).collect::<Vec<_>>());

            let direct = runtime().load(&std::fs::read(component("mixture")).unwrap()).unwrap()
                .apply(&inputs(&rows), &Limits::BATCH).unwrap();
            for view in ["on_write", "on_read", "on_request"] {
                let trained = historical(&store, &[view], entity_rows.clone()).await.unwrap();
                let served = online(&store, &[view], &entity_rows, micros(AT)).unwrap();
                for (feature, (name, _)) in OUTPUTS.iter().enumerate() {
                    let what = format!("`{name}` of {view}");
                    let expected = direct.batch.column(feature);
                    assert_same_bits(expected, trained.column_by_name(name).unwrap(), &format!("{what}, trained"))?;
                    assert_same_bits(expected, served.values(feature), &format!("{what}, served"))?;
                }
                for failure in direct.failures.iter().filter(|_| view != "on_write") {
                    prop_assert_eq!(served.status(0, failure.row), Status::Invalid);
                    prop_assert_eq!(served.failure_reason(0, failure.row), Some("the text asks for it"));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_row_does_not_see_the_rows_around_it(
        rows in proptest::collection::vec(row(), 1..60),
        split in any::<proptest::sample::Index>(),
        order in any::<u64>(),
    ) {
        let transform = runtime().load(&std::fs::read(component("mixture")).unwrap()).unwrap();
        let batch = inputs(&rows);
        let whole = apply(&transform, &batch);
        let split = split.index(rows.len());
        let (first, second) = (apply(&transform, &batch.slice(0, split)), apply(&transform, &batch.slice(split, rows.len() - split)));
        let permutation = permutation(rows.len(), order);
        let shuffled = apply(&transform, &take_record_batch(&batch, &permutation).unwrap());
        let expected_shuffled = take_record_batch(&whole.batch, &permutation).unwrap();
        for (column, (name, _)) in OUTPUTS.iter().enumerate() {
            let whole = whole.batch.column(column);
            assert_same_bits(&*whole.slice(0, split), first.batch.column(column), &format!("`{name}`, first part"))?;
            assert_same_bits(&*whole.slice(split, rows.len() - split), second.batch.column(column), &format!("`{name}`, second part"))?;
            assert_same_bits(expected_shuffled.column(column), shuffled.batch.column(column), &format!("`{name}`, shuffled"))?;
        }
        prop_assert_eq!(whole.failures.len(), first.failures.len() + second.failures.len());
    }
}

fn apply(transform: &Transform, batch: &RecordBatch) -> Output {
    transform.apply(batch, &Limits::BATCH).unwrap()
}

fn permutation(rows: usize, seed: u64) -> UInt32Array {
    let mut rows: Vec<u32> = (0..rows as u32).collect();
    rows.sort_by_key(|row| u64::from(*row).wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
    UInt32Array::from(rows)
}

#[test]
fn a_batch_over_the_row_limit_is_computed_in_pieces_that_nobody_sees() {
    let transform = runtime().load(&std::fs::read(component("mixture")).unwrap()).unwrap();
    let row = |integer: i64| Row {
        integer: Some(integer),
        number: Some(1.0),
        single: None,
        flag: None,
        text: (integer % 7 == 3).then(|| "fail".to_owned()),
        raw: None,
        instant: None,
        list: None,
    };
    let batch = inputs(&(0..1_000).map(row).collect::<Vec<_>>());
    let whole = apply(&transform, &batch);
    let pieces = transform.apply(&batch, &Limits { rows_max: 13, ..Limits::BATCH }).unwrap();
    let narrow = transform.apply(&batch, &Limits { input_bytes_max: 1_000, ..Limits::BATCH }).unwrap();
    for other in [pieces, narrow] {
        assert_eq!(other.failures, whole.failures);
        for (column, (name, _)) in OUTPUTS.iter().enumerate() {
            assert_same_bits(whole.batch.column(column), other.batch.column(column), name).unwrap();
        }
    }
}
