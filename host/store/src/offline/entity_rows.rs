//! Reading entity rows, whatever their format and wherever they are.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, FieldRef, Schema};
use futures::TryStreamExt;
use skewless_runtime::DataType;

use super::conversion::{convert_column, is_text};
use super::source::session;
use super::table::{Owner, Table, TablePath, TextColumns};
use crate::view_rows::arrow_error;
use crate::{Error, Result};

/// The rows of the files at `path` (relative to `root`, or a URL), in the order of the files. Where the files have text for a
/// column of `typed`, which is what the features asked for need, it is read as that type; other text of CSV files gets the
/// type of all its values.
///
/// # Errors
/// As [`Table::open`]; [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where text can't be read as the type.
pub(crate) async fn read(path: &str, root: &Path, typed: &[(String, DataType)]) -> Result<RecordBatch> {
    let session = session();
    let but: Vec<String> = typed.iter().map(|(name, _)| name.clone()).collect();
    let path = TablePath { path, format: None, root };
    let table = Table::open(Owner::EntityRows, path, TextColumns::Inferred { but: &but }, &session).await?;
    let all: Vec<usize> = (0..table.schema().fields().len()).collect();
    let plan = table.scan(&all, None, 1).await?;
    let failed = |error| Owner::EntityRows.failed(error);
    let stream = plan.execute(0, session.task_ctx()).map_err(failed)?;
    let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(failed)?;
    let batch = concat_batches(table.schema(), &batches).map_err(arrow_error)?;
    with_types(&batch, typed)
}

/// `batch` with what its text stands for.
fn with_types(batch: &RecordBatch, typed: &[(String, DataType)]) -> Result<RecordBatch> {
    let mut fields: Vec<FieldRef> = batch.schema().fields().iter().map(Arc::clone).collect();
    let mut columns = batch.columns().to_vec();
    for (field, column) in fields.iter_mut().zip(&mut columns).filter(|(field, _)| is_text(field)) {
        let (name, to) = typed.iter().find(|(name, _)| name == field.name()).expect("only these stay text");
        *column = convert_column(field, column, *to).map_err(|reason| {
            Error::invalid_input(format!("column `{name}` of the entity rows is not {to}: {reason}"))
        })?;
        *field = Arc::new(Field::new(name, to.to_arrow(), true));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(arrow_error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray};
    use arrow::ipc::writer::{FileWriter, StreamWriter};
    use arrow::util::pretty::pretty_format_batches;
    use std::fs::File;

    fn typed() -> Vec<(String, DataType)> {
        [("user_id", "string"), ("event_timestamp", "timestamp")]
            .map(|(name, data_type)| (name.to_owned(), data_type.parse().unwrap()))
            .to_vec()
    }

    fn batch() -> RecordBatch {
        let users = StringArray::from(vec!["007", "008"]);
        let labels = Int64Array::from(vec![Some(1), None]);
        RecordBatch::try_from_iter_with_nullable([
            ("user_id", Arc::new(users) as _, true),
            ("label", Arc::new(labels) as _, true),
        ])
        .unwrap()
    }

    #[tokio::test]
    async fn text_of_csv_is_typed_by_what_is_asked_for_and_else_by_its_values() {
        let root = tempfile::tempdir().unwrap();
        let rows = "user_id,event_timestamp,label,score,note\n007,2024-01-01 00:00:00,1,0.5,x\n008,2024-01-02T01:00:00+01:00,,1,\n";
        std::fs::write(root.path().join("rows.csv"), rows).unwrap();
        let batch = read("rows.csv", root.path(), &typed()).await.unwrap();
        let types: Vec<String> = batch.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
        assert_eq!(types, ["Utf8", "Timestamp(µs, \"UTC\")", "Int64", "Float64", "Utf8"]);
        insta::assert_snapshot!(pretty_format_batches(&[batch]).unwrap(), @r"
        +---------+----------------------+-------+-------+------+
        | user_id | event_timestamp      | label | score | note |
        +---------+----------------------+-------+-------+------+
        | 007     | 2024-01-01T00:00:00Z | 1     | 0.5   | x    |
        | 008     | 2024-01-02T00:00:00Z |       | 1.0   |      |
        +---------+----------------------+-------+-------+------+
");
    }

    #[tokio::test]
    async fn compressed_csv_parquet_and_arrow_files_and_streams_are_read() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let mut file = FileWriter::try_new(File::create(path("rows.arrow")).unwrap(), &batch().schema()).unwrap();
        file.write(&batch()).unwrap();
        file.finish().unwrap();
        let mut stream = StreamWriter::try_new(File::create(path("rows.arrows")).unwrap(), &batch().schema()).unwrap();
        stream.write(&batch()).unwrap();
        stream.finish().unwrap();
        let file = File::create(path("rows.parquet")).unwrap();
        let mut parquet = parquet::arrow::ArrowWriter::try_new(file, batch().schema(), None).unwrap();
        parquet.write(&batch()).unwrap();
        parquet.close().unwrap();
        // `printf 'user_id,label\n007,1\n008,\n' | gzip -n`
        let gzip = include_bytes!("fixture/rows.csv.gz");
        std::fs::write(path("rows.csv.gz"), gzip).unwrap();
        for name in ["rows.arrow", "rows.arrows", "rows.parquet", "rows.csv.gz"] {
            let read = read(name, root.path(), &typed()).await.unwrap();
            assert_eq!(read.columns(), batch().columns(), "{name}");
        }
    }

    #[tokio::test]
    async fn what_cant_be_read_is_the_callers_mistake_and_says_where() {
        let root = tempfile::tempdir().unwrap();
        let refusal = async |name: &str, text: &str| {
            std::fs::write(root.path().join(name), text).unwrap();
            let error = read(name, root.path(), &typed()).await.unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
            error.to_string().replace(root.path().to_str().unwrap(), "ROOT")
        };
        insta::assert_snapshot!(refusal("a.parquet", "user_id\n1\n").await, @"file `ROOT/a.parquet` of the entity rows is not a whole Parquet file: Parquet error: Invalid Parquet file. Corrupt footer");
        insta::assert_snapshot!(refusal("a.arrow", "user_id\n1\n").await, @"file `ROOT/a.arrow` of the entity rows is no whole Arrow IPC file or stream");
        insta::assert_snapshot!(refusal("a.csv", "").await, @"file `ROOT/a.csv` of the entity rows is empty: its first line has to name the columns");
        insta::assert_snapshot!(refusal("b.csv", "user_id,label\n1\n").await, @"file `ROOT/b.csv` of the entity rows can't be read as CSV: Csv error: Encountered unequal lengths between records on CSV file. Expected 2 records, found 1 records at line 2");
        insta::assert_snapshot!(refusal("c.csv", "user_id,event_timestamp\n1,yesterday\n").await, @"column `event_timestamp` of the entity rows is not timestamp: `yesterday` can't be read as timestamp");
        insta::assert_snapshot!(refusal("d.csv", "a,a\n1,2\n").await, @"file `ROOT/d.csv` of the entity rows has two columns `a`: rename one");
    }
}
