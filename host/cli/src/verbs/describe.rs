//! `skewless describe`: finds what has the name, and prints its description.

use clap::Args;
use skewless_store::definitions::{Kind, Object};

use crate::description::{Description, describe};
use crate::failure::{Failure, Result};
use crate::session::{Session, block_on};

const EXAMPLES: &str = "\
Examples:
  skewless describe weather
  skewless describe feature-view plane_delays
  skewless describe runway_wind --json

What is described is what was applied last. A name that several kinds have is described for each.";

/// Tell everything about an applied definition: schema, what uses it, what is materialized
#[derive(Args)]
#[command(after_help = EXAMPLES, override_usage = "skewless describe [OPTIONS] [KIND] <NAME>")]
pub(crate) struct Arguments {
    /// The name; or a kind, such as `feature-view`, and then the name
    #[arg(required = true, num_args = 1..=2, value_name = "NAME")]
    names: Vec<String>,
    /// Print JSON: the definition, what is known besides, and what uses it
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let (kind, name) = match arguments.names.as_slice() {
        [kind, name] => (Some(parse_kind(kind)?), name),
        [name, ..] => (None, name),
        [] => unreachable!("clap requires a name"),
    };
    let (_, commit) = block_on(session.commit())?;
    let wanted = |object: &Object<'_>| object.name == name && kind.is_none_or(|kind| kind == object.kind);
    let objects = commit.state.definitions.objects().filter(wanted);
    let descriptions: Vec<Description> = objects.map(|object| describe(&commit.state, &object)).collect();
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

/// Reads `feature-view`, `feature-views` or `feature_view`.
fn parse_kind(text: &str) -> Result<Kind> {
    let text = text.replace('-', "_");
    let is = |kind: &Kind| kind.section() == text || kind.name().replace([' ', '-'], "_") == text;
    Kind::ALL.into_iter().find(is).ok_or_else(|| {
        let kinds = Kind::ALL.map(|kind| kind.name().replace(' ', "-"));
        Failure::usage(format!("unknown kind `{text}`: use {}", kinds.join(", ")))
    })
}
