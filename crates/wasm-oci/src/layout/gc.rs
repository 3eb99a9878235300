use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    Layout, MARKER,
    blob::{PARTIAL, QUARANTINE},
    lock,
    reach::Reach,
    verify::entries,
};
use crate::{Error, Result, fs::open_regular_to_write};

/// What [`Layout::gc`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Collected {
    /// How many files were removed.
    pub removed: usize,
    /// Their size in bytes.
    pub removed_bytes: u64,
    /// How many blobs are left.
    pub left: usize,
    /// How many of them nothing leads to: they are too young to go.
    pub young: usize,
}

impl Layout {
    /// Removes the blobs of the layout in `dir` to which its index does not lead, what was left unfinished, and what is
    /// in quarantine, of all that what was last changed before `before`.
    ///
    /// Nothing goes while somebody uses the layout: every [`Layout`] and
    /// [`BlobWriter`](crate::BlobWriter), of this process and of others, says that it does. This waits for them, for
    /// `patience`, and they wait for this. Tools that do not know this lock, such as skopeo, are safe as long as `before`
    /// is earlier than what they are writing began: an hour ago, for instance.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use wasm_oci::{Format, Layout, Overwrite, Pack};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("layout");
    /// let image = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.build(Format::Artifact)?;
    /// Layout::write(&dir, "v1", &image, Overwrite::Refuse)?;
    /// Layout::open(&dir)?.untag("v1")?;
    /// let collected = Layout::gc(&dir, SystemTime::now() + Duration::from_secs(1), Duration::ZERO)?;
    /// assert_eq!((collected.removed, collected.left), (3, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] when it is still used; [`Error::Unreachable`] when a manifest or index is missing or damaged, so
    /// that nobody knows what it leads to: then nothing is removed. [`Error::NotLayout`], [`Error::Io`].
    pub fn gc(dir: &Path, before: SystemTime, patience: Duration) -> Result<Collected> {
        // Opening tells what is no layout. It is in use until it is dropped.
        drop(Self::open(dir)?);
        let path = dir.join(MARKER);
        let (marker, _) = open_regular_to_write(&path, false).map_err(Error::io("write", &path))?;
        lock::exclusive(&marker, &path, patience)?;
        let layout = Self::read(dir, marker)?;
        let reach = Reach::of(&layout, layout.index());
        if let Some(error) = reach.unread {
            return Err(Error::Unreachable { path: dir.to_owned(), source: Box::new(error) });
        }
        let mut sweep = Sweep { before, collected: Collected::default() };
        for digest in layout.blobs()? {
            let path = layout.blob_path(&digest);
            if reach.blobs.contains(digest.as_ref()) {
                sweep.collected.left += 1;
            } else if !sweep.remove(&path)? && path.is_file() {
                sweep.collected.left += 1;
                sweep.collected.young += 1;
            }
        }
        for path in layout.leftovers()? {
            sweep.remove(&path)?;
        }
        Ok(sweep.collected)
    }

    /// Files that nobody who lives needs.
    fn leftovers(&self) -> Result<Vec<PathBuf>> {
        let mut found = vec![];
        let blobs = self.dir().join(super::BLOBS);
        let mut temporary = vec![self.dir().to_owned()];
        temporary.extend(entries(&blobs)?.into_iter().map(|algorithm| blobs.join(algorithm)));
        for dir in temporary {
            let names = entries(&dir)?.into_iter().filter(|name| name.starts_with(".tmp-"));
            found.extend(names.map(|name| dir.join(name)));
        }
        for dir in [PARTIAL, QUARANTINE].map(|name| self.private(name)) {
            found.extend(entries(&dir)?.into_iter().map(|name| dir.join(name)));
        }
        Ok(found)
    }
}

struct Sweep {
    before: SystemTime,
    collected: Collected,
}

impl Sweep {
    /// Removes a file that is old enough; tells whether it did.
    fn remove(&mut self, path: &Path) -> Result<bool> {
        let Ok(file) = fs::symlink_metadata(path) else { return Ok(false) };
        let young = file.modified().map_err(Error::io("read", path))? >= self.before;
        if young || file.is_dir() {
            return Ok(false);
        }
        fs::remove_file(path).map_err(Error::io("remove", path))?;
        self.collected.removed += 1;
        self.collected.removed_bytes += file.len();
        Ok(true)
    }
}
