use wasm_oci::Kind;

/// What is at a path of a root file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// Nobody looked.
    Unknown,
    /// Nothing that could be opened, or a directory.
    Missing,
    /// A regular file.
    File {
        /// Its permission bits.
        mode: u32,
        /// What it is.
        program: Program,
    },
}

/// What kind of program a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Program {
    /// A core module.
    Module,
    /// A component.
    Component,
    /// The text format: it begins with `(`.
    Text,
    /// An executable of Linux: ELF.
    Elf,
    /// A script: it begins with `#!`.
    Script,
    /// Something else.
    Other,
}

impl Program {
    /// How many bytes at the beginning of a file tell.
    pub const BYTES: usize = 256;

    /// Tells what begins with these bytes.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        match start {
            [0x7f, b'E', b'L', b'F', ..] => Self::Elf,
            [b'#', b'!', ..] => Self::Script,
            _ => match Kind::of(start) {
                Ok(Kind::Module) => Self::Module,
                Ok(Kind::Component) => Self::Component,
                _ if is_text(start) => Self::Text,
                _ => Self::Other,
            },
        }
    }

    /// Whether Linux executes it.
    pub(super) fn is_native(self) -> bool {
        matches!(self, Self::Elf | Self::Script)
    }
}

/// Whether this begins like the text format: blanks, comments, and a parenthesis.
fn is_text(mut start: &[u8]) -> bool {
    loop {
        start = start.trim_ascii_start();
        match start {
            [b';', b';', rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                start = &rest[end..];
            }
            [b'(', b';', ..] => return true,
            [first, ..] => return *first == b'(',
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        for (start, program) in [
            (&b"\0asm\x01\0\0\0"[..], Program::Module),
            (b"\0asm\x0d\0\x01\0", Program::Component),
            (b"\x7fELF\x02", Program::Elf),
            (b"#!/bin/sh", Program::Script),
            (b"(module)", Program::Text),
            (b"\n ;; a comment\n  (module)", Program::Text),
            (b"(; block ;) (module)", Program::Text),
            (b";; only", Program::Other),
            (b"\0as", Program::Other),
            (b"", Program::Other),
            (b"hello", Program::Other),
        ] {
            assert_eq!(Program::of(start), program, "{}", start.escape_ascii());
        }
    }
}
