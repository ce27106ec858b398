//! The example on real flights: its figures, and that nothing in it knows the future.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use skewless_store::apply::Certification;
use skewless_store::definitions::Repository;
use skewless_store::historical::{HistoricalRequest, get_historical_features};
use skewless_store::{FeatureStore, Selection, apply};

use crate::support::{TestRepository, at, historical, printed, project, runtime, skewless};

fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(reader.schema());
    concat_batches(&schema, &reader.build().unwrap().map(Result::unwrap).collect::<Vec<_>>()).unwrap()
}

fn january() -> RecordBatch {
    read(&project().join("examples/flights/data/flights/2013-01.parquet"))
}

/// The example, built and applied, with its state in a folder of the tests.
async fn flights() -> FeatureStore {
    static BUILT: LazyLock<()> = LazyLock::new(|| {
        for verb in ["build", "verify"] {
            let output = skewless(&project().join("examples/flights")).arg(verb).output().unwrap();
            assert!(output.status.success(), "{}", printed(&output));
        }
    });
    LazyLock::force(&BUILT);
    let state = tempfile::tempdir().unwrap().keep();
    let environment = |name: &str| (name == "FLIGHTS_STATE").then(|| state.display().to_string());
    let repository = Repository::load(&project().join("examples/flights"), &environment).unwrap();
    let plan = apply::plan(&repository, runtime()).await.unwrap();
    apply::apply(&repository, &plan, Certification::Required, at("2013-04-01T00:00:00Z")).await.unwrap();
    FeatureStore::open(&repository.root, &repository.settings, runtime()).await.unwrap()
}

async fn training_set(store: &FeatureStore) -> RecordBatch {
    let selection = Selection::Service("delay_model".to_owned());
    let request = HistoricalRequest::new(selection);
    get_historical_features(store, &request, january()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_training_set_of_january_has_every_flight_and_the_figures_that_duckdb_finds() {
    let store = flights().await;
    let (rows, training) = (january(), training_set(&store).await);
    assert_eq!(training.num_rows(), rows.num_rows());
    for (place, column) in rows.columns().iter().enumerate() {
        assert_eq!(training.column(place), column, "{}", rows.schema().field(place).name());
    }
    for (feature, count, sum_of_bits) in JANUARY {
        let column = training.column_by_name(feature).unwrap();
        assert_eq!((feature, column.len() - column.null_count()), (feature, count));
        assert_eq!((feature, bits(column).into_iter().flatten().fold(0, u64::wrapping_add)), (feature, sum_of_bits));
    }
    for (feature, count) in [("headwind", 26_414), ("plane_age", 22_094), ("minutes_since", 21_804), ("slope", 19_594)]
    {
        let column = training.column_by_name(feature).unwrap();
        assert_eq!((feature, column.len() - column.null_count()), (feature, count));
    }
}

/// For each feature of January: rows with a value, and the wrapping sum of their 64 bits. Computed with DuckDB's
/// as-of join by `prepare/expected.py`, and by a program in plain Python.
const JANUARY: [(&str, usize, u64); 20] = [
    ("temperature", 26_849, 0xd7a8_11eb_851e_b81a),
    ("humidity", 26_849, 0x37ea_a333_3333_3286),
    ("wind_direction", 26_414, 0x44f6_a000_0000_0000),
    ("wind_speed", 26_849, 0x40e4_8000_0000_0000),
    ("precipitation", 26_849, 0x7568_f5c2_8f5c_2935),
    ("pressure", 23_831, 0x11c5_1533_3333_32b9),
    ("visibility", 26_849, 0xf52f_851e_b851_eb68),
    ("manufactured_year", 22_094, 0x0000_0000_02a2_9ff6),
    ("seats", 22_525, 0x0000_0000_002e_ebe0),
    ("engines", 22_525, 0x0000_0000_0000_af57),
    ("last_arrival", 21_804, 0x9b02_f9c5_b9a0_ce00),
    ("plane_mean_arr_delay", 21_804, 0x6f45_deaa_aaaa_ab2d),
    ("plane_last_arr_delay", 21_804, 0x39aa_4c00_0000_0000),
    ("plane_arrivals_24h", 21_804, 0x0000_0000_0000_9505),
    ("carrier_mean_arr_delay", 26_719, 0x01b7_d5a0_431a_9a4c),
    ("carrier_last_arr_delay", 26_719, 0xf0db_7400_0000_0000),
    ("carrier_arrivals_24h", 26_719, 0x0000_0000_002b_956c),
    ("route_mean_arr_delay", 26_522, 0xfc9e_781d_41d4_1d79),
    ("route_last_arr_delay", 26_522, 0x93ed_7800_0000_0000),
    ("route_arrivals_24h", 26_522, 0x0000_0000_0004_352a),
];

/// The 64 bits of each value.
fn bits(column: &ArrayRef) -> Vec<Option<u64>> {
    match column.data_type() {
        DataType::Float64 => column.as_primitive::<Float64Type>().iter().map(|value| value.map(f64::to_bits)).collect(),
        DataType::Int64 => {
            column.as_primitive::<Int64Type>().iter().map(|value| value.map(i64::cast_unsigned)).collect()
        }
        _ => {
            let instants = column.as_primitive::<TimestampMicrosecondType>();
            instants.iter().map(|value| value.map(i64::cast_unsigned)).collect()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_exactly_as_old_as_its_ttl_still_counts() {
    let training = training_set(&flights().await).await;
    let tailnum = training.column_by_name("tailnum").unwrap().as_string::<i32>();
    assert_eq!(tailnum.value(8_466), "N630AA");
    assert!(training.column_by_name("last_arrival").unwrap().is_valid(8_466));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transform_computes_the_bits_that_were_computed_elsewhere() {
    let training = training_set(&flights().await).await;
    let bits = |name: &str| bits(training.column_by_name(name).unwrap());
    assert_eq!(bits("mean"), bits("plane_mean_arr_delay"));
}

/// The same file twice: dated at the arrival, when a delay is known, and at the scheduled departure, when it isn't.
const LEAK: &str = r#"
entities:
  - {name: plane, join_keys: [{name: tailnum, type: string}]}
sources:
  - {name: known, path: DATA, timestamp_field: arrived_at}
  - {name: naive, path: DATA, timestamp_field: scheduled_departure}
feature_views:
  - {name: known_delays, entities: [plane], source: known, schema: [{name: last_arrival, type: timestamp}]}
  - {name: naive_delays, entities: [plane], source: naive, schema: [{name: last_arrival, type: timestamp}]}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_naive_join_looks_ahead_and_the_point_in_time_join_does_not() {
    let data = project().join("examples/flights/data/plane_delays.parquet");
    let yaml = LEAK.replace("DATA", &data.display().to_string());
    let repository = TestRepository::new(&yaml);
    let store = repository.apply().await.unwrap();
    let mut ahead = Vec::new();
    for view in ["known_delays", "naive_delays"] {
        let training = historical(&store, &[view], january()).await.unwrap();
        let instants = training.column_by_name("event_timestamp").unwrap().as_primitive::<TimestampMicrosecondType>();
        let arrivals = training.column_by_name("last_arrival").unwrap().as_primitive::<TimestampMicrosecondType>();
        let looks_ahead = |(arrival, instant): &(Option<i64>, Option<i64>)| arrival > instant;
        ahead.push(arrivals.iter().zip(instants).filter(looks_ahead).count());
    }
    assert_eq!(ahead, [0, 26_443]);
}
