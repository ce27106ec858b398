//! `skewless init`: writes the template's files where nothing is in the way.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::{Failure, Result};
use crate::session::Session;
use crate::template::{TemplateFile, files, project_name, write_new};

const EXAMPLES: &str = "\
Examples:
  skewless init shop
  cd shop && skewless build && skewless apply

Nothing is overwritten: the folder must be new or empty, or hold nothing but files of an `init` that was cut off.";

/// Make a small working repository: definitions, a transform in Rust, sample data
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Its folder; the project gets the folder's name
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let folder = arguments.folder.clone();
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make the folder", &folder, &error))?;
    let real = folder.canonicalize().map_err(|error| Failure::file("find", &folder, &error))?;
    let project = project_name(&real);
    let files = files(&project);
    let missing = missing(&folder, &files)?;
    for TemplateFile { path, content } in &missing {
        write_new(&folder.join(path), content)?;
    }
    session.output.print(&told(&project, &arguments.folder, &missing))?;
    Ok(())
}

/// The files that aren't there yet, where nothing else is in the way.
fn missing<'a>(folder: &Path, files: &'a [TemplateFile]) -> Result<Vec<&'a TemplateFile>> {
    let first = |file: &TemplateFile| file.path.iter().next().map(OsString::from);
    let known: BTreeSet<OsString> = files.iter().filter_map(first).collect();
    let unreadable = |error| Failure::file("read", folder, &error);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if !known.contains(&name) && !name.to_string_lossy().starts_with('.') {
            return Err(in_the_way(folder, Path::new(&name)));
        }
    }
    let mut missing = Vec::new();
    for file in files {
        match fs::read(folder.join(&file.path)) {
            Ok(content) if content == file.content => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => missing.push(file),
            _ => return Err(in_the_way(folder, &file.path)),
        }
    }
    Ok(missing)
}

fn in_the_way(folder: &Path, path: &Path) -> Failure {
    let (folder, path) = (folder.display(), path.display());
    Failure::impossible(format!(
        "`{folder}` is not empty, it has `{path}`: name a new folder, as in `skewless init shop`"
    ))
}

fn told(project: &str, folder: &Path, made: &[&TemplateFile]) -> String {
    let (sdk, own): (Vec<_>, Vec<_>) = made.iter().map(|file| &file.path).partition(|path| path.starts_with("vendor"));
    let mut text = format!("project {project} in {}\n", folder.display());
    own.iter().for_each(|path| text += &format!("  {}\n", path.display()));
    if !sdk.is_empty() {
        text += &format!("  vendor/skewless/ ({} files: the SDK for transforms)\n", sdk.len());
    }
    let enter = if folder == Path::new(".") { String::new() } else { format!("  cd {}\n", folder.display()) };
    text + &format!("go on with\n{enter}  skewless build\n  skewless apply\nand see README.md for the rest")
}
