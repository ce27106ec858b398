//! Tables of real files: their order, their columns, what is not read, and what is refused.

use std::fs::File;
use std::path::PathBuf;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{col, lit};
use futures::TryStreamExt;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::ErrorKind;
use crate::offline::source::session;

/// A folder of files.
pub(super) struct Folder(pub(super) TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn text(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    /// A Parquet file with row groups of `rows` rows, each of pages of 100.
    fn parquet(self, name: &str, rows: usize, columns: &[(&str, ArrayRef)]) -> Self {
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.iter().map(|(name, column)| (*name, Arc::clone(column), true)),
        );
        let batch = batch.unwrap();
        let pages = WriterProperties::builder()
            .set_max_row_group_row_count(Some(rows))
            .set_data_page_row_count_limit(100)
            .set_write_batch_size(100);
        let mut writer =
            ArrowWriter::try_new(File::create(self.path(name)).unwrap(), batch.schema(), Some(pages.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        self
    }

    pub(super) async fn open(&self, path: &str) -> Result<Table> {
        self.open_with(path, None, TextColumns::Text { date: None }).await
    }

    async fn open_with(&self, path: &str, format: Option<Format>, text: TextColumns<'_>) -> Result<Table> {
        let path = TablePath { path, format, root: self.0.path() };
        Table::open(Owner::Source("flights".into()), path, text, &session()).await
    }

    /// What opening `path` is refused with, without the places of this machine.
    pub(super) async fn refusal(&self, path: &str) -> String {
        self.told(&self.open(path).await.unwrap_err())
    }

    pub(super) fn told(&self, error: &Error) -> String {
        error.to_string().replace(self.0.path().to_str().unwrap(), "ROOT")
    }
}

fn integers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// The rows of a scan of `columns`, partition after partition, and how many partitions there were.
pub(super) async fn scan(
    table: &Table,
    columns: &[&str],
    filter: Option<Expr>,
    partitions: usize,
) -> Result<(RecordBatch, usize)> {
    let projection: Vec<usize> = columns.iter().map(|name| table.schema().index_of(name).unwrap()).collect();
    let plan = table.scan(&projection, filter.as_ref(), partitions).await?;
    let count = plan.properties().partitioning.partition_count();
    let mut batches = Vec::new();
    for partition in 0..count {
        let stream = plan.execute(partition, table.session.task_ctx()).map_err(|error| table.owner.failed(error))?;
        batches.extend(stream.try_collect::<Vec<_>>().await.map_err(|error| table.owner.failed(error))?);
    }
    Ok((concat_batches(&plan.schema(), &batches).unwrap(), count))
}

async fn values(table: &Table, column: &str, filter: Option<Expr>, partitions: usize) -> Vec<i64> {
    let (batch, _) = scan(table, &[column], filter, partitions).await.unwrap();
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

fn shown(batch: RecordBatch) -> String {
    pretty_format_batches(&[batch]).unwrap().to_string()
}

#[tokio::test]
async fn one_large_file_is_read_by_all_partitions_in_its_order() {
    let folder = Folder::new().parquet("a.parquet", 1_000, &[("x", integers(0..10_000))]);
    let table = folder.open("a.parquet").await.unwrap();
    assert_eq!(table.rows(), Some(10_000));
    let (batch, partitions) = scan(&table, &["x"], None, 4).await.unwrap();
    assert_eq!(partitions, 4);
    assert_eq!(batch.column(0), &integers(0..10_000));
}

#[tokio::test]
async fn one_large_row_group_is_read_by_all_partitions_in_its_order() {
    let folder =
        Folder::new().parquet("a.parquet", 1_000_000, &[("x", integers(0..200_000)), ("y", integers(0..200_000))]);
    let table = folder.open("a.parquet").await.unwrap();
    for partitions in [2, 3, 4, 12] {
        let (batch, count) = scan(&table, &["y"], None, partitions).await.unwrap();
        assert_eq!((batch.column(0), count), (&integers(0..200_000), partitions));
        let (batch, _) = scan(&table, &["y"], Some(col("x").gt_eq(lit(60_000_i64))), partitions).await.unwrap();
        assert_eq!(batch.column(0), &integers(60_000..200_000));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_come_in_the_order_of_the_files_however_many_partitions_read_them(
        sizes in prop::collection::vec(0..700_i64, 1..6),
        row_group in 50..400_usize,
        partitions in 1..7_usize,
        from in 0..1_500_i64,
    ) {
        let mut folder = Folder::new();
        let mut next = 0;
        for (file, size) in sizes.iter().enumerate() {
            folder = folder.parquet(&format!("{file}.parquet"), row_group, &[("x", integers(next..next + size))]);
            next += size;
        }
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let table = folder.open("*.parquet").await.unwrap();
            prop_assert_eq!(values(&table, "x", None, partitions).await, (0..next).collect::<Vec<_>>());
            let pruned = values(&table, "x", Some(col("x").gt_eq(lit(from))), partitions).await;
            prop_assert!(pruned.is_sorted());
            let kept: Vec<i64> = pruned.into_iter().filter(|x| *x >= from).collect();
            prop_assert_eq!(kept, (from.min(next)..next).collect::<Vec<_>>());
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn row_groups_and_pages_that_cant_satisfy_the_filter_are_not_read() {
    let folder = Folder::new().parquet("a.parquet", 1_000, &[("x", integers(0..10_000)), ("y", integers(0..10_000))]);
    let table = folder.open("a.parquet").await.unwrap();
    // The row group has 1,000 rows, its pages 100.
    let filter = col("x").gt_eq(lit(4_250_i64)).and(col("x").lt(lit(4_290_i64)));
    assert_eq!(values(&table, "y", Some(filter.clone()), 1).await, (4_200..4_300).collect::<Vec<_>>());
    // What remains is shared among the partitions.
    let wide = col("x").gt_eq(lit(8_000_i64));
    let (batch, partitions) = scan(&table, &["y"], Some(wide), 2).await.unwrap();
    assert_eq!((batch.num_rows(), partitions), (2_000, 2));
    assert_eq!(values(&table, "y", Some(col("x").gt(lit(1_000_000_i64))), 4).await, Vec::<i64>::new());
}

#[tokio::test]
async fn a_column_that_a_file_lacks_is_null_in_it() {
    let folder = Folder::new().parquet("a.parquet", 10, &[("x", integers([1])), ("y", integers([10]))]).parquet(
        "b.parquet",
        10,
        &[("z", strings(&["new"])), ("x", integers([2]))],
    );
    let table = folder.open("*.parquet").await.unwrap();
    let (batch, _) = scan(&table, &["x", "y", "z"], None, 1).await.unwrap();
    insta::assert_snapshot!(shown(batch), @r"
    +---+----+-----+
    | x | y  | z   |
    +---+----+-----+
    | 1 | 10 |     |
    | 2 |    | new |
    +---+----+-----+
    ");
    let (batch, _) = scan(&table, &["x"], Some(col("y").gt_eq(lit(0_i64))), 2).await.unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), 1);
}

#[tokio::test]
async fn files_that_disagree_about_a_type_are_refused_by_name() {
    let folder = Folder::new().parquet("a.parquet", 10, &[("x", integers([1]))]).parquet(
        "b.parquet",
        10,
        &[("x", Arc::new(Int32Array::from(vec![2])))],
    );
    insta::assert_snapshot!(folder.refusal("*.parquet").await, @"the files of source `flights` disagree about column `x`: it is Int64 in `ROOT/a.parquet`, but Int32 in `ROOT/b.parquet`: write them alike");
}

#[tokio::test]
async fn a_truncated_file_in_the_middle_of_a_folder_is_named() {
    let mut folder = Folder::new();
    for name in ["data/a.parquet", "data/b.parquet", "data/c.parquet"] {
        folder = folder.parquet(name, 10, &[("x", integers(0..100))]);
    }
    let whole = std::fs::read(folder.path("data/b.parquet")).unwrap();
    std::fs::write(folder.path("data/b.parquet"), &whole[..whole.len() / 2]).unwrap();
    insta::assert_snapshot!(folder.refusal("data").await, @"file `ROOT/data/b.parquet` of source `flights` is not a whole Parquet file: Parquet error: Invalid Parquet file. Corrupt footer");
    std::fs::write(folder.path("data/b.parquet"), "").unwrap();
    insta::assert_snapshot!(folder.refusal("data").await, @"file `ROOT/data/b.parquet` of source `flights` is not a whole Parquet file: Parquet error: Parquet files are at least 8 bytes long, but file length is 0");
}

/// Replaced under its name, as jobs do that write beside and move, and written over.
#[tokio::test]
async fn a_file_that_changes_between_listing_and_reading_is_one_clear_error() {
    let column = |from: i64| [("x", integers(from..from + 1_000))];
    let folder = Folder::new().parquet("a.parquet", 100, &column(0)).parquet("b.parquet", 100, &column(1_000)).parquet(
        "other",
        100,
        &column(0),
    );
    let table = folder.open("*.parquet").await.unwrap();
    std::fs::rename(folder.path("other"), folder.path("b.parquet")).unwrap();
    let error = scan(&table, &["x"], None, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    insta::assert_snapshot!(folder.told(&error), @"`ROOT/b.parquet` changed while it was read: run again once nobody writes there");
    let table = folder.open("*.parquet").await.unwrap();
    let whole = std::fs::read(folder.path("a.parquet")).unwrap();
    std::fs::write(folder.path("a.parquet"), &whole[..100]).unwrap();
    insta::assert_snapshot!(folder.told(&scan(&table, &["x"], None, 1).await.unwrap_err()), @"`ROOT/a.parquet` changed while it was read: run again once nobody writes there");
    let folder = folder.parquet("a.parquet", 100, &column(0));
    let table = folder.open("*.parquet").await.unwrap();
    std::fs::remove_file(folder.path("a.parquet")).unwrap();
    insta::assert_snapshot!(folder.told(&scan(&table, &["x"], None, 1).await.unwrap_err()), @"`ROOT/a.parquet` changed while it was read: run again once nobody writes there");
}

#[tokio::test]
async fn a_csv_file_that_changes_between_listing_and_reading_is_refused_too() {
    let folder = Folder::new().text("a.csv", "x\n1\n");
    let table = folder.open("a.csv").await.unwrap();
    std::fs::write(folder.path("a.csv"), "x\n1\n2\n").unwrap();
    insta::assert_snapshot!(folder.told(&scan(&table, &["x"], None, 1).await.unwrap_err()), @"`ROOT/a.csv` changed while it was read: run again once nobody writes there");
}

#[tokio::test]
async fn names_of_folders_become_columns_of_text() {
    let folder = Folder::new()
        .parquet("data/year=2013/month=01/a.parquet", 10, &[("x", integers([1]))])
        .parquet("data/year=2013/month=02/a.parquet", 10, &[("x", integers([2]))])
        .parquet("data/year=__HIVE_DEFAULT_PARTITION__/month=a%3Ab/a.parquet", 10, &[("x", integers([3]))]);
    let table = folder.open("data").await.unwrap();
    let (batch, _) = scan(&table, &["x", "year", "month"], None, 3).await.unwrap();
    insta::assert_snapshot!(shown(batch), @r"
    +---+------+-------+
    | x | year | month |
    +---+------+-------+
    | 1 | 2013 | 01    |
    | 2 | 2013 | 02    |
    | 3 |      | a:b   |
    +---+------+-------+
    ");
    assert!(crate::offline::conversion::is_text(table.schema().field_with_name("year").unwrap()));
    assert_eq!(values(&table, "x", Some(col("month").eq(lit("02"))), 2).await, [2]);
    let below = folder.open("data/year=2013/*/*.parquet").await.unwrap();
    assert_eq!(below.schema().fields().iter().map(|field| field.name()).collect::<Vec<_>>(), ["x", "month"]);
}

#[tokio::test]
async fn a_date_partition_column_leaves_out_the_files_of_other_days() {
    let mut folder = Folder::new();
    for day in 1..=3 {
        folder = folder.parquet(&format!("data/day=2013-01-0{day}/a.parquet"), 10, &[("x", integers([day]))]);
    }
    let open = |date| folder.open_with("data", None, TextColumns::Text { date });
    let table = open(Some("day")).await.unwrap();
    let second = lit(datafusion::common::ScalarValue::Date32(Some(15_707)));
    assert_eq!(values(&table, "x", Some(col("day").gt_eq(second)), 1).await, [2, 3]);
    let folder = Folder::new().parquet("data/day=monday/a.parquet", 10, &[("x", integers([1]))]);
    let wrong = folder.open_with("data", None, TextColumns::Text { date: Some("day") }).await.unwrap_err();
    insta::assert_snapshot!(folder.told(&wrong), @"the date partition column `day` of source `flights` has a value that is no date such as 2013-01-31");
}

#[tokio::test]
async fn files_that_are_not_partitioned_alike_are_refused() {
    let folder = Folder::new().parquet("data/year=2013/a.parquet", 10, &[("x", integers([1]))]).parquet(
        "data/a.parquet",
        10,
        &[("x", integers([1]))],
    );
    insta::assert_snapshot!(folder.refusal("data").await, @"the files of source `flights` are not partitioned alike: `ROOT/data/a.parquet` is partitioned by nothing, but `ROOT/data/year=2013/a.parquet` by `year`");
}

#[tokio::test]
async fn partition_values_get_the_type_of_all_of_them_where_that_is_asked_for() {
    let folder = Folder::new()
        .parquet("data/a=1/b=2013-01-01/c=x/d=01/a.parquet", 10, &[("x", integers([1]))])
        .parquet("data/a=2/b=2013-01-02/c=1/d=02/a.parquet", 10, &[("x", integers([2]))]);
    let but = ["d".to_owned()];
    let table = folder.open_with("data", None, TextColumns::Inferred { but: &but }).await.unwrap();
    let types: Vec<String> = table.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(types, ["Int64", "Int64", "Date32", "Utf8", "Utf8"]);
}

#[tokio::test]
async fn csv_columns_are_text_until_the_definitions_say_their_types() {
    let folder = Folder::new().text("data/a.csv", "x,note\n1,\"a\nb\"\n,c\n").text("data/b.csv", "x,note\n3,\n");
    let table = folder.open("data").await.unwrap();
    assert_eq!(table.rows(), None);
    let (batch, partitions) = scan(&table, &["note", "x"], None, 2).await.unwrap();
    assert_eq!(partitions, 2);
    assert_eq!(batch.column(1).as_ref(), &StringArray::from(vec![Some("1"), None, Some("3")]));
    assert_eq!(batch.column(0).as_ref(), &StringArray::from(vec![Some("a\nb"), Some("c"), None]));
    let inferred = folder.open_with("data", None, TextColumns::Inferred { but: &[] }).await.unwrap();
    assert_eq!(values(&inferred, "x", None, 1).await, [1, 0, 3]);
}

#[tokio::test]
async fn csv_files_that_are_not_alike_are_refused() {
    let folder = Folder::new().text("data/a.csv", "x,y\n1,2\n").text("data/b.csv", "y,x\n1,2\n");
    insta::assert_snapshot!(folder.refusal("data").await, @"the files of source `flights` have different first lines: `x,y` in `ROOT/data/a.csv`, but `y,x` in `ROOT/data/b.csv`: write them alike");
    let folder = folder.text("data/b.csv.gz", "");
    insta::assert_snapshot!(folder.refusal("data").await, @"some files of source `flights` are compressed and others are not, such as `ROOT/data/a.csv` and `ROOT/data/b.csv.gz`: have one or the other");
}

#[tokio::test]
async fn timestamps_keep_the_type_they_have_in_the_file() {
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![5]).with_timezone("+02:00"));
    let folder = Folder::new().parquet("a.parquet", 10, &[("at", times)]);
    let table = folder.open("a.parquet").await.unwrap();
    assert_eq!(table.schema().field(0).data_type().to_string(), "Timestamp(µs, \"+02:00\")");
}
