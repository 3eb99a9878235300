//! The directory that layers are unpacked into. No operation follows a link.

use std::io;

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};

use super::name::Name;
use crate::{Refusal, error::shortened};

/// Why something was not made.
#[derive(Debug)]
pub(super) enum Fault {
    Refused(Refusal),
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A root directory.
///
/// cap-std keeps every operation below it, also against somebody who changes the tree meanwhile; on top of that each part
/// of a path is looked at and must be a directory, so that where an entry lands is what its name says.
#[derive(Debug)]
pub(super) struct Tree {
    root: Dir,
}

impl Tree {
    /// Takes an empty directory. Whatever the umask, other users of the container may enter it.
    pub(super) fn new(root: Dir) -> io::Result<Self> {
        set_mode(&root, IMPLIED)?;
        Ok(Self { root })
    }

    /// Makes a directory, or gives an existing one these permissions. Anything else there is replaced.
    pub(super) fn directory(&self, name: &Name, mode: u32) -> Result<(), Fault> {
        let Some((above, last)) = name.split() else { return Ok(set_mode(&self.root, mode)?) };
        let parent = self.make(above)?;
        if !is_dir(&parent, last)? {
            clear(&parent, last)?;
            parent.create_dir(last)?;
        }
        Ok(set_mode(&parent.open_dir(last)?, mode)?)
    }

    /// Makes an empty file, in place of whatever is there. The permissions are the caller's to set, on the file, once
    /// it is written.
    pub(super) fn file(&self, name: &Name) -> Result<File, Fault> {
        let (parent, last) = self.vacant(name)?;
        Ok(parent.open_with(last, OpenOptions::new().write(true).create_new(true).mode(0o600))?)
    }

    /// Makes a symbolic link, in place of whatever is there.
    pub(super) fn symlink(&self, name: &Name, target: &str) -> Result<(), Fault> {
        let (parent, last) = self.vacant(name)?;
        Ok(parent.symlink_contents(target, last)?)
    }

    /// Makes another name for a file that is there, in place of whatever has that name.
    pub(super) fn hard_link(&self, name: &Name, target: &Name) -> Result<(), Fault> {
        let refused = || Refusal::HardLink { target: shortened(&target.to_string()) };
        let (above, file) = target.split().ok_or_else(refused)?;
        let from = self.find(above).map_err(|_| refused())?.ok_or_else(refused)?;
        let is_file = from.symlink_metadata(file).is_ok_and(|metadata| metadata.is_file());
        if !is_file || name == target {
            return Err(refused().into());
        }
        let (parent, last) = self.vacant(name)?;
        match from.hard_link(file, &parent, last) {
            // The directory that the target was in had this name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(refused().into()),
            result => Ok(result?),
        }
    }

    /// Removes what has this name, with everything in it; nothing there is fine.
    pub(super) fn remove(&self, name: &Name) -> Result<(), Fault> {
        let (above, last) = name.split().ok_or(Refusal::Root)?;
        match self.find(above)? {
            Some(parent) => Ok(clear(&parent, last)?),
            None => Ok(()),
        }
    }

    /// Removes everything in a directory; no directory there is fine.
    pub(super) fn empty(&self, name: &Name) -> Result<(), Fault> {
        let Some(dir) = self.find(name.parts())? else { return Ok(()) };
        for entry in dir.entries()? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                dir.remove_dir_all(entry.file_name())?;
            } else {
                entry.remove_file()?;
            }
        }
        Ok(())
    }

    /// Makes a directory unless there is one.
    pub(super) fn ensure(&self, name: &Name) -> Result<(), Fault> {
        self.make(name.parts()).map(|_| ())
    }

    /// The parent of a name that is not the root, made if necessary, and the last part, with nothing there.
    fn vacant<'a>(&self, name: &'a Name) -> Result<(Dir, &'a str), Fault> {
        let (above, last) = name.split().ok_or(Refusal::Root)?;
        if name.is_mount_point() {
            return Err(Refusal::MountPoint.into());
        }
        let parent = self.make(above)?;
        clear(&parent, last)?;
        Ok((parent, last))
    }

    /// Opens a directory and makes it and those above it when they are missing.
    fn make(&self, parts: &[String]) -> Result<Dir, Fault> {
        let mut dir = self.root.try_clone()?;
        for part in parts {
            if dir.symlink_metadata(part).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                dir.create_dir(part)?;
                set_mode(&dir.open_dir(part)?, IMPLIED)?;
            }
            dir = below(&dir, part)?;
        }
        Ok(dir)
    }

    /// Opens a directory; `None` when it is missing.
    fn find(&self, parts: &[String]) -> Result<Option<Dir>, Fault> {
        let mut dir = self.root.try_clone()?;
        for part in parts {
            dir = match below(&dir, part) {
                Err(Fault::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                result => result?,
            };
        }
        Ok(Some(dir))
    }
}

/// Opens a directory in a directory; a link to one is none.
fn below(dir: &Dir, part: &str) -> Result<Dir, Fault> {
    if !dir.symlink_metadata(part)?.is_dir() {
        return Err(Refusal::Below.into());
    }
    Ok(dir.open_dir(part)?)
}

fn is_dir(parent: &Dir, name: &str) -> io::Result<bool> {
    match parent.symlink_metadata(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        result => Ok(result?.is_dir()),
    }
}

/// Removes what is there, if anything is.
fn clear(parent: &Dir, name: &str) -> io::Result<()> {
    match parent.symlink_metadata(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => parent.remove_dir_all(name),
        Ok(_) => parent.remove_file(name),
    }
}

/// Sets the permissions of an open directory. Its owner can always list, change and so delete it.
fn set_mode(dir: &Dir, mode: u32) -> io::Result<()> {
    dir.set_permissions(".", Permissions::from_mode(mode | 0o700))
}

/// Permissions of directories that no entry names.
const IMPLIED: u32 = 0o755;
