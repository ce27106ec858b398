//! `skewless inspect`: finds a component's bytes, loads them, and tells what they are.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use skewless_runtime::{CONTRACT_VERSION, Digest, Signature, Transform};
use skewless_store::apply::component_path;
use skewless_store::registry::Registry;

use crate::description::fields;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::session::{Session, block_on};
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
    let bytes = bytes(session, &arguments.component)?;
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

/// The component's bytes: from the registry, from a file, or from where `build` put them.
fn bytes(session: &Session, component: &str) -> Result<Vec<u8>> {
    if component.parse::<Digest>().is_ok() {
        let repository = session.repository()?;
        let settings = &repository.settings;
        let registry = Registry::open(&settings.registry, &repository.root, &settings.project)?;
        return block_on(async { Ok(registry.component(component).await?) });
    }
    let path = path(session, component)?;
    std::fs::read(&path).map_err(|error| Failure::file("read", &path, &error))
}

fn path(session: &Session, component: &str) -> Result<PathBuf> {
    let file = Path::new(component);
    if file.is_file() || component.ends_with(".wasm") {
        return Ok(file.to_owned());
    }
    if Session::root().is_err() {
        let message = format!("`{component}` is no file, and here is no repository that could have such a transform");
        return Err(Failure::impossible(message));
    }
    let repository = session.repository()?;
    let Some(definition) = repository.definitions.transform(component) else {
        let names: Vec<_> = repository.definitions.transforms.iter().map(|transform| transform.name.as_str()).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(Failure::impossible(format!(
            "`{component}` is neither a file nor a transform of the repository, which has {known}"
        )));
    };
    let path = component_path(&repository, definition);
    if path.is_file() {
        return Ok(path);
    }
    let message = format!("transform `{component}` has no component in `{}` yet: run `skewless build`", path.display());
    Err(Failure::impossible(message))
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
