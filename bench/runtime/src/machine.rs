//! What a figure is worth nothing without: machine, date, versions and command.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::options::Options;

/// The machine, the versions and the command, as the lines below the title.
pub(crate) fn description(options: &Options) -> Result<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo");
    let model = model.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().context("the number of cores is unknown")?;
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg").split(' ').next().unwrap_or("?").to_owned();
    let versions = ["wasmtime", "arrow", "arrow-udf-runtime"].map(|name| format!("{name} {}", locked(name)));
    let python = "import platform, pandas, numpy, pyarrow; print(f'Python {platform.python_version()}, \
                  pandas {pandas.__version__}, numpy {numpy.__version__}, pyarrow {pyarrow.__version__}')";
    let script = if options.authors.is_some() { "authors.sh" } else { "run.sh" };
    let command = if options.quick { format!("{script} --quick") } else { script.to_owned() };
    Ok(format!(
        "- {}, by `bench/runtime/{command}`: {} samples a figure, of at least {} ms each, those of all contenders in turn\n\
         - {}, {cores} cores, Linux {}; load average {load} when it started\n\
         - {}, {}\n- {}\n",
        said("date", &["-u", "+%Y-%m-%d"])?,
        options.samples,
        options.sample_time.as_millis(),
        model.unwrap_or("unknown processor"),
        kernel.trim(),
        said("rustc", &["--version"])?,
        versions.join(", "),
        said(&options.python.to_string_lossy(), &["-c", python])?,
    ))
}

/// The versions of a crate in the lock file; two where two are linked.
fn locked(name: &str) -> String {
    let heading = format!("name = \"{name}\"\nversion = \"");
    let found = include_str!("../Cargo.lock").split(&heading).skip(1).filter_map(|rest| rest.split('"').next());
    found.collect::<Vec<_>>().join(" and ")
}

fn said(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("`{program}` can't be run"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
