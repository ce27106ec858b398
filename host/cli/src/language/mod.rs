//! Folders of source enter, components leave: one module for each language that transforms are written in.
//!
//! Which language a folder is in, its manifest says. All components then go through the same checks
//! ([`Component`](crate::component::Component)): what a language's tools make of the source is a component of the
//! contract that asks for nothing, or it isn't taken.

pub(crate) mod go;
pub(crate) mod javascript;
pub(crate) mod rust;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::failure::{Failure, Result};

/// A language that transforms are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// A crate: `Cargo.toml`
    Rust,
    /// A Go module: `go.mod`
    Go,
    /// A package: `package.json`
    #[value(name = "js", alias = "javascript")]
    JavaScript,
}

impl Language {
    const ALL: [Self; 3] = [Self::Rust, Self::Go, Self::JavaScript];

    /// The language of the source in `folder`.
    pub(crate) fn of(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            return Err(Failure::impossible(format!("there is no folder `{}`", folder.display())));
        }
        let found = Self::ALL.into_iter().find(|language| folder.join(language.manifest()).is_file());
        found.ok_or_else(|| {
            let manifests = Self::ALL.map(Self::manifest).join(", ");
            let folder = folder.display();
            Failure::impossible(format!("`{folder}` is no transform's folder: it has none of {manifests}"))
        })
    }

    /// The file that says what a folder is.
    fn manifest(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Go => "go.mod",
            Self::JavaScript => "package.json",
        }
    }

    /// Its name, as people write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
            Self::JavaScript => "JavaScript",
        }
    }

    /// Its folder among the SDKs, the templates and the examples.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::JavaScript => "js",
        }
    }

    /// Builds the component of one folder.
    pub(crate) fn build(self, folder: &Path, quiet: bool) -> Result<Built> {
        match self {
            Self::Rust => rust::build(&[folder], quiet, &[]).map(|mut built| built.remove(0)),
            Self::Go => Ok(Built { bytes: go::build(folder, quiet)?, artefacts: artefacts(folder) }),
            Self::JavaScript => Ok(Built { bytes: javascript::build(folder, quiet)?, artefacts: artefacts(folder) }),
        }
    }
}

/// A component that was built.
pub(crate) struct Built {
    pub(crate) bytes: Vec<u8>,
    /// the folder for it where nobody says another
    pub(crate) artefacts: PathBuf,
}

/// Where components go that belong to no repository and have no target folder, as cargo's have.
fn artefacts(folder: &Path) -> PathBuf {
    folder.join(".skewless/components")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_says_which_language_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let message = Language::of(folder.path()).unwrap_err().to_string();
        let message = message.replace(&folder.path().display().to_string(), "<folder>");
        insta::assert_snapshot!(message, @"`<folder>` is no transform's folder: it has none of Cargo.toml, go.mod, package.json");
        std::fs::write(folder.path().join("go.mod"), "module m\n").unwrap();
        assert_eq!(Language::of(folder.path()).unwrap(), Language::Go);
        insta::assert_snapshot!(Language::of(Path::new("nowhere")).unwrap_err(), @"there is no folder `nowhere`");
    }
}
