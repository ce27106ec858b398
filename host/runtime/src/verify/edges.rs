//! The values of each type at which transforms go wrong.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};

use crate::data_type::ScalarType;

/// Edge values of a type; `is_json` where a string holds a JSON document.
pub(super) fn edges(scalar: ScalarType, is_json: bool) -> ArrayRef {
    match scalar {
        ScalarType::Bool => Arc::new(BooleanArray::from(vec![false, true])),
        ScalarType::Int32 => Arc::new(Int32Array::from(INT32S.to_vec())),
        ScalarType::Int64 => Arc::new(Int64Array::from(INT64S.to_vec())),
        ScalarType::Float32 => {
            let specials = [f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::MIN, f32::EPSILON, 16_777_217.0];
            let common = FLOATS.iter().map(|value| *value as f32);
            Arc::new(Float32Array::from_iter_values(common.chain(specials)))
        }
        ScalarType::Float64 => {
            let specials =
                [f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::MIN, f64::EPSILON, 9_007_199_254_740_993.0, 1e-310];
            Arc::new(Float64Array::from_iter_values(FLOATS.into_iter().chain(specials)))
        }
        ScalarType::String if is_json => Arc::new(StringArray::from(JSONS.to_vec())),
        ScalarType::String => {
            let long = ["x".repeat(1_000), "é".repeat(300)];
            let texts = TEXTS.iter().copied().chain(long.iter().map(String::as_str));
            Arc::new(StringArray::from_iter_values(texts))
        }
        ScalarType::Bytes => {
            let all: Vec<u8> = (0..=255).collect();
            let long = vec![0xab; 1_000];
            let values: [&[u8]; 8] = [b"", b"\0", b"\xff", b"\xc3\x28", b"a", b"\0\0\0\x01", &all, &long];
            Arc::new(BinaryArray::from_iter_values(values))
        }
        ScalarType::Timestamp => Arc::new(TimestampMicrosecondArray::from(INSTANTS.to_vec()).with_timezone("UTC")),
    }
}

const INT32S: [i32; 14] = [0, 1, -1, 2, 7, 24, 60, 100, 255, 65_536, i32::MAX, i32::MIN, i32::MAX - 1, i32::MIN + 1];

const INT64S: [i64; 20] = [
    0,
    1,
    -1,
    2,
    7,
    24,
    60,
    100,
    1_000_000,
    i32::MAX as i64 + 1,
    i32::MIN as i64 - 1,
    u32::MAX as i64 + 1,
    1 << 53,
    (1 << 53) + 1,
    -(1 << 53) - 1,
    1 << 62,
    i64::MAX,
    i64::MIN,
    i64::MAX - 1,
    i64::MIN + 1,
];

const FLOATS: [f64; 26] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    0.1,
    0.3,
    1.0 / 3.0,
    2.0,
    10.0,
    100.0,
    1e-10,
    1e10,
    -1e10,
    90.0,
    -90.0,
    180.0,
    -180.0,
    360.0,
    std::f64::consts::PI,
    2_147_483_648.0,
    1e20,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// Empty, white space, cases that change length, composed and decomposed, beyond the BMP, right to left, addresses.
const TEXTS: [&str; 34] = [
    "",
    " ",
    "a",
    "A",
    "Z",
    "0",
    "-1",
    "1e5",
    "NaN",
    "null",
    "hello, world",
    "  padded\t",
    "line\nbreak",
    "\0",
    "\u{feff}",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "ﬁ",
    "ǅ",
    "😀",
    "👩‍👩‍👧",
    "\u{10ffff}",
    "שלום",
    "日本語",
    "ab ab ba",
    "the quick brown fox the quick",
    "alice@example.com",
    "Bob.Smith+x@GMAIL.com",
    "a@b@c",
    "@",
    "ünï@exämple.de",
    "no-at-sign.example.com",
];

const JSONS: [&str; 16] = [
    "{}",
    "[]",
    "null",
    "0",
    "\"\"",
    "{\"a\":1}",
    "{\"a\":{\"b\":[1,2,{\"c\":null}]}}",
    "{\"a\":9007199254740993}",
    "{\"a\":1e400}",
    "{\"a\":-0.0}",
    "{\"a\":\"\\ud83d\\ude00\"}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":",
    "not json",
    "",
    " { \"a\" : true } ",
];

/// Microseconds since 1970: around the epoch, ends of years, leap days, days on which clocks change in New York, Berlin
/// and Sydney, the ends of 32-bit seconds and of four-digit years, and the ends of the type.
const INSTANTS: [i64; 28] = [
    0,
    1,
    -1,
    -86_400_000_000,
    86_399_999_999,
    946_684_799_999_999,
    946_684_800_000_000,
    951_782_400_000_000,
    951_868_799_999_999,
    1_709_164_800_000_000,
    1_709_251_199_999_999,
    1_709_251_200_000_000,
    4_107_542_400_000_000,
    1_710_053_999_999_999,
    1_710_054_000_000_000,
    1_730_613_600_000_000,
    1_711_846_800_000_000,
    1_729_990_800_000_000,
    1_712_419_200_000_000,
    1_735_689_599_999_999,
    1_735_689_600_000_000,
    2_147_483_647_000_000,
    2_147_483_648_000_000,
    253_402_300_799_999_999,
    -62_135_596_800_000_000,
    -2_717_650_800_000_000,
    i64::MAX,
    i64::MIN,
];
