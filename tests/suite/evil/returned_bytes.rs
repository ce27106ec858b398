//! Arbitrary bytes as a result: whatever a guest leaves in its memory, the host neither panics nor reads beyond it.

use proptest::collection::vec;
use proptest::prelude::*;
use skewless_runtime::{Limits, Transform};

use super::raw::{Raw, output_of_one_row};
use crate::support::{bytes_column, runtime, table};

/// Where the guest puts what it was given, and says that it is its output.
const OUTPUT: usize = 131_072;

/// Returns its input, as if it were an output.
fn parrot() -> Transform {
    let copy = "(memory.copy (i32.const 131072) (i32.load offset=16 (local.get $columns))
                             (i32.load offset=20 (local.get $columns)))
                (i32.const 131072)";
    runtime().load(&Raw { items: "", apply: copy }.component()).unwrap()
}

fn returned(transform: &Transform, bytes: &[u8]) -> Result<usize, String> {
    let limits = Limits { output_bytes_max: 1 << 20, ..super::LIMITS };
    let output = transform.apply(&table(&[("data", bytes_column(&[bytes]))]), &limits);
    let output = output.map_err(|error| error.to_string())?;
    output.batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
    Ok(output.batch.num_rows())
}

#[test]
fn a_well_formed_result_is_read() {
    assert_eq!(returned(&parrot(), &output_of_one_row(OUTPUT)), Ok(1));
}

/// Lengths, addresses and tags that are likely to hurt: around 0, the output's own parts, the end of memory, the ends of
/// the type.
fn word() -> impl Strategy<Value = u32> {
    let output = OUTPUT as u32;
    prop_oneof![
        0_u32..10,
        (0_u32..40).prop_map(move |word| output + 4 * word),
        (0_u32..16).prop_map(|back| 4 * 65_536 - back),
        (0_u32..16).prop_map(|back| u32::MAX - back),
        (0_u32..16).prop_map(|back| i32::MAX as u32 - back),
        (0_u32..32).prop_map(|bit| 1 << bit),
        any::<u32>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn a_spoiled_result_is_an_error_or_one_row(places in vec((0_usize..22, word()), 1..6)) {
        let mut bytes = output_of_one_row(OUTPUT);
        for (place, word) in places {
            bytes[4 * place..4 * place + 4].copy_from_slice(&word.to_le_bytes());
        }
        if let Ok(rows) = returned(&parrot_once(), &bytes) {
            prop_assert_eq!(rows, 1);
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_one_row(bytes in vec(any::<u8>(), 0..600)) {
        if let Ok(rows) = returned(&parrot_once(), &bytes) {
            prop_assert_eq!(rows, 1);
        }
    }
}

/// The same one for all cases.
fn parrot_once() -> Transform {
    static PARROT: std::sync::LazyLock<Transform> = std::sync::LazyLock::new(parrot);
    PARROT.clone()
}
