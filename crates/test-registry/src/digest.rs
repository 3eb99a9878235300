//! Digests: checked when they come in, computed when they go out.

use std::fmt;

use sha2::{Digest as _, Sha256, Sha512};

/// A digest of a known algorithm, in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest(String);

impl Digest {
    /// The digest that the text writes, when it is a canonical sha256 or sha512.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (algorithm, hex) = text.split_once(':')?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return None,
        };
        let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (hex.len() == length && hex.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    /// The sha256 of the bytes.
    pub(crate) fn sha256(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex(&Sha256::digest(bytes))))
    }

    /// The sha512 of the bytes.
    pub(crate) fn sha512(bytes: &[u8]) -> Self {
        Self(format!("sha512:{}", hex(&Sha512::digest(bytes))))
    }

    /// Whether it is the digest of the bytes, by its own algorithm.
    pub(crate) fn is_of(&self, bytes: &[u8]) -> bool {
        let computed = if self.0.starts_with("sha512:") { Self::sha512(bytes) } else { Self::sha256(bytes) };
        computed == *self
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `sha256:…` of the bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Digest::sha256(bytes).0
}

/// `sha512:…` of the bytes.
#[must_use]
pub fn sha512(bytes: &[u8]) -> String {
    Digest::sha512(bytes).0
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_digests_of_known_algorithms_are_read() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
        assert!(Digest::parse(empty).is_some_and(|digest| digest.is_of(b"") && !digest.is_of(b"x")));
        assert!(Digest::parse(&sha512(b"x")).is_some_and(|digest| digest.is_of(b"x") && !digest.is_of(b"")));
        for bad in ["", "sha256", "sha256:", "md5:00", "sha256:../../x", &empty.to_uppercase(), &empty[..70]]
        {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }
}
