//! The JavaScript engine, and the modules that are made of it.
//!
//! A script enters, a core module leaves that holds the engine, the SDK and the script. It follows the contract; its first
//! `describe` evaluates the scripts, so it is to be pre-initialised before it is put to use. `c/` is the engine's code,
//! `build.rs` compiles it.

mod scripts;

use std::fmt;

/// The engine without scripts; empty where no C compiler for wasm32 was at hand when it was to be built.
const ENGINE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/engine.wasm"));

/// The SDK's modules, the engine's entrance first. `c/scripts.h` resolves imports to their names.
const SDK: [(&str, &str); 10] = [
    ("skewless/engine.js", include_str!("../../js/src/engine.js")),
    ("skewless/check.js", include_str!("../../js/src/check.js")),
    ("skewless/column.js", include_str!("../../js/src/column.js")),
    ("skewless/errors.js", include_str!("../../js/src/errors.js")),
    ("skewless/sandbox.js", include_str!("../../js/src/sandbox.js")),
    ("skewless/timestamp.js", include_str!("../../js/src/timestamp.js")),
    ("skewless/transform.js", include_str!("../../js/src/transform.js")),
    ("skewless/types.js", include_str!("../../js/src/types.js")),
    ("skewless/globals.js", include_str!("../../js/src/globals.js")),
    ("skewless/index.js", include_str!("../../js/src/index.js")),
];

/// Why a script makes no transform.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There was no compiler when the engine was to be built.
    #[error("this program was built without its JavaScript engine, for want of a C compiler that knows wasm32")]
    NoEngine,
    /// A module that can't be read or written, which the engine's own never is.
    #[error("the JavaScript engine can't take the script: {0}")]
    Module(String),
}

impl Error {
    fn module(reason: impl fmt::Display) -> Self {
        Self::Module(reason.to_string())
    }
}

/// The core module of a script of the author's, called `name` in messages, of a package of that `version`.
///
/// # Errors
/// [`Error::NoEngine`] where there is none.
pub fn module(name: &str, source: &str, version: &str) -> Result<Vec<u8>, Error> {
    if ENGINE.is_empty() {
        return Err(Error::NoEngine);
    }
    let version = format!("export const version = {version:?};\n");
    let mut scripts = SDK.to_vec();
    scripts.extend([("skewless/version.js", version.as_str()), (name, source)]);
    scripts::insert(ENGINE, &scripts)
}
