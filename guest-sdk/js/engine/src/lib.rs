//! The JavaScript engine, and the components that are made of it.
//!
//! A script enters, a component leaves that holds the engine, the SDK and the script. Its first `describe` evaluates them,
//! so it is to be pre-initialised before it is put to use. `c/` is the engine's code, `build.rs` compiles it.

mod scripts;

use std::fmt;

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// The engine without scripts; empty where no C compiler for wasm32 was at hand when it was to be built.
const ENGINE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/engine.wasm"));

const CONTRACT: &str = include_str!("../../../../wit/transform.wit");

/// The SDK's modules, the engine's entrance first. `c/scripts.h` resolves imports to their names.
const SDK: [(&str, &str); 10] = [
    ("skewless/engine.js", include_str!("../../src/engine.js")),
    ("skewless/check.js", include_str!("../../src/check.js")),
    ("skewless/column.js", include_str!("../../src/column.js")),
    ("skewless/errors.js", include_str!("../../src/errors.js")),
    ("skewless/sandbox.js", include_str!("../../src/sandbox.js")),
    ("skewless/timestamp.js", include_str!("../../src/timestamp.js")),
    ("skewless/transform.js", include_str!("../../src/transform.js")),
    ("skewless/types.js", include_str!("../../src/types.js")),
    ("skewless/decode.js", include_str!("../../src/decode.js")),
    ("skewless/index.js", include_str!("../../src/index.js")),
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

/// The component of a script of the author's, called `name` in messages, of a package of that `version`.
///
/// # Errors
/// [`Error::NoEngine`] where there is none.
pub fn component(name: &str, source: &str, version: &str) -> Result<Vec<u8>, Error> {
    if ENGINE.is_empty() {
        return Err(Error::NoEngine);
    }
    let version = format!("export const version = {version:?};\n");
    let mut scripts = SDK.to_vec();
    scripts.extend([("skewless/version.js", version.as_str()), (name, source)]);
    let mut module = scripts::insert(ENGINE, &scripts)?;
    let mut resolve = Resolve::default();
    let package = resolve.push_str("transform.wit", CONTRACT).map_err(Error::module)?;
    let world = resolve.select_world(&[package], Some("transform")).map_err(Error::module)?;
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(Error::module)?;
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    encoder.and_then(|mut encoder| encoder.encode()).map_err(|error| Error::Module(format!("{error:#}")))
}
