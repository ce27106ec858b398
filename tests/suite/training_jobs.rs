//! Training sets of many rows: the same whatever the job may use, and never seen unfinished.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Float64Array, ListArray, StringArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::s3_server::S3Server;
use crate::support::{TestRepository, int64s, micros_array, printed, skewless, table};
use crate::training_sets::{HOUR, assert_succeeds, job, read, repository, texts};

/// Many rows, so that a job takes a while, and their training set.
fn large(folders: &str) -> TestRepository {
    let repository = repository();
    let rows = 200_000;
    let ids: Vec<i64> = (0..rows).map(|row| row * 7_919 % 50_000).collect();
    let texts = StringArray::from_iter_values((0..rows).map(|row| format!("town of number {}", row % 1_000)));
    let users = table(&[
        ("user_id", int64s(&ids)),
        ("event_timestamp", micros_array((0..rows).map(|row| row % 1_000 * HOUR / 100))),
        ("purchases", int64s(&(0..rows).collect::<Vec<_>>())),
        ("spend", Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64 / 3.0)))),
        ("city", Arc::new(texts)),
        ("visits", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>((0..rows).map(|row| Some([Some(row)]))))),
    ]);
    let asked = table(&[
        ("user_id", int64s(&(0..rows).map(|row| row * 31 % 60_000).collect::<Vec<_>>())),
        ("event_timestamp", micros_array((0..rows).map(|row| row % 977 * HOUR / 90))),
        ("row", int64s(&(0..rows).collect::<Vec<_>>())),
    ]);
    repository.data(&format!("{folders}/b.parquet"), &users).data("many.parquet", &asked)
}

#[test]
fn both_joins_give_the_same_rows_whatever_memory_threads_and_batches_they_get() {
    let repository = large("users");
    let expected = {
        assert_succeeds(&repository, &[&job("many.parquet", "out.parquet") as &[&str], &["--join", "hash"]].concat());
        read(&repository.path().join("out.parquet"))
    };
    assert_eq!(expected.num_rows(), 200_000);
    for more in [
        ["--join", "merge", "--threads", "1"],
        ["--join", "merge", "--threads", "3"],
        ["--join", "hash", "--threads", "3"],
        ["--join", "hash", "--batch-size", "1000"],
        ["--join", "merge", "--batch-size", "777"],
        // Too little to hold anything: sorted on disk.
        ["--join", "merge", "--memory-limit", "32MiB"],
        ["--join", "auto", "--memory-limit", "32MiB"],
    ] {
        assert_succeeds(&repository, &[&job("many.parquet", "out.parquet") as &[&str], &more].concat());
        assert!(read(&repository.path().join("out.parquet")) == expected, "{more:?}");
    }
}

#[test]
fn a_plan_is_explained_with_rows_and_what_was_left_out_and_spilled() {
    let repository = large("users");
    let explained = |more: &[&str]| {
        let arguments = [&job("many.parquet", "out.parquet"), more, &["--explain"]].concat();
        assert_succeeds(&repository, &arguments)
    };
    let hash = explained(&["--join", "hash"]);
    for told in [
        "FeaturesExec: features=4, on_demand=[efficiency]",
        "PointInTimeHashExec: views=[user_stats]",
        "output_rows=200.0 K",
    ] {
        assert!(hash.contains(told), "{told}: {hash}");
    }
    let merge = explained(&["--join", "merge", "--memory-limit", "32MiB"]);
    assert!(merge.contains("PointInTimeMergeExec: views=[user_stats]"), "{merge}");
    let spilled = merge.lines().filter(|line| line.contains("SortExec") && !line.contains("spill_count=0"));
    assert!(spilled.count() > 0, "nothing was sorted on disk: {merge}");
}

#[test]
fn row_groups_outside_the_time_of_interest_are_not_read() {
    let repository = repository();
    let rows = 10_000;
    let users = table(&[
        ("user_id", int64s(&(0..rows).map(|row| row % 10).collect::<Vec<_>>())),
        ("event_timestamp", micros_array((0..rows).map(|row| row * HOUR))),
        ("purchases", int64s(&(0..rows).collect::<Vec<_>>())),
        ("spend", Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64)))),
        ("city", Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("{row}"))))),
        ("visits", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>((0..rows).map(|row| Some([Some(row)]))))),
    ]);
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1_000)).build();
    let file = File::create(repository.path().join("users/a.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, users.schema(), Some(properties)).unwrap();
    writer.write(&users).unwrap();
    writer.close().unwrap();
    let asked = table(&[("user_id", int64s(&[3])), ("event_timestamp", micros_array([5_504 * HOUR]))]);
    let repository = repository.data("one.parquet", &asked);
    let explained =
        assert_succeeds(&repository, &[&job("one.parquet", "out.parquet") as &[&str], &["--explain"]].concat());
    let scan = explained.lines().find(|line| line.contains("SourceRowsExec")).unwrap();
    // Of ten row groups one was read, and of its rows those of the last two hours count.
    assert!(scan.contains("output_rows=3"), "{explained}");
    let scanned =
        explained.lines().filter(|line| line.contains("DataSourceExec") && line.contains("predicate")).count();
    assert!(scanned > 0 && !explained.contains("output_rows=10.0 K"), "{explained}");
    assert_eq!(texts(&read(&repository.path().join("out.parquet")))[0].matches("5503").count(), 3);
}

#[test]
fn a_job_killed_at_any_moment_leaves_no_training_set_and_runs_again() {
    let repository = large("users");
    let whole = std::time::Instant::now();
    let expected = {
        assert_succeeds(&repository, &job("many.parquet", "expected.parquet"));
        read(&repository.path().join("expected.parquet"))
    };
    let mut whole = whole.elapsed();
    let mut killed = 0;
    while killed < 20 {
        let mut job = skewless(repository.path()).args(job("many.parquet", "out.parquet")).spawn().unwrap();
        let wait = whole * killed / 20;
        std::thread::sleep(wait);
        job.kill().unwrap();
        match job.wait().unwrap().success() {
            // It was faster than the first: the moments to come lie closer together.
            true => whole = whole * 9 / 10,
            false => killed += 1,
        }
        // Whatever was reached: a file of that name is whole, or there is none.
        let out = repository.path().join("out.parquet");
        if out.exists() {
            assert!(read(&out) == expected);
            std::fs::remove_file(out).unwrap();
        }
    }
    assert_succeeds(&repository, &job("many.parquet", "out.parquet"));
    assert!(read(&repository.path().join("out.parquet")) == expected);
}

#[test]
fn a_training_set_goes_to_a_bucket_and_is_seen_there_only_when_it_is_complete() {
    let repository = large("users");
    let bucket = S3Server::shared().bucket("training-sets");
    let on_s3 = |out| {
        let mut command = skewless(repository.path());
        command.args(job("many.parquet", out)).envs(S3Server::shared().environment());
        command
    };
    let output = on_s3("s3://training-sets/sets/a.parquet").output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert_succeeds(&repository, &job("many.parquet", "out.parquet"));
    let described = |set: &str| -> Value {
        let mut describe = skewless(repository.path());
        describe.args(["describe", set, "--json"]).envs(S3Server::shared().environment());
        serde_json::from_slice(&describe.output().unwrap().stdout).unwrap()
    };
    let whole = described("s3://training-sets/sets/a.parquet");
    assert_eq!((&whole["rows"], &whole["provenance"]["summary"]["rows"]), (&200_000.into(), &200_000.into()));
    for wait in [50, 150, 250, 350] {
        let mut job = on_s3("s3://training-sets/sets/b.parquet").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        job.kill().unwrap();
        job.wait().unwrap();
        // Killed after the upload's end it is there, as a whole; before that it isn't.
        if bucket.keys("sets/").contains(&"sets/b.parquet".to_owned()) {
            assert_eq!(described("s3://training-sets/sets/b.parquet")["rows"], 200_000);
            break;
        }
    }
    let missing = on_s3("s3://no-such-bucket/a.parquet").output().unwrap();
    insta::assert_snapshot!(printed(&missing).split(": Object").next().unwrap(), @"error: can't create `s3://no-such-bucket/a.parquet`, there is no such bucket");
}

#[test]
fn a_full_disk_leaves_nothing_of_a_training_set() {
    let repository = large("users");
    std::fs::create_dir(repository.path().join("small")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=1m none small || exit 77; {} get-historical-features -e many.parquet -s model \
         -o small/out.parquet > log 2>&1; echo $? > code; ls small > left",
        env!("CARGO_BIN_EXE_skewless"),
    );
    let mut command = std::process::Command::new("unshare");
    let command = command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    let output = command.current_dir(repository.path()).output().unwrap();
    assert!(output.status.success(), "the test needs user namespaces (unshare): {}", printed(&output));
    let text = |name: &str| std::fs::read_to_string(repository.path().join(name)).unwrap();
    let told = "error: `small/out.parquet` could not be written; nothing is left of it";
    assert!(text("log").contains(told) && text("log").contains("No space left"), "{}", text("log"));
    assert_eq!((text("code").as_str(), text("left").as_str()), ("1\n", ""));
}
