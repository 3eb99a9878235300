use crate::{Error, Result};

/// What all layers of an image together may make this crate write.
#[derive(Debug)]
pub(super) struct Budget {
    entries: u64,
    bytes: u64,
}

impl Budget {
    /// Directories, files and links: 100,000.
    pub(super) const ENTRIES: u64 = 100_000;
    /// Content of files: 4 GiB.
    pub(super) const BYTES: u64 = 4 << 30;

    pub(super) fn new() -> Self {
        Self { entries: Self::ENTRIES, bytes: Self::BYTES }
    }

    pub(super) fn entry(&mut self) -> Result<()> {
        spend(&mut self.entries, 1, "entries in its layers", Self::ENTRIES)
    }

    /// Called with what a header claims, before anything is read or reserved.
    pub(super) fn bytes(&mut self, bytes: u64) -> Result<()> {
        spend(&mut self.bytes, bytes, "bytes in its files", Self::BYTES)
    }
}

fn spend(left: &mut u64, amount: u64, what: &'static str, limit: u64) -> Result<()> {
    *left = left.checked_sub(amount).ok_or(Error::TooMuch { what, limit })?;
    Ok(())
}
