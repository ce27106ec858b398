//! Topic: one call, everybody, all functions and sizes.

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use skewless_runtime::Runtime;

use crate::agreement::Values;
use crate::arrow_udf;
use crate::data::{Function, SIZES};
use crate::native;
use crate::options::Options;
use crate::python::{Peer, Python};
use crate::raw;
use crate::report::{self, Table, microseconds, times};
use crate::skewless::{self, Components, Form};
use crate::timing::{self, Contender, Figure};

pub(crate) const FRESH: &str = "Skewless, fresh instance";
pub(crate) const REUSED: &str = "Skewless, reused instance";
const FRESH_ROWS: &str = "Skewless, fresh instance, row form";
const REUSED_ROWS: &str = "Skewless, reused instance, row form";
pub(crate) const NATIVE: &str = "native loop, same source";
const ARROW_UDF: &str = "arrow-udf-runtime, reused instance";
const PANDAS: &str = "pandas";
const CPYTHON: &str = "CPython";

const RAW_FRESH: &str = "the call alone, fresh instance";
const RAW_REUSED: &str = "the call alone, reused instance";

/// In the tables' order.
const NAMES: [&str; 10] =
    [FRESH, REUSED, FRESH_ROWS, REUSED_ROWS, RAW_FRESH, RAW_REUSED, NATIVE, ARROW_UDF, PANDAS, CPYTHON];
const PEERS: [&str; 3] = [ARROW_UDF, PANDAS, CPYTHON];

/// What was measured for one function and one size.
pub(crate) struct Measured {
    function: Function,
    rows: usize,
    figures: Vec<(String, Figure)>,
}

impl Measured {
    fn figure(&self, name: &str) -> Option<Figure> {
        self.figures.iter().find(|(found, _)| found == name).map(|(_, figure)| *figure)
    }
}

/// Measures all contenders for all functions and sizes.
pub(crate) fn measure(components: &Components, options: &Options) -> Result<Vec<Measured>> {
    let python = Python::start(&options.python).context("the peers in Python can't be started")?;
    let runtime = skewless::runtime()?;
    let mut measured = Vec::new();
    for rows in SIZES {
        for function in Function::ALL {
            eprintln!("measuring {function}, {}", report::rows(rows));
            let batch = function.batch(rows)?;
            let mut contenders = contenders(components, &runtime, &python, function, &batch)?;
            let expected = Values::of(&native::apply(function, &batch));
            contenders.iter().try_for_each(|contender| expected.check(&contender.values, &contender.name))?;
            let figures = timing::measure(&mut contenders, options)?;
            let figures = contenders.into_iter().map(|contender| contender.name).zip(figures).collect();
            measured.push(Measured { function, rows, figures });
        }
    }
    Ok(measured)
}

fn contenders<'a>(
    components: &Components,
    runtime: &Runtime,
    python: &'a Python,
    function: Function,
    batch: &'a RecordBatch,
) -> Result<Vec<Contender<'a>>> {
    let mut contenders = Vec::new();
    for (form, fresh, reused) in [(Form::Columns, FRESH, REUSED), (Form::Rows, FRESH_ROWS, REUSED_ROWS)] {
        let component = components.of(function, form);
        contenders.push(skewless::contender(fresh, runtime.load(component)?, batch)?);
        if let Some(transform) = skewless::reusing(component)? {
            contenders.push(skewless::contender(reused, transform, batch)?);
        }
    }
    let component = components.of(function, Form::Rows);
    contenders.push(raw::fresh(RAW_FRESH, component, batch)?);
    contenders.push(raw::reused(RAW_REUSED, component, batch)?);
    let values = Values::of(&native::apply(function, batch));
    contenders.push(Contender::new(NATIVE, values, move || {
        std::hint::black_box(native::apply(function, std::hint::black_box(batch)));
        Ok(())
    }));
    contenders.push(arrow_udf::contender(ARROW_UDF, &components.arrow_udf, function, batch)?);
    for (name, peer) in [(PANDAS, Peer::Pandas), (CPYTHON, Peer::CPython)] {
        contenders.push(python.contender(name, peer, function, batch.num_rows())?);
    }
    Ok(contenders)
}

/// One table a size.
pub(crate) fn tables(measured: &[Measured]) -> Vec<Table> {
    SIZES.into_iter().map(|rows| table(measured, rows)).collect()
}

fn table(measured: &[Measured], rows: usize) -> Table {
    let of_size: Vec<&Measured> = measured.iter().filter(|measured| measured.rows == rows).collect();
    let mut table = Table::new(
        format!("A call of {}", report::rows(rows)),
        "µs a call: median of all samples, and in brackets the fastest sample.",
    );
    let header = of_size.iter().map(|measured| measured.function.to_string());
    table.row(std::iter::once(String::new()).chain(header));
    for name in NAMES {
        let cells = of_size.iter().map(|measured| measured.figure(name).map_or("–".to_owned(), cell));
        table.row(std::iter::once(name.to_owned()).chain(cells));
    }
    table
}

fn cell(figure: Figure) -> String {
    format!("{} ({})", microseconds(figure.median_us), microseconds(figure.min_us))
}

/// What was asked of the execution core, and how far it is there.
pub(crate) fn summary(measured: &[Measured]) -> Table {
    let mut table = Table::new("What is asked, and what was measured", "Medians of this run.");
    table.row(["", "ratio", "haversine", "e-mail domain", "asked"].map(str::to_owned));
    let row = |label: &str, asked: &str, cell: &dyn Fn(Function) -> String| {
        let cells = Function::ALL.map(cell);
        [label.to_owned()].into_iter().chain(cells).chain([asked.to_owned()]).collect::<Vec<_>>()
    };
    let find = |function, rows| measured.iter().find(|found| found.function == function && found.rows == rows);
    let median = |function, rows, name: &str| Some(find(function, rows)?.figure(name)?.median_us);
    let or_none = |text: Option<String>| text.unwrap_or("–".to_owned());
    for (name, asked) in [(FRESH, "12, better 8"), (RAW_FRESH, "12, better 8"), (REUSED, "–"), (RAW_REUSED, "0.6")] {
        let cell = |function| or_none(median(function, 1, name).map(microseconds));
        table.row(row(&format!("1 row, {name}, µs"), asked, &cell));
    }
    for (name, asked) in [(FRESH, "–"), (REUSED, "3 (better 2); 1.5; 2"), (REUSED_ROWS, "3 (better 2); 1.5; 2")] {
        let cell = |function| {
            let ratio = || Some(median(function, 8_192, name)? / median(function, 8_192, NATIVE)?);
            or_none(ratio().map(times))
        };
        table.row(row(&format!("8,192 rows, {name}, against the native loop"), asked, &cell));
    }
    table
}

/// How far ahead of the peers we are.
pub(crate) fn peers(measured: &[Measured]) -> Table {
    let note = format!(
        "Medians of the peer divided by ours: by that of `{FRESH}` / by that of `{REUSED}`. Over 1, we are ahead."
    );
    let mut table = Table::new("How many times as long the peers take", note);
    let header = Function::ALL.map(|function| function.to_string());
    table.row(std::iter::once(String::new()).chain(header));
    for rows in SIZES {
        for peer in PEERS {
            let of_size = measured.iter().filter(|measured| measured.rows == rows);
            let cells = of_size.map(|measured| {
                let against = |ours| Some(measured.figure(peer)?.median_us / measured.figure(ours)?.median_us);
                [FRESH, REUSED].map(|ours| against(ours).map_or("–".to_owned(), times)).join(" / ")
            });
            table.row(std::iter::once(format!("{}, {peer}", report::rows(rows))).chain(cells));
        }
    }
    table
}
