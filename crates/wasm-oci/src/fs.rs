use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::fs::OFlags;

use crate::{Error, Result};

/// What to do when the output is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there are two answers to the question")]
pub enum Overwrite {
    /// It is an error, and nothing is changed. The default.
    #[default]
    Refuse,
    /// It is replaced.
    Replace,
}

/// Reads a regular file of at most `limit` bytes.
pub(crate) fn read_capped(path: &Path, what: &'static str, limit: u64) -> Result<Vec<u8>> {
    let (file, length) = open_regular(path).map_err(Error::io("read", path))?;
    if length > limit {
        return Err(Error::TooLarge { what, size: length, limit });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { what, size: bytes.len() as u64, limit });
    }
    Ok(bytes)
}

/// Opens a regular file for reading, and tells its length.
///
/// It is asked of the open file what it is, and opening does not block, so that a directory, a FIFO or a device is an
/// error and not a hang.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)?;
    let length = file.metadata().and_then(regular)?;
    Ok((file, length))
}

/// As [`open_regular`], for writing as well: what it is made of is kept.
pub(crate) fn open_regular_to_write(path: &Path, create: bool) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create).custom_flags(NONBLOCK | NOFOLLOW);
    let file = options.open(path)?;
    let length = file.metadata().and_then(regular)?;
    Ok((file, length))
}

const NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();
const NOFOLLOW: i32 = OFlags::NOFOLLOW.bits().cast_signed();

pub(crate) fn regular(metadata: fs::Metadata) -> io::Result<u64> {
    match metadata.file_type() {
        kind if kind.is_file() => Ok(metadata.len()),
        kind if kind.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        _ => Err(io::Error::other("not a regular file")),
    }
}

/// Writes `path` so that it has either its old content or the new, never a part: beside it, flushed to disk, renamed.
///
/// Before it gets its name, `first` is done: what the new content depends on.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8], first: impl FnOnce() -> Result<()>) -> Result<()> {
    let write = || -> io::Result<_> {
        let mut file = tempfile::Builder::new()
            .prefix(".tmp-")
            .permissions(Permissions::from_mode(0o666)) // less the umask, as any new file
            .tempfile_in(parent(path))
            .map_err(without_name)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    let file = write().map_err(Error::io("write", path))?;
    first()?;
    file.persist(path).map_err(|error| Error::io("write", path)(error.error))?;
    Ok(())
}

/// Makes or replaces `path` with what `fill` writes, as [`write_atomic`] does.
pub(crate) fn create_atomic(
    path: &Path,
    overwrite: Overwrite,
    fill: impl FnOnce(&mut File) -> Result<()>,
) -> Result<()> {
    let exists = || Error::AlreadyExists { path: path.to_owned() };
    if overwrite == Overwrite::Refuse && path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let mut file = tempfile::Builder::new()
        .prefix(".tmp-")
        .permissions(Permissions::from_mode(0o666)) // less the umask, as any new file
        .tempfile_in(parent(path))
        .map_err(|error| Error::io("create", path)(without_name(error)))?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all().map_err(Error::io("write", path))?;
    let kept = match overwrite {
        Overwrite::Replace => file.persist(path),
        Overwrite::Refuse => file.persist_noclobber(path),
    };
    kept.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => exists(),
        _ => Error::io("write", path)(error.error),
    })?;
    sync_directory(parent(path))
}

/// Makes an empty directory beside `path`, to be filled and then renamed to it.
pub(crate) fn directory_beside(path: &Path) -> Result<tempfile::TempDir> {
    let make = || {
        fs::metadata(parent(path))?;
        tempfile::Builder::new()
            .prefix(".tmp-")
            .permissions(Permissions::from_mode(0o777)) // less the umask, as any new directory
            .tempdir_in(parent(path))
            .map_err(without_name)
    };
    make().map_err(Error::io("create", path))
}

/// The name of a temporary file tells nobody anything.
fn without_name(error: io::Error) -> io::Error {
    if error.get_ref().is_some() { error.kind().into() } else { error }
}

/// Flushes a directory's entries to disk, so that a rename in it outlives a power cut.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(Error::io("write", path))
}

/// The directory that `path` is in, `.` for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
