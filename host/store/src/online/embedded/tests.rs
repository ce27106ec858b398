use std::path::PathBuf;

use arrow::array::LargeBinaryArray;
use tempfile::TempDir;

use super::*;
use crate::ErrorKind;
use crate::online::row::tests::{packed, sealed};

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

    fn store(&self) -> EmbeddedStore {
        EmbeddedStore::open(&self.path, "flights").unwrap()
    }
}

fn write<'a>(store: &EmbeddedStore, view: &str, rows: impl IntoIterator<Item = KeyedRow<'a>>) -> Result<WriteSummary> {
    store.write(view, &rows.into_iter().collect::<Vec<_>>(), None)
}

fn count(store: &EmbeddedStore, view: &str) -> Result<u64> {
    Ok(store.counts()?.get(view).copied().unwrap_or(0))
}

/// A batch of one row, and what became of it: 1 written, 0 skipped.
fn put(store: &EmbeddedStore, view: &str, key: &str, row: &[u8]) -> u64 {
    let summary = write(store, view, [KeyedRow { key: key.as_bytes(), row }]).unwrap();
    assert_eq!(summary.written + summary.skipped_older, 1);
    summary.written
}

fn get(store: &EmbeddedStore, view: &str, key: &str) -> Option<Vec<u8>> {
    get_all(store, &[(view, &[key])]).remove(0)
}

fn get_all(store: &EmbeddedStore, requests: &[(&str, &[&str])]) -> Vec<Option<Vec<u8>>> {
    let keys: Vec<_> = requests
        .iter()
        .map(|(_, keys)| LargeBinaryArray::from_iter_values(keys.iter().map(|key| key.as_bytes())))
        .collect();
    let requests: Vec<_> =
        requests.iter().zip(&keys).map(|((feature_view, _), keys)| ReadRequest { feature_view, keys }).collect();
    let mut rows = Vec::new();
    store
        .read(&requests, &mut |_, row| {
            rows.push(row.map(<[u8]>::to_vec));
            Ok(())
        })
        .unwrap();
    rows
}

#[test]
fn bytes_that_are_not_a_packed_row_are_refused_before_anything_is_written() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let row = packed(0, None, 1);
    let error = write(&store, "planes", [&row[..], b"N1"].map(|row| KeyedRow { key: b"N1", row })).unwrap_err();
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
    let error = write(&store, "planes", [KeyedRow { key: b"N1", row: &row }]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    insta::assert_snapshot!(error, @"a stored row of feature view `planes` can't be read: it is written in format 9, and this skewless reads format 2: use the skewless that wrote it, or a newer one");
    assert_eq!(get(&store, "planes", "N1"), Some(newer));
}

#[test]
fn a_stored_row_that_nobody_can_read_gives_way_whatever_its_time() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, "planes", "N1", &packed(0, None, 1));
    let newer = packed(7, None, 1);
    let of_format_1 = [&[1], &newer[1..34], &newer[38..]].concat();
    let mut damaged = newer.clone();
    damaged[2] ^= 1;
    for unreadable in [b"torn".to_vec(), of_format_1, damaged] {
        plant(&scratch, &unreadable);
        let older = packed(-1, None, 2);
        assert_eq!(put(&store, "planes", "N1", &older), 1);
        assert_eq!(get(&store, "planes", "N1"), Some(older));
    }
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
    assert!(reader.counts().unwrap().is_empty());
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
    let store = EmbeddedStore::open(&scratch.path.join("stores/online.redb"), "flights").unwrap();
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
