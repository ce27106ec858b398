//! Sources and transforms: what refers to files.

use super::{Checks, Kind, NAME_RULE, is_name};
use crate::definitions::{Source, TransformDefinition};

impl Checks<'_> {
    pub(super) fn source(&mut self, source: &Source) {
        let subject = (Kind::Source, source.name.as_str());
        if source.path.is_empty() {
            let message = format!("the source `{}` needs a file, a folder or a glob", source.name);
            self.wrong(subject, "path", message);
        }
        if source.timestamp_field.is_empty() {
            let message = format!("the source `{}` needs the column that dates its rows", source.name);
            self.wrong(subject, "timestamp_field", message);
        }
        if source.created_timestamp_column.as_ref() == Some(&source.timestamp_field) {
            let column = &source.timestamp_field;
            let message = format!("`{column}` is the timestamp field already: leave the created timestamp column out");
            self.wrong(subject, "created_timestamp_column", message);
        }
        self.field_mapping(source);
    }

    fn field_mapping(&mut self, source: &Source) {
        let subject = (Kind::Source, source.name.as_str());
        for (column, name) in &source.field_mapping {
            let path = format!("field_mapping.{column}");
            let mut others = source.field_mapping.iter().filter(|(other, _)| *other < column);
            if !is_name(name) {
                self.wrong(subject, &path, format!("the column `{column}` can't be called `{name}`: {NAME_RULE}"));
            } else if let Some((other, _)) = others.find(|(_, taken)| *taken == name) {
                let message = format!("the columns `{other}` and `{column}` are both called `{name}`: rename one");
                self.wrong(subject, &path, message);
            }
        }
    }

    pub(super) fn transform(&mut self, transform: &TransformDefinition) {
        let subject = (Kind::Transform, transform.name.as_str());
        if transform.path.is_empty() {
            let message = format!("the transform `{}` needs the folder of its crate, or a .wasm file", transform.name);
            self.wrong(subject, "path", message);
        }
        for (key, _) in transform.limits.given().filter(|(_, limit)| *limit == 0) {
            let message = format!("a limit of 0 lets nothing run: give `{key}` a number, or leave it out");
            self.wrong(subject, &format!("limits.{key}"), message);
        }
    }
}
