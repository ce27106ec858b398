//! `skewless build`: from folders of crates to components, a cargo workspace at a time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use skewless_runtime::Runtime;
use skewless_store::Error;
use skewless_store::apply::component_path;
use skewless_store::definitions::{Kind, Repository, TransformDefinition};

use crate::cargo::{Package, Workspace};
use crate::component::Component;
use crate::failure::{Failure, Result};
use crate::session::Session;
use crate::table::{Table, grouped, short_digest};

const EXAMPLES: &str = "\
Examples:
  skewless build                               all transforms of the repository that have a crate
  skewless build transforms/runway_wind        one of them
  skewless build my_crate --out my.wasm        any crate, in a repository or not
  skewless build -- --locked --offline         with arguments for cargo

The components of a repository go to .skewless/components, where `apply` looks for them. Needs cargo and the target \
wasm32-unknown-unknown; the profile is always the same, so that the same source makes the same digest.";

/// Compile transform crates to components
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folders of crates [default: those of the repository's transforms]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where to write the component of a single crate
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON: transform, digest, size and path of each component
    #[arg(long)]
    json: bool,
    /// Arguments for cargo
    #[arg(last = true, value_name = "CARGO ARGUMENTS")]
    cargo: Vec<OsString>,
}

/// A crate to build.
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
        let message = format!("`--out` names one file, and {} crates are to be built: name one crate", jobs.len());
        return Err(Failure::usage(message));
    }
    let runtime = Session::runtime()?;
    let quiet = session.output.is_quiet();
    let mut built = Vec::new();
    for (workspace, jobs) in workspaces(jobs)? {
        let packages = jobs.iter().map(|job| job.package(&workspace)).collect::<Result<Vec<_>>>()?;
        let modules = workspace.build(&packages, quiet, &arguments.cargo)?;
        for (job, package) in jobs.iter().zip(&packages) {
            let module = modules.get(&package.id).ok_or_else(|| {
                Failure::impossible(format!("cargo built `{}` but named no module", job.folder.display()))
            })?;
            let component = job.component(module, &runtime, repository.as_ref())?;
            built.push(job.write(&component, arguments.out.as_deref(), &workspace)?);
        }
    }
    if arguments.json {
        return Ok(session.output.print_json(&built)?);
    }
    session.output.print(&told(&built))?;
    session.output.say(&format!("built in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(())
}

/// The repository; for crates that are named, there need not be one.
fn repository(session: &Session, arguments: &Arguments) -> Result<Option<Repository>> {
    if !arguments.paths.is_empty() && Session::root().is_err() {
        return Ok(None);
    }
    session.repository().map(Some)
}

fn jobs(repository: Option<&Repository>, paths: &[PathBuf]) -> Result<Vec<Job>> {
    let mut of_repository: Vec<Job> = repository.map(repository_jobs).unwrap_or_default();
    if paths.is_empty() {
        let message =
            "no transform of the repository has a crate: their paths all name `.wasm` files, or there is none";
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
    let with_crate = transforms.filter(|transform| !transform.path.ends_with(".wasm"));
    let job = |transform: &TransformDefinition| Job {
        folder: repository.root.strip_prefix(".").unwrap_or(&repository.root).join(&transform.path),
        transform: Some((transform.clone(), component_path(repository, transform))),
    };
    with_crate.map(job).collect()
}

/// The jobs of each cargo workspace, which are built in one go.
fn workspaces(jobs: Vec<Job>) -> Result<Vec<(Workspace, Vec<Job>)>> {
    let mut workspaces: Vec<(Workspace, Vec<Job>)> = Vec::new();
    for job in jobs {
        match workspaces.iter_mut().find(|(workspace, _)| workspace.package(&job.folder).is_some()) {
            Some((_, jobs)) => jobs.push(job),
            None => workspaces.push((Workspace::of(&job.folder)?, vec![job])),
        }
    }
    Ok(workspaces)
}

impl Job {
    fn package<'a>(&self, workspace: &'a Workspace) -> Result<&'a Package> {
        let message = || format!("`{}` holds a cargo workspace: name one of its crates", self.folder.display());
        workspace.package(&self.folder).ok_or_else(|| Failure::impossible(message()))
    }

    /// The component of the crate's module, which must have the name that the repository gives it.
    fn component(&self, module: &Path, runtime: &Runtime, repository: Option<&Repository>) -> Result<Component> {
        let component = Component::from_module(module, runtime)?;
        let own_name = &component.transform.signature().name;
        let Some((TransformDefinition { name, .. }, _)) = &self.transform else { return Ok(component) };
        if own_name == name {
            return Ok(component);
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

    fn write(&self, component: &Component, out: Option<&Path>, workspace: &Workspace) -> Result<Built> {
        let transform = &component.transform;
        let name = &transform.signature().name;
        let wanted = out.or(self.transform.as_ref().map(|(_, path)| path.as_path()));
        let beside_the_module = || workspace.target_directory.join("skewless").join(format!("{name}.wasm"));
        let path = wanted.map_or_else(beside_the_module, |path| path.strip_prefix(".").unwrap_or(path).to_owned());
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
