//! Where a program's loader looks for libraries before it looks anywhere else.

/// Returns the search path in an ELF program (`DT_RPATH` or `DT_RUNPATH`, 64 bits, little endian), `$ORIGIN` as it stands.
///
/// Anything else, and anything damaged, has none. crun opens the library of its engine with `dlopen`, which looks there.
///
/// ```
/// assert_eq!(wasm_bundle::doctor::search_path(b"#!/bin/sh"), [""; 0]);
/// ```
#[must_use]
pub fn search_path(elf: &[u8]) -> Vec<String> {
    entries(elf).unwrap_or_default()
}

const DYNAMIC: u32 = 2;
const LOAD: u32 = 1;
const STRINGS: u64 = 5;
const RPATH: u64 = 15;
const RUNPATH: u64 = 29;

fn entries(elf: &[u8]) -> Option<Vec<String>> {
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (start, size) = (long(elf, 32)?, u64::from(short(elf, 54)?));
    let headers: Vec<_> = (0..u64::from(short(elf, 56)?))
        .map_while(|index| header(elf, start.checked_add(index.checked_mul(size)?)?))
        .collect();
    let dynamic = headers.iter().find(|header| header.kind == DYNAMIC)?;
    let (mut strings, mut paths) = (None, vec![]);
    for index in 0..dynamic.size / 16 {
        let at = dynamic.offset.checked_add(index * 16)?;
        match (long(elf, at)?, long(elf, at + 8)?) {
            (0, _) => break,
            (STRINGS, address) => strings = Some(address),
            (RPATH | RUNPATH, offset) => paths.push(offset),
            _ => {}
        }
    }
    let strings = strings?;
    let inside = |header: &&Header| {
        header.kind == LOAD && strings.checked_sub(header.address).is_some_and(|at| at < header.size)
    };
    let segment = headers.iter().find(inside)?;
    let base = segment.offset.checked_add(strings - segment.address)?;
    let text = |offset: u64| {
        let bytes = elf.get(usize::try_from(base.checked_add(offset)?).ok()?..)?;
        let end = bytes.iter().take(64 << 10).position(|byte| *byte == 0)?;
        std::str::from_utf8(&bytes[..end]).ok()
    };
    let paths = paths.into_iter().filter_map(text).flat_map(|path| path.split(':'));
    Some(paths.filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// What a program header says.
struct Header {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

fn header(elf: &[u8], at: u64) -> Option<Header> {
    let kind = u32::from_le_bytes(bytes(elf, at)?);
    let (offset, address, size) = (long(elf, at + 8)?, long(elf, at + 16)?, long(elf, at + 32)?);
    Some(Header { kind, offset, address, size })
}

fn long(elf: &[u8], at: u64) -> Option<u64> {
    bytes(elf, at).map(u64::from_le_bytes)
}

fn short(elf: &[u8], at: u64) -> Option<u16> {
    bytes(elf, at).map(u16::from_le_bytes)
}

fn bytes<const N: usize>(elf: &[u8], at: u64) -> Option<[u8; N]> {
    let at = usize::try_from(at).ok()?;
    elf.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_has_no_path() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in (0..4096).chain([program.len() / 2]) {
            let _ = search_path(&program[..length.min(program.len())]);
        }
        let mut hostile = program[..4096].to_vec();
        for at in 16..1024 {
            hostile[at] = 0xff;
            let _ = search_path(&hostile);
        }
        assert_eq!(search_path(b"\x7fELF\x01\x01"), [""; 0]);
    }

    /// The lab's crun finds its engine by this.
    #[test]
    fn the_lab_patches_it_into_its_programs() {
        let Some(crun) = lab::need!("crun") else { return };
        let paths = search_path(&std::fs::read(&crun).unwrap());
        if crun.starts_with(lab::prefix()) {
            assert!(
                paths.iter().any(|path| std::path::Path::new(path).join("libwasmedge.so.0").exists()),
                "{paths:?}"
            );
        }
    }
}
