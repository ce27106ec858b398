//! Go's linker leaves out every run of zeroes, and so makes tens of thousands of data segments. Each of them would be
//! looked at whenever an instance is made, long after it was applied: 22,000 take 35 µs. Here they are joined to a few.

use wasm_encoder::{ConstExpr, DataSection, Module, RawSection};
use wasmparser::{BinaryReaderError, Data, DataKind, DataSectionReader, Operator, Parser, Payload};

/// Zeroes that are worth a segment of their own behind them.
const GAP_BYTES: usize = 64 << 10;

/// The module with its data in few segments; as it is, where its segments may be referred to.
pub(super) fn joined(module: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut rewritten = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::DataSection(section) = &payload {
            match segments(section.clone())? {
                Some(segments) => rewritten.section(&segments),
                None => return Ok(module.to_vec()),
            };
        } else if let Payload::DataCountSection { .. } = payload {
            // It announces that code refers to segments by their numbers.
            return Ok(module.to_vec());
        } else if let Some((id, range)) = payload.as_section() {
            rewritten.section(&RawSection { id, data: &module[range] });
        }
    }
    Ok(rewritten.finish())
}

/// The same data in few segments. `None` where some lies over other.
fn segments(section: DataSectionReader<'_>) -> Result<Option<DataSection>, BinaryReaderError> {
    let mut found = Vec::new();
    for segment in section {
        let segment = segment?;
        let Some(start) = address(&segment)? else { return Ok(None) };
        found.push((start, segment.data));
    }
    found.sort_by_key(|(start, _)| *start);
    let mut joined: Vec<(usize, Vec<u8>)> = Vec::new();
    for (start, bytes) in found {
        match joined.last_mut() {
            Some((first, data)) if start < *first + data.len() => return Ok(None),
            Some((first, data)) if start - (*first + data.len()) < GAP_BYTES => {
                data.resize(start - *first, 0);
                data.extend(bytes);
            }
            _ => joined.push((start, bytes.to_vec())),
        }
    }
    let mut segments = DataSection::new();
    for (start, data) in joined {
        let start = i32::try_from(start).expect("it was read from one");
        segments.active(0, &ConstExpr::i32_const(start), data);
    }
    Ok(Some(segments))
}

/// Where a segment of the only memory goes, if that is a constant.
fn address(segment: &Data<'_>) -> Result<Option<usize>, BinaryReaderError> {
    let DataKind::Active { memory_index: 0, offset_expr } = &segment.kind else { return Ok(None) };
    let mut operators = offset_expr.get_operators_reader();
    let Operator::I32Const { value } = operators.read()? else { return Ok(None) };
    Ok(usize::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &str) -> Vec<(usize, Vec<u8>)> {
        let module = joined(&wat::parse_str(text).unwrap()).unwrap();
        let sections = Parser::new(0).parse_all(&module).filter_map(|payload| match payload.unwrap() {
            Payload::DataSection(section) => Some(section),
            _ => None,
        });
        let segments = sections.flat_map(|section| section.into_iter().map(Result::unwrap));
        segments.filter_map(|segment| Some((address(&segment).unwrap()?, segment.data.to_vec()))).collect()
    }

    #[test]
    fn neighbours_are_joined_and_far_ones_are_not() {
        let text =
            r#"(module (memory 9) (data (i32.const 12) "c") (data (i32.const 8) "ab") (data (i32.const 131072) "d"))"#;
        assert_eq!(data(text), [(8, b"ab\0\0c".to_vec()), (131_072, b"d".to_vec())]);
    }

    #[test]
    fn what_code_refers_to_or_overlaps_is_left_as_it_is() {
        for text in [
            r#"(module (memory 1) (data (i32.const 1) "ab") (data "x") (func (data.drop 1)))"#,
            r#"(module (memory 1) (data (i32.const 1) "ab") (data (i32.const 2) "c"))"#,
            r#"(module (global $g (import "a" "b") i32) (memory 1) (data (global.get $g) "c"))"#,
        ] {
            let module = wat::parse_str(text).unwrap();
            assert_eq!(joined(&module).unwrap(), module);
        }
    }
}
