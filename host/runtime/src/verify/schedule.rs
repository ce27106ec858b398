//! A schedule: in which calls rows are computed, and on which instances. Every relation is one, and so is what is left
//! of it after shrinking.

use arrow::array::RecordBatch;

use super::reference::Reference;
use crate::limits::Limits;
use crate::output::Output;
use crate::transform::Transform;

/// Calls to make, each with the corpus' rows of these numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) calls: Vec<Vec<u32>>,
    /// whether one instance answers all calls, or each a fresh one
    pub(super) one_instance: bool,
}

/// What a call of a schedule yielded where it had to yield something else.
#[derive(Debug, Clone)]
pub(super) struct Deviation {
    /// the call's number
    pub(super) call: usize,
    /// the first of its rows that differs; `None` where the call failed as a whole
    pub(super) place: Option<usize>,
    /// what it yielded, or why it failed
    pub(super) found: Result<Output, String>,
}

impl Schedule {
    pub(super) fn rows(&self) -> usize {
        self.calls.iter().map(Vec::len).sum()
    }

    /// Makes the calls; the first that differs from the reference is returned, and ends it.
    pub(super) fn run(&self, transform: &Transform, reference: &Reference, limits: &Limits) -> Option<Deviation> {
        let mut kept = None;
        for (call, rows) in self.calls.iter().enumerate() {
            let instance = kept.take().filter(|_| self.one_instance);
            match transform.apply_on(instance, &reference.inputs(rows), limits) {
                Err(error) => return Some(Deviation { call, place: None, found: Err(error.to_string()) }),
                Ok((output, instance)) => {
                    if let Some(place) = first_difference(&output, rows, reference) {
                        return Some(Deviation { call, place: Some(place), found: Ok(output) });
                    }
                    kept = Some(instance);
                }
            }
        }
        None
    }

    /// The same schedule with nothing but the rows at `places`, counted over all calls.
    pub(super) fn only(&self, places: &[usize]) -> Self {
        let mut places = places.iter().copied().peekable();
        let mut first = 0;
        let mut calls = Vec::new();
        for rows in &self.calls {
            let end = first + rows.len();
            let mut left = Vec::new();
            while let Some(place) = places.next_if(|place| *place < end) {
                left.push(rows[place - first]);
            }
            if !left.is_empty() {
                calls.push(left);
            }
            first = end;
        }
        Self { calls, one_instance: self.one_instance }
    }

    /// The same schedule, ended after the call `last`.
    pub(super) fn until(&self, last: usize) -> Self {
        let first = if self.one_instance { 0 } else { last };
        Self { calls: self.calls[first..=last].to_vec(), one_instance: self.one_instance }
    }
}

/// The first row whose outputs, or reason for having none, are other bits than the reference's.
fn first_difference(output: &Output, rows: &[u32], reference: &Reference) -> Option<usize> {
    let expected = reference.outputs(rows);
    let mut failures = output.failures.iter().peekable();
    // Arrow compares numbers by their bits, and these are canonical.
    let all_equal = output.batch == expected;
    rows.iter().enumerate().position(|(place, row)| {
        let reason = failures.next_if(|failure| failure.row == place).map(|failure| failure.reason.as_str());
        reason != reference.reason(*row) || !(all_equal || equal_row(&output.batch, &expected, place))
    })
}

fn equal_row(a: &RecordBatch, b: &RecordBatch, row: usize) -> bool {
    a.slice(row, 1) == b.slice(row, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Float64Array};
    use std::sync::Arc;

    #[test]
    fn a_part_of_a_schedule_keeps_its_calls() {
        let schedule = Schedule { calls: vec![vec![7, 8, 9], vec![5], vec![3, 4]], one_instance: true };
        assert_eq!(schedule.only(&[0, 2, 4]).calls, [vec![7, 9], vec![3]]);
        assert_eq!(schedule.until(1).calls, [vec![7, 8, 9], vec![5]]);
    }

    #[test]
    fn rows_are_compared_by_their_bits() {
        let batch = |value: f64| {
            RecordBatch::try_from_iter([("x", Arc::new(Float64Array::from(vec![value])) as ArrayRef)]).unwrap()
        };
        assert!(equal_row(&batch(f64::NAN), &batch(f64::NAN), 0));
        assert!(!equal_row(&batch(0.0), &batch(-0.0), 0));
        assert!(batch(0.0) != batch(-0.0));
    }
}
