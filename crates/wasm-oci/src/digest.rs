use std::io;

use oci_spec::image::{Descriptor, Digest, DigestAlgorithm};
use sha2::{Digest as _, Sha256, Sha512};

use crate::{Error, Result};

/// Returns the SHA-256 digest of `bytes` as OCI writes it (`sha256:…`).
///
/// ```
/// let digest = wasm_oci::sha256(b"");
/// assert_eq!(digest.as_ref(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
/// ```
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    parse(&format!("sha256:{}", hex(&Sha256::digest(bytes))))
}

/// Computes the digest of what is written to it.
pub(crate) enum Hash {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hash {
    /// One of the same algorithm as `digest`.
    pub(crate) fn like(digest: &Digest) -> Result<Self> {
        match digest.algorithm() {
            DigestAlgorithm::Sha256 => Ok(Self::sha256()),
            DigestAlgorithm::Sha512 => Ok(Self::Sha512(Box::default())),
            _ => Err(Error::DigestAlgorithm { digest: Box::new(digest.clone()) }),
        }
    }

    pub(crate) fn sha256() -> Self {
        Self::Sha256(Sha256::default())
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha256(hash) => parse(&format!("sha256:{}", hex(&hash.finalize()))),
            Self::Sha512(hash) => parse(&format!("sha512:{}", hex(&hash.finalize()))),
        }
    }
}

impl io::Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checks that the descriptor's digest is of an algorithm that [`verify`] can compute.
pub(crate) fn supported(descriptor: &Descriptor) -> Result<()> {
    Hash::like(descriptor.digest()).map(drop)
}

/// Checks `bytes` against the size and the digest that `descriptor` promises.
pub(crate) fn verify(descriptor: &Descriptor, bytes: &[u8]) -> Result<()> {
    check_size(descriptor, bytes.len() as u64)?;
    let mut hash = Hash::like(descriptor.digest())?;
    // A hash takes everything.
    let _ = io::Write::write(&mut hash, bytes);
    check_digest(descriptor, hash)
}

pub(crate) fn check_size(descriptor: &Descriptor, actual: u64) -> Result<()> {
    if actual == descriptor.size() {
        return Ok(());
    }
    let digest = Box::new(descriptor.digest().clone());
    Err(Error::Size { digest, expected: descriptor.size(), actual })
}

pub(crate) fn check_digest(descriptor: &Descriptor, hash: Hash) -> Result<()> {
    let actual = hash.finish();
    if actual == *descriptor.digest() {
        return Ok(());
    }
    Err(Error::Digest { expected: Box::new(descriptor.digest().clone()), actual: Box::new(actual) })
}

#[expect(clippy::expect_used, reason = "the caller wrote the digest with the length its algorithm has")]
fn parse(digest: &str) -> Digest {
    digest.parse().expect("a digest of the right length")
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use oci_spec::image::MediaType;

    use super::*;

    fn descriptor(digest: &str, size: u64) -> Descriptor {
        Descriptor::new(MediaType::ImageConfig, size, digest.parse::<Digest>().unwrap())
    }

    #[test]
    fn size_comes_before_digest() {
        let wrong = descriptor(sha256(b"abc").as_ref(), 4);
        assert!(matches!(verify(&wrong, b"abc"), Err(Error::Size { expected: 4, actual: 3, .. })));
    }

    #[test]
    fn sha512_is_read() {
        let digest = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                      2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert!(verify(&descriptor(digest, 3), b"abc").is_ok());
        assert!(matches!(verify(&descriptor(digest, 3), b"abd"), Err(Error::Digest { .. })));
    }

    #[test]
    fn unknown_algorithm_is_refused() {
        let unknown = descriptor("blake3:00ff", 3);
        assert!(matches!(verify(&unknown, b"abc"), Err(Error::DigestAlgorithm { .. })));
    }
}
