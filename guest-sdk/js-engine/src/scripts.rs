//! Puts scripts into a module: behind its memory, as data, where `c/scripts.h` reads them.

use wasm_encoder::{ConstExpr, DataSection, MemorySection, MemoryType, Module, RawSection};
use wasmparser::{DataSectionReader, MemorySectionReader, Parser, Payload};

use crate::Error;

const PAGE_BYTES: u64 = 65_536;

/// `module`, whose memory begins with what it did, and has the scripts behind that.
pub(crate) fn insert(module: &[u8], scripts: &[(&str, &str)]) -> Result<Vec<u8>, Error> {
    let data = encode(scripts);
    let mut out = Module::new();
    let mut memory_end = None;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(Error::module)?;
        match &payload {
            Payload::MemorySection(memories) => {
                let (section, end) = grown(memories.clone(), data.len() as u64)?;
                memory_end = Some(end);
                out.section(&section);
            }
            Payload::DataSection(segments) => {
                let end = memory_end.ok_or_else(|| Error::module("it has data and no memory"))?;
                out.section(&with_segment(segments.clone(), module, end, &data)?);
            }
            // It serves instructions that the engine isn't compiled to.
            Payload::DataCountSection { .. } => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    out.section(&RawSection { id, data: &module[range] });
                }
            }
        }
    }
    Ok(out.finish())
}

/// Lengths and bytes of all names and sources, each with a zero behind it, and a name of length 0.
fn encode(scripts: &[(&str, &str)]) -> Vec<u8> {
    let texts = scripts.iter().flat_map(|(name, source)| [*name, *source]).chain([""]);
    let text = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes(), &[0]].concat();
    texts.flat_map(text).collect()
}

/// The memory with room for `more` bytes, and where that room begins.
fn grown(memories: MemorySectionReader<'_>, more: u64) -> Result<(MemorySection, u64), Error> {
    let mut section = MemorySection::new();
    let mut end = 0;
    for memory in memories {
        let memory = memory.map_err(Error::module)?;
        end = memory.initial * PAGE_BYTES;
        let (minimum, maximum) = (memory.initial + more.div_ceil(PAGE_BYTES), memory.maximum);
        let (memory64, shared) = (memory.memory64, memory.shared);
        section.memory(MemoryType { minimum, maximum, memory64, shared, page_size_log2: memory.page_size_log2 });
    }
    Ok((section, end))
}

fn with_segment(
    segments: DataSectionReader<'_>,
    module: &[u8],
    address: u64,
    data: &[u8],
) -> Result<DataSection, Error> {
    let mut section = DataSection::new();
    for segment in segments {
        section.raw(&module[segment.map_err(Error::module)?.range]);
    }
    let address = i32::try_from(address).map_err(Error::module)?;
    section.active(0, &ConstExpr::i32_const(address), data.iter().copied());
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_lie_behind_the_memory() {
        let module = wat::parse_str(r#"(module (memory 1) (data (i32.const 8) "first") (func (export "f")))"#).unwrap();
        let module = insert(&module, &[("a.js", "1"), ("b.js", "")]).unwrap();
        wasmparser::validate(&module).unwrap();
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(&module) {
            match payload.unwrap() {
                Payload::MemorySection(memories) => {
                    assert_eq!(memories.into_iter().next().unwrap().unwrap().initial, 2);
                }
                Payload::DataSection(segments) => {
                    found = segments.into_iter().map(|segment| segment.unwrap().data.to_vec()).collect();
                }
                _ => {}
            }
        }
        let scripts = b"\x04\0\0\0a.js\0\x01\0\0\x001\0\x04\0\0\0b.js\0\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(found, [b"first".to_vec(), scripts.to_vec()]);
    }
}
