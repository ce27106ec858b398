use arrow::array::{ArrayRef, Float32Array, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::array::{BinaryArray, Int64Array, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Float64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::*;

/// What a reader finds in a file of this column alone, that was written in these parts.
fn read_back(parts: &[ArrayRef]) -> ArrayRef {
    written(parts[0].data_type(), |column| {
        // Of a row group before, nothing is left.
        column.append(&parts[0]);
        column.finish().unwrap();
        parts.iter().for_each(|part| column.append(part));
    })
}

/// What a reader finds in a file of this column alone, after `write`.
fn written(data_type: &ArrowType, write: impl FnOnce(&mut RepeatingColumn)) -> ArrayRef {
    let schema = Arc::new(Schema::new(vec![Field::new("column", data_type.clone(), true)]));
    let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), None).unwrap();
    let (mut file, _) = writer.into_serialized_writer().unwrap();
    let mut column = RepeatingColumn::new(data_type, file.schema_descr().column(0)).unwrap();
    write(&mut column);
    let mut group = file.next_row_group().unwrap();
    let (bytes, close) = column.finish().unwrap();
    group.append_column(&bytes, close).unwrap();
    group.close().unwrap();
    let bytes = Bytes::from(file.into_inner().unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().with_batch_size(7).build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(std::result::Result::unwrap).collect();
    Arc::clone(concat_batches(&schema, &batches).unwrap().column(0))
}

/// A number, and a list of some.
type Row = Option<(u16, Vec<Option<u16>>)>;

/// One column of each type, of the same rows.
fn columns(rows: &[Row]) -> Vec<ArrayRef> {
    let numbers = || rows.iter().map(|row| row.as_ref().map(|(number, _)| *number));
    // Bits that differ in one place only, that are mostly zero, and that are no number.
    let double = |number: u16| f64::from_bits(u64::from(number).rotate_right(u32::from(number % 64)));
    let single = |number: u16| f32::from_bits(u32::from(number).rotate_right(u32::from(number % 32)));
    let text = |number: u16| "é".repeat(usize::from(number % 40)) + &number.to_string();
    let lists =
        |row: &Row| row.as_ref().map(|(_, list)| list.iter().map(|number| number.map(double)).collect::<Vec<_>>());
    let times = TimestampMicrosecondArray::from_iter(numbers().map(|number| number.map(i64::from)));
    vec![
        Arc::new(Int32Array::from_iter(numbers().map(|number| number.map(|number| -i32::from(number))))),
        Arc::new(Int64Array::from_iter(numbers().map(|number| number.map(|number| i64::from(number) << 48)))),
        Arc::new(Float32Array::from_iter(numbers().map(|number| number.map(single)))),
        Arc::new(Float64Array::from_iter(numbers().map(|number| number.map(double)))),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(StringArray::from_iter(numbers().map(|number| number.map(text)))),
        Arc::new(BinaryArray::from_iter(numbers().map(|number| number.map(|number| text(number).into_bytes())))),
        Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows.iter().map(lists))),
    ]
}

proptest! {
    #[test]
    fn a_reader_finds_the_same_bits(
        values in 1..2_000_u16,
        rows in prop::collection::vec(
            prop::option::weighted(0.8, (any::<u16>(), prop::collection::vec(prop::option::weighted(0.8, any::<u16>()), 0..4))),
            1..400,
        ),
        nulls in any::<bool>(),
        cut in 0..400_usize,
    ) {
        let rows: Vec<_> = rows
            .into_iter()
            .map(|row| row.map(|(number, list)| (number % values, list.into_iter().map(|number| number.map(|number| number % values)).collect())))
            .map(|row| if nulls { row } else { Some(row.unwrap_or_default()) })
            .collect();
        let cut = cut.min(rows.len());
        for column in columns(&rows) {
            let parts = [column.slice(0, cut), column.slice(cut, rows.len() - cut)];
            prop_assert_eq!(read_back(&parts).to_data(), column.to_data());
        }
    }

    #[test]
    fn rows_that_say_which_value_they_have_are_read_as_these_values(
        values in prop::collection::vec(prop::option::weighted(0.8, (0..9_u16, prop::collection::vec(prop::option::of(0..9_u16), 0..4))), 1..30),
        rows in prop::collection::vec(prop::option::weighted(0.9, any::<prop::sample::Index>()), 1..400),
    ) {
        let rows: Vec<u32> = rows.iter().map(|row| row.map_or(NO_ROW, |row| row.index(values.len()) as u32)).collect();
        let rows = ScalarBuffer::from(rows);
        for values in columns(&values) {
            let found = written(values.data_type(), |column| {
                column.append_repeated(&rows.slice(0, rows.len() / 2), &values).unwrap();
                column.append_repeated(&rows.slice(rows.len() / 2, rows.len() - rows.len() / 2), &values).unwrap();
            });
            prop_assert_eq!(found.to_data(), repeated(&rows, &values).unwrap().to_data());
        }
    }
}

#[test]
fn a_column_of_nulls_and_one_of_one_value_take_no_room() {
    for (column, bytes) in [
        (Arc::new(Float64Array::new_null(10_000)) as ArrayRef, 40),
        (Arc::new(Float64Array::from(vec![1.5; 10_000])), 80),
    ] {
        let writer = ArrowWriter::try_new(
            Vec::new(),
            Arc::new(Schema::new(vec![Field::new("column", column.data_type().clone(), true)])),
            None,
        );
        let (file, _) = writer.unwrap().into_serialized_writer().unwrap();
        let mut repeating = RepeatingColumn::new(column.data_type(), file.schema_descr().column(0)).unwrap();
        repeating.append(&column);
        let (written, _) = repeating.finish().unwrap();
        assert!(written.len() <= bytes, "{} bytes", written.len());
        assert_eq!(&read_back(&[Arc::clone(&column)]), &column);
    }
}

#[test]
fn values_that_do_not_repeat_are_noticed() {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..VALUES_MAX as i64 + 1));
    let schema = Arc::new(Schema::new(vec![Field::new("column", column.data_type().clone(), true)]));
    let (file, _) = ArrowWriter::try_new(Vec::new(), schema, None).unwrap().into_serialized_writer().unwrap();
    let mut repeating = RepeatingColumn::new(column.data_type(), file.schema_descr().column(0)).unwrap();
    repeating.append(&column.slice(0, VALUES_MAX));
    repeating.append(&column.slice(0, VALUES_MAX));
    assert!(repeating.repeats());
    repeating.append(&column.slice(VALUES_MAX, 1));
    assert!(!repeating.repeats());
    // What there is is written all the same.
    let parts = [column.slice(0, VALUES_MAX), column.slice(0, VALUES_MAX), column.slice(VALUES_MAX, 1)];
    assert_eq!(read_back(&parts).len(), 2 * VALUES_MAX + 1);
}
