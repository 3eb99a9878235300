use std::borrow::Cow;

use crate::{Error, Kind, Result};

/// What [`strip`] takes out of a module or component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strip {
    /// Nothing.
    Nothing,
    /// The debugger's sections, `.debug_*`. The default.
    #[default]
    Debug,
    /// Those, and the names of functions (`name`, `component-name`) that traps are told with.
    Names,
}

impl Strip {
    /// Sections that say what it is and what it is made of are never taken: `producers`, `target_features`,
    /// `component-type*`, `.dep-v0` and whatever else is not named here.
    fn takes(self, section: &[u8]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Debug => section.starts_with(b".debug_"),
            Self::Names => section.starts_with(b".debug_") || matches!(section, b"name" | b"component-name"),
        }
    }
}

/// Takes custom sections out of a valid module or component, in modules within a component as well.
///
/// Nothing else is changed; where there is nothing to take the bytes are the same.
///
/// ```
/// use wasm_oci::{Strip, strip};
///
/// let wasm = wat::parse_str(r#"(module (@custom ".debug_info" "much") (@custom "producers" "\00"))"#)?;
/// let stripped = strip(&wasm, Strip::Debug)?;
/// assert!(stripped.len() < wasm.len());
/// assert_eq!(strip(&stripped, Strip::Debug)?, stripped);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::NotWasm`], and [`Error::InvalidWasm`] where the sections do not fit into the file.
pub fn strip(wasm: &[u8], what: Strip) -> Result<Cow<'_, [u8]>> {
    Kind::of(wasm)?;
    let mut reader = Reader { wasm, at: 0 };
    let stripped = reader.stripped(wasm.len(), what, 0)?;
    Ok(if stripped.len() == wasm.len() { Cow::Borrowed(wasm) } else { Cow::Owned(stripped) })
}

/// Components may hold components; validation allows no more levels than this either.
const DEPTH: usize = 100;

const CUSTOM: u8 = 0;
/// In a component, the sections that hold a whole module or component.
const NESTED: [u8; 2] = [1, 4];

struct Reader<'a> {
    wasm: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The module or component from here to `end`, stripped.
    fn stripped(&mut self, end: usize, what: Strip, depth: usize) -> Result<Vec<u8>> {
        if depth > DEPTH {
            return Err(self.invalid("components are nested too deep"));
        }
        // Not with the capacity of the whole: components in components would each reserve it.
        let mut out = vec![];
        let header = self.take(8, end)?;
        let is_component = matches!(Kind::of(header), Ok(Kind::Component));
        out.extend_from_slice(header);
        while self.at < end {
            let begin = self.at;
            let id = self.take(1, end)?[0];
            let size = self.leb128(end)?;
            let body = self.at;
            if size > end - body {
                return Err(self.invalid("a section is longer than the file"));
            }
            if id == CUSTOM {
                let length = self.leb128(body + size)?;
                let taken = what.takes(self.take(length, body + size)?);
                self.at = body + size;
                if taken {
                    continue;
                }
            } else if is_component && NESTED.contains(&id) {
                let inner = self.stripped(body + size, what, depth + 1)?;
                if inner.len() != size {
                    out.push(id);
                    push_leb128(&mut out, inner.len());
                    out.extend(inner);
                    continue;
                }
            }
            self.at = body + size;
            out.extend_from_slice(&self.wasm[begin..self.at]);
        }
        Ok(out)
    }

    fn take(&mut self, count: usize, end: usize) -> Result<&'a [u8]> {
        let to = self.at.checked_add(count).filter(|to| *to <= end.min(self.wasm.len()));
        let Some(to) = to else { return Err(self.invalid("a section ends early")) };
        let bytes = &self.wasm[self.at..to];
        self.at = to;
        Ok(bytes)
    }

    fn leb128(&mut self, end: usize) -> Result<usize> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1, end)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|_| self.invalid("a section is too long"));
            }
        }
        Err(self.invalid("a length has too many bytes"))
    }

    fn invalid(&self, why: &'static str) -> Error {
        Error::InvalidWasm { offset: self.at as u64, source: why.into() }
    }
}

fn push_leb128(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
