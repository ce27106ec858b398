//! The SDKs and the contract as they were when this program was built. `init` and `new` put them into a repository, so
//! that its transforms can be built anywhere.

/// Path, relative to the folder of the SDKs, and text of each file.
pub(crate) const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_transform_needs_is_there() {
        for needed in [
            "guest-sdk/go/go.mod",
            "guest-sdk/go/cmd/skewless-glue/main.go",
            "guest-sdk/go/glue/exports_wasm.go",
            "guest-sdk/js/package.json",
            "guest-sdk/js/src/index.js",
            "guest-sdk/js/src/index.d.ts",
            "guest-sdk/rust/Cargo.toml",
            "guest-sdk/rust/src/lib.rs",
            "guest-sdk/rust/macros/Cargo.toml",
            "guest-sdk/rust/macros/src/lib.rs",
            "wit/transform.wit",
        ] {
            assert!(FILES.iter().any(|(path, _)| *path == needed), "{needed}");
        }
    }

    #[test]
    fn nothing_refers_to_a_workspace_that_is_not_there() {
        for (path, text) in FILES.iter().filter(|(path, _)| path.ends_with("Cargo.toml")) {
            assert!(!text.contains("workspace = true"), "{path}");
        }
    }
}
