//! As much of ELF as tells whether a program can run in an image
//! (<https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html>).

/// What a program or library says about itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Elf {
    /// The processor, by the name that images have for it.
    pub(super) architecture: &'static str,
    /// The loader that the kernel starts in its place.
    pub(super) interpreter: Option<String>,
    /// The libraries that the loader must find.
    pub(super) needed: Vec<String>,
}

/// `e_machine`, whether it has 64 bits, whether the lowest byte comes first, and Go's name.
const MACHINES: [(u16, bool, bool, &str); 9] = [
    (62, true, true, "amd64"),
    (183, true, true, "arm64"),
    (3, false, true, "386"),
    (40, false, true, "arm"),
    (21, true, true, "ppc64le"),
    (21, true, false, "ppc64"),
    (22, true, false, "s390x"),
    (243, true, true, "riscv64"),
    (258, true, true, "loong64"),
];

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;

/// More program headers or dynamic entries than any program has.
const ENTRIES: u64 = 10_000;
/// The longest path that Linux takes.
const PATH_MAX: usize = 4096;

impl Elf {
    /// Parses a program or library; an error says why it is none that runs.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        if !bytes.starts_with(b"\x7fELF") {
            return Err("it is no Linux program");
        }
        Reader::of(bytes).and_then(|reader| reader.elf()).ok_or("it is a damaged Linux program")?
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    wide: bool,
    little: bool,
}

/// A program header.
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
}

impl<'a> Reader<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { bytes, wide: *bytes.get(4)? == 2, little: *bytes.get(5)? == 1 })
    }

    fn elf(&self) -> Option<Result<Elf, &'static str>> {
        let machine = self.number(18, 2)?;
        let known = MACHINES.iter().find(|(number, wide, little, _)| {
            u64::from(*number) == machine && *wide == self.wide && *little == self.little
        });
        let Some((_, _, _, architecture)) = known else {
            return Some(Err("it is for a processor that images have no name for"));
        };
        let segments = self.segments()?;
        let of_kind = |kind| segments.iter().find(|segment| segment.kind == kind);
        let interpreter = match of_kind(PT_INTERP) {
            Some(segment) => Some(self.text(segment.offset)?),
            None => None,
        };
        let needed = match of_kind(PT_DYNAMIC) {
            Some(dynamic) => self.needed(dynamic, &segments)?,
            None => vec![],
        };
        Some(Ok(Elf { architecture, interpreter, needed }))
    }

    fn segments(&self) -> Option<Vec<Segment>> {
        let (start, size, count) = match self.wide {
            true => (self.number(32, 8)?, self.number(54, 2)?, self.number(56, 2)?),
            false => (self.number(28, 4)?, self.number(42, 2)?, self.number(44, 2)?),
        };
        let segment = |index: u64| {
            let at = start.checked_add(index.checked_mul(size)?)?;
            let field = |wide: u64, narrow: u64| {
                let (offset, size) = if self.wide { (wide, 8) } else { (narrow, 4) };
                self.number(at.checked_add(offset)?, size)
            };
            Some(Segment {
                kind: self.number(at, 4)?,
                offset: field(8, 4)?,
                address: field(16, 8)?,
                size: field(32, 16)?,
            })
        };
        (0..count).map(segment).collect()
    }

    /// The libraries of the dynamic section, whose names are offsets into a table that is given by its address.
    fn needed(&self, dynamic: &Segment, segments: &[Segment]) -> Option<Vec<String>> {
        let word: u64 = if self.wide { 8 } else { 4 };
        let (mut names, mut table) = (vec![], None);
        for index in 0..(dynamic.size / (2 * word)).min(ENTRIES) {
            let at = dynamic.offset.checked_add(index * 2 * word)?;
            let (tag, value) = (self.number(at, word)?, self.number(at.checked_add(word)?, word)?);
            match tag {
                0 => break,
                DT_NEEDED => names.push(value),
                DT_STRTAB => table = Some(value),
                _ => {}
            }
        }
        if names.is_empty() {
            return Some(vec![]);
        }
        let table = table?;
        let loaded = |segment: &&Segment| {
            segment.kind == PT_LOAD && table.checked_sub(segment.address).is_some_and(|at| at < segment.size)
        };
        let segment = segments.iter().find(loaded)?;
        let offset = segment.offset.checked_add(table - segment.address)?;
        names.into_iter().map(|name| self.text(offset.checked_add(name)?)).collect()
    }

    /// A number of 2, 4 or 8 bytes.
    fn number(&self, at: u64, size: u64) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(usize::try_from(size).ok()?)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    /// A text that ends with a NUL.
    fn text(&self, at: u64) -> Option<String> {
        let rest = self.bytes.get(usize::try_from(at).ok()?..)?;
        let end = rest.iter().take(PATH_MAX).position(|byte| *byte == 0)?;
        str::from_utf8(&rest[..end]).ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of this machine, whose shell is dynamically linked.
    fn shell() -> Vec<u8> {
        std::fs::read("/bin/sh").unwrap()
    }

    #[test]
    fn a_program_names_its_loader_and_libraries() {
        let elf = Elf::parse(&shell()).unwrap();
        assert!(elf.interpreter.as_ref().is_some_and(|loader| loader.contains("/ld-")), "{elf:?}");
        assert!(elf.needed.iter().any(|name| name.starts_with("libc.")), "{elf:?}");
    }

    #[test]
    fn what_is_no_program_is_told() {
        assert_eq!(Elf::parse(b"#!/bin/sh"), Err("it is no Linux program"));
        assert_eq!(Elf::parse(b"\x7fELF"), Err("it is a damaged Linux program"));
        let mut other = shell();
        other[18..20].copy_from_slice(&[0, 0]);
        assert_eq!(Elf::parse(&other), Err("it is for a processor that images have no name for"));
    }

    /// Each prefix, and each byte of the headers set to something else: an error or an answer, never a panic.
    #[test]
    fn damage_is_no_panic() {
        let shell = shell();
        for end in 0..1024 {
            let _ = Elf::parse(&shell[..end]);
        }
        for at in 4..1024 {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut damaged = shell.clone();
                damaged[at] = byte;
                let _ = Elf::parse(&damaged);
            }
        }
    }
}
