//! `skewless new`: writes a transform's template, in one of the languages, with the SDK where it isn't there yet.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::{Failure, Result};
use crate::language::Language;
use crate::session::Session;
use crate::template::{SDK_FOLDER, TemplateFile, sdk_files, write_new};

const EXAMPLES: &str = "\
Examples:
  skewless new spend_per_order --lang go       in a repository: transforms/spend_per_order
  skewless new spend_per_order                 in Rust; outside a repository: spend_per_order
  skewless test transforms/spend_per_order     builds it, and asks it the cases of its cases.json";

/// Path and text of each template's files; the first folder is the language.
const TEMPLATES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// Where the SDK of a transform outside a repository goes, in the transform's folder. Go means something of its own by
/// `vendor` there.
const OWN_SDK_FOLDER: &str = "skewless";

/// Make a transform: source, tests and cases to start from
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The transform's name, as in `spend_per_order`
    #[arg(value_parser = name)]
    name: String,
    /// The language to write it in
    #[arg(long = "lang", value_name = "LANGUAGE", value_enum, default_value = "rust")]
    language: Language,
}

/// Where the files of a new transform go.
struct Place {
    /// the transform's folder
    folder: PathBuf,
    /// the folder of the SDKs, and the way to it from the transform's folder
    sdk: PathBuf,
    way_to_sdk: String,
    /// the nearest folder that may have a cargo workspace for it
    repository: Option<PathBuf>,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let Arguments { name, language } = arguments;
    let place = Place::of(name);
    if place.folder.exists() {
        let message = format!("`{}` is there already: give the transform another name", place.folder.display());
        return Err(Failure::impossible(message));
    }
    let mut files = place.files(name, *language);
    let sdk = place.missing_sdk(*language);
    let sdk_count = sdk.len();
    files.extend(sdk);
    for TemplateFile { path, content } in &files {
        write_new(path, content)?;
    }
    if *language != Language::Rust {
        place.leave_workspace()?;
    }
    let own = files.iter().take(files.len() - sdk_count).map(|file| file.path.as_path());
    session.output.print(&told(arguments, &place, own, sdk_count))?;
    Ok(())
}

impl Place {
    fn of(name: &str) -> Self {
        match Session::root() {
            Ok(root) => {
                let root = root.strip_prefix(".").map(Path::to_owned).unwrap_or(root);
                let folder = root.join("transforms").join(name);
                let way_to_sdk = format!("../../{SDK_FOLDER}");
                Self { folder, sdk: root.join(SDK_FOLDER), way_to_sdk, repository: Some(root) }
            }
            Err(_) => {
                let folder = PathBuf::from(name);
                let (sdk, way_to_sdk) = (folder.join(OWN_SDK_FOLDER), format!("./{OWN_SDK_FOLDER}"));
                Self { folder, sdk, way_to_sdk, repository: None }
            }
        }
    }

    /// The template's files, with the transform's name in the place of `{{name}}`.
    fn files(&self, name: &str, language: Language) -> Vec<TemplateFile> {
        let in_workspace = self.repository.as_ref().is_some_and(|root| root.join("Cargo.toml").is_file());
        let values = [
            ("{{name}}", name.to_owned()),
            ("{{Name}}", pascal_case(name)),
            ("{{package}}", name.replace('_', "")),
            ("{{sdk}}", self.way_to_sdk.clone()),
            ("{{workspace}}\n", if in_workspace { String::new() } else { "\n[workspace]\n".to_owned() }),
        ];
        let folder = format!("{}/", language.folder());
        let of_language = TEMPLATES.iter().filter_map(|(path, text)| Some((path.strip_prefix(&folder)?, *text)));
        let file = |(path, text): (&str, &str)| {
            let path = path.strip_suffix(".txt").unwrap_or(path).replace("NAME", name);
            let text = values.iter().fold(text.to_owned(), |text, (key, value)| text.replace(key, value));
            TemplateFile { path: self.folder.join(path), content: text.into_bytes() }
        };
        let mut files: Vec<TemplateFile> = of_language.map(file).collect();
        if self.repository.is_none() {
            let content = b"/target\n/node_modules\n.skewless/\n".to_vec();
            files.push(TemplateFile { path: self.folder.join(".gitignore"), content });
        }
        files
    }

    /// Has the repository's cargo workspace leave the folder out: it would take it for a crate.
    fn leave_workspace(&self) -> Result<()> {
        let Some(root) = &self.repository else { return Ok(()) };
        let path = root.join("Cargo.toml");
        let Ok(manifest) = std::fs::read_to_string(&path) else { return Ok(()) };
        let folder = self.folder.strip_prefix(root).unwrap_or(&self.folder).to_string_lossy();
        match without_member(&manifest, &folder) {
            Some(manifest) => std::fs::write(&path, manifest).map_err(|error| Failure::file("write", &path, &error)),
            None => Ok(()),
        }
    }

    /// The SDK's files, unless the SDK of the language is there: two versions in one folder would be none.
    fn missing_sdk(&self, language: Language) -> Vec<TemplateFile> {
        let there = |path: &Path| path.iter().take(2).fold(self.sdk.clone(), |folder, part| folder.join(part)).exists();
        let missing = sdk_files(language).filter(|(path, _)| !there(Path::new(path)));
        missing.map(|(path, text)| TemplateFile { path: self.sdk.join(path), content: text.into() }).collect()
    }
}

/// A workspace's manifest that leaves out a folder which its `members` would take for a crate. `None` where it has to
/// stay as it is: it leaves nothing out yet in a way that is understood here.
fn without_member(manifest: &str, folder: &str) -> Option<String> {
    let (before, after) = manifest.split_once("\nexclude = [")?;
    Some(format!("{before}\nexclude = [{folder:?}, {after}"))
}

/// A name that the contract allows.
fn name(text: &str) -> Result<String, String> {
    let tail = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = text.starts_with(|first: char| first.is_ascii_lowercase());
    if starts_well && text.len() <= 64 && text.bytes().all(tail) {
        return Ok(text.to_owned());
    }
    Err("use lower-case letters, digits and `_`, a letter first, at most 64 bytes".to_owned())
}

fn pascal_case(name: &str) -> String {
    let capitalized = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    name.split('_').map(capitalized).collect()
}

fn told<'a>(arguments: &Arguments, place: &Place, own: impl Iterator<Item = &'a Path>, sdk_count: usize) -> String {
    let (name, folder) = (&arguments.name, place.folder.display());
    let mut text = format!("transform {name} in {}\n", arguments.language.name());
    own.for_each(|path| text += &format!("  {}\n", path.display()));
    if sdk_count > 0 {
        text += &format!("  {}/ ({sdk_count} files: the SDK)\n", place.sdk.display());
    }
    text += &format!("go on with\n  skewless test {folder}\n");
    if let Some(root) = &place.repository {
        let path = place.folder.strip_prefix(root).unwrap_or(&place.folder).display();
        text += &format!("and in the definitions\n  transforms:\n    - {{name: {name}, path: {path}}}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_contract() {
        assert_eq!(name("spend_per_order").as_deref(), Ok("spend_per_order"));
        for refused in ["", "Spend", "7d", "_x", "a-b", "é", &"a".repeat(65)] {
            assert!(name(refused).is_err(), "{refused}");
        }
        assert_eq!(pascal_case("spend_per_order"), "SpendPerOrder");
        assert_eq!(pascal_case("a__b_7"), "AB7");
    }

    #[test]
    fn a_workspace_leaves_out_what_is_no_crate() {
        let manifest = "[workspace]\nmembers = [\"transforms/*\"]\nexclude = [\"vendor\"]\n";
        let expected = "[workspace]\nmembers = [\"transforms/*\"]\nexclude = [\"transforms/t\", \"vendor\"]\n";
        assert_eq!(without_member(manifest, "transforms/t").as_deref(), Some(expected));
        assert_eq!(without_member("[workspace]\nmembers = [\"crates/*\"]\n", "transforms/t"), None);
    }

    #[test]
    fn every_language_has_a_template_with_cases() {
        for language in [Language::Rust, Language::Go] {
            let place = Place { folder: "t".into(), sdk: "t/sdk".into(), way_to_sdk: "./sdk".into(), repository: None };
            let files = place.files("t", language);
            assert!(files.iter().any(|file| file.path == Path::new("t/cases.json")), "{language:?}");
            for TemplateFile { path, content } in &files {
                assert!(!String::from_utf8_lossy(content).contains("{{"), "{}", path.display());
            }
        }
    }
}
