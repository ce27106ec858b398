//! `skewless plan`: the changes, and nothing written.

use clap::Args;
use skewless_store::apply::plan;

use crate::changes;
use crate::failure::Result;
use crate::session::{Session, block_on};

const EXAMPLES: &str = "\
Examples:
  skewless plan
  skewless plan --json

Nothing is written. Data files are opened for their columns only; components are loaded and checked.";

/// Show what `apply` would change, after checking definitions, data files and components
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print JSON: the commit it would follow, changed definitions, changed components, components without a certificate
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let repository = session.repository()?;
    let runtime = Session::runtime()?;
    let plan = block_on(async { Ok(plan(&repository, &runtime).await?) })?;
    let output = &session.output;
    if arguments.json {
        output.print_json(&plan)?;
    } else if plan.is_empty() {
        output.print(&format!("nothing to change: commit {} holds what is here", plan.parent))?;
    } else {
        output.print(&changes::describe(&plan, output))?;
    }
    for without in &plan.uncertified {
        output.say(&format!("{}: `apply` would refuse it; run `skewless verify`", without.reason));
    }
    Ok(())
}
