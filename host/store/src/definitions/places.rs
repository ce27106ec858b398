//! Where in the files each definition stands, and findings that point there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::object::Kind;
use super::yaml::{Node, Place};
use crate::{Error, Location};

/// The tree of every definition, by kind and name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    objects: HashMap<(Kind, String), Placed>,
}

/// A tree and the file it came from.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) file: Arc<Path>,
    pub(crate) node: Node,
}

/// Something wrong in a file.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) location: Location,
    pub(crate) message: String,
}

impl Placed {
    /// The place that `path` leads to, or the nearest above it.
    pub(crate) fn location(&self, path: &str) -> Location {
        location(&self.file, self.node.follow(path).place)
    }
}

pub(crate) fn location(file: &Path, place: Place) -> Location {
    Location { file: PathBuf::from(file), line: place.line, column: place.column }
}

impl Places {
    pub(crate) fn insert(&mut self, kind: Kind, name: &str, placed: Placed) {
        self.objects.insert((kind, name.to_owned()), placed);
    }

    /// The place of a part of a definition, see [`Node::follow`].
    pub(crate) fn location(&self, kind: Kind, name: &str, path: &str) -> Option<Location> {
        Some(self.objects.get(&(kind, name.to_owned()))?.location(path))
    }
}

/// How many findings one error tells in full.
const FINDINGS_MAX: usize = 20;

/// One error of all findings, in the order of the files: the first with its location, the others below it.
/// `None` where there are none.
pub(crate) fn report(mut findings: Vec<Finding>) -> Option<Error> {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.location.line, finding.location.column);
        a.location.file.cmp(&b.location.file).then(key(a).cmp(&key(b)))
    });
    let mut findings = findings.into_iter();
    let Finding { location, mut message } = findings.next()?;
    if findings.len() > 0 {
        message.push_str(&format!("\n… and {} more:", findings.len()));
    }
    let shown = FINDINGS_MAX.min(findings.len());
    let hidden = findings.len() - shown;
    for Finding { location: Location { file, line, column }, message: text } in findings.take(shown) {
        message.push_str(&format!("\n{}:{line}:{column}: {text}", file.display()));
    }
    if hidden > 0 {
        message.push_str(&format!("\n({hidden} not shown)"));
    }
    Some(Error::invalid_definition(message).at(location))
}
