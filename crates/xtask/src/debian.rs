//! Debian packages unpacked into a folder, and their programs made to run from there.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{At as _, Error, Result};
use crate::process;

/// Parts of packages that only an installed system needs.
const LEFT_OUT: &[&str] =
    &["etc", "var", "usr/share/doc", "usr/share/locale", "usr/share/man", "usr/share/info"];

/// Packages unpacked into a folder: their programs use the C library that came with them.
#[derive(Debug)]
pub(crate) struct Root {
    /// Where it is now.
    here: PathBuf,
    /// Its shared libraries, below `here`.
    libraries: PathBuf,
    /// Its dynamic loader, below `here`.
    loader: PathBuf,
}

impl Root {
    /// Unpacks packages.
    pub(crate) fn unpack(packages: &[PathBuf], dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).at(dir)?;
        for package in packages {
            process::capture(Command::new("dpkg-deb").arg("-x").args([package.as_path(), dir]))?;
        }
        for part in LEFT_OUT {
            crate::paths::remove_dir(&dir.join(part))?;
        }
        let libraries = entry(&dir.join("usr/lib"), |name| name.ends_with("-linux-gnu"))?;
        let loader = entry(&libraries, |name| name.starts_with("ld-linux"))?;
        let below = |path: &Path| path.strip_prefix(dir).map(Path::to_path_buf).unwrap_or_default();
        Ok(Self { here: dir.to_path_buf(), libraries: below(&libraries), loader: below(&loader) })
    }

    /// Folder of its shared libraries when it will be at `place`.
    pub(crate) fn libraries(&self, place: &Path) -> PathBuf {
        place.join(&self.libraries)
    }

    /// Its dynamic loader when it will be at `place`.
    pub(crate) fn loader(&self, place: &Path) -> PathBuf {
        place.join(&self.loader)
    }

    /// A program of it: the file, where packages have links to it as well.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf> {
        ["usr/bin", "usr/sbin"]
            .map(|dir| self.here.join(dir).join(name))
            .into_iter()
            .find(|path| path.symlink_metadata().is_ok_and(|entry| entry.is_file()))
            .ok_or_else(|| Error::new(format!("the packages have no program {name}")))
    }

    /// Makes its libraries find one another at `place`.
    ///
    /// A library with a search path of its own ignores the program's, so it gets the prefix's.
    pub(crate) fn patch_libraries(&self, place: &Path) -> Result<()> {
        let dir = self.libraries(&self.here);
        for entry in fs::read_dir(&dir).at(&dir)?.flatten() {
            let path = entry.path();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if !is_file || !is_elf(&path) || !entry.file_name().to_string_lossy().contains(".so") {
                continue;
            }
            if !process::capture(self.patchelf().arg("--print-rpath").arg(&path))?.trim().is_empty() {
                self.set_search_path(&path, place)?;
            }
        }
        Ok(())
    }

    /// Makes a copy of a program start with its loader and libraries at `place`.
    pub(crate) fn patch_program(&self, program: &Path, place: &Path) -> Result<()> {
        if process::capture(self.patchelf().arg("--print-interpreter").arg(program)).is_err() {
            return Ok(()); // statically linked
        }
        process::capture(self.patchelf().arg("--set-interpreter").arg(self.loader(place)).arg(program))?;
        self.set_search_path(program, place)
    }

    /// `DT_RPATH`, which also serves what the program opens at run time, and the libraries of that.
    fn set_search_path(&self, file: &Path, place: &Path) -> Result<()> {
        let libraries = self.libraries(place);
        let mut patchelf = self.patchelf();
        process::capture(patchelf.args(["--force-rpath", "--set-rpath"]).arg(libraries).arg(file)).map(drop)
    }

    /// Its own patchelf: the package must be among those unpacked.
    fn patchelf(&self) -> Command {
        let mut command = Command::new(self.loader(&self.here));
        command.arg("--library-path").arg(self.libraries(&self.here)).arg(self.here.join("usr/bin/patchelf"));
        command.arg("--no-sort"); // programs written in Go do not survive sorted sections
        command
    }
}

/// The entry of a folder whose name is as described.
fn entry(dir: &Path, is_it: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let mut entries = fs::read_dir(dir).at(dir)?.flatten();
    entries
        .find(|entry| entry.file_name().to_str().is_some_and(&is_it))
        .map(|entry| entry.path())
        .ok_or_else(|| Error::new(format!("{}: not what a Debian package has", dir.display())))
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
}
