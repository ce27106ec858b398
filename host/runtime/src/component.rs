//! What a component's bytes say before anything is compiled: is it a component, and what does it ask for?

use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload};

use crate::error::Error;

/// The version of the contract that this host speaks: the version of the WIT package `skewless:transform`.
pub const CONTRACT_VERSION: &str = "0.1.0";

const PACKAGE: &str = "skewless:transform/";

/// Checks that `bytes` are a component of at most `bytes_max` bytes that imports nothing a transform doesn't get; returns the names of the
/// imports that carry functions.
///
/// # Errors
/// [`Error::InvalidComponent`], [`Error::ForbiddenImport`], or [`Error::Contract`] for another contract's version.
pub(crate) fn check(bytes: &[u8], bytes_max: usize) -> Result<Vec<String>, Error> {
    if bytes.len() > bytes_max {
        let reason = format!("{} bytes is more than the {bytes_max} a component may have", bytes.len());
        return Err(Error::InvalidComponent { reason });
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(Error::InvalidComponent { reason: "it does not begin as WebAssembly does".to_owned() });
    }
    let mut imports = Vec::new();
    for import in root_imports(bytes)? {
        let Some((interface, version)) = import.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')) else {
            let hint = hint(&import);
            return Err(Error::ForbiddenImport { import, hint });
        };
        if version != CONTRACT_VERSION {
            let reason = format!("it was built for version {version}; build it again with the SDK of this version");
            return Err(Error::Contract { reason });
        }
        match interface {
            "types" => {}
            "diagnostics" => imports.push(import),
            _ => return Err(Error::ForbiddenImport { hint: hint(&import), import }),
        }
    }
    Ok(imports)
}

/// The names a component imports at its root.
fn root_imports(bytes: &[u8]) -> Result<Vec<String>, Error> {
    let invalid = |error: wasmparser::BinaryReaderError| Error::InvalidComponent {
        reason: format!("{} (at byte {} of {})", error.message(), error.offset(), bytes.len()),
    };
    let mut depth = 0_usize;
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                let reason = "it is a core module; `skewless build` makes a component of it".to_owned();
                return Err(Error::InvalidComponent { reason });
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(invalid)?;
                    if import.ty.kind() != ComponentExternalKind::Type {
                        names.push(import.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Which language feature usually brings an import in.
fn hint(import: &str) -> &'static str {
    let interface = import.strip_prefix("wasi:").and_then(|rest| rest.split(['/', '@']).next());
    match interface {
        Some("clocks") => "Pass the time in as an input instead of reading a clock",
        Some("random") => "Pass the seed in as an input, or use a fixed one",
        Some("cli" | "io" | "filesystem") => {
            "Printing, environment variables or files need WASI: build with `skewless build`, which leaves WASI out"
        }
        Some("sockets" | "http") => "Fetch the data beforehand and make it a feature view",
        _ => "Build with `skewless build` and the SDK of this version",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let bytes = wat::parse_str(text).unwrap();
        check(&bytes, 1_000).unwrap_err().to_string()
    }

    #[test]
    fn a_component_that_imports_nothing_is_taken() {
        assert_eq!(check(&wat::parse_str("(component)").unwrap(), 8).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn wasi_is_refused_with_a_way_out() {
        insta::assert_snapshot!(message(r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#), @"the component imports `wasi:clocks/wall-clock@0.2.0`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. Pass the time in as an input instead of reading a clock");
    }

    #[test]
    fn another_version_of_the_contract_is_refused() {
        insta::assert_snapshot!(message(r#"(component (import "skewless:transform/diagnostics@0.9.0" (instance)))"#), @"the component does not follow the contract skewless:transform@0.1.0: it was built for version 0.9.0; build it again with the SDK of this version");
    }

    #[test]
    fn a_core_module_is_told_apart_from_a_component() {
        insta::assert_snapshot!(message("(module)"), @"not a WebAssembly component: it is a core module; `skewless build` makes a component of it");
    }

    #[test]
    fn a_component_over_its_size_limit_is_refused() {
        let bytes = wat::parse_str("(component)").unwrap();
        insta::assert_snapshot!(check(&bytes, bytes.len() - 1).unwrap_err(), @"not a WebAssembly component: 8 bytes is more than the 7 a component may have");
    }

    #[test]
    fn foreign_and_cut_bytes_are_refused() {
        insta::assert_snapshot!(check(b"PAR1 and so on", 1_000).unwrap_err(), @"not a WebAssembly component: it does not begin as WebAssembly does");
        let whole = wat::parse_str("(component (core module (func)))").unwrap();
        insta::assert_snapshot!(check(&whole[..whole.len() - 3], 1_000).unwrap_err(), @"not a WebAssembly component: unexpected end-of-file (at byte 31 of 31)");
    }
}
