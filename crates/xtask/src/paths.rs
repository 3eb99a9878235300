//! Places in the workspace, and files that are complete or not there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;

use crate::error::{At as _, Error, Result};

/// Root of the workspace, wherever the task was called.
pub(crate) fn root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .ok_or_else(|| Error::new(format!("{}: not in a workspace", manifest.display())))
}

/// Removes a folder that may not be there.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    if dir.exists() { fs::remove_dir_all(dir).at(dir) } else { Ok(()) }
}

/// Removes a file or link that may not be there.
pub(crate) fn remove_file(file: &Path) -> Result<()> {
    if file.symlink_metadata().is_ok() { fs::remove_file(file).at(file) } else { Ok(()) }
}

/// An empty folder, whatever was there.
pub(crate) fn fresh_dir(dir: &Path) -> Result<()> {
    remove_dir(dir)?;
    fs::create_dir_all(dir).at(dir)
}

/// Puts a folder in the place of another.
pub(crate) fn replace_dir(new: &Path, place: &Path) -> Result<()> {
    remove_dir(place)?;
    fs::rename(new, place).at(place)
}

/// Writes a file beside its place and moves it there; leaves it alone when it already has this content.
pub(crate) fn write(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let beside = file.with_extension(format!("{}.new", process::id()));
    fs::write(&beside, content).at(&beside)?;
    fs::rename(&beside, file).at(file)
}

/// Keeps other runs out until the value is dropped.
pub(crate) fn lock(file: &Path) -> Result<File> {
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).at(dir)?;
    }
    let lock = File::create(file).at(file)?;
    if lock.try_lock().is_err() {
        println!("waiting for another run: {}", file.display());
        lock.lock().at(file)?;
    }
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().unwrap().join("crates/xtask").is_dir());
    }
}
