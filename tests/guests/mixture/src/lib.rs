//! A transform over every type, for the parity tests: it hands on what it gets, and computes with it.

use skewless_sdk::{Features, List, Timestamp, transform};

/// What the transform makes of a row.
#[derive(Features)]
pub struct Mixture {
    /// The integer, doubled with wrap-around.
    pub doubled: Option<i64>,
    /// The number divided by the integer: infinities and NaN happen.
    pub quotient: Option<f64>,
    /// Its sine and logarithm, which depend on the math library.
    pub wave: Option<f64>,
    /// The single-precision number, negated: the sign of zero shows.
    pub negated: Option<f32>,
    /// The text in upper case, behind its length.
    pub shouted: Option<String>,
    /// The bytes backwards.
    pub backwards: Option<Vec<u8>>,
    /// The instant, a day later.
    pub next_day: Option<Timestamp>,
    /// Whether the flag is set.
    pub is_set: Option<bool>,
    /// The list's elements, halved.
    pub halves: Option<Vec<Option<f64>>>,
    /// The sum of the list's elements.
    pub total: Option<f64>,
}

/// Exercises every type of the contract.
///
/// # Errors
/// Fails the row whose text is `fail`.
#[transform]
pub fn mixture(
    integer: Option<i64>,
    number: Option<f64>,
    single: Option<f32>,
    flag: Option<bool>,
    text: Option<&str>,
    raw: Option<&[u8]>,
    instant: Option<Timestamp>,
    list: Option<List<'_, f64>>,
) -> Result<Mixture, String> {
    if text == Some("fail") {
        return Err("the text asks for it".to_owned());
    }
    Ok(Mixture {
        doubled: integer.map(|integer| integer.wrapping_mul(2)),
        quotient: number.zip(integer).map(|(number, integer)| number / integer as f64),
        wave: number.map(|number| number.sin() + number.abs().ln()),
        negated: single.map(|single| -single),
        shouted: text.map(|text| format!("{} {}", text.len(), text.to_uppercase())),
        backwards: raw.map(|raw| raw.iter().rev().copied().collect()),
        next_day: instant.map(|instant| Timestamp::from_micros(instant.as_micros().wrapping_add(86_400_000_000))),
        is_set: flag,
        halves: list.map(|list| list.iter().map(|element| element.map(|element| element / 2.0)).collect()),
        total: list.map(|list| list.iter().flatten().sum()),
    })
}
