//! `skewless list`: the applied definitions that fit, kind by kind.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde::Serialize;
use skewless_store::definitions::{Definitions, Kind, Object};
use skewless_store::registry::Commit;
use skewless_store::saved_datasets::SavedDataset;

use crate::failure::Result;
use crate::output::Output;
use crate::session::{Session, block_on};
use crate::table::{Table, grouped};

const EXAMPLES: &str = "\
Examples:
  skewless list
  skewless list feature-views --tag domain=weather
  skewless list --owner fleet@example.com --json

What is listed is what was applied last, not what the files say now; `skewless plan` shows the difference.";

/// List what is applied
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Only this kind
    #[arg(value_enum)]
    kind: Option<Listed>,
    /// Only what has this tag: `key`, or `key=value`; several times: all of them
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<String>,
    /// Only what belongs to this owner
    #[arg(long)]
    owner: Option<String>,
    /// Print JSON: kind, name, description, tags and owner of each
    #[arg(long)]
    json: bool,
}

/// A kind as it is written on the command line.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Listed {
    Entities,
    #[value(alias = "data-sources")]
    Sources,
    Transforms,
    FeatureViews,
    OnDemandFeatureViews,
    FeatureServices,
    SavedDatasets,
}

impl Listed {
    /// The kind of definition; saved data sets are none.
    fn kind(self) -> Option<Kind> {
        match self {
            Self::Entities => Some(Kind::Entity),
            Self::Sources => Some(Kind::Source),
            Self::Transforms => Some(Kind::Transform),
            Self::FeatureViews => Some(Kind::FeatureView),
            Self::OnDemandFeatureViews => Some(Kind::OnDemandFeatureView),
            Self::FeatureServices => Some(Kind::FeatureService),
            Self::SavedDatasets => None,
        }
    }
}

/// One line for programs.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'a> {
    Definition {
        kind: &'static str,
        name: &'a str,
        description: &'a str,
        tags: &'a BTreeMap<String, String>,
        owner: &'a str,
        /// stored rows would come out otherwise now
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        outdated: bool,
    },
    Dataset {
        kind: &'static str,
        name: &'a str,
        #[serde(flatten)]
        dataset: &'a SavedDataset,
    },
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let (registry, commit) = block_on(session.commit())?;
    let definitions = &commit.state.definitions;
    let objects: Vec<Object<'_>> = definitions.objects().filter(|object| arguments.wants(object)).collect();
    let output = &session.output;
    if arguments.json {
        let entries = objects.iter().map(|object| {
            let Object { kind, name, description, tags, owner } = *object;
            let outdated = commit.state.views.get(name).is_some_and(|view| view.outdated);
            let outdated = outdated && matches!(kind, Kind::FeatureView | Kind::OnDemandFeatureView);
            Entry::Definition { kind: kind.name(), name, description, tags, owner, outdated }
        });
        let datasets = arguments.datasets(&commit).into_iter();
        let datasets = datasets.map(|(name, dataset)| Entry::Dataset { kind: "saved data set", name, dataset });
        return Ok(output.print_json(&entries.chain(datasets).collect::<Vec<_>>())?);
    }
    let datasets = arguments.datasets(&commit);
    if objects.is_empty() && datasets.is_empty() {
        output.say(&nothing(definitions, registry.project(), commit.number));
        return Ok(());
    }
    output.print(&(told(&objects, output) + &told_datasets(&datasets, output)))?;
    for (view, _) in commit.state.views.iter().filter(|(_, state)| state.outdated) {
        output.say(&format!(
            "feature view {view} needs to be materialized again: its stored rows would come out otherwise now"
        ));
    }
    Ok(())
}

impl Arguments {
    /// The saved data sets that fit; they have neither tags nor owners.
    fn datasets<'a>(&self, commit: &'a Commit) -> Vec<(&'a String, &'a SavedDataset)> {
        let wanted = self.kind.is_none_or(|listed| listed == Listed::SavedDatasets);
        let fit = wanted && self.tags.is_empty() && self.owner.is_none();
        commit.state.saved_datasets.iter().filter(|_| fit).collect()
    }

    fn wants(&self, object: &Object<'_>) -> bool {
        let tagged = |tag: &String| match tag.split_once('=') {
            Some((key, value)) => object.tags.get(key).is_some_and(|found| found == value),
            None => object.tags.contains_key(tag),
        };
        self.kind.is_none_or(|listed| listed.kind() == Some(object.kind))
            && self.owner.as_ref().is_none_or(|owner| owner == object.owner)
            && self.tags.iter().all(tagged)
    }
}

fn nothing(definitions: &Definitions, project: &str, commit: u64) -> String {
    if definitions.objects().next().is_none() {
        format!("nothing is applied: commit {commit} of project {project} is empty")
    } else {
        format!("nothing in commit {commit} of project {project} fits")
    }
}

/// A table for each kind that there is.
fn told(objects: &[Object<'_>], output: &Output) -> String {
    let mut text = String::new();
    for kind in objects.chunk_by(|a, b| a.kind == b.kind) {
        let table = Table::new(["name", "owner", "tags", "description"]).with_rows(kind.iter().map(|object| {
            [object.name.to_owned(), object.owner.to_owned(), tags(object.tags), object.description.to_owned()]
        }));
        let title = output.bold(&kind[0].kind.section().replace('_', " ").replace("on demand", "on-demand"));
        text += &format!("{title}\n{}\n", table.indented("  "));
    }
    text
}

fn told_datasets(datasets: &[(&String, &SavedDataset)], output: &Output) -> String {
    if datasets.is_empty() {
        return String::new();
    }
    let table = Table::new(["name", ">rows", ">features", "saved at", "path"]);
    let table = table.with_rows(datasets.iter().map(|(name, dataset)| {
        let features = grouped(dataset.features.len() as u64);
        [(*name).clone(), grouped(dataset.rows), features, dataset.created_at.to_string(), dataset.path.clone()]
    }));
    format!("{}\n{}\n", output.bold("saved data sets"), table.indented("  "))
}

/// `key=value` of each tag.
pub(crate) fn tags(tags: &BTreeMap<String, String>) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}
