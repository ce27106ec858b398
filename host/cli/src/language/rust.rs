//! Crates: what cargo is asked, and what it says. A cargo workspace is built in one go.
//!
//! The same crate makes the same bytes wherever it lies and whoever builds it: profile and target features are set here,
//! flags of the environment are left out, and paths in messages are those of no particular machine.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

use super::Built;
use crate::component;
use crate::failure::{Failure, Result};

const TARGET: &str = "wasm32-unknown-unknown";

/// The profile of every component, whatever the crate's own says: fast, and small next to that. Names of functions
/// stay, for backtraces; DWARF goes.
const PROFILE: [&str; 8] = [
    "profile.release.opt-level=3",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.debug=0",
    "profile.release.strip=\"debuginfo\"",
    "profile.release.incremental=false",
    "profile.release.debug-assertions=false",
];

/// The components of the crates in `folders`, in that order; `more` are arguments for cargo.
pub(crate) fn build(folders: &[&Path], quiet: bool, more: &[OsString]) -> Result<Vec<Built>> {
    let mut built: Vec<Option<Built>> = folders.iter().map(|_| None).collect();
    for (workspace, crates) in workspaces(folders)? {
        let packages = crates.iter().map(|index| workspace.member(folders[*index])).collect::<Result<Vec<_>>>()?;
        let modules = workspace.build(&packages, quiet, more)?;
        for (index, package) in crates.into_iter().zip(packages) {
            let module = modules.get(&package.id).ok_or_else(|| {
                Failure::impossible(format!("cargo built `{}` but named no module", folders[index].display()))
            })?;
            let module = fs::read(module).map_err(|error| Failure::file("read", module, &error))?;
            let bytes = component::of_module(&module).map_err(|reason| component::refused(folders[index], &reason))?;
            built[index] = Some(Built { bytes, artefacts: workspace.target_directory.join("skewless") });
        }
    }
    Ok(built.into_iter().map(|built| built.expect("each folder is in one workspace")).collect())
}

/// The workspaces that `folders` are in, each with the places of its own.
fn workspaces(folders: &[&Path]) -> Result<Vec<(Workspace, Vec<usize>)>> {
    let mut workspaces: Vec<(Workspace, Vec<usize>)> = Vec::new();
    for (index, folder) in folders.iter().enumerate() {
        match workspaces.iter_mut().find(|(workspace, _)| workspace.package(folder).is_some()) {
            Some((_, crates)) => crates.push(index),
            None => workspaces.push((Workspace::of(folder)?, vec![index])),
        }
    }
    Ok(workspaces)
}

/// A cargo workspace; a crate on its own is one too.
#[derive(Debug, Deserialize)]
struct Workspace {
    #[serde(rename = "workspace_root")]
    root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<Package>,
}

/// A crate of a workspace.
#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// A line of what `cargo build` says; only artefacts are of interest.
#[derive(Deserialize)]
struct Message {
    package_id: Option<String>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

impl Workspace {
    /// The workspace of the crate in `folder`.
    fn of(folder: &Path) -> Result<Self> {
        let manifest = manifest(folder)?;
        let mut command = Command::new("cargo");
        command.args(["metadata", "--format-version=1", "--no-deps", "--manifest-path"]).arg(&manifest);
        let output = run(command.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::piped()))?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            let message = format!("cargo can't read `{}`: {}", manifest.display(), reason.trim());
            return Err(Failure::impossible(message));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::impossible(format!("`cargo metadata` speaks another language: {error}")))
    }

    /// The crate in `folder`, if it belongs to this workspace.
    fn package(&self, folder: &Path) -> Option<&Package> {
        let manifest = manifest(folder).ok()?;
        self.packages.iter().find(|package| package.manifest_path == manifest)
    }

    fn member(&self, folder: &Path) -> Result<&Package> {
        let message = || format!("`{}` holds a cargo workspace: name one of its crates", folder.display());
        self.package(folder).ok_or_else(|| Failure::impossible(message()))
    }

    /// Builds `packages` in one go; returns the core module of each, by its id.
    fn build(&self, packages: &[&Package], quiet: bool, more: &[OsString]) -> Result<HashMap<String, PathBuf>> {
        packages.iter().try_for_each(|package| package.check())?;
        self.check_target()?;
        let mut command = Command::new("cargo");
        command.args(["build", "--lib", "--release", "--target", TARGET, "--message-format=json-render-diagnostics"]);
        command.arg("--manifest-path").arg(self.root.join("Cargo.toml"));
        command.args(quiet.then_some("--quiet"));
        command.args(packages.iter().flat_map(|package| ["--package", &package.id]));
        command.args(PROFILE.iter().flat_map(|setting| ["--config", setting]));
        command.args(["--config", &self.flags()]).args(more);
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        // In the workspace's folder, where its `rust-toolchain.toml` and `.cargo/config.toml` hold.
        let output = run(command.current_dir(&self.root).stdin(Stdio::null()).stderr(Stdio::inherit()))?;
        if !output.status.success() {
            let root = self.root.display();
            return Err(Failure::impossible(format!("cargo can't build the transforms of `{root}`: see its messages")));
        }
        Ok(modules(&output.stdout))
    }

    /// The compiler's flags, as a setting of cargo.
    fn flags(&self) -> String {
        let mut flags = vec!["-C".to_owned(), "target-feature=+simd128".to_owned()];
        let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
        let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or(home);
        let remapped = [(Some(self.root.clone()), "/workspace"), (cargo_home, "/cargo")];
        flags.extend(
            remapped.into_iter().filter_map(|(from, to)| Some(format!("--remap-path-prefix={}={to}", from?.to_str()?))),
        );
        let flags = serde_json::to_string(&flags).expect("texts become JSON");
        format!("target.{TARGET}.rustflags={flags}")
    }

    /// Checks that the compiler can compile for WebAssembly: cargo's own message is a page of missing crates.
    fn check_target(&self) -> Result<()> {
        let mut command = Command::new("rustc");
        command.args(["--print", "target-libdir", "--target", TARGET]).current_dir(&self.root).stderr(Stdio::null());
        let output = run(&mut command)?;
        let folder = String::from_utf8_lossy(&output.stdout);
        if output.status.success() && Path::new(folder.trim()).is_dir() {
            return Ok(());
        }
        Err(Failure::impossible(format!(
            "this Rust toolchain can't compile for WebAssembly: run `rustup target add {TARGET}` (or install your \
             distribution's package of that target)"
        )))
    }
}

impl Package {
    fn check(&self) -> Result<()> {
        if self.targets.iter().any(|target| target.crate_types.iter().any(|kind| kind == "cdylib")) {
            return Ok(());
        }
        let manifest = self.manifest_path.display();
        Err(Failure::impossible(format!(
            "`{manifest}` makes no WebAssembly module: add `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`"
        )))
    }
}

fn manifest(folder: &Path) -> Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    manifest.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::impossible(format!("`{}` is no crate: it has no Cargo.toml", folder.display()))
        }
        _ => Failure::file("read", &manifest, &error),
    })
}

fn run(command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdout(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output).map_err(|error| {
        Failure::impossible(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("`{program}` is not installed, and Rust transforms need it: get it from https://rustup.rs")
            }
            _ => format!("`{program}` can't be run: {error}"),
        })
    })
}

/// The modules that cargo says it made, by the id of their crate.
fn modules(messages: &[u8]) -> HashMap<String, PathBuf> {
    let messages = messages.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let module = |Message { package_id, filenames }: Message| {
        let is_module = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "wasm");
        Some((package_id?, filenames.into_iter().find(is_module)?))
    };
    messages.filter_map(module).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_module_among_what_cargo_says() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","package_id":"a#1","filenames":["/t/liba.rlib","/t/a.wasm"]}"#,
            "\n",
            r#"{"reason":"compiler-artifact","package_id":"b#1","filenames":["/t/libb.rlib"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
            "\nnot json\n",
        );
        let expected = HashMap::from([("a#1".to_owned(), PathBuf::from("/t/a.wasm"))]);
        assert_eq!(modules(messages.as_bytes()), expected);
    }

    #[test]
    fn a_folder_without_a_manifest_is_no_crate() {
        let folder = tempfile::tempdir().unwrap();
        let message = Workspace::of(folder.path()).unwrap_err().to_string();
        let folder = folder.path().display().to_string();
        insta::assert_snapshot!(message.replace(&folder, "<folder>"), @"`<folder>` is no crate: it has no Cargo.toml");
    }
}
