//! `skewless test`: builds transforms, asks each component the cases of its `cases.json`, and tells what calls cost.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use skewless_runtime::{Runtime, Transform};

use crate::cases::{Case, Cases};
use crate::component::Component;
use crate::cost::{Cost, ROWS};
use crate::failure::{Failure, Result};
use crate::language::Language;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, grouped};

const EXAMPLES: &str = "\
Examples:
  skewless test                                all transforms of the repository that have cases
  skewless test transforms/spend_per_order     one of them, or any folder with source
  skewless test my.wasm --cases cases.json     a component that is built

The cases are in `cases.json`, in the transform's folder or the one above it: inputs, and the outputs they must give. \
They are asked of the component, in the runtime that trains and serves, so they hold for every language. The cost is that of \
calls with the cases' rows, repeated.";

/// Ask transforms the cases they must satisfy, and measure what calls cost
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folders of source, or components [default: the repository's transforms]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The file with the cases
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of a transform's cases.
#[derive(Serialize)]
struct Tested {
    transform: String,
    path: PathBuf,
    /// `None` for a component that was built before
    language: Option<&'static str>,
    digest: String,
    cases: Vec<TestedCase>,
    size_bytes: usize,
    /// `None` where a case fails or no case has a row
    #[serde(flatten)]
    cost: Option<Cost>,
}

#[derive(Serialize)]
struct TestedCase {
    name: String,
    /// what differs from what it must answer; nothing where it passes
    differences: Vec<String>,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    if arguments.cases.is_some() && arguments.paths.len() != 1 {
        return Err(Failure::usage("`--cases` names the cases of one transform: name that too"));
    }
    let paths = if arguments.paths.is_empty() { of_repository(session)? } else { arguments.paths.clone() };
    let runtime = Session::runtime()?;
    let tested = paths.iter().map(|path| test(path, arguments, &runtime, session.output.is_quiet()));
    let tested = tested.collect::<Result<Vec<_>>>()?;
    if arguments.json {
        session.output.print_json(&tested)?;
    } else {
        session.output.print(&told(&tested, &session.output))?;
    }
    let cases = || tested.iter().flat_map(|tested| &tested.cases);
    let failed = cases().filter(|case| !case.passed()).count();
    if failed > 0 {
        return Err(Failure::impossible(format!("{failed} of {} cases failed", cases().count())));
    }
    Ok(())
}

/// The folders of the repository's transforms that have cases.
fn of_repository(session: &Session) -> Result<Vec<PathBuf>> {
    let repository = session.repository()?;
    let root = repository.root.strip_prefix(".").unwrap_or(&repository.root);
    let folders = repository.definitions.transforms.iter().map(|transform| root.join(&transform.path));
    let with_cases: Vec<PathBuf> = folders.filter(|folder| cases_of(folder).is_some() && folder.is_dir()).collect();
    if with_cases.is_empty() {
        let message = "no transform of the repository has a `cases.json`, in its folder or the one above: write one, as \
                       `skewless new` does";
        return Err(Failure::impossible(message));
    }
    Ok(with_cases)
}

/// The cases of the transform in `folder`.
fn cases_of(folder: &Path) -> Option<PathBuf> {
    let above = folder.canonicalize().ok().and_then(|folder| folder.parent().map(|above| above.join("cases.json")));
    [Some(folder.join("cases.json")), above].into_iter().flatten().find(|file| file.is_file())
}

fn test(path: &Path, arguments: &Arguments, runtime: &Runtime, quiet: bool) -> Result<Tested> {
    let file = arguments.cases.clone().or_else(|| cases_of(path)).ok_or_else(|| {
        let path = path.display();
        Failure::impossible(format!(
            "there is no `cases.json` in `{path}` or above it: write one, or name it: `--cases`"
        ))
    })?;
    let cases = Cases::read(&file)?.cases;
    let (language, bytes) = if path.is_file() {
        (None, std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?)
    } else {
        let language = Language::of(path)?;
        (Some(language), language.build(path, quiet)?.bytes)
    };
    let transform = Component::load(bytes, path, runtime)?.transform;
    // The values are those of the Rust transform.
    let exact = language == Some(Language::Rust);
    let test = |case: &Case| TestedCase { name: case.name.clone(), differences: case.differences(&transform, exact) };
    let tested: Vec<TestedCase> = cases.iter().map(test).collect();
    let cost = if tested.iter().all(TestedCase::passed) { cost(&transform, &cases)? } else { None };
    Ok(Tested {
        transform: transform.signature().name.clone(),
        path: path.to_owned(),
        language: language.map(Language::name),
        digest: transform.digest().to_string(),
        cases: tested,
        size_bytes: transform.size_bytes(),
        cost,
    })
}

fn cost(transform: &Transform, cases: &[Case]) -> Result<Option<Cost>> {
    let batches = cases.iter().map(|case| case.rows(transform)).collect::<Result<Vec<_>, _>>();
    // In the order of the signature, which is that of the schema.
    let ordered = |batch: arrow::array::RecordBatch| {
        let names = transform.signature().inputs.iter();
        let places = names.map(|field| batch.schema_ref().index_of(&field.name)).collect::<Result<Vec<_>, _>>();
        places.and_then(|places| batch.project(&places))
    };
    let batches = batches.map_err(Failure::impossible)?.into_iter().map(ordered).collect::<Result<Vec<_>, _>>();
    Cost::of(transform, &batches.map_err(|error| Failure::impossible(error.to_string()))?)
}

impl TestedCase {
    fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

fn told(tested: &[Tested], output: &Output) -> String {
    let mut text = String::new();
    for Tested { transform, cases, path, .. } in tested {
        for TestedCase { name, differences } in cases.iter().filter(|case| !case.passed()) {
            text += &format!("{} {transform} {name} ({})\n", output.red("failed"), path.display());
            differences.iter().for_each(|difference| text += &format!("  {difference}\n"));
        }
    }
    let row = |tested: &Tested| {
        let passed = tested.cases.iter().filter(|case| case.passed()).count();
        let measured = |value: fn(Cost) -> String| tested.cost.map_or_else(|| "–".to_owned(), value);
        [
            tested.transform.clone(),
            tested.language.unwrap_or("–").to_owned(),
            format!("{passed} of {} passed", tested.cases.len()),
            measured(|cost| format!("{:.1} µs", cost.row_us)),
            measured(|cost| format!("{} rows/s", grouped(cost.rows_per_s as u64))),
            format!("{} B", grouped(tested.size_bytes as u64)),
            measured(|cost| format!("{} B", grouped(cost.memory_bytes as u64))),
        ]
    };
    let many = format!(">in calls of {}", grouped(u64::from(ROWS)));
    let header = ["transform", "language", ">cases", ">call with 1 row", many.as_str(), ">component", ">memory"];
    text + &Table::new(header).with_rows(tested.iter().map(row)).to_string()
}
