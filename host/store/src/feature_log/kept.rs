//! The stored rows behind an answer, kept to be logged.

use std::ops::Range;

use super::columns::Picked;
use super::sampling::Sample;

/// The rows of one request that will be logged: which they are, and what was read for them, as it is stored.
///
/// The columns that an answer is made of have a value for each row. What is stored is the same for many requests, and known by its
/// bytes: to copy those, and to look them up, takes a fraction of what it takes to copy and to look up their values.
pub(crate) struct KeptRows {
    /// the request's number
    pub(super) request: u64,
    sample: Sample,
    /// how many there are
    rows: usize,
    bytes: Vec<u8>,
    /// for each view and row the place of its bytes, empty where nothing is stored
    places: Vec<Range<usize>>,
    /// how many rows of each view were read
    read: Vec<usize>,
}

impl KeptRows {
    /// Those of `sample`, of a request for `asked` rows of so many views; `None` where there are none.
    pub(super) fn new(request: u64, sample: Sample, asked: usize, views: usize) -> Option<Self> {
        /// Of a dozen numbers, or a few texts.
        const EXPECTED_BYTES: usize = 128;
        let rows = match &sample {
            Sample::None => return None,
            Sample::All => asked,
            Sample::Some(picked) => picked.len(),
        };
        let bytes = Vec::with_capacity(rows * views * EXPECTED_BYTES);
        Some(Self { request, sample, rows, bytes, places: vec![0..0; rows * views], read: vec![0; views] })
    }

    /// Takes the next row of a view, or that nothing is stored.
    pub(crate) fn push(&mut self, view: usize, row: Option<&[u8]>) {
        let number = self.read[view];
        self.read[view] += 1;
        let place = match &self.sample {
            Sample::All => Some(number),
            Sample::Some(picked) => picked.binary_search(&number).ok(),
            Sample::None => None,
        };
        if let (Some(place), Some(row)) = (place, row) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(row);
            self.places[view * self.rows + place] = start..self.bytes.len();
        }
    }

    /// Which rows of the request they are.
    pub(super) fn picked(&self) -> Picked<'_> {
        match &self.sample {
            Sample::Some(picked) => Picked::Some(picked),
            Sample::All | Sample::None => Picked::Range { first: 0, rows: self.rows },
        }
    }

    /// What is stored of a view, for each of them.
    pub(super) fn view(&self, view: usize) -> impl Iterator<Item = Option<&[u8]>> {
        let places = &self.places[view * self.rows..(view + 1) * self.rows];
        places.iter().map(|place| (!place.is_empty()).then(|| &self.bytes[place.clone()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_rows_that_are_read_the_sampled_ones_are_kept() {
        let rows = |sample| {
            let mut kept = KeptRows::new(7, sample, 3, 2)?;
            // The views' rows come in any order, those of one view in that of the request.
            for (view, row) in [(1, Some("d")), (0, Some("a")), (0, None), (1, Some("e")), (1, None), (0, Some("ccc"))]
            {
                kept.push(view, row.map(str::as_bytes));
            }
            let view = |view| kept.view(view).map(|row| row.map(|row| String::from_utf8_lossy(row).into_owned()));
            Some([view(0).collect::<Vec<_>>(), view(1).collect()])
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(rows(Sample::All), Some([vec![some("a"), None, some("ccc")], vec![some("d"), some("e"), None]]));
        assert_eq!(rows(Sample::Some(vec![1, 2])), Some([vec![None, some("ccc")], vec![some("e"), None]]));
        assert_eq!(rows(Sample::None), None);
    }
}
