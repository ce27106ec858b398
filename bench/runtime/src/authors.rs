//! Topic: what a transform costs in each language. Components of one example, `spend_per_order`, which `skewless build`
//! made in Rust, Go and JavaScript, beside a native loop over the same source.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use skewless_runtime::{
    CompiledCache, Limits, ReuseOptions, Runtime, RuntimeOptions, Transform, VerifyOptions, verify,
};

use crate::agreement::Values;
use crate::data::Function;
use crate::memory::resident;
use crate::options::Options;
use crate::report::{Table, grouped, microseconds};
use crate::timing::{self, Contender, Figure};
use crate::{native, raw, skewless};

const LANGUAGES: [(&str, &str); 3] = [("rust", "Rust"), ("go", "Go"), ("js", "JavaScript")];

/// Calls of the endurance run on one instance: of 1 row, and of 1,000.
const ENDURANCE: [(usize, u32); 2] = [(1, 100_000), (1_000, 20_000)];

/// The component of each language, from the files `<language>.wasm` in `folder`.
fn components(folder: &Path) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let read = |(file, language): (&str, &'static str)| {
        let path = folder.join(format!("{file}.wasm"));
        let bytes = fs::read(&path).with_context(|| format!("`{}` is missing: run authors.sh", path.display()))?;
        Ok((language, bytes))
    };
    LANGUAGES.into_iter().map(read).collect()
}

/// Sizes, times to load, and the cost of calls.
pub(crate) fn tables(folder: &Path, options: &Options) -> Result<[Table; 2]> {
    let components = components(folder)?;
    let mut load = Table::new(
        "A component",
        "From `examples/transforms/spend_per_order`. Compile time is that of `Runtime::load`, once; memory that of an \
         instance after a call of one row, and after one of 8,192.",
    );
    load.row(["", "bytes", "compiled, ms", "from cache, ms", "KiB, 1 row", "KiB, 8,192 rows"].map(str::to_owned));
    for (language, bytes) in &components {
        eprintln!("measuring the component in {language}");
        let (cold, cached) = load_times(bytes)?;
        let memory =
            |rows| Ok::<_, anyhow::Error>(grouped(raw::memory_bytes(bytes, &Function::Ratio.batch(rows)?)? >> 10));
        load.row([
            (*language).to_owned(),
            grouped(bytes.len()),
            format!("{cold:.0}"),
            format!("{cached:.1}"),
            memory(1)?,
            memory(8_192)?,
        ]);
    }
    Ok([load, calls(&components, options)?])
}

/// Milliseconds until a component is loaded: compiled, and from the cache of compiled code.
fn load_times(bytes: &[u8]) -> Result<(f64, f64)> {
    let folder = std::env::temp_dir().join(format!("skewless-bench-{}", std::process::id()));
    let load = || -> Result<f64> {
        let cache = Some(CompiledCache::new(&folder));
        let runtime = Runtime::new(RuntimeOptions { cache, ..RuntimeOptions::default() })?;
        let started = Instant::now();
        runtime.load(bytes)?;
        Ok(started.elapsed().as_secs_f64() * 1e3)
    };
    let measured = load().and_then(|cold| Ok((cold, load()?)));
    fs::remove_dir_all(&folder).with_context(|| format!("`{}` stays behind", folder.display()))?;
    measured
}

fn calls(components: &[(&'static str, Vec<u8>)], options: &Options) -> Result<Table> {
    let mut figures: HashMap<(String, usize), Figure> = HashMap::new();
    for rows in [1, 8_192] {
        eprintln!("measuring calls of {rows} rows");
        let batch = Function::Ratio.batch(rows)?;
        let expected = Values::of(&native::apply(Function::Ratio, &batch));
        let mut contenders = vec![Contender::new("native Rust", expected.clone(), || {
            std::hint::black_box(native::apply(Function::Ratio, std::hint::black_box(&batch)));
            Ok(())
        })];
        for (language, bytes) in components {
            let fresh = skewless::runtime()?.load(bytes)?;
            let reused = skewless::reusing(bytes)?.context("instances are reused")?;
            contenders.push(skewless::contender(&format!("{language}, fresh"), fresh, &batch)?);
            contenders.push(skewless::contender(&format!("{language}, reused"), reused, &batch)?);
            contenders.push(raw::reused(&format!("{language}, the call alone, reused"), bytes, &batch)?);
        }
        contenders.iter().try_for_each(|contender| expected.check(&contender.values, &contender.name))?;
        let measured = timing::measure(&mut contenders, options)?;
        figures.extend(contenders.into_iter().map(|contender| (contender.name, rows)).zip(measured));
    }
    let mut table = Table::new(
        "A call",
        "From Arrow to Arrow; µs, median of all samples, and in brackets the fastest. The call alone is wasmtime and the \
         contract's columns, without what makes it safe.",
    );
    table.row(["", "1 row", "8,192 rows", "rows/s at 8,192"].map(str::to_owned));
    let mut names = vec!["native Rust".to_owned()];
    for (language, _) in components {
        names.extend(["fresh", "reused", "the call alone, reused"].map(|kind| format!("{language}, {kind}")));
    }
    for name in names {
        let [one, many] = [1, 8_192].map(|rows| figures[&(name.clone(), rows)]);
        let cell = |figure: Figure| format!("{} ({})", microseconds(figure.median_us), microseconds(figure.min_us));
        let per_second = grouped((8_192.0 / many.median_us * 1e6) as usize);
        table.row([name, cell(one), cell(many), per_second]);
    }
    Ok(table)
}

/// Many calls on one instance of each language: what memory does, and whether results stay the same.
pub(crate) fn endurance(folder: &Path) -> Result<Table> {
    let mut table = Table::new(
        "Endurance",
        "Calls on one instance, which is never replaced, each compared with the first; and then with the settings that are \
         the default. KiB are those of the whole process (`Rss`), most of it what compiling left behind.",
    );
    table.row(["", "calls", "KiB after 1,000", "KiB at the end", "instances"].map(str::to_owned));
    let one = ReuseOptions {
        calls: u32::MAX..=u32::MAX,
        memory_bytes_max: 1 << 30,
        idle_max: 1,
        shadow_one_in: 0,
        ..ReuseOptions::default()
    };
    for (language, bytes) in components(folder)? {
        for (rows, calls) in ENDURANCE {
            for (what, reuse) in [("one instance", one.clone()), ("default", ReuseOptions::default())] {
                eprintln!("{calls} calls of {rows} rows in {language}, {what}");
                let transform = trusted(&bytes, reuse)?;
                let (early, end) = same_again(&transform, rows, calls)?;
                let metrics = transform.metrics();
                // Every call that was not answered by a kept instance had a fresh one.
                let instances = metrics.calls - metrics.reused;
                table.row([
                    format!("{language}, {what}, {rows} rows a call"),
                    grouped(calls as usize),
                    grouped(early >> 10),
                    grouped(end >> 10),
                    instances.to_string(),
                ]);
            }
        }
    }
    Ok(table)
}

fn trusted(bytes: &[u8], reuse: ReuseOptions) -> Result<Transform> {
    let certificate = verify(bytes, &VerifyOptions { rows: 500, ..VerifyOptions::default() }, &mut |_| {})?.certificate;
    let runtime = Runtime::new(RuntimeOptions { reuse: Some(reuse), calls_max: 4, ..RuntimeOptions::default() })?;
    let transform = runtime.load(bytes)?;
    transform.reuse_instances(&certificate)?;
    Ok(transform)
}

/// The process's bytes after 1,000 calls, and after all.
fn same_again(transform: &Transform, rows: usize, calls: u32) -> Result<(usize, usize)> {
    let batch = Function::Ratio.batch(rows)?;
    let first = transform.apply(&batch, &Limits::BATCH)?;
    let mut early = 0.0;
    for call in 1..calls {
        ensure!(transform.apply(&batch, &Limits::BATCH)? == first, "call {call} differs from the first");
        if call == 1_000 {
            early = resident()?;
        }
    }
    Ok((early as usize, resident()? as usize))
}
