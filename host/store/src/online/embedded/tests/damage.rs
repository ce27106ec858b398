//! Files that are not what they should be, and folders that can't be written to.

use std::fs;

use super::*;

/// A file with a few hundred rows, more than one page of each kind.
fn filled() -> (Scratch, Vec<u8>) {
    let scratch = Scratch::new();
    let keys: Vec<_> = (0..400u32).map(|key| key.to_string()).collect();
    let row = packed(0, None, 1);
    write(&scratch.store(), "planes", keys.iter().map(|key| KeyedRow { key: key.as_bytes(), row: &row })).unwrap();
    let bytes = fs::read(&scratch.path).unwrap();
    (scratch, bytes)
}

/// Opens the file, reads all of it and writes to it; whatever goes wrong must be an error.
fn use_it(scratch: &Scratch) -> Result<()> {
    let store = EmbeddedStore::open(&scratch.path, "flights")?;
    let keys = LargeBinaryArray::from_iter_values((0..400u32).map(|key| key.to_string()));
    store.read(&[ReadRequest { feature_view: "planes", keys: &keys }], &mut |_, _| Ok(()))?;
    let row = packed(1, None, 2);
    write(&store, "planes", keys.iter().flatten().map(|key| KeyedRow { key, row: &row })).map(drop)
}

#[test]
fn something_else_is_named_and_left_alone() {
    let scratch = Scratch::new();
    fs::write(&scratch.path, b"tailnum,seats\nN1,149\n").unwrap();
    let error = EmbeddedStore::open(&scratch.path, "flights").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let message = error.to_string().replace(&scratch.path.display().to_string(), "online.redb");
    insta::assert_snapshot!(message, @"online store online.redb is damaged or is not an online store: remove it and run `skewless materialize` to build it again: I/O error: Not a redb database: magic number mismatch");
    assert_eq!(fs::read(&scratch.path).unwrap(), b"tailnum,seats\nN1,149\n");
}

#[test]
fn a_truncated_file_is_corrupt_and_never_a_panic() {
    let (scratch, whole) = filled();
    for length in [1, 8, 9, 100, 320, 4096].into_iter().chain((1..16).map(|part| whole.len() * part / 16)) {
        fs::write(&scratch.path, &whole[..length]).unwrap();
        let error = use_it(&scratch).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{length}: {error}");
    }
    fs::write(&scratch.path, &whole[..4096]).unwrap();
    let message = use_it(&scratch).unwrap_err().to_string().replace(&scratch.path.display().to_string(), "online.redb");
    insta::assert_snapshot!(message, @"online store online.redb is damaged or is not an online store: remove it and run `skewless materialize` to build it again: I/O error: failed to fill whole buffer");
}

#[test]
fn a_damaged_page_is_corrupt_and_never_a_panic() {
    let (scratch, whole) = filled();
    let mut refused = 0;
    for page in (0..whole.len()).step_by(4096) {
        let mut damaged = whole.clone();
        damaged[page..page + 4096].fill(0);
        fs::write(&scratch.path, damaged).unwrap();
        if let Err(error) = use_it(&scratch) {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{page}: {error}");
            refused += 1;
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_store_mends_itself_once_its_file_was_rebuilt() {
    let (scratch, whole) = filled();
    fs::write(&scratch.path, b"not a database").unwrap();
    assert!(EmbeddedStore::open(&scratch.path, "flights").is_err());
    fs::write(&scratch.path, &whole).unwrap();
    let store = scratch.store();
    fs::remove_file(&scratch.path).unwrap();
    fs::write(&scratch.path, b"not a database").unwrap();
    assert_eq!(count(&store, "planes").unwrap_err().kind(), ErrorKind::Corrupt);
    fs::remove_file(&scratch.path).unwrap();
    put(&scratch.store(), "planes", "N1", &packed(0, None, 1));
    assert_eq!(count(&store, "planes").unwrap(), 1);
}

#[test]
fn a_path_that_can_not_be_a_file_is_unavailable() {
    let scratch = Scratch::new();
    fs::create_dir(&scratch.path).unwrap();
    assert_eq!(EmbeddedStore::open(&scratch.path, "flights").unwrap_err().kind(), ErrorKind::Unavailable);
    fs::remove_dir(&scratch.path).unwrap();
    fs::write(&scratch.path, b"a file").unwrap();
    let below = EmbeddedStore::open(&scratch.path.join("online.redb"), "flights");
    assert_eq!(below.unwrap_err().kind(), ErrorKind::Unavailable);
}
