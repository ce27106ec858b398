//! What must make no difference: for each relation, the schedule that shows whether it does.

use super::schedule::Schedule;
use crate::engine::Compilation;
use crate::random::Random;

/// Something that must make no difference.
pub(super) struct Relation {
    /// the end of the sentence "… yields what each row yields alone"
    pub(super) name: String,
    pub(super) compilation: Compilation,
    pub(super) schedule: Schedule,
}

/// Rows that are computed one by one under each of the other compilations.
const ROWS_ALONE_ELSEWHERE: usize = 500;

/// All relations over the corpus' rows `good`.
pub(super) fn relations(good: &[u32], seed: u64) -> Vec<Relation> {
    let mut random = Random::new(seed ^ 0x0072_656c_6174_696f);
    let shuffled = |random: &mut Random| {
        let mut rows = good.to_vec();
        random.shuffle(&mut rows);
        rows
    };
    let twice: Vec<u32> = good.iter().flat_map(|row| [*row, *row]).collect();
    let mut doubled = shuffled(&mut random);
    doubled.extend_from_within(..);
    let fresh = |calls| Schedule { calls, one_instance: false };
    let kept = |calls| Schedule { calls, one_instance: true };
    let on_this_engine = [
        ("a batch of 8,192 rows", fresh(chunks(good, 8_192))),
        ("a batch of 1,024 rows", fresh(chunks(good, 1_024))),
        ("a batch of 7 rows", fresh(chunks(good, 7))),
        ("a batch in another order", fresh(chunks(&shuffled(&mut random), 8_192))),
        ("a batch of any size", fresh(splits(&shuffled(&mut random), &mut random))),
        ("a batch with each row twice in a row", fresh(chunks(&twice, 8_192))),
        ("a batch with all rows again behind them", fresh(chunks(&doubled, 2 * good.len().max(1)))),
        ("each row by itself, all on one instance", kept(chunks(good, 1))),
        ("batches of any size, all on one instance", kept(splits(&shuffled(&mut random), &mut random))),
        ("each row by itself in another order, all on one instance", kept(chunks(&shuffled(&mut random), 1))),
    ];
    let elsewhere = Compilation::ALL.into_iter().filter(|compilation| *compilation != Compilation::Optimized);
    let elsewhere = elsewhere.flat_map(|compilation| {
        let some = &good[..good.len().min(ROWS_ALONE_ELSEWHERE)];
        [
            (format!("a batch of 8,192 rows on {}", compilation.name()), compilation, fresh(chunks(good, 8_192))),
            (format!("each row by itself on {}", compilation.name()), compilation, fresh(chunks(some, 1))),
        ]
    });
    on_this_engine
        .map(|(name, schedule)| (name.to_owned(), Compilation::Optimized, schedule))
        .into_iter()
        .chain(elsewhere)
        .map(|(name, compilation, schedule)| Relation { name, compilation, schedule })
        .collect()
}

fn chunks(rows: &[u32], size: usize) -> Vec<Vec<u32>> {
    rows.chunks(size).map(<[u32]>::to_vec).collect()
}

/// Cut at random: a few rows as likely as many.
fn splits(mut rows: &[u32], random: &mut Random) -> Vec<Vec<u32>> {
    let mut calls = Vec::new();
    while !rows.is_empty() {
        let magnitude = random.below(12);
        let size = (1 + random.below(1 << magnitude)).min(rows.len());
        let (call, rest) = rows.split_at(size);
        calls.push(call.to_vec());
        rows = rest;
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relation_computes_rows_of_the_corpus_and_most_compute_all() {
        let good: Vec<u32> = (0..3_000).filter(|row| row % 5 != 0).collect();
        for Relation { name, schedule, .. } in relations(&good, 3) {
            let mut rows: Vec<u32> = schedule.calls.concat();
            assert!(schedule.calls.iter().all(|call| !call.is_empty()), "{name}");
            rows.sort_unstable();
            rows.dedup();
            assert!(rows == good || rows == good[..ROWS_ALONE_ELSEWHERE], "{name}");
        }
    }
}
