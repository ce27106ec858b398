//! Keeps its instance for a while, so that the memory of instances that live at the same time can be read.

use skewless_sdk::transform;

/// The hash of `seed`, hashed `rounds` times.
#[transform]
pub fn busy(
    /// What is hashed.
    seed: i64,
    /// How often.
    rounds: i64,
) -> i64 {
    (0..rounds).fold(seed, |hash, _| {
        let hash = hash ^ (hash << 13);
        let hash = hash ^ ((hash as u64 >> 7) as i64);
        hash ^ (hash << 17)
    })
}
