//! Locks between processes: flock(2), which ends with whoever holds it.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result, fs::open_regular_to_write};

/// How long one waits for somebody who only changes an index or collects garbage.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Notes that somebody uses the layout whose marker this is: it is not collected meanwhile.
///
/// Where the file system knows no locks, reading goes on without.
pub(super) fn shared(marker: &File, path: &Path) -> Result<()> {
    let locked = wait(path, PATIENCE, || marker.try_lock_shared());
    match locked {
        Err(Error::Io { source, .. }) if knows_no_locks(&source) => Ok(()),
        other => other,
    }
}

/// Waits until nobody else has the file.
pub(super) fn exclusive(file: &File, path: &Path, patience: Duration) -> Result<()> {
    wait(path, patience, || file.try_lock())
}

/// Locks the file that has this name, though others replace it: one that is locked and has lost its name is let go.
pub(super) fn current(path: &Path) -> Result<File> {
    loop {
        let (file, _) = open_regular_to_write(path, false).map_err(Error::io("write", path))?;
        exclusive(&file, path, PATIENCE)?;
        if is_at(&file, path).map_err(Error::io("write", path))? {
            return Ok(file);
        }
    }
}

/// Whether `path` is the name of this open file.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Tries until it works. Not by a lock that blocks: a process that was stopped would keep it for ever.
fn wait(
    path: &Path,
    patience: Duration,
    mut attempt: impl FnMut() -> Result<(), TryLockError>,
) -> Result<()> {
    let start = Instant::now();
    let mut pauses = pauses();
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", path)(source)),
            Err(TryLockError::WouldBlock) if start.elapsed() >= patience => {
                return Err(Error::Busy { path: path.to_owned() });
            }
            Err(TryLockError::WouldBlock) => thread::sleep(pauses.next().unwrap_or(LONGEST)),
        }
    }
}

/// From a millisecond to [`LONGEST`], each twice the one before.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    (0..).map(|turn: u32| Duration::from_millis(1 << turn.min(6)).min(LONGEST))
}

const LONGEST: Duration = Duration::from_millis(50);

fn knows_no_locks(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::BADF))
}
