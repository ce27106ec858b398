//! Several processes on one file: this one, and copies of this test binary that run one helper each.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

const ENTITIES: usize = 300;
const PATH: &str = "SKEWLESS_TEST_ONLINE_STORE";

fn keys() -> LargeBinaryArray {
    LargeBinaryArray::from_iter_values((0..ENTITIES).map(|key| key.to_string()))
}

/// Writes the row of generation `generation` for every entity, in one batch.
fn write_generation(store: &EmbeddedStore, generation: i64) -> Result<WriteSummary> {
    let row = packed(generation, None, 0);
    write(store, "planes", keys().iter().flatten().map(|key| KeyedRow { key, row: &row }))
}

/// The generation of every entity, which is the same for all; -1 before the first.
fn generation(store: &EmbeddedStore) -> i64 {
    let keys = keys();
    let mut rows = Vec::new();
    store
        .read(&[ReadRequest { feature_view: "planes", keys: &keys }], &mut |_, row| {
            rows.push(row.map(<[u8]>::to_vec));
            Ok(())
        })
        .unwrap();
    assert!(rows.windows(2).all(|pair| pair[0] == pair[1]), "a batch is there in part");
    let first = rows[0].as_ref();
    first.map_or(-1, |row| {
        let event = i64::from_be_bytes(row[1..9].try_into().unwrap()) ^ i64::MIN;
        assert_eq!(*row, packed(event, None, 0));
        event
    })
}

/// Runs the helper test `name` in a process of its own, on the scratch file.
fn spawn(scratch: &Scratch, shell: &str, name: &str) -> (Child, std::io::Lines<BufReader<ChildStdout>>) {
    let module = module_path!().split_once("::").unwrap().1;
    let mut child = Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{name}"), "--ignored", "--nocapture", "--test-threads=1"])
        .env(PATH, &scratch.path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

/// Kills the helper, which must not have ended by itself.
fn kill(mut child: Child) {
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

/// The generations that the helper reports as written.
fn reported(lines: impl Iterator<Item = std::io::Result<String>>) -> impl Iterator<Item = i64> {
    lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("written ")?.parse().ok())
}

/// The store of the test that runs this helper; `None` when nobody does.
fn helper_store() -> Option<EmbeddedStore> {
    std::env::var_os(PATH).map(|path| EmbeddedStore::open(path.as_ref(), "flights").unwrap())
}

#[test]
#[ignore = "other tests run it, in a process of its own"]
fn writes_until_it_is_killed() {
    let Some(store) = helper_store() else { return };
    for next in generation(&store) + 1.. {
        assert_eq!(write_generation(&store, next).unwrap().written, ENTITIES as u64);
        println!("\nwritten {next}");
    }
}

#[test]
#[ignore = "other tests run it, in a process of its own"]
fn writes_until_there_is_no_space() {
    let Some(store) = helper_store() else { return };
    let long = vec![7; 1 << 16];
    let mut error = None;
    for next in 0..1000i64 {
        let row = sealed([&packed(next, None, 0)[..], &long].concat());
        let rows = [KeyedRow { key: &next.to_be_bytes(), row: &row }, KeyedRow { key: b"last", row: &row }];
        match write(&store, "planes", rows) {
            Ok(_) => println!("\nwritten {next}"),
            Err(full) => {
                error = Some(full);
                break;
            }
        }
    }
    let error = error.unwrap();
    let message = error.to_string().replace(&std::env::var(PATH).unwrap(), "online.redb");
    println!("\n{:?}: {message}", error.kind());
    // The same handle still reads, and says the same again; and so does another.
    let before = count(&store, "planes").unwrap();
    let row = sealed([&packed(9999, None, 0)[..], &[7; 1 << 22]].concat());
    let again = write(&store, "planes", [KeyedRow { key: b"last", row: &row }]).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Unavailable);
    assert_eq!(count(&store, "planes").unwrap(), before);
    drop(store);
    assert_eq!(count(&helper_store().unwrap(), "planes").unwrap(), before);
}

#[test]
fn a_reader_sees_the_commits_of_another_process_while_both_have_the_file_open() {
    let scratch = Scratch::new();
    let reader = scratch.store();
    let (child, mut lines) = spawn(&scratch, "", "writes_until_it_is_killed");
    for written in reported(&mut lines).take(20) {
        assert!(generation(&reader) >= written);
    }
    kill(child);
}

#[test]
fn two_processes_write_in_turn() {
    let scratch = Scratch::new();
    let (child, mut lines) = spawn(&scratch, "", "writes_until_it_is_killed");
    let store = scratch.store();
    let mut last = -1;
    for written in reported(&mut lines).take(20) {
        last = written;
        assert_eq!(put(&store, "delays", "N1", &packed(written, None, 1)), 1);
    }
    kill(child);
    assert_eq!(get(&store, "delays", "N1"), Some(packed(last, None, 1)));
    assert!(generation(&store) >= last);
}

#[test]
fn a_killed_writer_leaves_whole_batches_and_a_file_that_opens() {
    let scratch = Scratch::new();
    let long_lived = scratch.store();
    let mut seen = -1;
    for round in 0..8u64 {
        let (child, mut lines) = spawn(&scratch, "", "writes_until_it_is_killed");
        let acknowledged = reported(&mut lines).take(3).last().unwrap();
        // Somewhere within the next batch, elsewhere each time.
        std::thread::sleep(std::time::Duration::from_micros(round * 700));
        kill(child);
        for store in [&long_lived, &scratch.store()] {
            let now = generation(store);
            assert!(now >= acknowledged.max(seen), "lost: {now} after {acknowledged} and {seen}");
            seen = now;
        }
    }
    assert_eq!(write_generation(&scratch.store(), seen + 1).unwrap().written, ENTITIES as u64);
    assert_eq!(generation(&long_lived), seen + 1);
}

#[test]
fn a_file_that_may_not_grow_keeps_what_was_written_before() {
    // In blocks of 512 bytes: too few for the first batch, and enough for some.
    let messages = [200, 4096].map(|blocks| {
        let scratch = Scratch::new();
        let limit = format!("trap '' XFSZ; ulimit -f {blocks};");
        let (mut child, lines) = spawn(&scratch, &limit, "writes_until_there_is_no_space");
        let lines: Vec<_> = lines.map_while(Result::ok).collect();
        assert!(child.wait().unwrap().success());

        let store = scratch.store();
        let last = reported(lines.iter().cloned().map(Ok)).last();
        assert_eq!(last.is_some(), blocks == 4096);
        assert_eq!(count(&store, "planes").unwrap(), last.map_or(0, |last| last.unsigned_abs() + 2));
        let header = |row: Vec<u8>| row[..34].to_vec();
        let stored = get(&store, "planes", "last").map(header);
        assert_eq!(stored, last.map(|last| header(packed(last, None, 0))));
        assert_eq!(put(&store, "planes", "last", &packed(9999, None, 0)), 1);
        lines.into_iter().find(|line| line.starts_with("Unavailable")).unwrap()
    });
    assert_eq!(messages[0], messages[1]);
    insta::assert_snapshot!(messages[0], @"Unavailable: no space left for online store online.redb: nothing of this batch was written: free some and run again: I/O error: File too large (os error 27)");
}
