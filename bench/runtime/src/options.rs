//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How thorough to be, and where things are.
pub(crate) struct Options {
    pub(crate) quick: bool,
    /// the folder that `build_guests.sh` fills
    pub(crate) modules: PathBuf,
    /// the Python that has pandas
    pub(crate) python: PathBuf,
    /// the folder with one component a language; then only those are measured
    pub(crate) authors: Option<PathBuf>,
    /// where the tables go
    pub(crate) out: PathBuf,
    /// samples of each figure
    pub(crate) samples: usize,
    /// how long a sample takes, at least
    pub(crate) sample_time: Duration,
    /// how long threads run for one measurement of throughput
    pub(crate) thread_time: Duration,
}

impl Options {
    pub(crate) fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = arguments.peekable();
        let (mut quick, mut modules, mut python, mut out, mut authors) = (false, None, None, None, None);
        while let Some(argument) = arguments.next() {
            let place = match argument.as_str() {
                "--quick" => {
                    quick = true;
                    continue;
                }
                "--modules" => &mut modules,
                "--python" => &mut python,
                "--out" => &mut out,
                "--authors" => &mut authors,
                _ => bail!("`{argument}` is unknown; there are --quick, --modules, --python, --authors and --out"),
            };
            *place = Some(PathBuf::from(arguments.next().with_context(|| format!("`{argument}` lacks its value"))?));
        }
        let (samples, sample_ms, thread_ms) = if quick { (15, 2, 100) } else { (41, 15, 500) };
        Ok(Self {
            quick,
            authors,
            modules: modules.context("`--modules` is missing: start the benchmark with run.sh")?,
            python: python.context("`--python` is missing: start the benchmark with run.sh")?,
            out: out.context("`--out` is missing: start the benchmark with run.sh")?,
            samples,
            sample_time: Duration::from_millis(sample_ms),
            thread_time: Duration::from_millis(thread_ms),
        })
    }

    /// What its results are called.
    pub(crate) fn title(&self) -> &'static str {
        match self.authors {
            Some(_) => "What a transform costs in each language",
            None => "Results of the benchmark of the execution core",
        }
    }
}
