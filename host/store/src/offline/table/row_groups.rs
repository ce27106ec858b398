//! How row groups are shared among partitions: in their order, and by their bytes.

use std::ops::Range;

use datafusion::datasource::physical_plan::parquet::RowGroupAccess;
use parquet::arrow::arrow_reader::RowSelection;

/// Fewer rows are not worth a part of their own: the reader has to go past the others.
const ROWS_MIN: usize = 16_384;

/// A row group to read.
#[derive(Debug, Clone)]
pub(super) struct RowGroup {
    /// place of the file
    pub(super) file: usize,
    /// place in the file
    pub(super) row_group: usize,
    pub(super) rows: usize,
    /// as it is stored
    pub(super) bytes: u64,
}

/// Some rows of a row group.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) of: RowGroup,
    pub(super) rows: Range<usize>,
    /// of these rows, about
    pub(super) bytes: u64,
}

impl Share {
    /// All rows of a row group.
    pub(super) fn whole(of: RowGroup) -> Self {
        Self { rows: 0..of.rows, bytes: of.bytes, of }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.rows == (0..self.of.rows)
    }

    /// What the reader is told.
    pub(super) fn access(&self) -> RowGroupAccess {
        match self.is_whole() {
            true => RowGroupAccess::Scan,
            false => {
                let rows = std::iter::once(self.rows.clone());
                RowGroupAccess::Selection(RowSelection::from_consecutive_ranges(rows, self.of.rows))
            }
        }
    }
}

/// The row groups, cut where one of `partitions` equal parts of all their bytes ends.
pub(super) fn cut(row_groups: &[RowGroup], partitions: usize) -> Vec<Share> {
    let total: u128 = row_groups.iter().map(|of| u128::from(of.bytes)).sum();
    let ends = (1..partitions as u128).map(|part| total * part / partitions as u128).collect::<Vec<_>>();
    let mut before = 0_u128;
    let mut shares = Vec::with_capacity(row_groups.len() + ends.len());
    for of in row_groups {
        let bytes = u128::from(of.bytes);
        let inside = ends.iter().filter(|end| (before + 1..before + bytes).contains(*end));
        let mut start = 0;
        for end in inside {
            let row = usize::try_from(of.rows as u128 * (end - before) / bytes).expect("it is one of the rows");
            if row >= start + ROWS_MIN && row + ROWS_MIN <= of.rows {
                shares.push(share(of, start..row));
                start = row;
            }
        }
        shares.push(share(of, start..of.rows));
        before += bytes;
    }
    shares
}

fn share(of: &RowGroup, rows: Range<usize>) -> Share {
    let bytes = u128::from(of.bytes) * rows.len() as u128 / of.rows.max(1) as u128;
    Share { of: of.clone(), rows, bytes: u64::try_from(bytes).expect("it is less than the whole") }
}

/// The partition of each piece: ascending, and with about the same sum of `sizes` in each.
pub(super) fn split(sizes: &[u64], partitions: usize) -> Vec<usize> {
    let total: u128 = sizes.iter().map(|size| u128::from(*size).max(1)).sum();
    let mut before = 0_u128;
    let partition = |size: &u64| {
        let size = u128::from(*size).max(1);
        // By the middle of the piece, so that a large one at the border goes where most of it belongs.
        let middle = 2 * before + size;
        before += size;
        let place = middle * partitions as u128 / (2 * total);
        usize::try_from(place).expect("it is less than the number of partitions").min(partitions - 1)
    };
    sizes.iter().map(partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of each share, in order.
    fn shares(rows: &[usize], partitions: usize) -> Vec<(usize, Range<usize>)> {
        let group =
            |(row_group, rows): (usize, &usize)| RowGroup { file: 0, row_group, rows: *rows, bytes: 10 * *rows as u64 };
        let groups: Vec<RowGroup> = rows.iter().enumerate().map(group).collect();
        cut(&groups, partitions).into_iter().map(|share| (share.of.row_group, share.rows)).collect()
    }

    #[test]
    fn a_large_row_group_is_cut_where_a_partition_ends() {
        assert_eq!(shares(&[100_000], 2), [(0, 0..50_000), (0, 50_000..100_000)]);
        assert_eq!(
            shares(&[60_000, 60_000, 60_000], 2),
            [(0, 0..60_000), (1, 0..30_000), (1, 30_000..60_000), (2, 0..60_000)]
        );
        // Not worth it.
        assert_eq!(shares(&[20_000], 2), [(0, 0..20_000)]);
        assert_eq!(shares(&[100_000, 90_000], 2), [(0, 0..100_000), (1, 0..90_000)]);
    }

    #[test]
    fn pieces_are_split_where_the_bytes_are() {
        assert_eq!(split(&[1, 1, 1, 1], 2), [0, 0, 1, 1]);
        assert_eq!(split(&[100, 1, 1, 1], 2), [0, 1, 1, 1]);
        assert_eq!(split(&[5], 4), [2]);
        assert_eq!(split(&[], 4), Vec::<usize>::new());
        assert_eq!(split(&[0, 0], 2), [0, 1]);
    }

    proptest! {
        #[test]
        fn partitions_follow_the_order_of_the_files_and_none_is_much_larger(
            sizes in prop::collection::vec(1..1000_u64, 1..60),
            partitions in 1..9_usize,
        ) {
            let split = split(&sizes, partitions);
            prop_assert!(split.is_sorted());
            let (total, largest): (u64, u64) = (sizes.iter().sum(), *sizes.iter().max().unwrap());
            for partition in 0..partitions {
                let bytes: u64 = sizes.iter().zip(&split).filter(|(_, of)| **of == partition).map(|(size, _)| size).sum();
                prop_assert!(bytes <= total.div_ceil(partitions as u64) + largest);
            }
        }
    }
}
