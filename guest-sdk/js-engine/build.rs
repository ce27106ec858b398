//! Compiles QuickJS and the glue in `c/` to `engine.wasm`.
//!
//! Needs a C compiler that knows wasm32: clang, or zig's. `SKEWLESS_WASM_CC` names one; else clang and zig are tried.
//! The engine's sources and its C library lie in the crate that `quickjs/Cargo.lock` pins; the linker and the
//! compiler's runtime library are Rust's own. Without a compiler the file is empty, and JavaScript can't be built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The one translation unit is big; this takes half a minute.
const FLAGS: &[&str] = &[
    "-c",
    "-O3",
    "-std=gnu11",
    "-mbulk-memory",
    "-msign-ext",
    "-mnontrapping-fptoint",
    "-msimd128",
    "-fno-sanitize=undefined",
    "-fno-ident",
    "-g0",
    "-w",
    "-DNDEBUG",
    "-D_GNU_SOURCE",
    // What the engine knows of emscripten is what it needs to know of WebAssembly.
    "-DEMSCRIPTEN",
    "-DFE_DOWNWARD=0",
    "-DFE_UPWARD=0",
];

const LINKER_FLAGS: &[&str] =
    &["--no-entry", "--stack-first", "-z", "stack-size=262144", "--strip-debug", "--gc-sections"];

fn main() {
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rerun-if-changed=quickjs/Cargo.lock");
    println!("cargo:rerun-if-env-changed=SKEWLESS_WASM_CC");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let engine = out.join("engine.wasm");
    match compiler() {
        Some(compiler) => build(&compiler, &out, &engine),
        None => {
            // Somebody may install one.
            println!("cargo:rerun-if-env-changed=PATH");
            println!(
                "cargo:warning=no C compiler knows wasm32, so transforms in JavaScript can't be built: install clang or zig"
            );
            fs::write(&engine, []).expect("cargo's folder can be written");
        }
    }
}

/// The command of a compiler for wasm32, if there is one.
fn compiler() -> Option<Vec<String>> {
    let words = |command: &str| command.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    if let Ok(named) = env::var("SKEWLESS_WASM_CC") {
        return Some(words(&named)).filter(|command| !command.is_empty());
    }
    let known = [
        "clang --target=wasm32-unknown-unknown",
        "zig cc -target wasm32-freestanding",
        "python3 -m ziglang cc -target wasm32-freestanding",
    ];
    known.into_iter().map(words).find(|command| compiles(command))
}

fn compiles(command: &[String]) -> bool {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let (source, object) = (out.join("probe.c"), out.join("probe.o"));
    fs::write(&source, "int probe(void) { return 0; }\n").expect("cargo's folder can be written");
    let output = Command::new(&command[0]).args(&command[1..]).arg("-c").arg(source).arg("-o").arg(object).output();
    output.is_ok_and(|output| output.status.success())
}

fn build(compiler: &[String], out: &Path, engine: &Path) {
    let sources = sources();
    let object = out.join("engine.o");
    let libc = sources.join("vendor/wasi-libc");
    let mut command = Command::new(&compiler[0]);
    command.args(&compiler[1..]).args(FLAGS);
    command.arg("-I").arg(sources.join("quickjs")).arg("-isystem").arg(libc.join("include"));
    run(command.arg("c/engine.c").arg("-o").arg(&object));
    let mut linker = Command::new(tool_of_rust("rust-lld"));
    linker.args(["-flavor", "wasm"]).args(LINKER_FLAGS).arg(&object);
    run(linker.arg(libc.join("lib/libc.a")).arg(compiler_runtime()).arg("-o").arg(engine));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("can't run {command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
}

fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("can't run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo and rustc speak UTF-8")
}

/// The folder of the crate that carries the engine's sources.
fn sources() -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets it"));
    cargo.args(["metadata", "--format-version=1", "--locked", "--manifest-path", "quickjs/Cargo.toml"]);
    let metadata: serde_json::Value = serde_json::from_str(&output_of(&mut cargo)).expect("cargo's metadata is JSON");
    let packages = metadata["packages"].as_array().expect("metadata has packages");
    let package = packages.iter().find(|package| package["name"] == "rquickjs-sys").expect("the lockfile names it");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a package has a manifest"));
    manifest.parent().expect("a manifest is in a folder").to_owned()
}

fn rustc() -> Command {
    Command::new(env::var_os("RUSTC").expect("cargo sets it"))
}

fn tool_of_rust(name: &str) -> PathBuf {
    let folder = output_of(rustc().args(["--print", "target-libdir"]));
    Path::new(folder.trim()).with_file_name("bin").join(name)
}

/// What the C compiler expects to be there, such as arithmetic of 128 bits.
fn compiler_runtime() -> PathBuf {
    let folder = output_of(rustc().args(["--print", "target-libdir", "--target", "wasm32-unknown-unknown"]));
    let files = fs::read_dir(folder.trim()).expect("Rust's target wasm32-unknown-unknown is installed");
    let mut paths = files.filter_map(|entry| Some(entry.ok()?.path()));
    let is_it = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("libcompiler_builtins-") && name.ends_with(".rlib")
    };
    paths.find(is_it).expect("Rust's target has its compiler_builtins")
}
