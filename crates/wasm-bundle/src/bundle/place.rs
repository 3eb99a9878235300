use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;
use wasm_oci::Overwrite;

use super::CONFIG;
use crate::{Error, Result, spec::ROOTFS};

/// The place of a bundle to be, and a directory beside it to make the bundle in, which goes away with this value.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    overwrite: Overwrite,
    temporary: TempDir,
}

impl Place {
    /// Checks that a bundle may be written to `path` and makes the directory beside it.
    pub(super) fn claim(path: &Path, overwrite: Overwrite) -> Result<Self> {
        if path.file_name().is_none() {
            return Err(Error::not_bundle(path, "its last part is no name"));
        }
        check(path, overwrite)?;
        let temporary = beside(path)?;
        Ok(Self { path: path.to_owned(), overwrite, temporary })
    }

    /// The directory to make the bundle in.
    pub(super) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    /// Moves the bundle to its place.
    pub(super) fn take(self) -> Result<()> {
        let old = self.clear()?;
        if let Err(error) = rename_new(self.temporary.path(), &self.path) {
            if let Some(old) = old {
                put_back(old, &self.path);
            }
            return Err(match error.kind() {
                io::ErrorKind::AlreadyExists => Error::AlreadyExists { path: self.path },
                _ => Error::io("create", self.path)(error),
            });
        }
        // It is not there any more: there is nothing to clean up.
        let _ = self.temporary.keep();
        old.map_or(Ok(()), |old| old.close().map_err(Error::io("remove the old bundle at", self.path)))
    }

    /// Renames the old bundle, if there is one to be replaced, into a directory that goes away with the result.
    fn clear(&self) -> Result<Option<TempDir>> {
        if !check(&self.path, self.overwrite)? {
            return Ok(None);
        }
        let aside = beside(&self.path)?;
        fs::rename(&self.path, aside.path().join(OLD)).map_err(Error::io("replace", &self.path))?;
        Ok(Some(aside))
    }
}

/// Renames the old bundle back. Where that fails too (somebody else was faster), it stays beside its place: it is
/// deleted only when the new one is there.
fn put_back(old: TempDir, path: &Path) {
    if rename_new(&old.path().join(OLD), path).is_err() {
        let _ = old.keep();
    }
}

/// Whether there is a bundle that may be replaced. What is no bundle may not.
fn check(path: &Path, overwrite: Overwrite) -> Result<bool> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        result => result.map_err(Error::io("create", path))?,
    };
    if overwrite == Overwrite::Refuse {
        return Err(Error::AlreadyExists { path: path.to_owned() });
    }
    let is =
        |name, kind: fn(&fs::Metadata) -> bool| fs::symlink_metadata(path.join(name)).is_ok_and(|m| kind(&m));
    if !metadata.is_dir() {
        return Err(Error::not_bundle(path, "it is no directory, and is not replaced"));
    }
    if !is(CONFIG, fs::Metadata::is_file) || !is(ROOTFS, fs::Metadata::is_dir) {
        return Err(Error::not_bundle(path, "it has no config.json with a rootfs, and is not replaced"));
    }
    Ok(true)
}

fn beside(path: &Path) -> Result<TempDir> {
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let made = tempfile::Builder::new()
        .prefix(".bundle-")
        .permissions(Permissions::from_mode(0o777)) // less the umask, as any new directory
        .tempdir_in(parent);
    made.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::ParentMissing { path: path.to_owned() },
        _ => Error::io("create", path)(error),
    })
}

/// Renames a directory to a name that nothing has: plain rename would replace an empty directory.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that does not know the flag, such as NFS.
        Err(rustix::io::Errno::INVAL) => match fs::symlink_metadata(to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
            Err(error) => Err(error),
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        },
        result => Ok(result?),
    }
}

/// The name of the old bundle in the directory it is moved to.
const OLD: &str = "old";
