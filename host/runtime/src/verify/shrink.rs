//! From thousands of rows to the few that show a difference: delta debugging (Zeller and Hildebrandt, 2002).

/// The runs that shrinking may take; what is left then is shown as it is.
const RUNS_MAX: usize = 2_000;

/// The places below `count` without which `fails` no longer fails. Each of the rest is needed, unless it took too long.
pub(super) fn shrink(count: usize, mut fails: impl FnMut(&[usize]) -> bool) -> Vec<usize> {
    let mut left: Vec<usize> = (0..count).collect();
    let mut parts = 2;
    let mut runs = 0;
    while left.len() > 1 && runs < RUNS_MAX {
        let size = left.len().div_ceil(parts);
        let without = |part: usize| -> Vec<usize> {
            let (start, end) = (part * size, ((part + 1) * size).min(left.len()));
            left[..start].iter().chain(&left[end..]).copied().collect()
        };
        let smaller = (0..left.len().div_ceil(size)).map(without).find(|rest| {
            runs += 1;
            !rest.is_empty() && fails(rest)
        });
        match smaller {
            Some(rest) => {
                left = rest;
                parts = (parts - 1).max(2);
            }
            None if size == 1 => break,
            None => parts = (2 * parts).min(left.len()),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_left_and_nothing_else() {
        let needed = [17, 430, 431];
        assert_eq!(shrink(1_000, |places| needed.iter().all(|place| places.contains(place))), needed);
        assert_eq!(shrink(10_000, |places| places.contains(&9_999)), [9_999]);
        assert_eq!(shrink(50, |places| places.len() >= 7).len(), 7);
        assert_eq!(shrink(1, |_| true), [0]);
    }
}
