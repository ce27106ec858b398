//! What is in a training set: each column's values in numbers, and its nulls by cause.

use std::path::Path;

use serde::Serialize;

use crate::features::StatusCounts;
use crate::historical::Resources;
use crate::offline::session::session;
use crate::offline::statistics::{column_statistics, parquet_metadata};
use crate::offline::table::{Owner, Table, TablePath, TextColumns};
use crate::training_set::{PROVENANCE_KEY, Provenance};
use crate::{Result, storage};

pub use crate::offline::statistics::{ColumnStatistics, TopValue};

/// What is in a file of rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableStatistics {
    /// where it is
    pub path: String,
    /// its rows
    pub rows: u64,
    /// its columns, in order
    pub columns: Vec<DescribedColumn>,
    /// what made it, if it is a training set in Parquet
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// A column's values, and why some are missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DescribedColumn {
    /// its values in numbers
    #[serde(flatten)]
    pub statistics: ColumnStatistics,
    /// of a feature: how many values are there, or null for which reason
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causes: Option<StatusCounts>,
}

/// Describes the file at `path`, a path or a URL: Parquet, CSV or Arrow.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where there is no such file, or it can't be read.
pub async fn describe_table(path: &str, resources: &Resources) -> Result<TableStatistics> {
    let session = session(resources)?;
    let at = TablePath { path, format: None, root: Path::new(".") };
    let table = Table::open(Owner::Table, at, TextColumns::Inferred { but: &[] }, &session).await?;
    let all: Vec<usize> = (0..table.schema().fields().len()).collect();
    let plan = table.scan(&all, None, resources.threads).await?;
    let (rows, columns) = column_statistics(&session, &plan).await.map_err(|error| Owner::Table.failed(error))?;
    let provenance = if path.ends_with(".parquet") { provenance(path).await? } else { None };
    let causes = |name: &str| {
        let features = &provenance.as_ref()?.summary.features;
        features.iter().find(|feature| feature.name == name).map(|feature| feature.counts)
    };
    let columns = columns.into_iter().map(|statistics| {
        let causes = causes(&statistics.name);
        DescribedColumn { statistics, causes }
    });
    Ok(TableStatistics { path: path.to_owned(), rows, columns: columns.collect(), provenance })
}

/// What the metadata of the Parquet file at `path` says of its origin.
///
/// # Errors
/// Where the file can't be read.
async fn provenance(path: &str) -> Result<Option<Provenance>> {
    let place = storage::open(path, Path::new(""))?;
    let metadata = parquet_metadata(&place).await.map_err(|error| Owner::Table.failed(error))?;
    let metadata = metadata.file_metadata().key_value_metadata();
    let json = metadata.into_iter().flatten().find(|entry| entry.key == PROVENANCE_KEY);
    json.and_then(|entry| entry.value.as_deref()).map(Provenance::from_json).transpose()
}
