use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::ErrorKind;
use crate::online::row::tests::packed;

mod damage;
mod processes;

struct Scratch {
    // Removed with everything in it when dropped.
    _folder: TempDir,
    path: PathBuf,
}

impl Scratch {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("online.redb");
        Self { _folder: folder, path }
    }

    fn store(&self) -> OnlineStore {
        OnlineStore::open(&self.path, "flights").unwrap()
    }
}

/// A batch of one row, and what became of it: 1 written, 0 skipped.
fn put(store: &OnlineStore, view: &str, key: &str, row: &[u8]) -> u64 {
    let summary = store.write(view, [KeyedRow { key: key.as_bytes(), row }]).unwrap();
    assert_eq!(summary.written + summary.skipped_older, 1);
    summary.written
}

fn get(store: &OnlineStore, view: &str, key: &str) -> Option<Vec<u8>> {
    get_all(store, &[(view, &[key])]).remove(0)
}

fn get_all(store: &OnlineStore, requests: &[(&str, &[&str])]) -> Vec<Option<Vec<u8>>> {
    let keys: Vec<_> = requests
        .iter()
        .map(|(_, keys)| LargeBinaryArray::from_iter_values(keys.iter().map(|key| key.as_bytes())))
        .collect();
    let requests: Vec<_> =
        requests.iter().zip(&keys).map(|((feature_view, _), keys)| ReadRequest { feature_view, keys }).collect();
    let mut rows = Vec::new();
    store
        .read(&requests, |_, row| {
            rows.push(row.map(<[u8]>::to_vec));
            Ok(())
        })
        .unwrap();
    rows
}

#[test]
fn a_row_gives_way_to_one_that_is_not_older() {
    let scratch = Scratch::new();
    let store = scratch.store();
    // In the order of their times.
    let times = [(i64::MIN, None), (-1, None), (-1, Some(i64::MIN)), (-1, Some(5)), (0, None), (7, Some(-3))];
    for (stored, (event, created)) in times.into_iter().enumerate() {
        for (written, (other_event, other_created)) in times.into_iter().enumerate() {
            let view = format!("view_{stored}_{written}");
            assert_eq!(put(&store, &view, "N1", &packed(event, created, 1)), 1);
            assert_eq!(put(&store, &view, "N1", &packed(other_event, other_created, 2)), u64::from(written >= stored));
            let newest =
                if written >= stored { packed(other_event, other_created, 2) } else { packed(event, created, 1) };
            assert_eq!(get(&store, &view, "N1"), Some(newest));
        }
    }
}

#[test]
fn the_newest_row_of_an_entity_wins_whatever_the_order_within_a_batch() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let rows =
        [packed(3, None, 1), packed(5, None, 2), packed(5, Some(1), 3), packed(5, Some(1), 4), packed(4, None, 5)];
    let batch = |order: &[usize]| {
        let keyed: Vec<_> = order.iter().map(|row| KeyedRow { key: b"N1", row: &rows[*row] }).collect();
        store.write("planes", keyed).unwrap()
    };
    assert_eq!(batch(&[2, 3, 0, 1, 4]), WriteSummary { written: 1, skipped_older: 4 });
    assert_eq!(get(&store, "planes", "N1"), Some(rows[3].clone()));
    assert_eq!(batch(&[4, 1, 0]), WriteSummary { written: 0, skipped_older: 3 });
    assert_eq!(batch(&[3, 2]), WriteSummary { written: 1, skipped_older: 1 });
    assert_eq!(get(&store, "planes", "N1"), Some(rows[2].clone()));
    assert_eq!(batch(&[]), WriteSummary::default());
}

#[test]
fn a_read_answers_every_key_of_every_request_in_order() {
    let scratch = Scratch::new();
    let store = scratch.store();
    for (view, key, value) in [("planes", "N1", 1), ("planes", "N2", 2), ("weather", "EWR", 3)] {
        put(&store, view, key, &packed(0, None, value));
    }
    let read = get_all(
        &store,
        &[("weather", &["JFK", "EWR"]), ("planes", &["N2", "N3", "N1", "N2"]), ("planes", &[]), ("carriers", &["N1"])],
    );
    let expected = [None, Some(3), Some(2), None, Some(1), Some(2), None];
    assert_eq!(read, expected.map(|value| value.map(|value| packed(0, None, value))));
}

#[test]
fn the_number_of_the_request_comes_with_each_row_and_an_error_ends_the_read() {
    let scratch = Scratch::new();
    let store = scratch.store();
    for exists in [false, true] {
        if exists {
            put(&store, "planes", "N1", &packed(0, None, 1));
        }
        let keys = LargeBinaryArray::from_iter_values(["N1", "N2"]);
        let requests = ["weather", "planes"].map(|feature_view| ReadRequest { feature_view, keys: &keys });
        let mut visited = Vec::new();
        let result = store.read(&requests, |request, row| {
            visited.push((request, row.is_some()));
            if visited.len() == 3 { Err(Error::invalid_input("enough")) } else { Ok(()) }
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(visited, [(0, false), (0, false), (1, exists)]);
    }
}

#[test]
fn a_null_key_finds_nothing_and_keeps_the_others_in_step() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, "planes", "N1", &packed(0, None, 1));
    let keys = LargeBinaryArray::from_opt_vec(vec![None, Some(b"N1")]);
    let mut found = Vec::new();
    let requests = [ReadRequest { feature_view: "planes", keys: &keys }];
    store
        .read(&requests, |_, row| {
            found.push(row.is_some());
            Ok(())
        })
        .unwrap();
    assert_eq!(found, [false, true]);
}

#[test]
fn projects_in_one_file_do_not_see_each_other() {
    let scratch = Scratch::new();
    let (flights, trains) = (scratch.store(), OnlineStore::open(&scratch.path, "trains").unwrap());
    put(&flights, "planes", "N1", &packed(0, None, 1));
    put(&trains, "engines", "N1", &packed(0, None, 2));
    assert_eq!(get(&trains, "planes", "N1"), None);
    assert_eq!(flights.feature_views().unwrap(), ["planes"]);
    assert_eq!(trains.delete_entity(b"N1").unwrap(), 1);
    assert_eq!(flights.count("planes").unwrap(), 1);
}

#[test]
fn deleting_says_how_many_rows_are_gone() {
    let scratch = Scratch::new();
    let store = scratch.store();
    for (view, key) in [("planes", "N1"), ("planes", "N2"), ("delays", "N1"), ("weather", "EWR")] {
        put(&store, view, key, &packed(0, None, 1));
    }
    assert_eq!(store.feature_views().unwrap(), ["delays", "planes", "weather"]);
    assert_eq!(store.delete_entity(b"N1").unwrap(), 2);
    assert_eq!(store.delete_entity(b"N1").unwrap(), 0);
    assert_eq!(["planes", "delays"].map(|view| store.count(view).unwrap()), [1, 0]);
    assert_eq!(store.delete_view("planes").unwrap(), 1);
    assert_eq!(store.delete_view("planes").unwrap(), 0);
    assert_eq!(store.delete_view("carriers").unwrap(), 0);
    assert_eq!(store.feature_views().unwrap(), ["delays", "weather"]);
    assert_eq!(get(&store, "planes", "N2"), None);
    // What was deleted does not count as newer.
    assert_eq!(put(&store, "planes", "N2", &packed(-1, None, 2)), 1);
}

#[test]
fn bytes_that_are_not_a_packed_row_are_refused_before_anything_is_written() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let row = packed(0, None, 1);
    let error = store.write("planes", [&row[..], b"N1"].map(|row| KeyedRow { key: b"N1", row })).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    insta::assert_snapshot!(error, @"row 1 to store is not a packed row: it has 2 bytes, less than a header");
    assert!(!scratch.path.exists());
}

#[test]
fn a_stored_row_of_an_unknown_format_is_not_overwritten() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, "planes", "N1", &packed(0, None, 1));
    let newer = [&[9], &packed(0, None, 1)[1..]].concat();
    plant(&scratch, &newer);
    let row = packed(1, None, 2);
    let error = store.write("planes", [KeyedRow { key: b"N1", row: &row }]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    insta::assert_snapshot!(error, @"a stored row of feature view `planes` can't be read: it is written in format 9, and this skewless reads format 1: use the skewless that wrote it, or a newer one");
    assert_eq!(get(&store, "planes", "N1"), Some(newer));
    // One that lost its header has no time either, and is mended.
    plant(&scratch, b"torn");
    assert_eq!(put(&store, "planes", "N1", &row), 1);
}

/// Puts bytes into the file that the store itself refuses to write.
fn plant(scratch: &Scratch, row: &[u8]) {
    let file = SharedFile::open(&scratch.path).unwrap();
    file.create_and_write(|transaction| {
        transaction.open_table(rows_table("flights/planes"))?.insert(&b"N1"[..], row)?;
        Ok(())
    })
    .unwrap();
}

#[test]
fn nothing_is_found_until_somebody_makes_the_file() {
    let scratch = Scratch::new();
    let (reader, path) = (scratch.store(), &scratch.path);
    assert_eq!(get(&reader, "planes", "N1"), None);
    assert_eq!((reader.count("planes").unwrap(), reader.feature_views().unwrap().len()), (0, 0));
    assert_eq!((reader.delete_view("planes").unwrap(), reader.delete_entity(b"N1").unwrap()), (0, 0));
    assert!(!path.exists());
    // A file that nobody has filled yet is none.
    std::fs::write(path, b"").unwrap();
    assert_eq!(get(&reader, "planes", "N1"), None);

    let row = packed(0, None, 1);
    put(&scratch.store(), "planes", "N1", &row);
    assert_eq!(get(&reader, "planes", "N1"), Some(row));
    let names: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names, std::slice::from_ref(path));
}

#[test]
fn the_folder_of_the_file_is_made_with_it() {
    let scratch = Scratch::new();
    let store = OnlineStore::open(&scratch.path.join("stores/online.redb"), "flights").unwrap();
    assert_eq!(put(&store, "planes", "N1", &packed(0, None, 1)), 1);
}

#[test]
fn a_file_put_in_the_place_of_another_is_noticed() {
    let scratch = Scratch::new();
    let (reader, writer) = (scratch.store(), scratch.store());
    put(&writer, "planes", "N1", &packed(5, None, 1));
    assert!(get(&reader, "planes", "N1").is_some());
    std::fs::remove_file(&scratch.path).unwrap();
    assert_eq!(get(&reader, "planes", "N1"), None);
    let older = packed(3, None, 2);
    assert_eq!(put(&writer, "planes", "N1", &older), 1);
    assert_eq!(get(&reader, "planes", "N1"), Some(older));
}

/// A row's time and value.
type Given = ((i64, Option<i64>), u8);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_store_holds_the_newest_row_of_each_entity(
        batches in proptest::collection::vec(
            (0usize..2, proptest::collection::vec((0u8..4, ((0i64..3, proptest::option::of(0i64..2)), any::<u8>())), 0..8)),
            0..8,
        ),
    ) {
        let scratch = Scratch::new();
        let store = scratch.store();
        let views = ["planes", "weather"];
        let mut newest = BTreeMap::<(usize, u8), Given>::new();
        for (view, batch) in &batches {
            let rows: Vec<_> =
                batch.iter().map(|(key, ((event, created), value))| ([*key], packed(*event, *created, *value))).collect();
            let summary = store.write(views[*view], rows.iter().map(|(key, row)| KeyedRow { key, row })).unwrap();
            prop_assert_eq!(summary.written + summary.skipped_older, batch.len() as u64);
            for (key, given) in batch {
                let stored = newest.entry((*view, *key)).or_insert(*given);
                if given.0 >= stored.0 {
                    *stored = *given;
                }
            }
        }
        for (view, name) in views.iter().enumerate() {
            let keys = LargeBinaryArray::from_iter_values((0..4u8).map(|key| [key]));
            let mut found = Vec::new();
            store.read(&[ReadRequest { feature_view: name, keys: &keys }], |_, row| {
                found.push(row.map(<[u8]>::to_vec));
                Ok(())
            }).unwrap();
            let expected: Vec<_> = (0..4)
                .map(|key| newest.get(&(view, key)).map(|((event, created), value)| packed(*event, *created, *value)))
                .collect();
            prop_assert_eq!(found, expected);
            let count = newest.keys().filter(|(of_view, _)| *of_view == view).count();
            prop_assert_eq!(store.count(name).unwrap(), count as u64);
        }
    }
}
