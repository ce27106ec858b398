//! SQL over the sources: entity rows that a query finds instead of a file.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Column;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::table::{Owner, Table, TablePath, TextColumns};
use crate::definitions::{Definitions, Source, hint};
use crate::{Error, Result};

/// What the query `sql` finds. Each source of `definitions` is a table of its name, with the names of columns that the
/// definitions use; only those that the query names are opened. Text columns of CSV files and partitions that the
/// definitions declare are text, for [`conversion`](super::conversion) to read; others get the type of their values.
///
/// Runs in the memory of `session`, whose own tables it neither sees nor changes. `root` is where relative paths of sources start.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where `sql` is no query, or names what is not there; as
/// [`Table::open`] for its sources.
pub(crate) async fn query(
    sql: &str,
    definitions: &Definitions,
    root: &Path,
    session: &SessionContext,
) -> Result<DataFrame> {
    let tables = SessionContext::new_with_config_rt(session.copied_config(), session.runtime_env());
    for name in named_tables(sql, &tables)? {
        let Some(source) = definitions.source(&name) else {
            let known = definitions.sources.iter().map(|source| source.name.as_str());
            return Err(Error::invalid_input(format!(
                "the query names `{name}`, which is no source: {}",
                hint(&name, known)
            )));
        };
        let view = view(source, definitions, root, session, &tables).await?;
        tables.register_table(name.as_str(), view).map_err(|error| wrong(&error))?;
    }
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    tables.sql_with_options(sql, options).await.map_err(|error| wrong(&error))
}

fn wrong(error: &DataFusionError) -> Error {
    Error::invalid_input(format!(
        "the query of entity rows can't be run: {}",
        error.strip_backtrace().replace('\n', " ")
    ))
}

/// The tables that `sql` names, without those that it defines itself.
fn named_tables(sql: &str, tables: &SessionContext) -> Result<BTreeSet<String>> {
    let state = tables.state();
    let dialect = state.config().options().sql_parser.dialect;
    let statement = state.sql_to_statement(sql, &dialect).map_err(|error| wrong(&error))?;
    let named = state.resolve_table_references(&statement).map_err(|error| wrong(&error))?;
    Ok(named.into_iter().map(|table| table.table().to_owned()).collect())
}

/// The source as a table with the names of the definitions.
async fn view(
    source: &Source,
    definitions: &Definitions,
    root: &Path,
    session: &SessionContext,
    tables: &SessionContext,
) -> Result<Arc<dyn TableProvider>> {
    let path = TablePath { path: &source.path, format: source.format, root };
    let declared = declared_columns(source, definitions);
    let owner = Owner::Source(source.name.clone());
    let table = Table::open(owner, path, TextColumns::Inferred { but: &declared }, session).await?;
    let columns: Vec<Expr> = table
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let column = Expr::Column(Column::new_unqualified(field.name()));
            match source.field_mapping.get(field.name()) {
                Some(name) => column.alias(name),
                None => column,
            }
        })
        .collect();
    let rows = tables.read_table(Arc::new(Rows(table))).and_then(|rows| rows.select(columns));
    rows.map(DataFrame::into_view).map_err(|error| wrong(&error))
}

/// The columns of `source`, by their names in the files, whose values the definitions type.
fn declared_columns(source: &Source, definitions: &Definitions) -> Vec<String> {
    let views = definitions.feature_views.iter().filter(|view| view.source == source.name);
    let names: BTreeSet<String> = views
        .flat_map(|view| {
            let keys = definitions.join_keys(view).into_iter().map(|key| key.name);
            // What a transform computes is in no file.
            let features = view.schema.iter().filter(|_| view.transform.is_none());
            keys.chain(features.map(|field| field.name.clone())).collect::<Vec<_>>()
        })
        .collect();
    let in_file = |name: String| {
        let mapped = source.field_mapping.iter().find(|(_, mapped)| **mapped == name);
        mapped.map_or(name, |(column, _)| column.clone())
    };
    names.into_iter().map(in_file).collect()
}

/// A table as DataFusion wants it.
#[derive(Debug)]
struct Rows(Table);

#[async_trait::async_trait]
impl TableProvider for Rows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.0.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let all = || (0..self.0.schema().fields().len()).collect();
        let projection = projection.cloned().unwrap_or_else(all);
        let filter = filters.iter().cloned().reduce(Expr::and);
        let partitions = state.config().target_partitions();
        let plan = self.0.scan(&projection, filter.as_ref(), partitions).await;
        plan.map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::source::session;
    use arrow::util::pretty::pretty_format_batches;

    const DEFINITIONS: &str = r#"
entities:
  - {name: user, join_keys: [{name: user_id, type: string}]}
sources:
  - {name: users, path: users.csv, timestamp_field: at, field_mapping: {user: user_id}}
  - {name: unread, path: nowhere.csv, timestamp_field: at}
feature_views:
  - {name: user_stats, entities: [user], source: users, schema: [{name: spend, type: float64}]}
"#;

    async fn found(sql: &str) -> Result<String> {
        let root = tempfile::tempdir().unwrap();
        let rows = "user,at,spend,age\n007,2024-01-01T00:00:00Z,1.5,30\n008,2024-01-02T00:00:00Z,,41\n";
        std::fs::write(root.path().join("users.csv"), rows).unwrap();
        let definitions: Definitions = serde_saphyr::from_str(DEFINITIONS).unwrap();
        let rows = query(sql, &definitions, root.path(), &session()).await?;
        let batches = rows.collect().await.map_err(|error| Owner::EntityRows.failed(error))?;
        Ok(pretty_format_batches(&batches).unwrap().to_string())
    }

    #[tokio::test]
    async fn a_source_is_a_table_with_the_names_of_the_definitions() {
        let sql = "select user_id, at as event_timestamp, age + 1 as next_age from users where age > 30";
        insta::assert_snapshot!(found(sql).await.unwrap(), @r"
        +---------+---------------------+----------+
        | user_id | event_timestamp     | next_age |
        +---------+---------------------+----------+
        | 008     | 2024-01-02T00:00:00 | 42       |
        +---------+---------------------+----------+
        ");
        let sql = "with old as (select * from users where age > 30) select count(*) as old from old";
        assert!(found(sql).await.unwrap().contains("| 1   |"));
    }

    #[tokio::test]
    async fn what_is_no_query_over_the_sources_is_refused_with_the_reason() {
        let refusal = async |sql| found(sql).await.unwrap_err().to_string();
        insta::assert_snapshot!(refusal("select * from user").await, @"the query names `user`, which is no source: did you mean `users`?");
        insta::assert_snapshot!(refusal("select agee from users").await, @"the query of entity rows can't be run: Schema error: No field named agee. Did you mean 'users.age'? Valid fields are users.user_id, users.at, users.spend, users.age.");
        insta::assert_snapshot!(refusal("select from where").await, @"the query names `where`, which is no source: known are `unread`, `users`");
        insta::assert_snapshot!(refusal("copy users to 'stolen.csv'").await, @"the query of entity rows can't be run: Error during planning: DML not supported: COPY");
        insta::assert_snapshot!(refusal("select * from users where age = 'old'").await, @"the entity rows can't be read: Cast error: Cannot cast string 'old' to value of Int64 type");
        insta::assert_snapshot!(refusal("create table x as select 1").await, @"the query names `x`, which is no source: known are `unread`, `users`");
        insta::assert_snapshot!(refusal("select 1; select 2").await, @"the query of entity rows can't be run: This feature is not implemented: The context currently only supports a single SQL statement");
    }
}
