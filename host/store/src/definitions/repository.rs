//! A feature repository: a folder with `skewless.yaml` and definition files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::{self, Environment};
use super::object::Kind;
use super::places::{self, Finding, Placed, Places};
use super::settings::Settings;
use super::yaml::{self, Node, Problem};
use super::{Definitions, checks, files};
use crate::{Error, Location, Result};

/// The name of the settings file, which makes a folder a repository.
pub const SETTINGS_FILE: &str = "skewless.yaml";

/// A loaded repository: checked in itself, not yet against data files and components.
#[derive(Debug, Clone)]
pub struct Repository {
    /// the folder; relative paths in definitions start here
    pub root: PathBuf,
    /// what `skewless.yaml` says
    pub settings: Settings,
    /// all definitions of all files
    pub definitions: Definitions,
    places: Places,
    settings_place: Placed,
}

impl Repository {
    /// Reads and checks all files of the repository in `root`. Variables (`${VAR}`) are looked up in
    /// `environment`.
    ///
    /// # Errors
    /// `InvalidDefinition` with the location of the first mistake, in the order of the files, and the others in its
    /// message; `Unavailable` where a file can't be read.
    pub fn load(root: &Path, environment: &Environment<'_>) -> Result<Self> {
        let mut findings = Vec::new();
        let settings = load_settings(root, environment, &mut findings)?;
        let mut loaded = Loaded::default();
        for path in files::definition_files(root)? {
            match parse(&path, environment)? {
                Ok(None) => {}
                Ok(Some((placed, definitions))) => loaded.add(&placed, definitions),
                Err(finding) => findings.push(finding),
            }
        }
        // References are followed only where every file could be read: else each reference into a broken file
        // would be blamed too.
        if findings.is_empty() {
            loaded.definitions.sort();
            findings = checks::check(&loaded.definitions, &loaded.places);
            findings.append(&mut loaded.duplicates);
        }
        match (places::report(findings), settings) {
            (None, Some((settings_place, settings))) => {
                let Loaded { definitions, places, .. } = loaded;
                Ok(Self { root: root.to_owned(), settings, definitions, places, settings_place })
            }
            (error, _) => Err(error.expect("settings that can't be read leave a finding")),
        }
    }

    /// Where a definition stands. `None` where there is none of that name.
    #[must_use]
    pub fn location(&self, kind: Kind, name: &str) -> Option<Location> {
        self.location_of(kind, name, "")
    }

    /// Where a part of a definition stands: `schema.wind_speed.type`, `inputs.wind_direction`, `features.2`, `path`.
    /// A step is a key; in a list it is the `name` of an item, an item's text, or its number from 0. A step that
    /// leads nowhere, such as a key that is left out, gives the place of what would hold it.
    #[must_use]
    pub fn location_of(&self, kind: Kind, name: &str, path: &str) -> Option<Location> {
        self.places.location(kind, name, path)
    }

    /// Where a part of `skewless.yaml` stands, such as `online_store.path`.
    #[must_use]
    pub fn settings_location(&self, path: &str) -> Location {
        self.settings_place.location(path)
    }
}

impl Settings {
    /// Reads `skewless.yaml` in `root` alone, for whoever works with what is applied: a definition file that somebody is
    /// editing does not stop a server.
    ///
    /// # Errors
    /// As [`Repository::load`], for this file.
    pub fn load(root: &Path, environment: &Environment<'_>) -> Result<Self> {
        let mut findings = Vec::new();
        let settings = load_settings(root, environment, &mut findings)?;
        match (places::report(findings), settings) {
            (None, Some((_, settings))) => Ok(settings),
            (error, _) => Err(error.expect("settings that can't be read leave a finding")),
        }
    }
}

fn load_settings(
    root: &Path,
    environment: &Environment<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Option<(Placed, Settings)>> {
    let path = root.join(SETTINGS_FILE);
    if !path.is_file() {
        return Err(Error::invalid_definition(format!(
            "`{}` is no feature repository: it has no {SETTINGS_FILE}; go to a folder that has one, or make one with \
             `skewless init`",
            root.display()
        )));
    }
    let parsed = parse::<Settings>(&path, environment)?;
    let settings = parsed.and_then(|settings| settings.ok_or_else(|| no_project(&path)));
    let settings = settings.map_err(|finding| findings.push(finding)).ok();
    if let Some((placed, settings)) = &settings {
        findings.extend(checks::check_settings(settings, placed));
    }
    Ok(settings)
}

fn no_project(path: &Path) -> Finding {
    let location = Location { file: shown(path).to_owned(), line: 1, column: 1 };
    Finding { location, message: "the file is empty: it needs at least a `project: name`".to_owned() }
}

/// One file, parsed and filled: `None` where it is empty, a finding where it is wrong.
fn parse<T: serde::de::DeserializeOwned>(
    path: &Path,
    environment: &Environment<'_>,
) -> Result<Result<Option<(Placed, T)>, Finding>> {
    let text = files::read(path)?;
    let file: Arc<Path> = shown(path).into();
    let parsed = yaml::parse(&text).and_then(|node| node.map(|node| typed(node, environment)).transpose());
    Ok(match parsed {
        Ok(parsed) => Ok(parsed.map(|(node, value)| (Placed { file, node }, value))),
        Err(problem) => {
            let place = problem.place().unwrap_or(yaml::Place { line: 1, column: 1 });
            Err(Finding { location: places::location(&file, place), message: problem.to_string() })
        }
    })
}

fn typed<T: serde::de::DeserializeOwned>(mut node: Node, environment: &Environment<'_>) -> Result<(Node, T), Problem> {
    environment::fill(&mut node, environment)?;
    let value = node.read()?;
    Ok((node, value))
}

/// The path as people write it: without the `./` of a repository that is the current folder.
fn shown(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// The definitions of the files read so far.
#[derive(Default)]
struct Loaded {
    definitions: Definitions,
    places: Places,
    duplicates: Vec<Finding>,
}

impl Loaded {
    fn add(&mut self, file: &Placed, definitions: Definitions) {
        let mut numbers = [0; Kind::ALL.len()];
        for object in definitions.objects() {
            let number = &mut numbers[object.kind as usize];
            let items = file.node.get(object.kind.section()).map_or(&[][..], Node::items);
            let node = items[*number].clone();
            *number += 1;
            self.place(object.kind, object.name, Placed { file: Arc::clone(&file.file), node });
        }
        self.definitions.append(definitions);
    }

    /// Remembers where an object stands, or that another one has its name.
    fn place(&mut self, kind: Kind, name: &str, placed: Placed) {
        let namesakes: &[Kind] = match kind {
            Kind::FeatureView | Kind::OnDemandFeatureView => &[Kind::FeatureView, Kind::OnDemandFeatureView],
            _ => &[kind],
        };
        let other = namesakes.iter().find_map(|kind| Some((*kind, self.places.location(*kind, name, "")?)));
        if other.as_ref().is_none_or(|(other, _)| *other != kind) {
            self.places.insert(kind, name, placed.clone());
        }
        let Some((other, Location { file, line, column })) = other else { return };
        let first = file.display();
        let message = format!("the {kind} `{name}` has the name of the {other} at {first}:{line}:{column}: rename one");
        self.duplicates.push(Finding { location: placed.location("name"), message });
    }
}

#[cfg(test)]
mod tests;
