//! `skewless version`.

use skewless_runtime::CONTRACT_VERSION;

use crate::failure::Result;
use crate::session::Session;

/// Prints the version of the program and of the contract that it speaks with transforms.
pub(crate) fn run(session: &Session) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    session.output.print(&format!("skewless {version} (contract skewless:transform@{CONTRACT_VERSION})"))?;
    Ok(())
}
