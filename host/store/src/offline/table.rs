//! Files that are read as one table, whatever their format and wherever they are.
//!
//! ```text
//! path ─► files: found, sorted, pinned to their versions ─► schema: one for all ─► scan: a physical plan
//! ```
//!
//! What must stay true: rows come in the order of the files, and of the rows in each, however many partitions read them; what
//! the files have in common with their listing is checked with every read, so that a table is of one moment or an error.

mod arrow_ipc;
mod csv;
#[cfg(feature = "delta")]
mod delta;
mod failure;
mod file_table;
mod page_index;
mod parquet;
mod partitions;
mod row_groups;
mod schema;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

use super::files;
use crate::definitions::Format;
use crate::{Error, Result};

use file_table::FileTable;

/// How many files are looked at at once when a table is opened.
const FILES_AT_ONCE: usize = 32;

/// Where a table is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TablePath<'a> {
    /// a file, a folder or a pattern: relative to `root`, absolute, or a URL
    pub(crate) path: &'a str,
    /// how the files are written; `None`: as their names say
    pub(crate) format: Option<Format>,
    /// where relative paths start
    pub(crate) root: &'a Path,
}

/// How the columns that have no type of their own get one: those of CSV files, and those that names of folders say.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TextColumns<'a> {
    /// They stay text, marked as such ([`conversion::is_text`](super::conversion::is_text)), for the definitions to say their types.
    Text {
        /// this one, which is said by folders, holds dates
        date: Option<&'a str>,
    },
    /// They get the type that all their values have, found by reading the files once. These stay text, marked as such.
    Inferred {
        /// the names
        but: &'a [String],
    },
}

/// Whose files these are: what messages call them, and whose mistake it is when they are wrong.
#[derive(Debug, Clone)]
pub(crate) enum Owner {
    /// a source, by its name
    Source(String),
    /// entity rows
    EntityRows,
    /// a table that somebody asks about
    Table,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(name) => write!(f, "source `{name}`"),
            Self::EntityRows => f.write_str("the entity rows"),
            Self::Table => f.write_str("the table"),
        }
    }
}

impl Owner {
    /// An error in what was said about the files.
    pub(crate) fn wrong(&self, message: String) -> Error {
        match self {
            Self::Source(_) => Error::invalid_definition(message),
            Self::EntityRows | Self::Table => Error::invalid_input(message),
        }
    }

    /// An error in the files themselves.
    pub(crate) fn damaged(&self, message: String) -> Error {
        match self {
            Self::Source(_) => Error::corrupt(message),
            Self::EntityRows | Self::Table => Error::invalid_input(message),
        }
    }

    /// `error` about an address, as this owner's mistake.
    pub(crate) fn wrong_path(&self, error: Error) -> Error {
        match self {
            Self::Source(_) => error,
            Self::EntityRows | Self::Table => Error::invalid_input(error.to_string()),
        }
    }

    /// An error of reading the files, told in one sentence.
    pub(crate) fn failed(&self, error: DataFusionError) -> Error {
        failure::read_failure(self, error)
    }
}

/// Files that are read as one table: found, listed, schema known.
pub(crate) struct Table {
    owner: Owner,
    session: SessionContext,
    content: Content,
}

enum Content {
    Files(FileTable),
    #[cfg(feature = "delta")]
    Delta(delta::DeltaTable),
}

impl Table {
    /// Finds the files at `path`, and reads what tells their columns. Its object store is made known to `session`, in which
    /// its plans must run.
    ///
    /// # Errors
    /// By the owner: no file, a file that is not whole, files that disagree about a column.
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where a store does not answer or refuses;
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) where a file changes meanwhile.
    pub(crate) async fn open(
        owner: Owner,
        path: TablePath<'_>,
        text: TextColumns<'_>,
        session: &SessionContext,
    ) -> Result<Self> {
        let found = files::find(&owner, &path).await?;
        let content = match found.format {
            #[cfg(feature = "delta")]
            Format::Delta => Content::Delta(delta::DeltaTable::open(&owner, found.place, session).await?),
            #[cfg(not(feature = "delta"))]
            Format::Delta => {
                return Err(owner.wrong(format!(
                    "{owner} is a Delta table, which this program was built without: build it with the cargo feature `delta`"
                )));
            }
            _ => Content::Files(FileTable::open(&owner, found, text, session).await?),
        };
        let table = Self { owner, session: session.clone(), content };
        match text {
            TextColumns::Text { date: Some(date) } => table.with_dates(date),
            _ => Ok(table),
        }
    }

    /// The table, if its column `name` holds dates.
    fn with_dates(self, name: &str) -> Result<Self> {
        let Self { owner, .. } = &self;
        let message = match self.schema().field_with_name(name) {
            Ok(field) if *field.data_type() == DataType::Date32 => return Ok(self),
            Ok(field) => format!("the date partition column `{name}` of {owner} is {}, not a date", field.data_type()),
            Err(_) => {
                format!("{owner} has no date partition column `{name}`: its files are in no folders called `{name}=…`")
            }
        };
        Err(owner.wrong(message))
    }

    /// The columns of all files together, in the order in which they first appear; those that folders say come last. Any may
    /// be null.
    pub(crate) fn schema(&self) -> &SchemaRef {
        match &self.content {
            Content::Files(files) => files.schema(),
            #[cfg(feature = "delta")]
            Content::Delta(delta) => delta.schema(),
        }
    }

    /// How many rows there are, where the files say it.
    pub(crate) fn rows(&self) -> Option<u64> {
        match &self.content {
            Content::Files(files) => files.rows(),
            #[cfg(feature = "delta")]
            Content::Delta(_) => None,
        }
    }

    /// Whether to read columns one after the other takes no longer than to read them together: nothing else is read with one, and nobody waits
    /// for a network.
    pub(crate) fn has_columns_apart(&self) -> bool {
        match &self.content {
            Content::Files(files) => files.has_columns_apart(),
            #[cfg(feature = "delta")]
            Content::Delta(_) => false,
        }
    }

    /// A plan that reads the columns at `projection` (places in [`schema`](Self::schema)), in at most `partitions` partitions.
    /// Files, row groups and pages in which no row can satisfy `filter` are left out; other rows that don't satisfy it may come.
    /// All rows of a partition come before all rows of the next in the order of the files, and rows inside a partition
    /// come in that order. The plan must not be repartitioned.
    ///
    /// # Errors
    /// Where `filter` does not fit the columns; as [`open`](Self::open) where files have to be looked at again.
    pub(crate) async fn scan(
        &self,
        projection: &[usize],
        filter: Option<&Expr>,
        partitions: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let state = self.session.state();
        match &self.content {
            Content::Files(files) => files.scan(&self.owner, &state, projection, filter, partitions.max(1)).await,
            #[cfg(feature = "delta")]
            Content::Delta(delta) => delta.scan(&self.owner, &state, projection, filter, partitions.max(1)).await,
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("owner", &self.owner).field("schema", self.schema()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
