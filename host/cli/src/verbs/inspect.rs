//! `skewless inspect`: finds a component's bytes, loads them, and tells what they are.

use clap::Args;
use serde::Serialize;
use skewless_runtime::{CONTRACT_VERSION, Signature, Transform};

use crate::description::fields;
use crate::failure::{Failure, Result};
use crate::lookup;
use crate::output::Output;
use crate::session::Session;
use crate::table::{counted, one_line};

const EXAMPLES: &str = "\
Examples:
  skewless inspect runway_wind                 what `build` made of a transform of the repository
  skewless inspect path/to/component.wasm      any component file
  skewless inspect sha256:ba7816bf8f01…        a component of the registry, by its whole digest";

/// Show what a component is: digest, size, imports, inputs and outputs
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A component file, the name of a transform, or a digest
    component: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What there is to know of a component.
#[derive(Serialize)]
struct Inspected<'a> {
    digest: String,
    size_bytes: usize,
    contract: String,
    imports: &'a [String],
    signature: &'a Signature,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let bytes = lookup::bytes(session, &arguments.component)?;
    let named = |error| Failure::impossible(format!("`{}` can't be used: {error}", arguments.component));
    let transform = Session::runtime()?.load(&bytes).map_err(named)?;
    let inspected = Inspected::of(&transform);
    let output = &session.output;
    if arguments.json {
        output.print_json(&inspected)?
    } else {
        output.print(&inspected.told(output))?
    }
    Ok(())
}

impl<'a> Inspected<'a> {
    fn of(transform: &'a Transform) -> Self {
        Self {
            digest: transform.digest().to_string(),
            size_bytes: transform.size_bytes(),
            contract: format!("skewless:transform@{CONTRACT_VERSION}"),
            imports: transform.imports(),
            signature: transform.signature(),
        }
    }

    fn told(&self, output: &Output) -> String {
        let Signature { name, version, documentation, inputs, outputs } = self.signature;
        let imports = if self.imports.is_empty() { "none".to_owned() } else { self.imports.join(", ") };
        format!(
            "{}  {version}\n{}\n\ndigest    {}\nsize      {}\ncontract  {}\nimports   {imports}\n\n{}\n{}\n{}\n{}",
            output.bold(name),
            one_line(documentation),
            self.digest,
            counted(self.size_bytes as u64, "byte", "bytes"),
            self.contract,
            output.bold("inputs"),
            fields(inputs).indented("  "),
            output.bold("outputs"),
            fields(outputs).indented("  "),
        )
    }
}
