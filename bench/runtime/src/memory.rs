//! Topic: memory. Of a loaded transform, of an instance while it lives, and whether calls leave anything behind.

use std::fs;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use skewless_runtime::{CompiledCache, Limits, Runtime, RuntimeOptions, Transform};

use crate::data::Function;
use crate::report::{self, Table, grouped};
use crate::skewless::{self, Components, Form};

const TRANSFORMS: usize = 48;
const INSTANCES: usize = 32;
const CALLS: usize = 10_000;
/// Keeps an instance for more than a tenth of a second, longer than it takes to start all of them.
const BUSY_ROUNDS: i64 = 100_000_000;

/// All of it as one table.
pub(crate) fn table(components: &Components) -> Result<Table> {
    eprintln!("measuring memory");
    let mut table = Table::new(
        "Memory",
        "Resident memory of this process (`Rss` of `/proc/self/smaps_rollup`), so pages of files are counted too.",
    );
    table.row(["", "KiB"].map(str::to_owned));
    table.row([format!("a loaded transform, no call running (mean of {TRANSFORMS})"), kib(idle(components)?)]);
    let (during, afterwards) = live(components)?;
    let at_once = format!("mean of {INSTANCES} at the same time");
    table.row([format!("an instance in the middle of a one-row call ({at_once})"), kib(during)]);
    table.row([format!("what its place in the pool keeps afterwards ({at_once})"), kib(afterwards)]);
    for rows in [1, 8_192] {
        let (before, after) = after_calls(components, rows)?;
        let calls = format!("{} fresh calls of {}", grouped(CALLS), report::rows(rows));
        table.row([format!("the process before {calls}"), kib(before)]);
        table.row([format!("the process after {calls}"), kib(after)]);
    }
    Ok(table)
}

fn kib(bytes: f64) -> String {
    grouped((bytes / 1024.0).round() as usize)
}

/// Bytes that a transform takes while nothing calls it: one of 48, loaded from the cache of compiled code, as a server
/// does that starts again. What the compiler leaves behind at a first start is the compiler's.
fn idle(components: &Components) -> Result<f64> {
    let folder = std::env::temp_dir().join(format!("skewless-bench-{}", std::process::id()));
    let cache = Some(CompiledCache::new(&folder));
    let measured = (|| {
        let runtime = Runtime::new(RuntimeOptions { cache, ..RuntimeOptions::default() })?;
        let load = |index: usize| runtime.load(components.of(Function::ALL[index % 3], Form::Columns));
        // The first of each compiles, and the next find what that left.
        let _warm = (0..6).map(load).collect::<Result<Vec<Transform>, _>>()?;
        let before = resident()?;
        let loaded = (0..TRANSFORMS).map(load).collect::<Result<Vec<_>, _>>()?;
        let after = resident()?;
        drop(loaded);
        Ok((after - before) / TRANSFORMS as f64)
    })();
    fs::remove_dir_all(&folder).with_context(|| format!("`{}` stays behind", folder.display()))?;
    measured
}

/// Bytes that an instance takes while it lives, and those that stay when it is gone: 32 threads, first each by itself so that all that belongs to a thread
/// is there, then all at the same time, each in a call that takes a while.
fn live(components: &Components) -> Result<(f64, f64)> {
    let transform = skewless::runtime()?.load(components.busy())?;
    let (alone, warm, go) = (Mutex::new(()), Barrier::new(INSTANCES + 1), Barrier::new(INSTANCES + 1));
    let worker = || -> Result<()> {
        {
            let _alone = alone.lock();
            transform.apply(&busy_batch(1)?, &Limits::BATCH)?;
        }
        let batch = busy_batch(BUSY_ROUNDS);
        warm.wait();
        go.wait();
        transform.apply(&batch?, &Limits { deadline: Duration::from_secs(60), ..Limits::BATCH })?;
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..INSTANCES).map(|_| scope.spawn(worker)).collect();
        warm.wait();
        let before = resident()?;
        go.wait();
        let mut most = before;
        while workers.iter().any(|worker| !worker.is_finished()) {
            most = most.max(resident()?);
            thread::sleep(Duration::from_millis(5));
        }
        workers.into_iter().try_for_each(|worker| worker.join().ok().context("a thread panicked")?)?;
        let each = |bytes: f64| (bytes - before).max(0.0) / INSTANCES as f64;
        Ok((each(most), each(resident()?)))
    })
}

fn busy_batch(rounds: i64) -> Result<RecordBatch> {
    let column = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
    Ok(RecordBatch::try_from_iter([("seed", column(1)), ("rounds", column(rounds))])?)
}

/// Bytes of the process before and after 10,000 calls, each on a fresh instance.
fn after_calls(components: &Components, rows: usize) -> Result<(f64, f64)> {
    let function = Function::EmailDomain;
    let transform = skewless::runtime()?.load(components.of(function, Form::Columns))?;
    let batch = function.batch(rows)?;
    let call = |count: usize| (0..count).try_for_each(|_| transform.apply(&batch, &Limits::BATCH).map(drop));
    call(200)?;
    let before = resident()?;
    call(CALLS)?;
    Ok((before, resident()?))
}

/// Bytes of memory that the process has.
pub(crate) fn resident() -> Result<f64> {
    let rollup =
        fs::read_to_string("/proc/self/smaps_rollup").context("the benchmark reads memory from Linux's /proc")?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).context("smaps_rollup has no Rss")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
}
