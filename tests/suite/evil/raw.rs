//! Components from hand-written WebAssembly: what no compiler would make.
//!
//! Their signature is one input `data` (bytes) and one output `value` (int64). It lies in memory as the component model
//! lays it out, at [`SIGNATURE`].

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::support::project;

/// Where in memory the signature lies, and what it points to.
const SIGNATURE: usize = 1_024;

/// Where memory begins that `cabi_realloc` hands out.
const HEAP: usize = 65_536;

/// The parts of a core module that differ.
pub(super) struct Raw<'a> {
    /// tables, globals, data, functions
    pub(super) items: &'a str,
    /// the body of `apply`: parameters `$rows`, `$columns`, `$count`; result: where the output lies
    pub(super) apply: &'a str,
}

impl Raw<'_> {
    pub(super) fn component(&self) -> Vec<u8> {
        let text = format!(
            r#"(module
              (memory (export "memory") 4)
              (global $next (mut i32) (i32.const {HEAP}))
              {items}
              (data (i32.const {SIGNATURE}) "{signature}")
              (func (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
                (local $place i32)
                (local.set $place (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                (global.set $next (i32.add (local.get $place) (local.get $new)))
                (local.get $place))
              (func (export "describe") (result i32) (i32.const {SIGNATURE}))
              (func (export "apply") (param $rows i32) (param $columns i32) (param $count i32) (result i32) {apply}))"#,
            items = self.items,
            apply = self.apply,
            signature = escaped(&signature()),
        );
        let mut module = wat::parse_str(&text).unwrap();
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(project().join("wit")).unwrap();
        let world = resolve.select_world(&[package], Some("transform")).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
    }
}

/// A body of `apply` that returns one row with the value 7.
pub(super) fn apply_ok() -> String {
    let mut bytes = output_of_one_row(8_192);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    // `i64.store` of each word, since data can't be placed from within a function.
    let words = bytes.chunks(8).enumerate().map(|(word, bytes)| {
        let value = i64::from_le_bytes(bytes.try_into().unwrap());
        format!("(i64.store (i32.const {}) (i64.const {value}))", 8_192 + word * 8)
    });
    words.collect::<String>() + "(i32.const 8192)"
}

/// An output of one row, as it lies at the address `at`: result, columns, the column, its value.
pub(super) fn output_of_one_row(at: usize) -> Vec<u8> {
    let (column, value) = (at + 24, at + 24 + COLUMN_BYTES);
    let mut bytes = Vec::new();
    // result: ok; columns: one; failures: none
    words(&mut bytes, &[0, column, 1, 0, 0, 0]);
    // values: scalars; scalar-values: int64s of one; then nothing up to validity: none
    words(&mut bytes, &[0, 2, value, 1]);
    bytes.resize(24 + COLUMN_BYTES, 0);
    bytes.extend(7_i64.to_le_bytes());
    bytes
}

/// values: 4 + scalar-values or list-values, of which the latter is the largest: offsets (8), elements (4 + 16),
/// element-validity (4 + 8); then validity (4 + 8).
const COLUMN_BYTES: usize = 4 + 8 + 20 + 12 + 12;

fn signature() -> Vec<u8> {
    let (name, fields) = (SIGNATURE + 200, SIGNATURE + 40);
    let text = |offset: usize, length: usize| [name + offset, length];
    let mut bytes = Vec::new();
    words(&mut bytes, &[text(0, 3), text(0, 0), text(0, 0)].concat());
    words(&mut bytes, &[fields, 1, fields + 32, 1]);
    // `data`: bytes is scalar type 6; `value`: int64 is 2. Not nullable, no logical type, no documentation.
    for (offset, length, scalar) in [(3, 4, 6_u8), (7, 5, 2)] {
        words(&mut bytes, &text(offset, length));
        bytes.extend([0, scalar, 0, 0]);
        words(&mut bytes, &[0, 0, 0, 0, 0]);
    }
    bytes.resize(200, 0);
    bytes.extend(b"rawdatavalue");
    bytes
}

fn words(bytes: &mut Vec<u8>, words: &[usize]) {
    bytes.extend(words.iter().flat_map(|word| u32::try_from(*word).unwrap().to_le_bytes()));
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
