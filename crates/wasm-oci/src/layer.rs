use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use oci_spec::image::{Descriptor, MediaType};

use crate::{Error, Result, media};

/// One layer of an [`Artifact`](crate::Artifact): its descriptor and its blob, which match.
#[derive(Debug, Clone)]
pub struct Layer {
    descriptor: Descriptor,
    blob: Bytes,
}

impl Layer {
    /// A layer never grows past this when it is decompressed, whatever its size: 1 GiB.
    const EXPANSION_MAX: u64 = 1 << 30;
    /// How many times its own size a layer may decompress to.
    const EXPANSION_FACTOR: u64 = 200;
    /// What every layer may decompress to, however small it is: 16 MiB.
    const EXPANSION_MIN: u64 = 16 << 20;

    /// Takes a blob that was checked against its descriptor.
    pub(crate) fn new(descriptor: Descriptor, blob: Bytes) -> Self {
        Self { descriptor, blob }
    }

    /// Returns the descriptor: media type, digest and size of the blob as it is stored.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Returns the blob as it is stored, compressed or not.
    #[must_use]
    pub fn blob(&self) -> &Bytes {
        &self.blob
    }

    /// Returns how many bytes [`open`](Self::open) gives at the most: 200 times the blob's size, at least 16 MiB and at
    /// most 1 GiB. More than that is taken for a decompression bomb.
    #[must_use]
    pub fn expansion_limit(&self) -> u64 {
        let scaled = (self.blob.len() as u64).saturating_mul(Self::EXPANSION_FACTOR);
        scaled.clamp(Self::EXPANSION_MIN, Self::EXPANSION_MAX)
    }

    /// Opens the layer as a tar stream, decompressed.
    ///
    /// Reading fails once it gives more than [`expansion_limit`](Self::expansion_limit).
    ///
    /// # Errors
    ///
    /// [`Error::MediaType`] when the layer is no tar or is compressed in a way that is not supported (zstd, for one).
    pub fn open(&self) -> Result<impl Read + use<'_>> {
        let blob = self.blob.as_ref();
        let tar: Box<dyn Read + '_> = match Compression::of(self.descriptor.media_type())? {
            Compression::None => Box::new(blob),
            Compression::Gzip => Box::new(MultiGzDecoder::new(blob)),
        };
        Ok(Bounded { inner: tar, left: self.expansion_limit() })
    }
}

enum Compression {
    None,
    Gzip,
}

impl Compression {
    fn of(media_type: &MediaType) -> Result<Self> {
        match media_type {
            MediaType::ImageLayer => Ok(Self::None),
            gzip if media::is_gzip(gzip) => Ok(Self::Gzip),
            other => Err(Error::MediaType { what: "the layer", media_type: other.as_ref().into() }),
        }
    }
}

/// Fails where [`Read::take`] would quietly end: a cut-off tar must not pass for a whole one.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::FileTooLarge, "the layer decompresses to too much data")
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression as Level, write::GzEncoder};

    use super::*;
    use crate::sha256;

    fn layer(media_type: MediaType, blob: Vec<u8>) -> Layer {
        Layer::new(Descriptor::new(media_type, blob.len() as u64, sha256(&blob)), blob.into())
    }

    #[test]
    fn a_bomb_is_an_error_and_not_an_end() {
        let mut gzip = GzEncoder::new(Vec::new(), Level::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..40 {
            gzip.write_all(&zeros).unwrap();
        }
        let layer = layer(MediaType::ImageLayerGzip, gzip.finish().unwrap());
        let error = io::copy(&mut layer.open().unwrap(), &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn zstd_is_refused_by_name() {
        let error = layer(MediaType::ImageLayerZstd, vec![]).open().err().unwrap();
        assert_eq!(
            error.to_string(),
            "the layer has the media type `application/vnd.oci.image.layer.v1.tar+zstd`, which is not supported"
        );
    }
}
