//! The command `skewless`: each verb parses its arguments, calls the library, and prints.
//!
//! Results go to standard output, everything else to standard error. A terminal gets colours, progress and pointers
//! into files; a pipe gets plain lines. Only here are the clock, the environment and the arguments read.

mod arguments;
mod cases;
mod changes;
mod clock;
mod component;
mod cost;
mod dataset;
mod description;
mod entity_values;
mod failure;
mod feature_log;
mod instant;
mod language;
mod log;
mod lookup;
mod output;
mod pace;
mod page;
mod parity;
mod progress;
mod replay_page;
mod resources;
mod sample_data;
mod sdk;
mod session;
mod skew_page;
mod table;
mod template;
mod verbs;
mod verification;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Verb};
use crate::session::Session;

/// Gives memory back to the system soon, and threads don't wait for each other: `materialize` and training sets move
/// large columns from one thread to another, of which glibc's allocator keeps a copy for each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Arguments { global, verb } = Arguments::parse();
    let session = Session::new(global.quiet);
    let sends_spans = matches!(verb, Verb::Serve(_));
    let result = log::start(&global, sends_spans).and_then(|_exporter| {
        global.chdir.as_deref().map_or(Ok(()), session::enter)?;
        run(&session, verb)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&session.output),
    }
}

fn run(session: &Session, verb: Verb) -> failure::Result<()> {
    match verb {
        Verb::Init(arguments) => verbs::init::run(session, &arguments),
        Verb::New(arguments) => verbs::new::run(session, &arguments),
        Verb::Build(arguments) => verbs::build::run(session, &arguments),
        Verb::Test(arguments) => verbs::test::run(session, &arguments),
        Verb::Inspect(arguments) => verbs::inspect::run(session, &arguments),
        Verb::Verify(arguments) => verbs::verify::run(session, &arguments),
        Verb::Plan(arguments) => verbs::plan::run(session, &arguments),
        Verb::Apply(arguments) => verbs::apply::run(session, &arguments),
        Verb::Materialize(arguments) => verbs::materialize::run(session, arguments),
        Verb::MaterializeIncremental(arguments) => verbs::materialize_incremental::run(session, arguments),
        Verb::GetHistoricalFeatures(arguments) => verbs::get_historical_features::run(session, arguments),
        Verb::GetOnlineFeatures(arguments) => verbs::get_online_features::run(session, &arguments),
        Verb::CheckParity(arguments) => verbs::check_parity::run(session, &arguments),
        Verb::Replay(arguments) => verbs::replay::run(session, &arguments),
        Verb::Skew(arguments) => verbs::skew::run(session, &arguments),
        Verb::Serve(arguments) => verbs::serve::run(session, &arguments),
        Verb::List(arguments) => verbs::list::run(session, &arguments),
        Verb::Describe(arguments) => verbs::describe::run(session, &arguments),
        Verb::DeleteValues(arguments) => verbs::delete_values::run(session, &arguments),
        Verb::Teardown(arguments) => verbs::teardown::run(session, &arguments),
        Verb::Schema(arguments) => verbs::schema::run(session, &arguments),
        Verb::Version => verbs::version::run(session),
    }
}
