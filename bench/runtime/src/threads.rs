//! Topic: whether two threads do twice as much, or wait for each other.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use rustix::thread::{CpuSet, sched_setaffinity};
use skewless_runtime::{Limits, Transform};

use crate::data::Function;
use crate::native;
use crate::options::Options;
use crate::report::{self, Table, grouped, times};
use crate::skewless::{self, Components, Form};

/// How often one thread and two threads are compared.
const COMPARISONS: usize = 7;

/// Calls a second of one thread and of two, for single rows and for whole batches.
pub(crate) fn table(components: &Components, options: &Options) -> Result<Table> {
    let mut table = Table::new(
        "Two threads",
        format!(
            "Calls a second, medians of {COMPARISONS} comparisons that take turns. Asked: 1.8 times as many on batches. \
             The native loop shows what this machine can give: two cores that are not otherwise busy give 2."
        ),
    );
    table.row(["", "1 thread", "2 threads", "ratio"].map(str::to_owned));
    let runtime = skewless::runtime()?;
    for rows in [1, 8_192] {
        for function in Function::ALL {
            eprintln!("measuring two threads, {function}, {}", report::rows(rows));
            let batch = function.batch(rows)?;
            let component = components.of(function, Form::Columns);
            let fresh = runtime.load(component)?;
            let label = |who: &str| format!("{function}, {}, {who}", report::rows(rows));
            table.row(compare(label("fresh instances"), options, &|| apply(&fresh, &batch))?);
            if let Some(reusing) = skewless::reusing(component)? {
                table.row(compare(label("reused instances"), options, &|| apply(&reusing, &batch))?);
            }
            let native = || {
                std::hint::black_box(native::apply(function, std::hint::black_box(&batch)));
                Ok(())
            };
            table.row(compare(label("native loop"), options, &native)?);
        }
    }
    Ok(table)
}

fn apply(transform: &Transform, batch: &RecordBatch) -> Result<()> {
    std::hint::black_box(transform.apply(std::hint::black_box(batch), &Limits::BATCH)?);
    Ok(())
}

fn compare(label: String, options: &Options, call: &(dyn Fn() -> Result<()> + Sync)) -> Result<Vec<String>> {
    let (mut one, mut two, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..COMPARISONS {
        let pair = (throughput(1, options.thread_time, call)?, throughput(2, options.thread_time, call)?);
        one.push(pair.0);
        two.push(pair.1);
        ratios.push(pair.1 / pair.0);
    }
    let whole = |values| grouped(median(values) as usize);
    Ok(vec![label, whole(one), whole(two), times(median(ratios))])
}

/// Calls a second of so many threads together.
fn throughput(threads: usize, time: Duration, call: &(dyn Fn() -> Result<()> + Sync)) -> Result<f64> {
    let barrier = Barrier::new(threads);
    let worker = |thread: usize| -> Result<f64> {
        // Each on a processor of its own: else the system may let both share one for the whole of a short comparison.
        let mut processor = CpuSet::new();
        processor.set(thread);
        sched_setaffinity(None, &processor).context("a thread can't be put on a processor")?;
        barrier.wait();
        let started = Instant::now();
        let mut calls = 0_u32;
        while started.elapsed() < time {
            // The clock is asked once for several calls, so that it isn't what is measured.
            for _ in 0..8 {
                call()?;
            }
            calls += 8;
        }
        Ok(f64::from(calls) / started.elapsed().as_secs_f64())
    };
    let worker = &worker;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || worker(thread))).collect();
        workers.into_iter().map(|worker| worker.join().ok().context("a thread panicked")?).sum()
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
