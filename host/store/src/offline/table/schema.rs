//! One schema for files that are read as one table.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};

use super::Owner;
use crate::Result;

/// The columns of all `files`, each with its name and schema, in the order in which they first appear. Any may be null, since a
/// file that lacks a column has nulls in it.
///
/// # Errors
/// The owner's, where two files have a column in different types, or one has a name twice.
pub(super) fn merge<'a>(owner: &Owner, files: impl IntoIterator<Item = (String, &'a Schema)>) -> Result<SchemaRef> {
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut known: HashMap<String, (usize, String)> = HashMap::new();
    for (file, schema) in files {
        for (place, field) in schema.fields().iter().enumerate() {
            let name = field.name();
            if schema.fields()[..place].iter().any(|other| other.name() == name) {
                return Err(owner.damaged(format!("file `{file}` of {owner} has two columns `{name}`: rename one")));
            }
            let Some((column, first)) = known.get(name) else {
                known.insert(name.clone(), (fields.len(), file.clone()));
                fields.push(Arc::new(nullable(field)));
                continue;
            };
            let (found, type_found) = (fields[*column].data_type(), field.data_type());
            if !found.equals_datatype(type_found) {
                return Err(owner.wrong(format!(
                    "the files of {owner} disagree about column `{name}`: it is {found} in `{first}`, but {type_found} in \
                     `{file}`: write them alike"
                )));
            }
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn nullable(field: &Field) -> Field {
    field.clone().with_nullable(true)
}
