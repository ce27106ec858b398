//! `skewless describe`: finds what has the name, and prints its description; or what is in a file of rows.

use clap::Args;
use skewless_store::definitions::{Kind, Object};
use skewless_store::saved_datasets::saved_dataset;
use skewless_store::statistics::describe_table;

use crate::dataset::told;
use crate::description::{Description, describe};
use crate::failure::{Failure, Result};
use crate::resources::ResourceArguments;
use crate::session::{Session, block_on, block_on_threads};

const EXAMPLES: &str = "\
Examples:
  skewless describe weather
  skewless describe feature-view plane_delays
  skewless describe runway_wind --json
  skewless describe training.parquet
  skewless describe saved-dataset january

Of a training set, or any file of rows (Parquet, CSV, Arrow; a path or a URL), it shows each column's values in numbers, why \
values of features are missing, and what made it. What else is described is what was applied last. A name that several kinds have is described for each.";

/// Tell everything about an applied definition (schema, what uses it, what is materialized) or a training set (its values)
#[derive(Args)]
#[command(after_help = EXAMPLES, override_usage = "skewless describe [OPTIONS] [KIND] <NAME>")]
pub(crate) struct Arguments {
    /// The name; a kind, such as `feature-view`, and then the name; or a file
    #[arg(required = true, num_args = 1..=2, value_name = "NAME")]
    names: Vec<String>,
    /// Print JSON: the definition, what is known besides, and what uses it; of a file, its columns and its provenance
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    resources: ResourceArguments,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let (kind, name) = match arguments.names.as_slice() {
        [kind, name] if is_saved_dataset(kind) => return describe_file(session, arguments, &saved(session, name)?),
        [kind, name] => (Some(parse_kind(kind)?), name),
        [name] if is_file(name) => return describe_file(session, arguments, name),
        [name, ..] => (None, name),
        [] => unreachable!("clap requires a name"),
    };
    let (_, commit) = block_on(session.commit())?;
    let wanted = |object: &Object<'_>| object.name == name && kind.is_none_or(|kind| kind == object.kind);
    let objects = commit.state.definitions.objects().filter(wanted);
    let descriptions: Vec<Description> = objects.map(|object| describe(&commit.state, &object)).collect();
    if let (true, None, Some(dataset)) = (descriptions.is_empty(), kind, commit.state.saved_datasets.get(name)) {
        return describe_file(session, arguments, &dataset.path);
    }
    if descriptions.is_empty() {
        let kind = kind.map_or("definition", Kind::name);
        let message = format!("no applied {kind} is called `{name}`: `skewless list` shows what is applied");
        return Err(Failure::impossible(message));
    }
    let output = &session.output;
    if arguments.json {
        return Ok(output.print_json(&descriptions.iter().map(Description::json).collect::<Vec<_>>())?);
    }
    let told = descriptions.iter().map(|description| description.told(output));
    Ok(output.print(&told.collect::<Vec<_>>().join("\n"))?)
}

fn is_saved_dataset(kind: &str) -> bool {
    ["saved_dataset", "saved_datasets", "dataset"].contains(&kind.replace('-', "_").as_str())
}

/// Whether `name` can only mean a file: no definition has such a name.
fn is_file(name: &str) -> bool {
    name.contains(['/', '.'])
}

/// Where the saved data set `name` is.
fn saved(session: &Session, name: &str) -> Result<String> {
    let (_, commit) = block_on(session.commit())?;
    Ok(saved_dataset(&commit, name)?.path.clone())
}

fn describe_file(session: &Session, arguments: &Arguments, path: &str) -> Result<()> {
    let resources = arguments.resources.resources();
    let table = block_on_threads(resources.threads, async { Ok(describe_table(path, &resources).await?) })?;
    match arguments.json {
        true => Ok(session.output.print_json(&table)?),
        false => Ok(session.output.print(&told(&table, &session.output))?),
    }
}

/// Reads `feature-view`, `feature-views` or `feature_view`.
fn parse_kind(text: &str) -> Result<Kind> {
    let text = text.replace('-', "_");
    let is = |kind: &Kind| kind.section() == text || kind.name().replace([' ', '-'], "_") == text;
    Kind::ALL.into_iter().find(is).ok_or_else(|| {
        let kinds = Kind::ALL.map(|kind| kind.name().replace(' ', "-"));
        Failure::usage(format!("unknown kind `{text}`: use {}", kinds.join(", ")))
    })
}
