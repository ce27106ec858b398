//! `skewless teardown`: asks, commits an empty state, then deletes what is stored online.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use skewless_store::open_online_store;
use skewless_store::registry::{Action, Registry, State};

use crate::clock;
use crate::failure::{Failure, Result};
use crate::session::{Session, block_on};
use crate::table::{Table, counted, grouped};

const EXAMPLES: &str = "\
Examples:
  skewless teardown
  skewless teardown --yes

The values of the project's feature views are deleted from the online store, and an empty commit takes its definitions \
out of use. Files, sources and the registry's history stay; `apply` and `materialize` bring everything back.";

/// Delete the project's online values and take its definitions out of use
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
    /// Print JSON: the commit's number, and for each feature view how many rows were deleted
    #[arg(long)]
    json: bool,
}

/// What was deleted.
#[derive(Serialize)]
struct Deleted {
    feature_view: String,
    rows: u64,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let repository = session.repository()?;
    let settings = &repository.settings;
    let online = open_online_store(&repository.root, settings)?;
    let (registry, commit) = block_on(session.commit())?;
    let counts = online.counts()?;
    if counts.is_empty() && commit.state.definitions.objects().next().is_none() {
        session.output.say(&format!("project {} is taken down already, in commit {}", settings.project, commit.number));
        return Ok(());
    }
    if !arguments.yes {
        confirm(&settings.project, &counts)?;
    }
    let number = block_on(take_down(&registry, clock::now()))?;
    let delete = |feature_view: String| Ok(Deleted { rows: online.delete_view(&feature_view)?, feature_view });
    let deleted = counts.into_keys().map(delete).collect::<Result<Vec<_>>>()?;
    if arguments.json {
        let json = serde_json::json!({ "project": settings.project, "commit": number, "deleted": deleted });
        return Ok(session.output.print_json(&json)?);
    }
    let rows = deleted.iter().map(|Deleted { feature_view, rows }| [feature_view.clone(), grouped(*rows)]);
    let table = Table::new(["feature view", ">rows deleted"]).with_rows(rows);
    session.output.print(&format!("{table}project {} is taken down in commit {number}", settings.project))?;
    Ok(())
}

/// Commits an empty state. This comes first: were the values deleted and the commit refused, the next incremental run
/// would go on from a watermark below which nothing is stored.
async fn take_down(registry: &Registry, at: Timestamp) -> Result<u64> {
    let clear = |state: &mut State| {
        *state = State { project: std::mem::take(&mut state.project), ..State::default() };
        Ok(())
    };
    Ok(registry.update(at, Action::Teardown, clear).await?.number)
}

/// Asks on a terminal.
fn confirm(project: &str, counts: &BTreeMap<String, u64>) -> Result<()> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("teardown deletes stored values: say `--yes` where nobody can be asked"));
    }
    let rows = counted(counts.values().sum(), "row", "rows");
    let views = counted(counts.len() as u64, "feature view", "feature views");
    eprint!("This deletes {rows} of {views} from the online store. Type the project's name ({project}) to go on: ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == project { Ok(()) } else { Err(Failure::impossible("nothing was deleted")) }
}
