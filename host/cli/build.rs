//! Embeds what the program hands out or links in: the SDKs and the contract, which `init` and `new` put into a
//! repository, the templates of `new`, and the stub that stands in for Go's operating system.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The folders that belong to the SDKs, relative to the workspace, which an author's source needs.
const SDK_FOLDERS: [&str; 4] = ["guest-sdk/go", "guest-sdk/js", "guest-sdk/rust", "wit"];
const SDK_ENDINGS: [&str; 9] = [".go", ".js", ".json", ".md", ".mod", ".rs", ".toml", ".ts", ".wit"];

const STUB: &str = "src/language/go/wasi_stub.wat";

fn main() -> io::Result<()> {
    let crate_folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    let workspace = crate_folder.join("../..").canonicalize()?;

    let sdk = SDK_FOLDERS.map(|folder| workspace.join(folder));
    fs::write(out.join("sdk.rs"), table(&workspace, &sdk, &|name| SDK_ENDINGS.iter().any(|end| name.ends_with(end)))?)?;
    let templates = crate_folder.join("template/new");
    fs::write(out.join("templates.rs"), table(&templates, std::slice::from_ref(&templates), &|_| true)?)?;

    println!("cargo:rerun-if-changed={}", crate_folder.join(STUB).display());
    let stub = wat::parse_file(crate_folder.join(STUB)).map_err(io::Error::other)?;
    fs::write(out.join("wasi_stub.wasm"), stub)
}

/// A Rust expression: the path, relative to `root`, and the text of each file below `folders` whose name is wanted.
fn table(root: &Path, folders: &[PathBuf], wanted: &dyn Fn(&str) -> bool) -> io::Result<String> {
    let mut files = Vec::new();
    for folder in folders {
        println!("cargo:rerun-if-changed={}", folder.display());
        collect(folder, wanted, &mut files)?;
    }
    files.sort();
    let mut table = String::from("[\n");
    for file in &files {
        let name = file.strip_prefix(root).expect("it was found below the root").to_str();
        let name = name.expect("the project's files have plain names");
        writeln!(table, "    ({name:?}, include_str!({file:?})),").expect("writing to a string does not fail");
    }
    table.push(']');
    Ok(table)
}

/// The files below `folder`, without what a build leaves there.
fn collect(folder: &Path, wanted: &dyn Fn(&str) -> bool, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !["node_modules", "target", "test", "tests"].contains(&name) {
                collect(&path, wanted, files)?;
            }
        } else if wanted(name) {
            files.push(path);
        }
    }
    Ok(())
}
