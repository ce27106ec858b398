//! The log, on standard error, and the spans that go elsewhere.

use std::env;

use clap::ValueEnum;
use skewless_server::telemetry::Exporter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

use crate::arguments::GlobalArguments;
use crate::failure::Result;

/// The spans that are sent elsewhere, however little is logged: ours, and not those of libraries.
const SPANS: &str = "skewless=info,skewless_server=info,skewless_store=info";

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// for people
    Text,
    /// one JSON object for each line
    Json,
}

/// Starts the log; and the sending of spans, where it is wanted and the environment says where to.
///
/// # Errors
/// Where the environment's settings can't be used.
pub(crate) fn start(arguments: &GlobalArguments, sends_spans: bool) -> Result<Option<Exporter>> {
    let variable = |name: &str| env::var(name).ok();
    let exporter = if sends_spans { Exporter::of_environment(variable)? } else { None };
    let filter = EnvFilter::new(&arguments.log_level);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match arguments.log_format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let spans = exporter.as_ref().map(|exporter| {
        tracing_opentelemetry::layer().with_tracer(exporter.tracer()).with_filter(EnvFilter::new(SPANS))
    });
    registry().with(lines).with(spans).init();
    Ok(exporter)
}
