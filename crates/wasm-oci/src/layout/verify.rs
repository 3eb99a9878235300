use std::fs;

use oci_spec::image::Digest;

use super::{
    Layout,
    blob::{hash_file, remove_partial},
    reach::{Missing, Reach},
};
use crate::{Error, Result};

/// What [`Layout::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Verified {
    /// How many blobs there are.
    pub blobs: usize,
    /// Their size in bytes, all together.
    pub bytes: u64,
    /// Blobs that are not what their digest says.
    pub corrupt: Vec<Corrupt>,
    /// Blobs that the index leads to and that are not there, those in quarantine among them.
    pub missing: Vec<Missing>,
}

/// A blob that is not what its digest says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Corrupt {
    /// The digest that it should have.
    pub digest: Digest,
    /// Whether it was moved to `.wasmctr/quarantine`; not where the layout is read-only, or the blob is written anew.
    pub quarantined: bool,
}

impl Layout {
    /// Compares every blob with its digest, and moves those that are damaged to the directory `.wasmctr/quarantine` of
    /// the layout; who pulls or packs the image again puts them back.
    ///
    /// ```
    /// use wasm_oci::{Format, Layout, Overwrite, Pack};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("layout");
    /// let image = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.build(Format::Artifact)?;
    /// Layout::write(&dir, "v1", &image, Overwrite::Refuse)?;
    /// let verified = Layout::open(&dir)?.verify()?;
    /// assert_eq!((verified.blobs, verified.corrupt.len(), verified.missing.len()), (3, 0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a blob cannot be read.
    pub fn verify(&self) -> Result<Verified> {
        let mut verified = Verified::default();
        for digest in self.blobs()? {
            let path = self.blob_path(&digest);
            let (size, actual) = match hash_file(&path, &digest) {
                Err(Error::DigestAlgorithm { .. }) => continue,
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => continue,
                read => read?,
            };
            verified.blobs += 1;
            verified.bytes += size;
            if actual != digest {
                let quarantined = self.set_aside(&digest).unwrap_or(false);
                verified.corrupt.push(Corrupt { digest, quarantined });
            }
        }
        verified.missing = Reach::of(self, self.index()).missing;
        verified.missing.sort_by_key(|missing| (missing.tag.clone(), missing.digest.to_string()));
        Ok(verified)
    }

    /// Quarantines a blob that is still damaged when its lock is held.
    fn set_aside(&self, digest: &Digest) -> Result<bool> {
        let Some((file, path)) = self.lock_partial(digest)? else { return Ok(false) };
        let (_, actual) = hash_file(&self.blob_path(digest), digest)?;
        if actual != *digest {
            self.quarantine(digest)?;
        }
        if file.metadata().is_ok_and(|file| file.len() == 0) {
            remove_partial(&path);
        }
        Ok(actual != *digest)
    }

    /// The digests of what is in `blobs`, sorted; what has the name of none is passed over.
    pub(super) fn blobs(&self) -> Result<Vec<Digest>> {
        let mut digests = vec![];
        let root = self.dir().join(super::BLOBS);
        for algorithm in entries(&root)? {
            for name in entries(&root.join(&algorithm))? {
                digests.extend(format!("{algorithm}:{name}").parse::<Digest>().ok());
            }
        }
        digests.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
        Ok(digests)
    }
}

/// The names in a directory; none where there is no directory.
pub(super) fn entries(directory: &std::path::Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => return Ok(vec![]),
            _ => return Err(Error::io("read", directory)(error)),
        },
    };
    let mut names = vec![];
    for entry in entries {
        names.extend(entry.map_err(Error::io("read", directory))?.file_name().into_string().ok());
    }
    Ok(names)
}
