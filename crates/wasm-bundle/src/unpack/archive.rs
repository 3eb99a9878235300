//! Reading a tar, strictly: what two readers could understand differently is an error.

use std::io::{self, Read, Write};

use tar::Header;

use super::{budget::Budget, pax::Pax};
use crate::{Error, Refusal, Result, error::shortened};

/// An entry's header, with what the extension headers before it say.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// Permission bits; set-uid, set-gid and sticky are dropped.
    pub(super) mode: u32,
    /// Bytes of content; none but for files.
    pub(super) size: u64,
}

#[derive(Debug)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink {
        target: Vec<u8>,
    },
    HardLink {
        target: Vec<u8>,
    },
    /// A device or pipe.
    Special,
}

/// The tar of one layer. Content that is not copied is skipped by [`next`](Self::next).
#[derive(Debug)]
pub(super) struct Archive<'a, R> {
    layer: usize,
    reader: R,
    budget: &'a mut Budget,
    /// What is left of the current entry: content and padding.
    content: u64,
    padding: u64,
}

impl<'a, R: Read> Archive<'a, R> {
    pub(super) fn new(layer: usize, reader: R, budget: &'a mut Budget) -> Self {
        Self { layer, reader, budget, content: 0, padding: 0 }
    }

    /// Reads up to the next entry; `None` after the end marker, behind which there may only be zeros.
    pub(super) fn next(&mut self) -> Result<Option<Member>> {
        let mut extensions = Extensions::default();
        while let Some(header) = self.header()? {
            match header.entry_type().as_byte() {
                b'x' => {
                    let pax = self.pax()?;
                    let twice = extensions.pax.replace(pax).is_some();
                    self.unless(twice, "it has two PAX headers for one entry")?;
                }
                b'g' => {
                    self.budget.entry()?;
                    let pax = self.pax()?;
                    let names = pax.path.is_some() || pax.link.is_some() || pax.size.is_some() || pax.sparse;
                    self.unless(names, "it has one name or size for all entries")?;
                }
                b'L' => {
                    let name = self.long_name()?;
                    let twice = extensions.name.replace(name).is_some();
                    self.unless(twice, "it has two long names for one entry")?;
                }
                b'K' => {
                    let link = self.long_name()?;
                    let twice = extensions.link.replace(link).is_some();
                    self.unless(twice, "it has two long link names for one entry")?;
                }
                _ => return self.member(&header, extensions).map(Some),
            }
        }
        self.unless(!extensions.is_empty(), "it ends between an extension header and its entry")?;
        Ok(None)
    }

    /// Copies the content of the entry that [`next`](Self::next) gave.
    ///
    /// Errors of `output` come back in the inner result: only the caller knows what it writes to.
    pub(super) fn copy(&mut self, output: &mut impl Write) -> Result<io::Result<()>> {
        if self.content == 0 {
            return Ok(Ok(()));
        }
        let mut buffer = [0; 32 << 10];
        while self.content > 0 {
            let want = buffer.len().min(usize::try_from(self.content).unwrap_or(usize::MAX));
            let read = self.read(&mut buffer[..want])?;
            self.unless(read == 0, CUT_OFF)?;
            self.content -= read as u64;
            if let Err(error) = output.write_all(&buffer[..read]) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// The next header, behind what is left of the last entry.
    fn header(&mut self) -> Result<Option<Header>> {
        let skipped = self.copy(&mut io::sink())?;
        debug_assert!(skipped.is_ok(), "the sink takes everything");
        let mut header = Header::new_old();
        let padding = usize::try_from(std::mem::take(&mut self.padding)).unwrap_or_default();
        self.fill(&mut [0; BLOCK][..padding])?;
        let first = self.read(&mut header.as_mut_bytes()[..1])?;
        self.unless(first == 0, "it ends without an end marker")?;
        self.fill(&mut header.as_mut_bytes()[1..])?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return self.end().map(|()| None);
        }
        self.unless(!checksum_is_right(&header), "a header has a wrong checksum")?;
        let size = number(&header.as_old().size);
        let Some(size) = size else { return Err(self.fault("a header has a size that is no number")) };
        (self.content, self.padding) = (size, size.wrapping_neg() % BLOCK as u64);
        Ok(Some(header))
    }

    /// Reads to the end: data behind the end marker is seen by some readers and not by others.
    fn end(&mut self) -> Result<()> {
        let mut buffer = [0; 8 << 10];
        loop {
            match self.read(&mut buffer)? {
                0 => return Ok(()),
                read => {
                    let zeros = buffer[..read].iter().all(|byte| *byte == 0);
                    self.unless(!zeros, "data follows its end marker")?;
                }
            }
        }
    }

    fn member(&mut self, header: &Header, extensions: Extensions) -> Result<Member> {
        self.budget.entry()?;
        let pax = extensions.pax.unwrap_or_default();
        let two_names = (pax.path.is_some() && extensions.name.is_some())
            || (pax.link.is_some() && extensions.link.is_some());
        let name = pax.path.or(extensions.name).unwrap_or_else(|| header.path_bytes().into_owned());
        let target = pax.link.or(extensions.link);
        let target = || target.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
        let size = self.content;
        let (layer, entry) = (self.layer, shortened(&String::from_utf8_lossy(&name)));
        let refused = |refusal| Error::Entry { layer, entry, refusal };
        let kind = match header.entry_type().as_byte() {
            _ if two_names => return Err(refused(Refusal::TwoNames)),
            b'S' => return Err(refused(Refusal::Sparse)),
            _ if pax.sparse => return Err(refused(Refusal::Sparse)),
            _ if pax.size.is_some_and(|claimed| claimed != size) => return Err(refused(Refusal::TwoSizes)),
            b'0' | 0 if name.ends_with(b"/") => return Err(refused(Refusal::NameOfDirectory)),
            b'0' | 0 => Kind::File,
            b'1'..=b'6' if size > 0 => return Err(refused(Refusal::Content)),
            b'1' => Kind::HardLink { target: target() },
            b'2' => Kind::Symlink { target: target() },
            b'5' => Kind::Directory,
            b'3' | b'4' | b'6' => Kind::Special,
            other => return Err(refused(Refusal::Unknown(char::from(other)))),
        };
        self.budget.bytes(size)?;
        let Some(mode) = number(&header.as_old().mode) else {
            return Err(self.fault("a header has a mode that is no number"));
        };
        Ok(Member { name, kind, mode: (mode & 0o777) as u32, size })
    }

    fn pax(&mut self) -> Result<Pax> {
        let body = self.body()?;
        Pax::parse(&body).map_err(|why| self.fault(why))
    }

    /// GNU's long names end in a NUL.
    fn long_name(&mut self) -> Result<Vec<u8>> {
        let mut name = self.body()?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    /// The content of an extension header.
    fn body(&mut self) -> Result<Vec<u8>> {
        self.unless(self.content > EXTENSION, "an extension header has more than 1 MiB")?;
        let mut body = Vec::new();
        let copied = self.copy(&mut body)?;
        debug_assert!(copied.is_ok(), "memory takes everything");
        Ok(body)
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> Result<()> {
        while !buffer.is_empty() {
            let read = self.read(buffer)?;
            self.unless(read == 0, CUT_OFF)?;
            buffer = &mut buffer[read..];
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    return result
                        .map_err(|source| Error::Layer { layer: self.layer, source: source.into() });
                }
            }
        }
    }

    fn unless(&self, bad: bool, why: &'static str) -> Result<()> {
        if bad { Err(self.fault(why)) } else { Ok(()) }
    }

    fn fault(&self, why: &'static str) -> Error {
        Error::Tar { layer: self.layer, why }
    }
}

/// Extension headers that wait for their entry.
#[derive(Debug, Default)]
struct Extensions {
    pax: Option<Pax>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.name.is_none() && self.link.is_none()
    }
}

fn checksum_is_right(header: &Header) -> bool {
    let field = 148..156;
    let bytes = header.as_bytes().iter().enumerate();
    let sum: u64 =
        bytes.map(|(at, byte)| if field.contains(&at) { u64::from(b' ') } else { u64::from(*byte) }).sum();
    number(&header.as_old().cksum) == Some(sum)
}

/// A number as tar has it: octal digits between blanks and NULs, or binary after a byte 0x80. Nothing is zero.
fn number(field: &[u8]) -> Option<u64> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    if let [0x80, rest @ ..] = field {
        let (high, low) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
        return high.iter().all(|byte| *byte == 0).then_some(u64::from_be_bytes(low.try_into().ok()?));
    }
    let start = field.iter().position(|byte| !is_blank(byte)).unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(is_blank).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if !rest.iter().all(is_blank) {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| match digit {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

const BLOCK: usize = 512;
/// The largest extension header: 1 MiB, room for a long name and every extended attribute.
const EXTENSION: u64 = 1 << 20;
const CUT_OFF: &str = "it is cut off";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(b"0000755\0"), Some(0o755));
        assert_eq!(number(b" 755 \0  "), Some(0o755));
        assert_eq!(number(b"77777777777\0"), Some(0o77_777_777_777));
        assert_eq!(number(&[0; 8]), Some(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x01\0"), Some(256));
        for field in [
            &b"+7\0"[..],
            b"-7\0",
            b"8\0",
            b"7 7\0",
            b"7\0x",
            b"\x80\x01\0\0\0\0\0\0\0\0\0\0",
            b"\xff\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(number(field), None, "{}", field.escape_ascii());
        }
        assert_eq!(number(b"\x80\x01"), None);
    }
}
