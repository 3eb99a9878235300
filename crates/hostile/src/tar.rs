use tar::{EntryType, Header};

/// A tar without any rules but the block size.
#[derive(Debug, Clone, Default)]
pub struct Tar(Vec<u8>);

impl Tar {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A regular file.
    #[must_use]
    pub fn file(self, name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        self.entry(b'0', name, "", content)
    }

    /// A directory.
    #[must_use]
    pub fn dir(self, name: impl AsRef<[u8]>) -> Self {
        self.entry(b'5', name, "", b"")
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(b'2', name, target, b"")
    }

    /// A hard link.
    #[must_use]
    pub fn link(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(b'1', name, target, b"")
    }

    /// An entry of any type with mode 0644, or 0755 for directories.
    ///
    /// # Panics
    ///
    /// When name or target has more than 100 bytes.
    #[must_use]
    pub fn entry(self, kind: u8, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>, content: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.as_ref().len()].copy_from_slice(name.as_ref());
        header.as_old_mut().linkname[..target.as_ref().len()].copy_from_slice(target.as_ref());
        header.set_entry_type(EntryType::new(kind));
        header.set_mode(if kind == b'5' { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        self.raw(header, content)
    }

    /// A header with its checksum put right, and content with padding.
    #[must_use]
    pub fn raw(mut self, mut header: Header, content: &[u8]) -> Self {
        header.set_cksum();
        self.0.extend(header.as_bytes());
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// An entry that goes by the long name of GNU: `kind` is `L`, or `K` for the target of a link.
    #[must_use]
    pub fn long(self, kind: u8, name: impl AsRef<[u8]>) -> Self {
        self.entry(kind, "././@LongLink", "", name.as_ref())
    }

    /// Several tars, one behind the other.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// A PAX header for the next entry, of records `KEY=VALUE`.
    #[must_use]
    pub fn pax(self, records: &[&str]) -> Self {
        let body: String = records.iter().map(|record| pax_record(record)).collect();
        self.entry(b'x', "PaxHeaders/x", "", body.as_bytes())
    }

    /// With the end marker.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }

    /// Without an end marker.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}

fn pax_record(record: &str) -> String {
    let rest = record.len() + 2;
    let length = (rest..).find(|length| rest + length.to_string().len() == *length).unwrap_or(rest);
    format!("{length} {record}\n")
}
