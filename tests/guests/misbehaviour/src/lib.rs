//! A transform that does what it is told, for the tests of limits: it loops, allocates, panics, recurses, or fails.

use std::hint::black_box;

use skewless_sdk::transform;

/// Does what the row says; anything else is answered with the text's length.
///
/// # Errors
/// Where the row says `fail`.
#[transform]
pub fn misbehaviour(what: &str) -> Result<i64, String> {
    match what {
        "loop" => loop {
            black_box(());
        },
        "allocate" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; 1 << 20]);
                black_box(&kept);
            }
        }
        "allocate 4 MiB" => Ok(black_box(vec![1_u8; 4 << 20]).len() as i64),
        "panic" => panic!("the row asks for it"),
        "recurse" => Ok(recurse(black_box(1))),
        "fail" => Err("the row asks for it".to_owned()),
        text => Ok(text.len() as i64),
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn recurse(depth: i64) -> i64 {
    black_box([depth; 64])[7] + recurse(black_box(depth + 1))
}
