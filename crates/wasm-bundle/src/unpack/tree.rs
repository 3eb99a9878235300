//! The directory that layers are unpacked into. Links above an entry are followed inside it, the entry itself never is one.

use std::io;

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};

use super::name::{Name, WHITEOUT};
use crate::{
    Error, Refusal,
    error::shortened,
    root::{IMPLIED, Missing, Place, Root, Stray, kind, set_mode},
};

/// Why something was not made.
#[derive(Debug)]
pub(super) enum Fault {
    Refused(Refusal),
    TooMuch(Error),
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

impl From<Stray> for Fault {
    fn from(stray: Stray) -> Self {
        match stray {
            Stray::NotDirectory => Self::Refused(Refusal::Below),
            Stray::Links => Self::Refused(Refusal::Links),
            Stray::Long => Self::Refused(Refusal::TooDeep),
            Stray::Steps => Self::TooMuch(Error::TooMuch {
                what: "parts in the paths of its entries",
                limit: Root::STEPS,
            }),
            Stray::Io(error) => Self::Io(error),
        }
    }
}

/// A root directory.
#[derive(Debug)]
pub(super) struct Tree {
    root: Root,
}

impl Tree {
    /// Takes an empty directory. Whatever the umask, other users of the container may enter it.
    pub(super) fn new(root: Dir) -> io::Result<Self> {
        set_mode(&root, IMPLIED)?;
        Ok(Self { root: Root::new(root) })
    }

    /// Makes a directory, or gives an existing one these permissions. Anything else there is replaced.
    pub(super) fn directory(&self, name: &Name, mode: u32) -> Result<(), Fault> {
        let Some((above, last)) = name.split() else { return Ok(set_mode(self.root.dir(), mode)?) };
        let parent = self.make(above)?.dir;
        if !kind(&parent, last)?.is_some_and(|found| found.is_dir()) {
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

    /// Makes a symbolic link, in place of whatever is there. Where it points is not looked at: it is only ever followed
    /// inside the root.
    pub(super) fn symlink(&self, name: &Name, target: &str) -> Result<(), Fault> {
        let (parent, last) = self.vacant(name)?;
        Ok(parent.symlink_contents(target, last)?)
    }

    /// Makes another name for a file or link that is there, in place of whatever has that name.
    pub(super) fn hard_link(&self, name: &Name, target: &Name) -> Result<(), Fault> {
        let refused = || Refusal::HardLink { target: shortened(&target.to_string()) };
        let (above, file) = target.split().ok_or_else(refused)?;
        let from = match self.root.walk(above.iter().map(String::as_str), Missing::Report) {
            Err(Stray::Steps) => return Err(Stray::Steps.into()),
            found => found.map_err(|_| refused())?.ok_or_else(refused)?,
        };
        let found = kind(&from.dir, file)?.is_some_and(|found| found.is_file() || found.is_symlink());
        let (to_above, to) = name.split().ok_or(Refusal::Root)?;
        if !found || (to == file && self.make(to_above)?.path == from.path) {
            return Err(refused().into());
        }
        let (parent, last) = self.vacant(name)?;
        match from.dir.hard_link(file, &parent, last) {
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

    /// Makes an empty file unless something is there.
    pub(super) fn ensure_file(&self, name: &Name) -> Result<(), Fault> {
        let (above, last) = name.split().ok_or(Refusal::Root)?;
        let parent = self.make(above)?.dir;
        if kind(&parent, last)?.is_none() {
            parent.open_with(last, OpenOptions::new().write(true).create_new(true).mode(0o644))?;
        }
        Ok(())
    }

    /// The parent of a name that is not the root, made if necessary, and the last part, with nothing there.
    fn vacant<'a>(&self, name: &'a Name) -> Result<(Dir, &'a str), Fault> {
        let (above, last) = name.split().ok_or(Refusal::Root)?;
        let parent = self.make(above)?;
        // Where the links lead counts: `link/dev` is `/dev` when `link` is the root.
        if parent.path.is_empty() && matches!(last, "dev" | "proc" | "sys") {
            return Err(Refusal::MountPoint.into());
        }
        clear(&parent.dir, last)?;
        Ok((parent.dir, last))
    }

    /// Opens a directory and makes it and those above it when they are missing.
    fn make(&self, parts: &[String]) -> Result<Place, Fault> {
        let place = self.root.walk(parts.iter().map(String::as_str), Missing::Make)?.ok_or(Refusal::Below)?;
        // No entry is called so, but a link may point there.
        if place.path.iter().any(|part| part.starts_with(WHITEOUT)) {
            return Err(Refusal::Whiteout.into());
        }
        Ok(place)
    }

    /// Opens a directory; `None` when it is missing.
    fn find(&self, parts: &[String]) -> Result<Option<Dir>, Fault> {
        let place = self.root.walk(parts.iter().map(String::as_str), Missing::Report)?;
        Ok(place.map(|place| place.dir))
    }
}

/// Removes what is there, if anything is.
fn clear(parent: &Dir, name: &str) -> io::Result<()> {
    match kind(parent, name)? {
        None => Ok(()),
        Some(found) if found.is_dir() => parent.remove_dir_all(name),
        Some(_) => parent.remove_file(name),
    }
}
