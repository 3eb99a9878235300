use std::fmt;

use crate::{Error, Result};

/// The two binary formats of WebAssembly.
///
/// Both begin with `\0asm`; the next four bytes tell them apart (a version and, since the component model, a layer).
///
/// ```
/// use wasm_oci::Kind;
///
/// assert_eq!(Kind::of(b"\0asm\x01\0\0\0")?, Kind::Module);
/// assert_eq!(Kind::of(b"\0asm\x0d\0\x01\0")?, Kind::Component);
/// assert!(Kind::of(b"#!/bin/sh").is_err());
/// # Ok::<(), wasm_oci::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the binary format knows two layers; a third would be another format"
)]
pub enum Kind {
    /// A core module.
    Module,
    /// A component (component model).
    Component,
}

impl Kind {
    /// Tells the kind from the preamble; the rest is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::NotWasm`] with what the bytes look like instead.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        match bytes {
            [0, b'a', b's', b'm', _, _, 0, 0, ..] => Ok(Self::Module),
            [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(Self::Component),
            _ => Err(Error::NotWasm { found: looks_like(bytes) }),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Module => "module",
            Self::Component => "component",
        })
    }
}

/// What people hand in by mistake, by its first bytes.
fn looks_like(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [0, b'a', b's', b'm', rest @ ..] if rest.len() < 4 => {
            "the beginning of a Wasm file, cut off in its header"
        }
        [0, b'a', b's', b'm', ..] => "a Wasm file of an unknown version",
        [0x7f, b'E', b'L', b'F', ..] => "a native program or library (ELF)",
        [b'M', b'Z', ..] => "a Windows program",
        [0x1f, 0x8b, ..] => "gzip data",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd data",
        [b'P', b'K', 3, 4, ..] => "a zip archive",
        [b'#', b'!', ..] => "a script",
        _ if begins(bytes, b"(module") || begins(bytes, b"(component") || begins(bytes, b";;") => {
            "WebAssembly text (.wat)"
        }
        _ if begins(bytes, b"<!doctype") || begins(bytes, b"<html") => "a web page (HTML)",
        _ if begins(bytes, b"{") => "JSON",
        _ if bytes.get(257..262) == Some(b"ustar") => "a tar archive",
        _ if bytes.iter().take(512).all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => "text",
        _ => "some other binary data",
    }
}

fn begins(bytes: &[u8], with: &[u8]) -> bool {
    let trimmed = bytes.trim_ascii_start();
    trimmed.len() >= with.len() && trimmed[..with.len()].eq_ignore_ascii_case(with)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_it_is_instead() {
        for (bytes, found) in [
            (&b""[..], "an empty file"),
            (b"\0asm\x01", "the beginning of a Wasm file, cut off in its header"),
            (b"\0asm\x01\0\x07\0", "a Wasm file of an unknown version"),
            (b"\x7fELF\x02", "a native program or library (ELF)"),
            (b"  (module)", "WebAssembly text (.wat)"),
            (b"<!DOCTYPE html>", "a web page (HTML)"),
            (b"{\"a\":1}", "JSON"),
            (b"hello\n", "text"),
            (b"\xff\xfe\0\0", "some other binary data"),
        ] {
            assert_eq!(Kind::of(bytes).unwrap_err().to_string(), format!("not WebAssembly but {found}"));
        }
    }
}
