//! Reading a tar, strictly: what two readers could understand differently is an error.

mod pax;

use std::io::{self, Read, Write};

use tar::Header;

use self::pax::Pax;
use crate::{Error, Layer, Result, error::shortened};

/// The entries of a layer's tar, read strictly.
///
/// Tars have been read differently by different programs, so that one looked at a file and another ran one
/// (CVE-2025-62518, CVE-2026-33055). What leaves room for that is an error here: two names or sizes for one entry, sparse
/// files, malformed numbers and extension headers, data behind the end.
///
/// ```
/// use wasm_oci::{EntryKind, Format, Pack};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let image = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.build(Format::Compat)?;
/// let mut entries = image.layers()[0].entries()?;
/// let entry = entries.next_entry()?.ok_or("no entry")?;
/// assert_eq!((&entry.name[..], &entry.kind), (&b"app.wasm"[..], &EntryKind::File));
/// let mut wasm = vec![];
/// entries.copy(&mut wasm)??;
/// assert_eq!(wasm.len() as u64, entry.size);
/// assert!(entries.next_entry()?.is_none());
/// # Ok(())
/// # }
/// ```
pub struct Entries<'a> {
    reader: Box<dyn Read + 'a>,
    /// What is left of the current entry: content and padding.
    content: u64,
    padding: u64,
    count: u64,
    expansion_limit: u64,
}

/// An entry's header, with what the extension headers before it say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name, as it stands there: nothing is promised about it.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, with set-uid, set-gid and sticky.
    pub mode: u32,
    /// When it was modified, in seconds since 1970; 0 for times before that.
    pub modified: u64,
    /// Bytes of content; none but for files.
    pub size: u64,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// What it points to, as it stands there.
        target: Vec<u8>,
    },
    /// Another name for a file.
    HardLink {
        /// The file, as it stands there.
        target: Vec<u8>,
    },
    /// A character device, block device or FIFO.
    Special,
    /// A type that is none of the usual ones.
    Unknown(char),
}

/// Why two readers could understand an entry differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ambiguity {
    /// It has two names: in a PAX header and in a GNU one.
    #[error("which has more than one name")]
    TwoNames,
    /// Its size in the PAX header is not the one in the header.
    #[error("which has two sizes")]
    TwoSizes,
    /// A sparse file, whose size and, in one of its forms, name are claims.
    #[error("a sparse file")]
    Sparse,
    /// A file's name ends in `/`: a directory, say some readers.
    #[error("which is no directory but has a name like one")]
    NameOfDirectory,
    /// A directory or link with content, which some readers skip and some do not.
    #[error("which has content but is no file")]
    Content,
    /// Its path has a `..` part, which some readers resolve.
    #[error("whose path has `..` in it")]
    Parent,
}

impl Layer {
    /// Opens the layer as the entries of a tar.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn entries(&self) -> Result<Entries<'_>> {
        Ok(Entries {
            reader: Box::new(self.open()?),
            content: 0,
            padding: 0,
            count: 0,
            expansion_limit: self.expansion_limit(),
        })
    }
}

impl Entries<'_> {
    /// How many entries a layer may have: 100,000.
    pub const LIMIT: u64 = 100_000;

    /// Reads up to the next entry; `None` at the end, behind whose marker there may only be zeros. Content that was
    /// not copied is skipped.
    ///
    /// # Errors
    ///
    /// [`Error::Tar`] and [`Error::Entry`] for what is not sound, [`Error::Entries`] for too many entries,
    /// [`Error::TooLarge`] where the layer decompresses to more than its
    /// [`expansion_limit`](Layer::expansion_limit), [`Error::Malformed`] where it cannot be decompressed.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        let mut extensions = Extensions::default();
        while let Some(header) = self.header()? {
            match header.entry_type().as_byte() {
                b'x' => {
                    let pax = self.pax()?;
                    let twice = extensions.pax.replace(pax).is_some();
                    unless(twice, "it has two PAX headers for one entry")?;
                }
                b'g' => {
                    self.count()?;
                    let pax = self.pax()?;
                    let names = pax.path.is_some() || pax.link.is_some() || pax.size.is_some() || pax.sparse;
                    unless(names, "it has one name or size for all entries")?;
                }
                b'L' => {
                    let name = self.long_name()?;
                    let twice = extensions.name.replace(name).is_some();
                    unless(twice, "it has two long names for one entry")?;
                }
                b'K' => {
                    let link = self.long_name()?;
                    let twice = extensions.link.replace(link).is_some();
                    unless(twice, "it has two long link names for one entry")?;
                }
                _ => {
                    self.count()?;
                    return entry(&header, extensions, self.content).map(Some);
                }
            }
        }
        unless(!extensions.is_empty(), "it ends between an extension header and its entry")?;
        Ok(None)
    }

    /// Copies the content of the entry that [`next_entry`](Self::next_entry) gave.
    ///
    /// Errors of `output` come back in the inner result: only the caller knows what it writes to.
    ///
    /// # Errors
    ///
    /// As [`next_entry`](Self::next_entry).
    pub fn copy(&mut self, output: &mut impl Write) -> Result<io::Result<()>> {
        if self.content == 0 {
            return Ok(Ok(()));
        }
        let mut buffer = [0; 32 << 10];
        while self.content > 0 {
            let want = buffer.len().min(usize::try_from(self.content).unwrap_or(usize::MAX));
            let read = self.read(&mut buffer[..want])?;
            unless(read == 0, CUT_OFF)?;
            self.content -= read as u64;
            if let Err(error) = output.write_all(&buffer[..read]) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// The next header, behind what is left of the last entry; none where the tar ends, with or without an end marker.
    ///
    /// umoci leaves marker and last padding out, and every reader takes what is there for the whole of it.
    fn header(&mut self) -> Result<Option<Header>> {
        let skipped = self.copy(&mut io::sink())?;
        debug_assert!(skipped.is_ok(), "the sink takes everything");
        let mut header = Header::new_old();
        let padding = usize::try_from(std::mem::take(&mut self.padding)).unwrap_or_default();
        if !self.fill(&mut [0; BLOCK][..padding])? || self.read(&mut header.as_mut_bytes()[..1])? == 0 {
            return Ok(None);
        }
        unless(!self.fill(&mut header.as_mut_bytes()[1..])?, CUT_OFF)?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return self.end().map(|()| None);
        }
        unless(!checksum_is_right(&header), "a header has a wrong checksum")?;
        let size = number(&header.as_old().size);
        let size = size.ok_or(Error::Tar { why: "a header has a size that is no number" })?;
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
                    unless(!zeros, "data follows its end marker")?;
                }
            }
        }
    }

    fn count(&mut self) -> Result<()> {
        self.count += 1;
        if self.count > Self::LIMIT { Err(Error::Entries { limit: Self::LIMIT }) } else { Ok(()) }
    }

    fn pax(&mut self) -> Result<Pax> {
        let body = self.body()?;
        Pax::parse(&body).map_err(|why| Error::Tar { why })
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
        unless(self.content > EXTENSION, "an extension header has more than 1 MiB")?;
        let mut body = Vec::new();
        let copied = self.copy(&mut body)?;
        debug_assert!(copied.is_ok(), "memory takes everything");
        Ok(body)
    }

    /// Whether there was enough to fill it.
    fn fill(&mut self, mut buffer: &mut [u8]) -> Result<bool> {
        while !buffer.is_empty() {
            match self.read(buffer)? {
                0 => return Ok(false),
                read => buffer = &mut buffer[read..],
            }
        }
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    let limit = self.expansion_limit;
                    return Err(Error::TooLarge { what: "the decompressed layer", size: limit + 1, limit });
                }
                result => return result.map_err(|source| Error::malformed("the layer", source.to_string())),
            }
        }
    }
}

impl std::fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entries").field("count", &self.count).finish_non_exhaustive()
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

fn entry(header: &Header, extensions: Extensions, size: u64) -> Result<Entry> {
    let pax = extensions.pax.unwrap_or_default();
    let two_names = (pax.path.is_some() && extensions.name.is_some())
        || (pax.link.is_some() && extensions.link.is_some());
    let name = pax.path.or(extensions.name).unwrap_or_else(|| header.path_bytes().into_owned());
    let target = pax.link.or(extensions.link);
    let target = || target.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
    let label = shortened(&String::from_utf8_lossy(&name));
    let ambiguous = |why| Err(Error::Entry { entry: label, why });
    let kind = match header.entry_type().as_byte() {
        _ if two_names => return ambiguous(Ambiguity::TwoNames),
        b'S' => return ambiguous(Ambiguity::Sparse),
        _ if pax.sparse => return ambiguous(Ambiguity::Sparse),
        _ if pax.size.is_some_and(|claimed| claimed != size) => return ambiguous(Ambiguity::TwoSizes),
        b'0' | 0 if name.ends_with(b"/") => return ambiguous(Ambiguity::NameOfDirectory),
        b'0' | 0 => EntryKind::File,
        b'1'..=b'6' if size > 0 => return ambiguous(Ambiguity::Content),
        b'1' => EntryKind::HardLink { target: target() },
        b'2' => EntryKind::Symlink { target: target() },
        b'5' => EntryKind::Directory,
        b'3' | b'4' | b'6' => EntryKind::Special,
        other => EntryKind::Unknown(char::from(other)),
    };
    let mode =
        number(&header.as_old().mode).ok_or(Error::Tar { why: "a header has a mode that is no number" })?;
    let modified = number(&header.as_old().mtime).unwrap_or(0);
    Ok(Entry { name, kind, mode: (mode & 0o7777) as u32, modified, size })
}

fn unless(bad: bool, why: &'static str) -> Result<()> {
    if bad { Err(Error::Tar { why }) } else { Ok(()) }
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
