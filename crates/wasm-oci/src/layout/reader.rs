//! Blobs of a layout or an archive, read piece by piece.

use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind, Read, Write},
};

use oci_spec::image::Descriptor;

use super::Layout;
use crate::{
    Error, Result,
    digest::{self, Hash},
    fs::open_regular,
};

/// A blob that is read piece by piece: reading fails at its end when it is not what its digest says.
pub struct BlobReader {
    file: File,
    descriptor: Descriptor,
    hash: Option<Hash>,
    left: u64,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left > 0 {
            let Some(hash) = &mut self.hash else { return Err(ErrorKind::InvalidData.into()) };
            let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
            let read = self.file.read(&mut buffer[..room])?;
            if read == 0 && room > 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            hash.write_all(&buffer[..read])?;
            self.left -= read as u64;
            if self.left > 0 {
                return Ok(read);
            }
            // The last piece is not given before the whole is known to be right.
            self.check().map(|()| read)
        } else {
            self.check().map(|()| 0)
        }
    }
}

impl BlobReader {
    /// Reads what lies `length` bytes long where the file stands.
    pub(crate) fn new(file: File, length: u64, descriptor: &Descriptor) -> Result<Self> {
        let hash = Hash::like(descriptor.digest())?;
        digest::check_size(descriptor, length)?;
        Ok(Self { file, descriptor: descriptor.clone(), hash: Some(hash), left: length })
    }

    fn check(&mut self) -> io::Result<()> {
        let Some(hash) = self.hash.take() else { return Ok(()) };
        digest::check_digest(&self.descriptor, hash).map_err(|error| {
            self.left = 1; // without a hash: every further read is an error as well
            io::Error::new(ErrorKind::InvalidData, error)
        })
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader")
            .field("descriptor", &self.descriptor)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl Layout {
    /// Opens a blob to be read piece by piece.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it is not there; [`Error::Size`]; [`Error::DigestAlgorithm`].
    pub fn blob(&self, descriptor: &Descriptor) -> Result<BlobReader> {
        let path = self.blob_path(descriptor.digest());
        let (file, length) = open_regular(&path).map_err(Error::io("read", path))?;
        BlobReader::new(file, length, descriptor)
    }
}
