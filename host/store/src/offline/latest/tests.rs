use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use super::*;

/// Key, event timestamp, created timestamp.
type Row = (u8, i64, Option<i64>);

/// A batch of rows, whose two columns say which row it is.
fn batch(rows: &[Row], first: i64) -> SourceRows {
    let numbers = first..first + rows.len() as i64;
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(numbers.clone().map(|number| number.to_string())));
    SourceRows {
        keys: LargeBinaryArray::from_iter_values(rows.iter().map(|row| [row.0])),
        event_timestamps: rows.iter().map(|row| row.1).collect(),
        created_timestamps: rows.iter().map(|row| row.2).collect(),
        columns: vec![Arc::new(Int64Array::from_iter_values(numbers)), texts],
        left_out: 0,
    }
}

/// The number of the newest row of each key, by trying every row.
fn oracle(rows: &[Row]) -> Vec<(u8, i64)> {
    let mut newest = HashMap::<u8, (i64, Option<i64>, i64)>::new();
    for (number, (key, event, created)) in rows.iter().enumerate() {
        let new = (*event, *created, number as i64);
        newest.entry(*key).and_modify(|known| *known = new.max(*known)).or_insert(new);
    }
    let mut newest: Vec<_> = newest.into_iter().map(|(key, (_, _, number))| (key, number)).collect();
    newest.sort_unstable();
    newest
}

fn found(rows: &[Row], rows_a_batch: usize, memory_bytes_max: usize) -> Vec<(u8, i64)> {
    let batches = rows.chunks(rows_a_batch).enumerate();
    let batches: Vec<_> = batches.map(|(index, rows)| Ok(batch(rows, (index * rows_a_batch) as i64))).collect();
    let types = [ArrowType::Int64, ArrowType::Utf8];
    let found = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(async {
        let latest = latest_rows_within(stream::iter(batches), &types, memory_bytes_max).await?;
        latest.try_collect::<Vec<_>>().await
    });
    let mut pairs = Vec::new();
    for latest in found.unwrap() {
        let (numbers, texts) = (latest.columns[0].as_primitive::<Int64Type>(), latest.columns[1].as_string::<i32>());
        for row in 0..latest.keys.len() {
            let number = numbers.value(row);
            let (_, event, created) = rows[number as usize];
            assert_eq!(texts.value(row), number.to_string());
            assert_eq!(latest.event_timestamps.value(row), event);
            let times = latest.created_timestamps.is_valid(row).then(|| latest.created_timestamps.value(row));
            assert_eq!(times, created);
            pairs.push((latest.keys.value(row)[0], number));
        }
    }
    assert!(pairs.is_sorted_by_key(|pair| pair.0), "the keys ascend");
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_newest_rows_are_found_in_memory_by_sorting_and_by_going_over_from_one_to_the_other(
        rows in proptest::collection::vec((0u8..12, 0i64..4, proptest::option::of(0i64..3)), 1..200),
        rows_a_batch in 1usize..40,
    ) {
        let expected = oracle(&rows);
        // All in memory; sorted from the first batch on; and somewhere in between.
        for memory_bytes_max in [usize::MAX / 4, 0, 2_000, 6_000] {
            prop_assert_eq!(found(&rows, rows_a_batch, memory_bytes_max), expected.clone());
        }
    }
}

#[test]
fn what_is_kept_follows_the_entities_and_not_the_rows() {
    let mut table = NewestTable::new(2, 64 << 20);
    let rows: Vec<Row> = (0..8_192).map(|row| ((row % 251) as u8, row, None)).collect();
    let mut most = 0;
    for round in 0..200 {
        let rows: Vec<Row> = rows.iter().map(|(key, event, created)| (*key, event + round * 8_192, *created)).collect();
        table.add(batch(&rows, round * 8_192)).unwrap();
        assert!(!table.is_full().unwrap());
        most = most.max(table.memory_bytes());
    }
    assert!(most < 8 << 20, "{most} bytes for 251 entities");
    let newest: usize = table.into_latest_rows(100).map(|latest| latest.unwrap().keys.len()).sum();
    assert_eq!(newest, 251);
}

#[test]
fn what_the_source_says_is_passed_on() {
    for memory_bytes_max in [usize::MAX / 4, 0] {
        let rows = [Ok(batch(&[(1, 1, None)], 0)), Err(crate::Error::corrupt("the file is torn"))];
        let result = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(async {
            let types = [ArrowType::Int64, ArrowType::Utf8];
            let latest = latest_rows_within(stream::iter(rows), &types, memory_bytes_max).await?;
            latest.try_collect::<Vec<_>>().await
        });
        let Err(error) = result else { panic!("the error is lost") };
        assert_eq!((error.kind(), error.to_string()), (crate::ErrorKind::Corrupt, "the file is torn".to_owned()));
    }
}

#[test]
fn a_sort_that_does_not_fit_into_memory_goes_to_disk() {
    // Of 3 MB each column, some forty times what the table may take, and more than the sort may.
    let rows: Vec<Row> = (0..200_000_i64).map(|row| ((row * 7 % 199) as u8, row % 1_000, None)).collect();
    let wide = |rows: &[Row], first: i64| {
        let SourceRows { keys, event_timestamps, created_timestamps, columns, left_out } = batch(rows, first);
        let long: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows.len()).map(|row| format!("{row:0>400}"))));
        let columns = vec![Arc::clone(&columns[0]), long];
        SourceRows { keys, event_timestamps, created_timestamps, columns, left_out }
    };
    let batches = rows.chunks(4_096).enumerate().map(|(index, some)| Ok(wide(some, index as i64 * 4_096)));
    let batches: Vec<_> = batches.collect();
    let types = [ArrowType::Int64, ArrowType::Utf8];
    let found = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(async {
        let latest = latest_rows_within(stream::iter(batches), &types, 50_000).await?;
        latest.try_collect::<Vec<_>>().await
    });
    let found = found.unwrap();
    let numbers = found.iter().flat_map(|latest| latest.columns[0].as_primitive::<Int64Type>().values().to_vec());
    let keys = found.iter().flat_map(|latest| latest.keys.iter().flatten().map(|key| key[0]).collect::<Vec<_>>());
    assert_eq!(keys.zip(numbers).collect::<Vec<_>>(), oracle(&rows));
}
