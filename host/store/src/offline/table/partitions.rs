//! Columns that names of folders say: `year=2013/month=01/flights.parquet`.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;

use super::{Owner, TextColumns};
use crate::Result;
use crate::offline::conversion::text_field;

/// How writers call the folder of rows that have no value.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partition columns of some files, and the value of each in each file.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    pub(super) columns: Vec<FieldRef>,
    /// for each file, a value for each column
    pub(super) values: Vec<Vec<ScalarValue>>,
}

impl Partitions {
    /// Reads the names of `files`, each with how it is shown and its name below the table's folder. Columns in `stored` are in
    /// the files themselves, so that names need not say them.
    ///
    /// # Errors
    /// The owner's, where two files are not partitioned alike, or a date is none.
    pub(super) fn of(
        owner: &Owner,
        files: &[(String, &str)],
        stored: impl Fn(&str) -> bool,
        text: TextColumns<'_>,
    ) -> Result<Self> {
        let said: Vec<Vec<(&str, Option<String>)>> = files.iter().map(|(_, name)| said_by(name)).collect();
        let names =
            |said: &[(&str, Option<String>)]| said.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
        let all = said.first().map(|first| names(first)).unwrap_or_default();
        if let Some(other) = said.iter().position(|said| names(said) != all) {
            let told = |names: Vec<String>| match names.is_empty() {
                true => "by nothing".to_owned(),
                false => format!("by {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
            };
            return Err(owner.wrong(format!(
                "the files of {owner} are not partitioned alike: `{}` is partitioned {}, but `{}` {}",
                files[0].0,
                told(all),
                files[other].0,
                told(names(&said[other]))
            )));
        }
        let mut partitions = Self { columns: Vec::new(), values: vec![Vec::new(); files.len()] };
        for (column, name) in all.iter().enumerate().filter(|(_, name)| !stored(name)) {
            let values: Vec<Option<&str>> = said.iter().map(|said| said[column].1.as_deref()).collect();
            partitions.add(owner, name, &values, text)?;
        }
        Ok(partitions)
    }

    fn add(&mut self, owner: &Owner, name: &str, values: &[Option<&str>], text: TextColumns<'_>) -> Result<()> {
        let texts: ArrayRef = Arc::new(StringArray::from(values.to_vec()));
        let as_type = |data_type: &DataType| {
            let typed = cast(&texts, data_type).ok()?;
            (typed.null_count() == texts.null_count()).then_some(typed)
        };
        let typed = match text {
            TextColumns::Text { date: Some(date) } if date == name => {
                Some(as_type(&DataType::Date32).ok_or_else(|| {
                    owner.wrong(format!(
                        "the date partition column `{name}` of {owner} has a value that is no date such as 2013-01-31"
                    ))
                })?)
            }
            TextColumns::Inferred { but } if !but.iter().any(|but| but == name) => {
                [DataType::Int64, DataType::Date32].iter().find_map(as_type)
            }
            _ => None,
        };
        let is_text = matches!(text, TextColumns::Text { .. })
            || matches!(text, TextColumns::Inferred { but } if but.iter().any(|but| but == name));
        let (field, column) = match typed {
            Some(typed) => (Field::new(name, typed.data_type().clone(), true), typed),
            None if is_text => (text_field(name), texts),
            None => (Field::new(name, DataType::Utf8, true), texts),
        };
        self.columns.push(Arc::new(field));
        for (file, values) in self.values.iter_mut().enumerate() {
            values.push(ScalarValue::try_from_array(&column, file).map_err(|error| owner.failed(error))?);
        }
        Ok(())
    }
}

/// What the folders on the way to a file say: name and value of each.
fn said_by(name: &str) -> Vec<(&str, Option<String>)> {
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    let said = folders.split('/').filter_map(|folder| folder.split_once('='));
    said.map(|(name, value)| (name, (value != NULL).then(|| decoded(value)))).collect()
}

/// Writers escape what a file system may not take.
fn decoded(value: &str) -> String {
    percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned()
}
