use std::{
    fmt,
    io::{self, Read},
    str::FromStr,
};

use bytes::Bytes;
use flate2::{GzBuilder, read::MultiGzDecoder};
use oci_spec::image::{Descriptor, Digest, MediaType};

use crate::{Error, Result, digest::Hash, media};

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
    /// Reading fails once it gives more than [`expansion_limit`](Self::expansion_limit), and for zstd that wants a window
    /// of more than 128 MiB.
    ///
    /// # Errors
    ///
    /// [`Error::MediaType`] when the layer is no tar or is compressed in a way that is not supported: with zstd, unless
    /// the feature of that name is on.
    pub fn open(&self) -> Result<impl Read + use<'_>> {
        let blob = self.blob.as_ref();
        let tar: Box<dyn Read + '_> = match self.compression()? {
            Compression::None => Box::new(blob),
            Compression::Gzip => Box::new(MultiGzDecoder::new(blob)),
            Compression::Zstd => zstd_reader(blob)?,
        };
        Ok(Bounded { inner: tar, left: self.expansion_limit() })
    }

    /// Returns how the layer is compressed.
    ///
    /// # Errors
    ///
    /// [`Error::MediaType`] when it is no tar.
    pub fn compression(&self) -> Result<Compression> {
        match self.descriptor.media_type() {
            MediaType::ImageLayer => Ok(Compression::None),
            MediaType::ImageLayerZstd => Ok(Compression::Zstd),
            gzip if media::is_gzip(gzip) => Ok(Compression::Gzip),
            other => Err(not_read(other)),
        }
    }

    /// Returns size and digest of the layer as it is when it is decompressed: the tar, or the module itself.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), and [`Error::Malformed`] when it cannot be decompressed.
    pub fn uncompressed(&self) -> Result<(u64, Digest)> {
        if media::is_wasm(self.descriptor.media_type()) {
            return Ok((self.descriptor.size(), self.descriptor.digest().clone()));
        }
        let mut hash = Hash::sha256();
        let size = io::copy(&mut self.open()?, &mut hash);
        let size = size.map_err(|source| Error::malformed("the layer", source.to_string()))?;
        Ok((size, hash.finish()))
    }
}

/// How a tar layer is compressed.
///
/// ```
/// use wasm_oci::Compression;
///
/// assert_eq!("zstd".parse::<Compression>()?, Compression::Zstd);
/// assert_eq!(Compression::default().to_string(), "gzip");
/// # Ok::<(), wasm_oci::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// With gzip, which every engine reads. The default.
    #[default]
    Gzip,
    /// With zstd, which is smaller, for containerd, podman and newer releases of Docker. It takes the feature `zstd` of this
    /// crate.
    Zstd,
}

impl Compression {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// The media type of a layer.
    pub(crate) fn media_type(self) -> MediaType {
        match self {
            Self::None => MediaType::ImageLayer,
            Self::Gzip => MediaType::ImageLayerGzip,
            Self::Zstd => MediaType::ImageLayerZstd,
        }
    }

    /// Compresses a tar: the same bytes for the same input, with nothing of this machine.
    pub(crate) fn compress(self, tar: Vec<u8>) -> Result<Vec<u8>> {
        match self {
            Self::None => Ok(tar),
            Self::Gzip => Ok(gzip(&tar)),
            Self::Zstd => zstd_bytes(&tar),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|compression| compression.to_string() == text);
        found.ok_or_else(|| Error::UnknownCompression { name: text.to_owned() })
    }
}

fn not_read(media_type: &MediaType) -> Error {
    Error::MediaType { what: "the layer", media_type: media_type.as_ref().into() }
}

/// No name, no time, operating system "unknown": the header has nothing of this machine.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder =
        GzBuilder::new().mtime(0).operating_system(255).read(bytes, flate2::Compression::best());
    // Both ends are in memory: there is nothing to fail.
    let _ = io::copy(&mut encoder, &mut packed);
    packed
}

#[cfg(feature = "zstd")]
mod zstandard {
    use std::io::Read;

    use crate::{Error, Result};

    /// A window of 128 MiB, what `zstd -d` allows; the format would go to 2 GiB and more.
    const WINDOW_LOG: u32 = 27;
    /// The best one that does not need a larger window to be read.
    const LEVEL: i32 = 19;

    pub(super) fn zstd_reader(blob: &[u8]) -> Result<Box<dyn Read + '_>> {
        let open = || {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(blob)?;
            decoder.window_log_max(WINDOW_LOG)?;
            Ok(decoder)
        };
        let decoder =
            open().map_err(|source: std::io::Error| Error::malformed("the layer", source.to_string()))?;
        Ok(Box::new(decoder))
    }

    pub(super) fn zstd_bytes(tar: &[u8]) -> Result<Vec<u8>> {
        zstd::bulk::compress(tar, LEVEL).map_err(|source| Error::malformed("the layer", source.to_string()))
    }
}

#[cfg(feature = "zstd")]
use zstandard::{zstd_bytes, zstd_reader};

#[cfg(not(feature = "zstd"))]
fn zstd_reader(_: &[u8]) -> Result<Box<dyn Read>> {
    Err(not_read(&MediaType::ImageLayerZstd))
}

#[cfg(not(feature = "zstd"))]
fn zstd_bytes(_: &[u8]) -> Result<Vec<u8>> {
    Err(not_read(&MediaType::ImageLayerZstd))
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

    /// 10 MB that would be 10 GB: 200 times its size is more than the 1 GiB where every layer ends.
    #[test]
    fn a_bomb_is_an_error_and_not_an_end() {
        let mut gzip = GzEncoder::new(Vec::new(), Level::best());
        gzip.write_all(&[0; 1_000_000]).unwrap();
        let layer = layer(MediaType::ImageLayerGzip, gzip.finish().unwrap().repeat(10_000));
        assert_eq!(layer.expansion_limit(), 1 << 30);
        let mut read = 0;
        let mut tar = layer.open().unwrap();
        let mut buffer = vec![0; 1 << 16];
        let error = loop {
            match tar.read(&mut buffer) {
                Ok(0) => panic!("it ends after {read} bytes"),
                Ok(length) => read += length,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(read <= 1 << 30, "{read}");
    }

    #[cfg(not(feature = "zstd"))]
    #[test]
    fn zstd_is_refused_by_name() {
        let message = "the layer has the media type `application/vnd.oci.image.layer.v1.tar+zstd`, which is not supported";
        let error = layer(MediaType::ImageLayerZstd, vec![]).open().err().unwrap();
        assert_eq!(error.to_string(), message);
        assert_eq!(Compression::Zstd.compress(vec![]).unwrap_err().to_string(), message);
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_is_bounded_as_gzip_is() {
        let zeros = vec![0; 40 << 20];
        let layer = layer(MediaType::ImageLayerZstd, Compression::Zstd.compress(zeros).unwrap());
        let error = io::copy(&mut layer.open().unwrap(), &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    /// Frames of one byte, with the windows that their headers ask for.
    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_windows() {
        let frame = |exponent: u8| {
            // Magic, no flags, the window of 2^(10 + exponent), one last block of one raw byte.
            let header = [0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3];
            [&header[..], &[9, 0, 0], b"x"].concat()
        };
        let read = |exponent| {
            let layer = layer(MediaType::ImageLayerZstd, frame(exponent));
            let mut text = String::new();
            layer.open().unwrap().read_to_string(&mut text).map(|_| text)
        };
        assert_eq!(read(17).unwrap(), "x");
        for exponent in [18, 21, 31] {
            assert!(read(exponent).unwrap_err().to_string().contains("memory"), "2^{}", exponent + 10);
        }
    }
}
