//! Embeds the Rust SDK and the contract, which `skewless init` puts into a new repository.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The folders that belong to the SDK, relative to the workspace, which an author's crate needs.
const FOLDERS: [&str; 2] = ["guest-sdk/rust", "wit"];

fn main() -> io::Result<()> {
    let crate_folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let workspace = crate_folder.join("../..").canonicalize()?;
    let mut files = Vec::new();
    for folder in FOLDERS {
        println!("cargo:rerun-if-changed={}", workspace.join(folder).display());
        collect(&workspace.join(folder), &mut files)?;
    }
    files.sort();
    let mut table = String::from("[\n");
    for file in &files {
        let name = file.strip_prefix(&workspace).expect("it was found below the workspace").to_str();
        let name = name.expect("the SDK's files have plain names");
        writeln!(table, "    ({name:?}, include_str!({file:?})),").expect("writing to a string does not fail");
    }
    table.push(']');
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("sdk.rs"), table)
}

/// The text files below `folder`, without what a build leaves there.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["target", "tests"].contains(&name) {
            collect(&path, files)?;
        } else if [".rs", ".toml", ".wit", ".md"].iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
    Ok(())
}
