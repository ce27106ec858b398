//! `skewless schema`: JSON Schemas for editors.

use clap::{Args, ValueEnum};
use skewless_store::definitions::{json_schema, settings_json_schema};

use crate::failure::Result;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  skewless schema definitions > .skewless/definitions.schema.json
  skewless schema settings > .skewless/settings.schema.json

Editors with a YAML language server complete and check a file that starts with
  # yaml-language-server: $schema=../.skewless/definitions.schema.json";

/// Print the JSON Schema of definition files or of skewless.yaml
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The kind of file
    #[arg(value_enum, default_value_t = File::Definitions)]
    file: File,
}

#[derive(Clone, Copy, ValueEnum)]
enum File {
    /// every YAML file but skewless.yaml
    Definitions,
    /// skewless.yaml
    Settings,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let schema = match arguments.file {
        File::Definitions => json_schema(),
        File::Settings => settings_json_schema(),
    };
    Ok(session.output.print_json(&schema)?)
}
