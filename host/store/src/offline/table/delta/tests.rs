//! Delta tables as the Delta crate writes them.

use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use datafusion::prelude::{col, lit};
use deltalake_core::protocol::SaveMode;

use super::*;
use crate::offline::table::tests::{Folder, scan};

fn batch(rows: &[(i64, &str)]) -> RecordBatch {
    let x = Int64Array::from_iter_values(rows.iter().map(|(x, _)| *x));
    let day = StringArray::from_iter_values(rows.iter().map(|(_, day)| *day));
    let at = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|(x, _)| *x)).with_timezone("UTC");
    let columns = [("x", Arc::new(x) as _, true), ("day", Arc::new(day) as _, true), ("at", Arc::new(at) as _, true)];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

impl Folder {
    async fn delta(&self) -> deltalake_core::DeltaTable {
        let folder = self.0.path().join("table");
        std::fs::create_dir_all(&folder).unwrap();
        deltalake_core::DeltaTable::try_from_url(Url::from_directory_path(folder).unwrap()).await.unwrap()
    }

    async fn append(&self, rows: &[(i64, &str)]) {
        let write = self.delta().await.write([batch(rows)]).with_save_mode(SaveMode::Append);
        write.with_partition_columns(["day"]).await.unwrap();
    }
}

async fn values(folder: &Folder, filter: Option<Expr>, partitions: usize) -> Vec<i64> {
    let table = folder.open("table").await.unwrap();
    let (batch, count) = scan(&table, &["x"], filter, partitions).await.unwrap();
    assert!(count <= partitions);
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

#[tokio::test]
async fn the_rows_of_all_commits_come_in_the_order_of_writing_without_what_was_deleted() {
    let folder = Folder::new();
    folder.append(&[(5, "monday"), (4, "monday")]).await;
    folder.append(&[(3, "tuesday")]).await;
    folder.append(&[(2, "monday")]).await;
    for partitions in [1, 2, 5] {
        assert_eq!(values(&folder, None, partitions).await, [5, 4, 3, 2]);
    }
    assert_eq!(values(&folder, Some(col("day").eq(lit("tuesday"))), 2).await, [3]);
    folder.delta().await.delete().with_predicate(col("x").eq(lit(5_i64))).await.unwrap();
    let mut left = values(&folder, None, 3).await;
    left.sort_unstable();
    assert_eq!(left, [2, 3, 4]);
}

#[tokio::test]
async fn columns_have_their_own_types_and_names() {
    let folder = Folder::new();
    folder.append(&[(1, "monday")]).await;
    let table = folder.open("table").await.unwrap();
    let columns: Vec<String> =
        table.schema().fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
    assert_eq!(columns, ["x Int64", "day Dictionary(UInt16, Utf8)", "at Timestamp(µs, \"UTC\")"]);
}

#[tokio::test]
async fn a_file_that_the_log_names_but_is_gone_is_an_error() {
    let folder = Folder::new();
    folder.append(&[(1, "monday")]).await;
    let table = folder.open("table").await.unwrap();
    let day = folder.0.path().join("table/day=monday");
    let file = std::fs::read_dir(&day).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(&file).unwrap();
    let told = folder.told(&scan(&table, &["x"], None, 1).await.unwrap_err());
    assert!(
        told.contains("source `flights` can't be read")
            && told.contains("ROOT/table/day=monday/part-")
            && told.contains("not found"),
        "{told}"
    );
}

#[tokio::test]
async fn a_damaged_log_is_named() {
    let folder = Folder::new();
    folder.append(&[(1, "monday")]).await;
    std::fs::write(folder.0.path().join("table/_delta_log/00000000000000000000.json"), "{").unwrap();
    let told = folder.refusal("table").await;
    assert!(told.starts_with("`ROOT/table` of source `flights` can't be read as a Delta table: "), "{told}");
}
