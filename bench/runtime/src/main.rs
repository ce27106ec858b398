//! Measures the execution core beside its peers, in one run, and prints one table a topic.
//!
//! In go the guests that `build_guests.sh` compiled and a Python that can import pandas; out come Markdown tables, on
//! standard output and in a file. Every contender computes the same three functions of the same rows, from the form in
//! which its callers hold them to the form in which they want them, and is asked for its values before it is timed.

mod agreement;
mod arrow_udf;
mod authors;
mod calls;
mod data;
mod machine;
mod memory;
mod native;
mod options;
mod python;
mod raw;
mod report;
mod skewless;
mod threads;
mod timing;

use std::fs;

use anyhow::{Context, Result};

use crate::options::Options;
use crate::report::Report;
use crate::skewless::Components;

fn main() -> Result<()> {
    let options = Options::from_arguments(std::env::args().skip(1))?;
    let mut report = Report::new(options.title(), &machine::description(&options)?);
    if let Some(folder) = &options.authors {
        authors::tables(folder, &options)?.into_iter().for_each(|table| report.add(table));
        report.add(authors::endurance(folder)?);
        return written(&report, &options);
    }
    let components = Components::read(&options.modules)?;
    // Memory first: later, what everything else left behind would be counted too.
    report.add(memory::table(&components)?);
    let calls = calls::measure(&components, &options)?;
    calls::tables(&calls).into_iter().for_each(|table| report.add(table));
    report.add(threads::table(&components, &options)?);
    report.put_first(calls::peers(&calls));
    report.put_first(calls::summary(&calls));
    written(&report, &options)
}

/// Prints the tables, and writes them to their file.
fn written(report: &Report, options: &Options) -> Result<()> {
    print!("{report}");
    fs::write(&options.out, report.to_string())
        .with_context(|| format!("the results can't be written to `{}`", options.out.display()))
}
