//! The command line as a whole: what holds for all verbs, and the verbs. Each verb's own arguments stand with it.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::log::LogFormat;
use crate::verbs;

const EXAMPLES: &str = "\
Start here:
  skewless init shop && cd shop
  skewless build                     compile the transforms to components
  skewless verify                    prove that they compute the same bits however they are called
  skewless apply                     check everything, then commit it to the registry
  skewless materialize 2024-01-01 2024-01-31
  skewless get-historical-features -e data/entity_rows.parquet -s shop_model -o training.parquet
  skewless serve

Each verb explains itself: skewless apply --help";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// A feature store that runs the same compiled feature logic for training and for serving.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES, styles = STYLES, max_term_width = 110)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Args)]
pub(crate) struct GlobalArguments {
    /// Run as if started in DIR; the repository is the nearest folder with a skewless.yaml, from there upwards
    #[arg(short, long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) chdir: Option<PathBuf>,
    /// Say nothing but the result and errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// What to log to standard error: error, warn, info, debug, trace, or `skewless_store=debug,warn`
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        default_value = "warn",
        env = "SKEWLESS_LOG",
        hide_env_values = true
    )]
    #[arg(value_parser = log_level, help_heading = "Global options")]
    pub(crate) log_level: String,
    /// How to log
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", help_heading = "Global options")]
    pub(crate) log_format: LogFormat,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    Init(verbs::init::Arguments),
    New(verbs::new::Arguments),
    Build(verbs::build::Arguments),
    Test(verbs::test::Arguments),
    Inspect(verbs::inspect::Arguments),
    Verify(verbs::verify::Arguments),
    Plan(verbs::plan::Arguments),
    Apply(verbs::apply::Arguments),
    Materialize(verbs::materialize::Arguments),
    MaterializeIncremental(verbs::materialize_incremental::Arguments),
    GetHistoricalFeatures(verbs::get_historical_features::Arguments),
    GetOnlineFeatures(verbs::get_online_features::Arguments),
    CheckParity(verbs::check_parity::Arguments),
    Serve(verbs::serve::Arguments),
    Replay(verbs::replay::Arguments),
    Skew(verbs::skew::Arguments),
    List(verbs::list::Arguments),
    Describe(verbs::describe::Arguments),
    DeleteValues(verbs::delete_values::Arguments),
    Teardown(verbs::teardown::Arguments),
    Schema(verbs::schema::Arguments),
    /// Print the version
    Version,
}

fn log_level(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_of_all_verbs_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_verb_explains_itself_with_an_example() {
        for verb in Arguments::command().get_subcommands().filter(|verb| verb.get_name() != "version") {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
            let example = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(example.contains(&format!("skewless {}", verb.get_name())), "{}", verb.get_name());
        }
    }
}
