//! The files of a new repository: definitions, a transform, sample data, the SDK, and how to go on.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::language::Language;
use crate::{sample_data, sdk};

/// Where the SDKs are put; in sight, and to be committed, for without them nobody can build the transforms.
pub(crate) const SDK_FOLDER: &str = "vendor/skewless";

/// The files that are the same in every repository.
const TEXTS: [(&str, &str); 6] = [
    (".gitignore", include_str!("../template/gitignore")),
    ("Cargo.toml", include_str!("../template/Cargo.toml.txt")),
    ("README.md", include_str!("../template/README.md")),
    ("features/user_stats.yaml", include_str!("../template/user_stats.yaml")),
    ("transforms/purchases_per_dollar/Cargo.toml", include_str!("../template/transform.toml.txt")),
    ("transforms/purchases_per_dollar/src/lib.rs", include_str!("../template/transform.rs.txt")),
];

const SETTINGS: &str = include_str!("../template/skewless.yaml");

/// A file to be made, relative to the repository.
pub(crate) struct TemplateFile {
    pub(crate) path: PathBuf,
    pub(crate) content: Vec<u8>,
}

/// All files of a new repository.
pub(crate) fn files(project: &str) -> Vec<TemplateFile> {
    let settings = ("skewless.yaml".into(), SETTINGS.replace("my_project", project).into_bytes());
    let texts = TEXTS.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()));
    let data = [
        ("data/user_stats.parquet".into(), sample_data::user_stats()),
        ("data/entity_rows.parquet".into(), sample_data::entity_rows()),
    ];
    let sdk =
        sdk_files(Language::Rust).map(|(path, text)| (Path::new(SDK_FOLDER).join(path), text.as_bytes().to_vec()));
    let files = std::iter::once(settings).chain(texts).chain(data).chain(sdk);
    files.map(|(path, content)| TemplateFile { path, content }).collect()
}

/// Path and text of each file of a language's SDK, and of the contract.
pub(crate) fn sdk_files(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    let folder = format!("guest-sdk/{}/", language.folder());
    sdk::FILES.iter().filter(move |(path, _)| path.starts_with(&folder) || path.starts_with("wit/")).copied()
}

/// Writes a file that must not be there yet.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| Failure::file("make the folder", folder, &error))?;
    let written = File::create_new(path).and_then(|mut file| file.write_all(content));
    written.map_err(|error| Failure::file("write", path, &error))
}

/// A project's name made of its folder's: `My Shop` becomes `my_shop`.
pub(crate) fn project_name(folder: &Path) -> String {
    let name = folder.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(64).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('_');
    if name.is_empty() { "my_project".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_project_a_name() {
        let cases = [
            ("shop", "shop"),
            ("/srv/My Shop", "my_shop"),
            ("2024-shop.v2", "shop_v2"),
            ("été!", "t"),
            ("/", "my_project"),
            ("42", "my_project"),
        ];
        for (folder, expected) in cases {
            assert_eq!(project_name(Path::new(folder)), expected, "{folder}");
        }
    }
}
