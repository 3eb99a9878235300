//! Blobs of a layout: written piece by piece, and seen only when they are whole and right.

use std::{
    fmt,
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    num::NonZeroU64,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use oci_spec::image::{Descriptor, Digest};
use rustix::fs::Advice;

use super::{BLOBS, Layout, blob_path, lock};
use crate::{
    Error, Result,
    digest::{self, Hash},
    fs::{open_regular, open_regular_to_write, parent, sync_directory},
};

/// What [`Layout::try_begin`] found.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a blob is there, or somebody writes it, or nobody does")]
pub enum Begun {
    /// The blob is there, and is what its digest says.
    Present,
    /// Another thread or process is writing it.
    Busy,
    /// It is to be written; nobody else can meanwhile.
    Writer(Box<BlobWriter>),
}

/// A blob that is being written: it gets its place in the layout by [`finish`](Self::finish).
///
/// What was written stays when the value is dropped or the process dies, and who begins the same blob next goes on from
/// [`position`](Self::position). The blob is locked as long as the value lives, and no longer than the process does.
///
/// ```
/// use wasm_oci::{Begun, Layout, oci_spec::image::{Descriptor, MediaType}, sha256};
///
/// # let dir = tempfile::tempdir()?;
/// let layout = Layout::open_or_create(&dir.path().join("layout"))?;
/// let blob = Descriptor::new(MediaType::ImageLayer, 11, sha256(b"hello world"));
/// if let Begun::Writer(mut writer) = layout.try_begin(&blob)? {
///     writer.append(b"hello ")?; // then the connection breaks
/// }
/// if let Begun::Writer(mut writer) = layout.try_begin(&blob)? {
///     assert_eq!(writer.position(), 6);
///     writer.append(b"world")?;
///     writer.finish()?;
/// }
/// assert!(matches!(layout.try_begin(&blob)?, Begun::Present));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BlobWriter {
    /// It also says that the layout is in use.
    layout: Layout,
    descriptor: Descriptor,
    path: PathBuf,
    file: File,
    hash: Hash,
    position: u64,
    /// How many bytes the disk was told to begin with.
    sent: u64,
    /// It has its place: there is nothing to clean up.
    placed: bool,
}

impl Layout {
    /// Begins to write a blob, unless it is there or somebody else writes it.
    ///
    /// A blob that is there is read to see whether it is what its digest says. One that is not is moved to the directory
    /// `.wasmctr/quarantine` of the layout, and to be written anew.
    ///
    /// # Errors
    ///
    /// [`Error::DigestAlgorithm`]; [`Error::Io`].
    pub fn try_begin(&self, descriptor: &Descriptor) -> Result<Begun> {
        digest::supported(descriptor)?;
        if self.holds(descriptor)? == Found::Good {
            return Ok(Begun::Present);
        }
        let Some((file, path)) = self.lock_partial(descriptor.digest())? else { return Ok(Begun::Busy) };
        // Who had the lock before may have finished.
        match self.holds(descriptor)? {
            Found::Good => {
                remove_partial(&path);
                return Ok(Begun::Present);
            }
            Found::Damaged => self.quarantine(descriptor.digest())?,
            Found::Nothing => {}
        }
        BlobWriter::resume(self, descriptor, file, path).map(|writer| Begun::Writer(writer.into()))
    }

    /// Begins to write a blob, after waiting for whoever writes it; `None` when it is there.
    ///
    /// It waits as long as the other gets on, and `patience` longer.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] when the other does not get on; those of [`try_begin`](Self::try_begin).
    pub fn begin(&self, descriptor: &Descriptor, patience: Duration) -> Result<Option<BlobWriter>> {
        let path = self.partial_path(descriptor.digest());
        let (mut since, mut length) = (Instant::now(), None);
        for pause in lock::pauses() {
            match self.try_begin(descriptor)? {
                Begun::Present => return Ok(None),
                Begun::Writer(writer) => return Ok(Some(*writer)),
                Begun::Busy => {}
            }
            let now = fs::metadata(&path).map(|file| file.len()).ok();
            if now != length {
                (since, length) = (Instant::now(), now);
            } else if since.elapsed() >= patience {
                break;
            }
            thread::sleep(pause);
        }
        Err(Error::Busy { path })
    }

    /// Writes a blob whose bytes are all there; one that is in the layout already is left.
    ///
    /// # Errors
    ///
    /// [`Error::Size`] and [`Error::Digest`] when they are not what the descriptor says, and those of
    /// [`begin`](Self::begin).
    pub fn store(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<()> {
        digest::verify(descriptor, bytes)?;
        let Some(mut writer) = self.begin(descriptor, lock::PATIENCE)? else { return Ok(()) };
        writer.restart()?;
        writer.append(bytes)?;
        writer.finish()
    }

    /// Moves a blob away that is not what its digest says. The caller has the blob's lock: nobody puts a good one there
    /// meanwhile.
    pub(super) fn quarantine(&self, digest: &Digest) -> Result<()> {
        let (from, to) = (self.blob_path(digest), self.private(QUARANTINE).join(file_name(digest)));
        self.make_parent(&to)?;
        match fs::rename(&from, &to) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            moved => moved.map_err(Error::io("move", from)),
        }
    }

    pub(super) fn has_quarantined(&self, digest: &Digest) -> bool {
        self.private(QUARANTINE).join(file_name(digest)).is_file()
    }

    /// The file in which a blob grows, locked; `None` when somebody else has it.
    pub(super) fn lock_partial(&self, digest: &Digest) -> Result<Option<(File, PathBuf)>> {
        let path = self.partial_path(digest);
        loop {
            self.make_parent(&path)?;
            let file = match open_regular_to_write(&path, true) {
                Ok((file, _)) => file,
                // Somebody finished and took the empty directory away.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("write", path)(error)),
            };
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
                Ok(()) => {}
            }
            // Who had it may have given it its place in the meantime: then this is the blob itself.
            if lock::is_at(&file, &path).map_err(Error::io("write", &path))? {
                return Ok(Some((file, path)));
            }
        }
    }

    /// Makes the directory in which `path` is to be, within the layout: one for blobs so that it outlives a power cut.
    fn make_parent(&self, path: &Path) -> Result<()> {
        let directory = parent(path);
        if directory == self.dir() || directory.is_dir() {
            return Ok(());
        }
        match fs::create_dir(directory) {
            Ok(()) if directory.starts_with(self.dir().join(PRIVATE)) => Ok(()),
            Ok(()) => sync_directory(parent(directory)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && parent(directory) != self.dir() => {
                self.make_parent(directory)?;
                self.make_parent(path)
            }
            Err(error) => Err(Error::io("create", directory)(error)),
        }
    }

    /// Flushes to disk which blobs there are: before an index names them. Their bytes are there already.
    pub(super) fn sync_blobs(&self) -> Result<()> {
        let blobs = self.dir().join(BLOBS);
        let entries = match fs::read_dir(&blobs) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(Error::io("read", &blobs))?,
        };
        for entry in entries {
            let entry = entry.map_err(Error::io("read", &blobs))?;
            if entry.file_type().map_err(Error::io("read", &blobs))?.is_dir() {
                sync_directory(&entry.path())?;
            }
        }
        Ok(())
    }

    fn holds(&self, descriptor: &Descriptor) -> Result<Found> {
        let path = self.blob_path(descriptor.digest());
        match hash_file(&path, descriptor.digest()) {
            Ok((size, digest)) if size == descriptor.size() && digest == *descriptor.digest() => {
                Ok(Found::Good)
            }
            Ok((size, digest)) if digest == *descriptor.digest() => {
                // The blob is right and the descriptor is wrong: nothing that could be written would be.
                digest::check_size(descriptor, size).map(|()| Found::Good)
            }
            Ok(_) => Ok(Found::Damaged),
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.dir().join(blob_path(digest))
    }

    fn partial_path(&self, digest: &Digest) -> PathBuf {
        self.private(PARTIAL).join(file_name(digest))
    }

    /// A directory of ours in the layout.
    pub(super) fn private(&self, name: &str) -> PathBuf {
        self.dir().join(PRIVATE).join(name)
    }
}

/// What is at a blob's place.
#[derive(PartialEq, Eq)]
enum Found {
    Good,
    Damaged,
    Nothing,
}

/// In a layout, what is only of interest while somebody writes: it is there no longer than needed.
pub(super) const PRIVATE: &str = ".wasmctr";
/// Blobs that are being written.
pub(super) const PARTIAL: &str = "partial";
/// Blobs that were not what their digest says.
pub(super) const QUARANTINE: &str = "quarantine";

/// How many bytes may wait in memory before the disk begins with them.
const AHEAD: u64 = 8 << 20;

impl BlobWriter {
    /// Goes on with a file that is locked.
    fn resume(layout: &Layout, descriptor: &Descriptor, file: File, path: PathBuf) -> Result<Self> {
        let hash = Hash::like(descriptor.digest())?;
        let layout = layout.clone();
        let descriptor = descriptor.clone();
        let mut writer = Self { layout, descriptor, path, file, hash, position: 0, sent: 0, placed: false };
        let read =
            io::copy(&mut (&writer.file).take(writer.descriptor.size().saturating_add(1)), &mut writer.hash);
        writer.position = read.map_err(Error::io("read", &writer.path))?;
        writer.sent = writer.position;
        if writer.position > writer.descriptor.size() {
            writer.restart()?;
        }
        Ok(writer)
    }

    /// Returns the descriptor of the blob.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Returns how many bytes are there: the ones from here on are missing.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Size`] when they are more than the descriptor says: then none of them is written; [`Error::Io`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.position.saturating_add(bytes.len() as u64);
        if end > self.descriptor.size() {
            return digest::check_size(&self.descriptor, end);
        }
        // A part of them may be written when the disk is full: the next one to resume reads what is there.
        self.file.write_all(bytes).map_err(Error::io("write", &self.path))?;
        self.hash.write_all(bytes).map_err(Error::io("write", &self.path))?;
        self.position = end;
        if end - self.sent >= AHEAD {
            // The disk begins with them now, and `finish` waits less. If it does not, nothing is lost.
            let length = NonZeroU64::new(end - self.sent);
            let _ = rustix::fs::fadvise(&self.file, self.sent, length, Advice::DontNeed);
            self.sent = end;
        }
        Ok(())
    }

    /// Throws away what is there and begins at 0.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn restart(&mut self) -> Result<()> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(Error::io("write", &self.path))?;
        self.hash = Hash::like(self.descriptor.digest())?;
        (self.position, self.sent) = (0, 0);
        Ok(())
    }

    /// Checks size and digest and gives the blob its place.
    ///
    /// When it returns, the bytes are on the disk. That the blob has its place outlives a power cut from when something
    /// [has an entry in the index](Layout::insert): whatever an index leads to is there.
    ///
    /// # Errors
    ///
    /// [`Error::Size`] when bytes are missing: those that are there are kept. [`Error::Digest`] when it is another blob:
    /// then they are thrown away. [`Error::Io`].
    pub fn finish(mut self) -> Result<()> {
        digest::check_size(&self.descriptor, self.position)?;
        let hash = std::mem::replace(&mut self.hash, Hash::like(self.descriptor.digest())?);
        if let Err(error) = digest::check_digest(&self.descriptor, hash) {
            self.position = 0; // dropping removes it
            return Err(error);
        }
        let to = self.layout.blob_path(self.descriptor.digest());
        self.layout.make_parent(&to)?;
        self.file.sync_data().map_err(Error::io("write", &self.path))?;
        fs::rename(&self.path, &to).map_err(Error::io("write", &to))?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // After `finish` the name may be somebody else's.
        if self.position == 0 && !self.placed {
            let _ = fs::remove_file(&self.path);
        }
        remove_empty(&self.path);
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter")
            .field("descriptor", &self.descriptor)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// The size of a file, and its digest by the algorithm of `like`.
pub(super) fn hash_file(path: &Path, like: &Digest) -> Result<(u64, Digest)> {
    let mut hash = Hash::like(like)?;
    let (mut file, _) = open_regular(path).map_err(Error::io("read", path))?;
    let size = io::copy(&mut file, &mut hash).map_err(Error::io("read", path))?;
    Ok((size, hash.finish()))
}

/// Takes away a file that the caller has locked. If it stays, whoever is next finds it and goes on.
pub(super) fn remove_partial(path: &Path) {
    let _ = fs::remove_file(path);
    remove_empty(path);
}

/// Takes away the directories of a partial blob, unless there is something in them.
fn remove_empty(path: &Path) {
    let _ = fs::remove_dir(parent(path)).and_then(|()| fs::remove_dir(parent(parent(path))));
}

/// A digest is parsed: neither of its parts has a slash.
fn file_name(digest: &Digest) -> String {
    format!("{}-{}", digest.algorithm().as_ref(), digest.digest())
}
