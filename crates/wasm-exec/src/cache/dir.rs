use std::{
    fs::{self, DirBuilder, File},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags},
    io::Errno,
    process::geteuid,
};

use super::key::Key;
use crate::{CacheFault, Error, Result};

/// A directory that nobody but this user can change.
///
/// It is checked and then held open: whatever happens to its path, this is the one that was checked.
#[derive(Debug, Clone)]
pub(super) struct Dir {
    fd: Arc<OwnedFd>,
    path: PathBuf,
}

impl Dir {
    /// Opens the directory, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        // A slash at the end would follow a symbolic link.
        let path: PathBuf = path.components().collect();
        let fd = match open_dir(&path) {
            Err(Errno::NOENT) => {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
                made.map_err(Error::cache(&path))?;
                open_dir(&path)
            }
            opened => opened,
        };
        let refused = |fault| Error::CacheDirectory { dir: path.clone(), fault };
        let fd = fd.map_err(|error| match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => refused(CacheFault::Symlink),
            Ok(found) if !found.is_dir() => refused(CacheFault::NotADirectory),
            _ => Error::cache(&path)(error.into()),
        })?;
        let metadata = File::from(fd.try_clone().map_err(Error::cache(&path))?).metadata();
        if let Some(fault) = fault(&metadata.map_err(Error::cache(&path))?) {
            return Err(refused(fault));
        }
        Ok(Self { fd: Arc::new(fd), path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file for reading; `None` for what cannot be one of ours.
    pub(super) fn file(&self, name: &str) -> Option<(File, fs::Metadata)> {
        // Without blocking, lest somebody puts a FIFO there.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.fd, name, flags, Mode::empty()).ok()?);
        let metadata = file.metadata().ok()?;
        (metadata.is_file() && fault(&metadata).is_none()).then_some((file, metadata))
    }

    /// Makes a new file, readable by its owner only, and locks it; returns its name.
    pub(super) fn new_file(&self, key: &Key) -> io::Result<(File, String)> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for number in 0..NAMES {
            let name = format!("{}.{}.{number}{UNFINISHED}", key.as_str(), std::process::id());
            match rustix::fs::openat(&self.fd, &*name, flags, Mode::RUSR) {
                Ok(fd) => {
                    let file = File::from(fd);
                    file.lock()?;
                    // It had no lock for a moment, in which somebody may have taken it for left behind.
                    if file.metadata()?.nlink() > 0 {
                        return Ok((file, name));
                    }
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Opens the file that whoever compiles the module holds locked.
    pub(super) fn turn_file(&self, key: &Key) -> io::Result<(File, String)> {
        let name = format!("{}{TURN}", key.as_str());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, &*name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok((File::from(fd), name))
    }

    /// Gives a file its name, in place of another that had it.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.fd, from, &self.fd, to)?;
        Ok(rustix::fs::fsync(&self.fd)?)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    /// The names of all that is there.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            names.extend(entry?.file_name().to_str().ok().map(str::to_owned));
        }
        Ok(names)
    }
}

/// Tells whether this is the name of a file that only exists while somebody writes or compiles.
pub(super) fn is_passing(name: &str) -> bool {
    let key = name.split_once('.').is_some_and(|(key, _)| Key::is_key(key));
    key && (name.ends_with(UNFINISHED) || name.ends_with(TURN))
}

fn open_dir(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
}

/// Says why a file or directory could be changed by somebody else.
fn fault(metadata: &fs::Metadata) -> Option<CacheFault> {
    if metadata.uid() != geteuid().as_raw() {
        return Some(CacheFault::Owner { uid: metadata.uid() });
    }
    let mode = metadata.mode() & 0o7777;
    (mode & 0o022 != 0).then_some(CacheFault::Writable { mode })
}

const UNFINISHED: &str = ".tmp";
const TURN: &str = ".lock";

/// How many files of one process may be unfinished: more than it has threads.
const NAMES: u32 = 10_000;
