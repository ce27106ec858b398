//! `skewless build`: from folders of source to components, each with the tools of its language.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use skewless_store::Error;
use skewless_store::apply::component_path;
use skewless_store::definitions::{Kind, Repository, TransformDefinition};

use crate::component::Component;
use crate::failure::{Failure, Result};
use crate::language::{Built as BuiltComponent, Language, rust};
use crate::session::Session;
use crate::table::{Table, grouped, short_digest};

const EXAMPLES: &str = "\
Examples:
  skewless build                               all transforms of the repository whose source is there
  skewless build transforms/runway_wind        one of them
  skewless build my_transform --out my.wasm    any folder with source, in a repository or not
  skewless build -- --locked --offline         with arguments for cargo

The components of a repository go to .skewless/components, where `apply` looks for them. A folder with a Cargo.toml is \
Rust, and needs cargo and the target wasm32-unknown-unknown; one with a go.mod is Go, and needs Go 1.26; one with a \
package.json is JavaScript, and needs nothing more for a single script. The settings are always the same, so that the same source makes the same digest.";

/// Compile transforms to components
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folders of source [default: those of the repository's transforms]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where to write the component of a single folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON: transform, digest, size and path of each component
    #[arg(long)]
    json: bool,
    /// Arguments for cargo
    #[arg(last = true, value_name = "CARGO ARGUMENTS")]
    cargo: Vec<OsString>,
}

/// A folder to build.
struct Job {
    folder: PathBuf,
    /// the transform it is for, and where the repository wants its component
    transform: Option<(TransformDefinition, PathBuf)>,
}

/// A component that was built.
#[derive(Serialize)]
struct Built {
    transform: String,
    digest: String,
    size_bytes: usize,
    path: PathBuf,
    /// whether another one, or none, was there before
    changed: bool,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let repository = repository(session, arguments)?;
    let jobs = jobs(repository.as_ref(), &arguments.paths)?;
    if arguments.out.is_some() && jobs.len() != 1 {
        let message = format!("`--out` names one file, and {} folders are to be built: name one", jobs.len());
        return Err(Failure::usage(message));
    }
    let runtime = Session::runtime()?;
    let components = components(&jobs, session.output.is_quiet(), &arguments.cargo)?;
    let mut built = Vec::new();
    for (job, BuiltComponent { bytes, artefacts }) in jobs.iter().zip(components) {
        let component = Component::load(bytes, &job.folder, &runtime)?;
        job.check_name(&component, repository.as_ref())?;
        built.push(job.write(&component, arguments.out.as_deref(), &artefacts)?);
    }
    if arguments.json {
        return Ok(session.output.print_json(&built)?);
    }
    session.output.print(&told(&built))?;
    session.output.say(&format!("built in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(())
}

/// The components of all folders, in order. Crates are built together, since a workspace shares its work.
fn components(jobs: &[Job], quiet: bool, cargo: &[OsString]) -> Result<Vec<BuiltComponent>> {
    let languages = jobs.iter().map(|job| Language::of(&job.folder)).collect::<Result<Vec<_>>>()?;
    let of_rust = jobs.iter().zip(&languages).filter(|(_, language)| **language == Language::Rust);
    let crates: Vec<&Path> = of_rust.map(|(job, _)| job.folder.as_path()).collect();
    if crates.is_empty() && !cargo.is_empty() {
        return Err(Failure::usage("what follows `--` is for cargo, and there is no crate to build"));
    }
    let mut crates = rust::build(&crates, quiet, cargo)?.into_iter();
    let component = |(job, language): (&Job, &Language)| match language {
        Language::Rust => Ok(crates.next().expect("each crate was built")),
        language => language.build(&job.folder, quiet),
    };
    jobs.iter().zip(&languages).map(component).collect()
}

/// The repository; for folders that are named, there need not be one.
fn repository(session: &Session, arguments: &Arguments) -> Result<Option<Repository>> {
    if !arguments.paths.is_empty() && Session::root().is_err() {
        return Ok(None);
    }
    session.repository().map(Some)
}

fn jobs(repository: Option<&Repository>, paths: &[PathBuf]) -> Result<Vec<Job>> {
    let mut of_repository: Vec<Job> = repository.map(repository_jobs).unwrap_or_default();
    if paths.is_empty() {
        let message = "no transform of the repository has source: their paths all name `.wasm` files, or there is none";
        return if of_repository.is_empty() { Err(Failure::impossible(message)) } else { Ok(of_repository) };
    }
    let job = |folder: &PathBuf| {
        let same = |job: &Job| matches!((job.folder.canonicalize(), folder.canonicalize()), (Ok(a), Ok(b)) if a == b);
        match of_repository.iter().position(same) {
            Some(position) => of_repository.swap_remove(position),
            None => Job { folder: folder.clone(), transform: None },
        }
    };
    Ok(paths.iter().map(job).collect())
}

fn repository_jobs(repository: &Repository) -> Vec<Job> {
    let transforms = repository.definitions.transforms.iter();
    let with_source = transforms.filter(|transform| !transform.path.ends_with(".wasm"));
    let job = |transform: &TransformDefinition| Job {
        folder: repository.root.strip_prefix(".").unwrap_or(&repository.root).join(&transform.path),
        transform: Some((transform.clone(), component_path(repository, transform))),
    };
    with_source.map(job).collect()
}

impl Job {
    /// Checks that the component has the name that the repository gives it.
    fn check_name(&self, component: &Component, repository: Option<&Repository>) -> Result<()> {
        let own_name = &component.transform.signature().name;
        let Some((TransformDefinition { name, .. }, _)) = &self.transform else { return Ok(()) };
        if own_name == name {
            return Ok(());
        }
        let folder = self.folder.display();
        let message =
            format!("the transform in `{folder}` calls itself `{own_name}`, not `{name}`: give both one name");
        let error = Error::invalid_definition(message);
        let location = repository.and_then(|repository| repository.location_of(Kind::Transform, name, "name"));
        Err(match location {
            Some(location) => error.at(location),
            None => error,
        }
        .into())
    }

    fn write(&self, component: &Component, out: Option<&Path>, artefacts: &Path) -> Result<Built> {
        let transform = &component.transform;
        let name = &transform.signature().name;
        let wanted = out.or(self.transform.as_ref().map(|(_, path)| path.as_path()));
        let among_artefacts = || artefacts.join(format!("{name}.wasm"));
        let path = wanted.map_or_else(among_artefacts, |path| path.strip_prefix(".").unwrap_or(path).to_owned());
        let changed = component.write(&path)?;
        let (digest, size_bytes) = (transform.digest().to_string(), transform.size_bytes());
        Ok(Built { transform: name.clone(), digest, size_bytes, path, changed })
    }
}

fn told(built: &[Built]) -> String {
    let rows = built.iter().map(|built| {
        let path = built.path.display().to_string();
        let size = format!("{} B", grouped(built.size_bytes as u64));
        let news = if built.changed { "new" } else { "unchanged" };
        [built.transform.clone(), short_digest(&built.digest).to_owned(), size, news.to_owned(), path]
    });
    Table::new(["transform", "digest", ">size", "", "component"]).with_rows(rows).to_string()
}
