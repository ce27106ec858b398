//! `skewless apply`: makes a plan, and commits it.

use clap::Args;
use serde_json::json;
use skewless_store::apply::{Certification, Plan, apply, plan};
use skewless_store::definitions::Repository;
use skewless_store::open_online_store;
use skewless_store::registry::{Commit, Registry};
use skewless_store::stored_values::{Deleted, delete_removed_views};

use crate::failure::Result;
use crate::session::{Session, block_on};
use crate::table::counted;
use crate::{changes, clock};

const EXAMPLES: &str = "\
Examples:
  skewless apply
  skewless apply --json
  skewless apply --allow-uncertified           components that `verify` has not passed, too

Everything is checked before anything is written: a mistake leaves the registry as it was. Components are stored by \
their digest, and the definitions become one numbered commit. Values that are online stay, but for those of feature \
views that are no more; `materialize` adds to them. What `apply` would do is shown by `skewless plan`.";

/// Check definitions, data files and components, and commit them to the registry
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Apply components without a parity certificate, or with one that failed
    #[arg(long)]
    allow_uncertified: bool,
    /// Print JSON: the commit's number, or null, and the changes
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let repository = session.repository()?;
    let runtime = Session::runtime()?;
    let now = clock::now();
    let certification = if arguments.allow_uncertified { Certification::Optional } else { Certification::Required };
    let (plan, commit) = block_on(async {
        let plan = plan(&repository, &runtime).await?;
        let commit = apply(&repository, &plan, certification, now).await?;
        Ok((plan, commit))
    })?;
    let project = &repository.settings.project;
    if arguments.json {
        let number = commit.map(|commit| commit.number);
        session.output.print_json(&json!({ "project": project, "commit": number, "plan": plan }))?;
    } else {
        session.output.print(&told(session, project, &plan, commit.as_ref()))?;
    }
    delete_removed(session, &repository)
}

/// Deletes the values of views that are no more; where an earlier `apply` could not, this one does.
fn delete_removed(session: &Session, repository: &Repository) -> Result<()> {
    let settings = &repository.settings;
    let registry = Registry::open(&settings.registry, &repository.root, &settings.project)?;
    let online = open_online_store(&repository.root, settings)?;
    let deleted = block_on(async { Ok(delete_removed_views(&registry, &online, clock::now()).await?) });
    if deleted.is_err() {
        session.output.say(
            "the definitions are applied, but the values of feature views that are no more are still \
                            stored; `skewless apply` tries again to delete them",
        );
    }
    for Deleted { feature_view, rows } in deleted? {
        session.output.say(&format!("{} of feature view {feature_view} deleted", counted(rows, "row", "rows")));
    }
    Ok(())
}

fn told(session: &Session, project: &str, plan: &Plan, commit: Option<&Commit>) -> String {
    match commit {
        Some(Commit { number, .. }) => {
            let done = session.output.bold(&format!("applied as commit {number} of project {project}"));
            format!("{}\n{done}", changes::describe(plan, &session.output))
        }
        None => format!("nothing to change: commit {} of project {project} holds what is here", plan.parent),
    }
}
