//! What changes between two sets of definitions, in words.

use serde::Serialize;
use serde_json::Value;

use super::object::Kind;
use super::{Definitions, Object};

/// What happens to one definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// the kind, as in messages: `feature view`
    pub kind: &'static str,
    /// the name
    pub name: String,
    /// what happens to it
    pub change: ChangeKind,
}

/// What happens to a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It differs; one line for each field.
    Changed(Vec<String>),
}

/// What changes from `old` to `new`: kind by kind, sorted by name.
#[must_use]
pub fn diff(old: &Definitions, new: &Definitions) -> Vec<Change> {
    let (old_tree, new_tree) = (tree(old), tree(new));
    let mut changes = Vec::new();
    for kind in Kind::ALL {
        for name in names(kind, old, new) {
            let find = |tree| item(section(tree, kind), name);
            let change = match (find(&old_tree), find(&new_tree)) {
                (None, _) => ChangeKind::Added,
                (_, None) => ChangeKind::Removed,
                (Some(old), Some(new)) if old == new => continue,
                (Some(old), Some(new)) => ChangeKind::Changed(differences(old, new)),
            };
            changes.push(Change { kind: kind.name(), name: name.to_owned(), change });
        }
    }
    changes
}

fn tree(definitions: &Definitions) -> Value {
    serde_json::to_value(definitions).expect("definitions are plain data with texts as keys")
}

/// The names of one kind on either side, sorted, each once.
fn names<'a>(kind: Kind, old: &'a Definitions, new: &'a Definitions) -> Vec<&'a str> {
    let of_kind = |object: &Object<'_>| object.kind == kind;
    let mut names: Vec<_> = old.objects().chain(new.objects()).filter(of_kind).map(|object| object.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn section(tree: &Value, kind: Kind) -> &[Value] {
    tree.get(kind.section()).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn item<'a>(list: &'a [Value], name: &str) -> Option<&'a Value> {
    list.iter().find(|item| item["name"] == name)
}

fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", old, new, &mut lines);
    lines
}

fn compare(path: &str, old: &Value, new: &Value, lines: &mut Vec<String>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                compare_item(&join(path, key), old.get(key), new.get(key), lines);
            }
        }
        (Value::Array(old), Value::Array(new)) if named(old) && named(new) => {
            let added = new.iter().filter(|value| item(old, name(value)).is_none());
            let before = lines.len();
            for value in old.iter().chain(added) {
                compare_item(&join(path, name(value)), item(old, name(value)), item(new, name(value)), lines);
            }
            if lines.len() == before {
                lines.push(format!("{path}: order changed from {} to {}", order(old), order(new)));
            }
        }
        (old, new) => lines.push(format!("{path}: {} became {}", written(old), written(new))),
    }
}

fn compare_item(path: &str, old: Option<&Value>, new: Option<&Value>, lines: &mut Vec<String>) {
    match (old, new) {
        (Some(old), Some(new)) => compare(path, old, new, lines),
        (Some(old), None) => lines.push(format!("{path}: removed ({})", written(old))),
        (None, Some(new)) => lines.push(format!("{path}: added ({})", written(new))),
        (None, None) => {}
    }
}

fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

fn named(list: &[Value]) -> bool {
    list.iter().all(|item| item["name"].is_string())
}

fn name(item: &Value) -> &str {
    item["name"].as_str().unwrap_or_default()
}

fn order(list: &[Value]) -> String {
    list.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A value in a line: a field by its type, a text bare, anything else as JSON.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().map(written).collect::<Vec<_>>().join(", ")
        }
        Value::Object(fields) => fields.get("type").map_or_else(|| value.to_string(), written),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
