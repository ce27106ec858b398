//! The stored rows behind an answer, kept to be logged.

use std::cell::RefCell;
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
    memory: Memory,
}

#[derive(Default)]
struct Memory {
    bytes: Vec<u8>,
    /// for each view and row the place of its bytes, empty where nothing is stored
    places: Vec<Range<usize>>,
    /// how many rows of each view were read
    read: Vec<usize>,
}

/// How much memory of requests that were logged each thread keeps for the next ones: of so many at a time, each of so many bytes.
const SPARE_MAX: usize = 8;
const SPARE_BYTES_MAX: usize = 1 << 18;

thread_local! {
    static SPARE: RefCell<Vec<Memory>> = const { RefCell::new(Vec::new()) };
}

/// What a stored row of a dozen numbers or a few texts takes.
const EXPECTED_BYTES: usize = 128;

impl Memory {
    /// What this thread kept; else new memory, with room for so many rows.
    fn spare(rows: usize) -> Self {
        let new =
            || Self { bytes: Vec::with_capacity((rows * EXPECTED_BYTES).min(SPARE_BYTES_MAX)), ..Self::default() };
        SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(new)
    }

    fn is_worth_keeping(&self) -> bool {
        let places = self.places.capacity() * size_of::<Range<usize>>();
        self.bytes.capacity().max(places) <= SPARE_BYTES_MAX
    }

    /// Without rows, for so many of so many views.
    fn cleared(mut self, rows: usize, views: usize) -> Self {
        self.bytes.clear();
        self.places.clear();
        self.places.resize(rows * views, 0..0);
        self.read.clear();
        self.read.resize(views, 0);
        self
    }
}

impl Drop for KeptRows {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        if memory.is_worth_keeping() {
            // A thread that ends keeps nothing.
            let _ = SPARE.try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < SPARE_MAX {
                    spare.push(memory);
                }
            });
        }
    }
}

impl KeptRows {
    /// Those of `sample`, of a request for `asked` rows of so many views; `None` where there are none.
    pub(super) fn new(request: u64, sample: Sample, asked: usize, views: usize) -> Option<Self> {
        let rows = match &sample {
            Sample::None => return None,
            Sample::All => asked,
            Sample::Some(picked) => picked.len(),
        };
        let memory = Memory::spare(rows * views).cleared(rows, views);
        Some(Self { request, sample, rows, memory })
    }

    /// Takes the next row of a view, or that nothing is stored.
    pub(crate) fn push(&mut self, view: usize, row: Option<&[u8]>) {
        let Memory { bytes, places, read } = &mut self.memory;
        let number = read[view];
        read[view] += 1;
        let place = match &self.sample {
            Sample::All => Some(number),
            Sample::Some(picked) => picked.binary_search(&number).ok(),
            Sample::None => None,
        };
        if let (Some(place), Some(row)) = (place, row) {
            let start = bytes.len();
            bytes.extend_from_slice(row);
            places[view * self.rows + place] = start..bytes.len();
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
        let places = &self.memory.places[view * self.rows..(view + 1) * self.rows];
        places.iter().map(|place| (!place.is_empty()).then(|| &self.memory.bytes[place.clone()]))
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

    #[test]
    fn memory_of_one_request_has_nothing_of_it_in_the_next() {
        let kept = |rows, views| KeptRows::new(7, Sample::All, rows, views).unwrap();
        let mut before = kept(100, 3);
        (0..300).for_each(|row| before.push(row % 3, Some(b"before")));
        let place = before.memory.bytes.as_ptr();
        drop(before);
        let mut next = kept(200, 1);
        assert_eq!(next.memory.bytes.as_ptr(), place);
        next.push(0, None);
        next.push(0, Some(b"next"));
        let found: Vec<_> = next.view(0).collect();
        assert_eq!((found.len(), &found[..3]), (200, &[None, Some(b"next".as_slice()), None][..]));
        assert_eq!(found.iter().flatten().count(), 1);
    }

    #[test]
    fn little_memory_is_kept_whatever_requests_take() {
        let kept = |rows| KeptRows::new(7, Sample::All, rows, 1).unwrap();
        drop((0..100).map(|_| kept(100)).collect::<Vec<_>>());
        drop([kept(1), kept(100_000)]);
        SPARE.with_borrow(|spare| {
            assert!((1..=SPARE_MAX).contains(&spare.len()));
            assert!(spare.iter().all(|memory| memory.places.capacity() < 1_000));
        });
    }
}
