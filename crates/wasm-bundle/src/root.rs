//! Paths in a root file system, as a process sees them that has it as `/`.
//!
//! Images of Linux systems are full of links: `/bin` to `usr/bin`, `/bin/sh` to `/bin/busybox`. To follow them from
//! outside would be to leave the directory; not to follow them would be to refuse the image. So they are followed here, one
//! part of a path at a time, as the kernel does after `chroot`: an absolute target begins at the root again, and `..` at the
//! root stays there. Every operation is on one name in an open directory, which cap-std keeps inside also against somebody
//! who changes the tree meanwhile.

use std::{
    cell::Cell,
    io::{self, Read},
    path::{Component, Path},
};

use cap_std::fs::{Dir, File, Metadata, Permissions, PermissionsExt};

use crate::select::{Found, Program};

/// A root file system.
#[derive(Debug)]
pub(crate) struct Root {
    dir: Dir,
    /// How many parts of paths may still be looked at.
    steps: Cell<u64>,
}

/// A directory in a root file system, and its path there without links.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) dir: Dir,
    pub(crate) path: Vec<String>,
}

/// What becomes of a directory that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It is reported.
    Report,
    /// It is made, and entered by every user.
    Make,
}

/// Why a path leads nowhere.
#[derive(Debug)]
pub(crate) enum Stray {
    /// A part of it is neither a directory nor a link.
    NotDirectory,
    /// It goes through more than 40 links: as many as Linux follows.
    Links,
    /// With what the links on it name, it has more than 256 parts.
    Long,
    /// All paths together had more than 8,000,000 parts.
    Steps,
    /// The file system refused.
    Io(io::Error),
}

impl From<io::Error> for Stray {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Root {
    /// How many parts the paths of one image may have together, links included: 100,000 entries, eighty deep.
    pub(crate) const STEPS: u64 = 8_000_000;

    pub(crate) fn new(dir: Dir) -> Self {
        Self { dir, steps: Cell::new(Self::STEPS) }
    }

    /// The directory itself.
    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Walks to a directory, through links; `None` when it is missing and not to be made.
    pub(crate) fn walk<'a>(
        &self,
        parts: impl IntoIterator<Item = &'a str, IntoIter: DoubleEndedIterator>,
        missing: Missing,
    ) -> Result<Option<Place>, Stray> {
        let mut here: Vec<(String, Dir)> = vec![];
        let mut ahead: Vec<String> = parts.into_iter().rev().map(str::to_owned).collect();
        let (mut steps, mut links) = (0, 0);
        while let Some(part) = ahead.pop() {
            self.step(&mut steps)?;
            if part == ".." {
                here.pop();
                continue;
            }
            let dir = here.last().map_or(&self.dir, |(_, dir)| dir);
            let Some(kind) = kind(dir, &part)? else {
                if missing == Missing::Report {
                    return Ok(None);
                }
                let made = make(dir, &part)?;
                here.push((part, made));
                continue;
            };
            if kind.is_symlink() {
                links += 1;
                let (from_root, target) = follow(dir, &part, links)?;
                if from_root {
                    here.clear();
                }
                ahead.extend(target.into_iter().rev());
            } else if kind.is_dir() {
                let opened = dir.open_dir(&part)?;
                here.push((part, opened));
            } else {
                return Err(Stray::NotDirectory);
            }
        }
        let (path, mut dirs): (Vec<_>, Vec<_>) = here.into_iter().unzip();
        let dir = dirs.pop().map_or_else(|| self.dir.try_clone(), Ok)?;
        Ok(Some(Place { dir, path }))
    }

    /// Opens the regular file that a path leads to, through links. A pipe is none: to open it would be to wait for
    /// somebody to write.
    pub(crate) fn open(&self, path: &Path) -> io::Result<File> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let mut parts = parts(path)?.1;
        for links in 1..=LINKS + 1 {
            let last = parts.pop().ok_or(io::ErrorKind::IsADirectory)?;
            let above =
                self.walk(parts.iter().map(String::as_str), Missing::Report).map_err(Stray::into_io)?;
            let Place { dir, path } = above.ok_or_else(missing)?;
            if last == ".." {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let kind = kind(&dir, &last)?.ok_or_else(missing)?;
            if kind.is_symlink() {
                let (from_root, target) = follow(&dir, &last, links).map_err(Stray::into_io)?;
                parts = if from_root { vec![] } else { path };
                parts.extend(target);
                continue;
            }
            return match kind {
                kind if kind.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
                kind if !kind.is_file() => Err(io::Error::other("not a regular file")),
                _ => dir.open(&last),
            };
        }
        Err(Stray::Links.into_io())
    }

    /// Tells what a path leads to.
    pub(crate) fn look(&self, path: &Path) -> Found {
        let look = || {
            let file = self.open(path)?;
            let mode = file.metadata()?.permissions().mode();
            let mut start = Vec::new();
            file.take(Program::BYTES as u64).read_to_end(&mut start)?;
            io::Result::Ok(Found::File { mode, program: Program::of(&start) })
        };
        look().unwrap_or(Found::Missing)
    }

    /// Tells whether a path leads to a directory.
    pub(crate) fn has_directory(&self, path: &Path) -> bool {
        let place = parts(path)
            .map_err(Stray::Io)
            .and_then(|(_, parts)| self.walk(parts.iter().map(String::as_str), Missing::Report));
        matches!(place, Ok(Some(_)))
    }

    fn step(&self, steps: &mut u32) -> Result<(), Stray> {
        *steps += 1;
        if *steps > PARTS {
            return Err(Stray::Long);
        }
        self.steps.set(self.steps.get().checked_sub(1).ok_or(Stray::Steps)?);
        Ok(())
    }
}

impl Stray {
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::NotDirectory => io::ErrorKind::NotADirectory.into(),
            Self::Links => io::Error::other("more than 40 links on the way"),
            Self::Long | Self::Steps => io::Error::other("the way is too long"),
            Self::Io(error) => error,
        }
    }
}

/// What is there under a name, itself and not what it links to; `None` for nothing.
pub(crate) fn kind(dir: &Dir, name: &str) -> io::Result<Option<Metadata>> {
    match dir.symlink_metadata(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Whether the target of a link begins at the root, and its parts.
fn follow(dir: &Dir, name: &str, links: u32) -> Result<(bool, Vec<String>), Stray> {
    if links > LINKS {
        return Err(Stray::Links);
    }
    Ok(parts(&dir.read_link_contents(name)?)?)
}

/// Whether a path begins at the root, and its parts; `..` is one.
fn parts(path: &Path) -> io::Result<(bool, Vec<String>)> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_str().map(str::to_owned)),
        Component::ParentDir => Some(Some("..".to_owned())),
        _ => None,
    });
    let parts: Option<Vec<_>> = parts.collect();
    Ok((path.is_absolute(), parts.ok_or_else(|| io::Error::other("the path is not UTF-8"))?))
}

/// Makes a directory and opens it.
fn make(dir: &Dir, name: &str) -> io::Result<Dir> {
    dir.create_dir(name)?;
    let made = dir.open_dir(name)?;
    set_mode(&made, IMPLIED)?;
    Ok(made)
}

/// Sets the permissions of an open directory. Its owner can always list, change and so delete it.
pub(crate) fn set_mode(dir: &Dir, mode: u32) -> io::Result<()> {
    dir.set_permissions(".", Permissions::from_mode(mode | 0o700))
}

/// Permissions of directories that no entry names.
pub(crate) const IMPLIED: u32 = 0o755;
/// How many links are followed on one path.
const LINKS: u32 = 40;
/// How many parts one path may have, with what its links name.
const PARTS: u32 = 256;

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use cap_std::ambient_authority;
    use tempfile::TempDir;

    use super::*;

    /// A root with a file in `usr/lib` and links to it, in a directory with a file that nobody should see.
    fn root() -> (TempDir, Root) {
        let yard = TempDir::new().unwrap();
        let path = yard.path().join("root");
        fs::create_dir_all(path.join("usr/lib")).unwrap();
        fs::write(path.join("usr/lib/file"), "inside").unwrap();
        fs::write(yard.path().join("file"), "outside").unwrap();
        for (target, link) in [
            ("usr/lib", "lib"),
            ("/usr/lib", "abs"),
            ("../../../usr/lib", "up"),
            ("lib", "twice"),
            ("/file", "escape"),
            ("self", "self"),
            ("lib/file", "file-link"),
            ("../../abs/file", "usr/back"),
        ] {
            symlink(target, path.join(link)).unwrap();
        }
        let dir = Dir::open_ambient_dir(&path, ambient_authority()).unwrap();
        (yard, Root::new(dir))
    }

    fn walk(root: &Root, path: &str) -> Result<Option<String>, Stray> {
        Ok(root.walk(path.split('/'), Missing::Report)?.map(|place| place.path.join("/")))
    }

    #[test]
    fn links_are_followed_inside() {
        let (_yard, root) = root();
        for (path, found) in [
            ("lib", "usr/lib"),
            ("abs", "usr/lib"),
            ("up", "usr/lib"),
            ("twice", "usr/lib"),
            ("lib/..", "usr"),
            ("../..", ""),
            ("twice/../../up", "usr/lib"),
        ] {
            assert_eq!(walk(&root, path).unwrap().as_deref(), Some(found), "{path}");
        }
        assert_eq!(walk(&root, "lib/no").unwrap(), None);
        assert!(matches!(walk(&root, "usr/lib/file"), Err(Stray::NotDirectory)));
        assert!(matches!(walk(&root, "file-link"), Err(Stray::NotDirectory)));
        assert!(matches!(walk(&root, "self"), Err(Stray::Links)));
        assert!(matches!(walk(&root, &["lib/.."; 200].join("/")), Err(Stray::Links | Stray::Long)));
    }

    #[test]
    fn files_are_found_inside() {
        let (_yard, root) = root();
        for path in ["/usr/lib/file", "lib/file", "/up/file", "file-link", "usr/back", "/../lib/./file"] {
            let mut text = String::new();
            root.open(Path::new(path)).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "inside", "{path}");
        }
        let kind = |path: &str| root.open(Path::new(path)).unwrap_err().kind();
        assert_eq!(kind("escape"), io::ErrorKind::NotFound);
        assert_eq!(kind("../file"), io::ErrorKind::NotFound);
        assert_eq!(kind("lib"), io::ErrorKind::IsADirectory);
        assert_eq!(kind("lib/.."), io::ErrorKind::IsADirectory);
        assert_eq!(kind("/"), io::ErrorKind::IsADirectory);
        assert_eq!(kind("lib/file/x"), io::ErrorKind::NotADirectory);
        assert_eq!(root.open(Path::new("self")).unwrap_err().to_string(), "more than 40 links on the way");
    }

    #[test]
    fn missing_directories_are_made_where_links_lead() {
        let (yard, root) = root();
        symlink("/new/dir", yard.path().join("root/dangling")).unwrap();
        let place = root.walk(["dangling", "sub"], Missing::Make).unwrap().unwrap();
        assert_eq!(place.path, ["new", "dir", "sub"]);
        assert!(yard.path().join("root/new/dir/sub").is_dir());
    }

    #[test]
    fn walking_has_an_end() {
        let (_yard, root) = root();
        root.steps.set(1);
        assert!(walk(&root, "usr").is_ok());
        assert!(matches!(walk(&root, "usr"), Err(Stray::Steps)));
    }
}
