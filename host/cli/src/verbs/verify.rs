//! `skewless verify`: tries whether components compute the same bits however they are called, and certifies those that do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::array::ArrayRef;
use clap::Args;
use skewless_runtime::{Certificate, Runtime, Verification, VerifyOptions};
use skewless_store::apply::component_path;
use skewless_store::certification::{certificate_path, read_certificate};
use skewless_store::samples::samples;

use crate::component::write_whole;
use crate::failure::{Failure, Result};
use crate::lookup;
use crate::progress::Progress;
use crate::session::{Session, block_on};
use crate::verification;

const EXAMPLES: &str = "\
Examples:
  skewless verify                              all transforms of the repository that have no certificate yet
  skewless verify runway_wind                  one of them
  skewless verify component.wasm --rows 50000  any component file, on more rows
  skewless verify runway_wind --seed 7         on other rows, certified or not

The rows are drawn from a seed: values at which transforms go wrong, typical ones, and values of the repository's sources. \
Each row is computed alone on a fresh instance. Then the same rows are computed in batches of several sizes, in another \
order, twice, on instances that have computed before, without optimisation, and by an interpreter: not one bit may change. \
If one does, the fewest rows that show it are printed. The certificate is written beside the component, and `apply` asks \
for it.";

/// Prove that components compute the same bits in training and in serving, and certify them
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Component files or names of transforms [default: the repository's transforms]
    #[arg(value_name = "COMPONENT")]
    components: Vec<String>,
    /// How many rows to draw
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    rows: u32,
    /// What to draw them from
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Verify what has a certificate, too
    #[arg(long)]
    force: bool,
    /// Print JSON: certificate, and the rows that differ, of each component
    #[arg(long)]
    json: bool,
}

/// What became of one component.
struct Verified {
    path: PathBuf,
    certificate: Certificate,
    /// `None` where it had its certificate already
    verification: Option<Verification>,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let runtime = Session::runtime()?;
    let mut verified = Vec::new();
    for path in paths(session, &arguments.components)? {
        verified.push(verify(session, arguments, &runtime, path)?);
    }
    if arguments.json {
        let told: Vec<_> = verified
            .iter()
            .map(|verified| {
                verification::as_json(&verified.path, &verified.certificate, verified.verification.as_ref())
            })
            .collect();
        session.output.print_json(&told)?;
    } else {
        for Verified { path, certificate, verification } in &verified {
            session.output.print(&verification::told(path, certificate, verification.as_ref(), &session.output))?;
        }
    }
    let failed: Vec<&str> = verified
        .iter()
        .filter(|verified| !verified.certificate.passed)
        .map(|verified| verified.certificate.transform.as_str())
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::impossible(format!("no parity: {}", failed.join(", ")))) }
}

fn paths(session: &Session, components: &[String]) -> Result<Vec<PathBuf>> {
    if !components.is_empty() {
        return components.iter().map(|component| lookup::path(session, component)).collect();
    }
    let repository = session.repository()?;
    let transforms = repository.definitions.transforms.iter();
    let paths: Vec<_> = transforms.map(|transform| component_path(&repository, transform)).collect();
    match paths.iter().find(|path| !path.is_file()) {
        Some(missing) => {
            Err(Failure::impossible(format!("there is no component `{}` yet: run `skewless build`", missing.display())))
        }
        None if paths.is_empty() => Err(Failure::impossible("the repository has no transform")),
        None => Ok(paths),
    }
}

fn verify(session: &Session, arguments: &Arguments, runtime: &Runtime, path: PathBuf) -> Result<Verified> {
    let bytes = std::fs::read(&path).map_err(|error| Failure::file("read", &path, &error))?;
    let unusable = |error| Failure::impossible(format!("`{}` can't be used: {error}", path.display()));
    let transform = runtime.load(&bytes).map_err(unusable)?;
    let beside = certificate_path(&path);
    // A file that is no certificate is replaced.
    let known = read_certificate(&beside).unwrap_or_default().filter(|known| known.covers(transform.digest()).is_ok());
    let asked =
        |known: &Certificate| known.corpus.rows >= arguments.rows as usize && known.corpus.seed == arguments.seed;
    if let Some(certificate) = known.filter(|known| !arguments.force && asked(known)) {
        return Ok(Verified { path, certificate, verification: None });
    }
    let options = VerifyOptions {
        rows: arguments.rows as usize,
        seed: arguments.seed,
        samples: sampled(session, &transform)?,
        cache: Session::compiled_cache(),
    };
    let progress = Progress::start(&session.output);
    let name = &transform.signature().name;
    let mut say = |tried: &str| progress.say(format!("{name}: {tried}"));
    let verification = skewless_runtime::verify(&bytes, &options, &mut say).map_err(unusable)?;
    drop(progress);
    let text = serde_json::to_vec_pretty(&verification.certificate).expect("a certificate is plain data");
    write_whole(&beside, &text)?;
    Ok(Verified { path, certificate: verification.certificate.clone(), verification: Some(verification) })
}

/// Values of the repository's sources, where here is one and it can be read.
fn sampled(session: &Session, transform: &skewless_runtime::Transform) -> Result<BTreeMap<String, ArrayRef>> {
    if Session::root().is_err() {
        return Ok(BTreeMap::new());
    }
    let repository = session.repository()?;
    match block_on(async { Ok(samples(&repository, transform.signature()).await?) }) {
        Err(failure) => {
            let name = &transform.signature().name;
            session.output.say(&format!("{name}: no values of the sources among the rows: {failure}"));
            Ok(BTreeMap::new())
        }
        samples => samples,
    }
}
