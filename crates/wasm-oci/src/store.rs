use std::{
    fs::{self, DirBuilder},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{
    Error, Layout, Overwrite, Result,
    fs::{create_atomic, read_capped},
};

/// The images of one user: a [`Layout`] in a directory that nobody else can change, shared by all programs of that user.
///
/// Where a layout is given by somebody, it may be anybody's: its blobs are checked against the digests that it names, and
/// what it names is believed. A store is believed in what it names, so who else could write there is refused.
///
/// ```
/// use wasm_oci::{Format, Overwrite, Pack, Store};
///
/// # let dir = tempfile::tempdir()?;
/// let mut layout = Store::open(&dir.path().join("images"))?.into_layout();
/// let image = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.build(Format::Artifact)?;
/// layout.put(Some("app-v1"), &image, Overwrite::Replace)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    layout: Layout,
}

impl Store {
    /// The version of what a store holds besides the layout. Of a later one nothing is read or written.
    pub const VERSION: u32 = 1;

    /// Opens the store in `dir`, or makes it, with its parents, readable by this user only.
    ///
    /// A store that is there may be on a file system that is read-only: its images can be read.
    ///
    /// # Errors
    ///
    /// [`Error::NotPrivate`] when `dir` is a symbolic link, belongs to another user, or others may write to it;
    /// [`Error::StoreVersion`] when a later version of this crate made it; those of [`Layout::open_or_create`].
    pub fn open(dir: &Path) -> Result<Self> {
        // A slash at the end would follow a symbolic link.
        let dir = &dir.components().collect::<PathBuf>();
        if fs::symlink_metadata(dir).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(Error::io("create", dir))?;
        }
        check_private(dir)?;
        check_version(dir)?;
        Ok(Self { layout: Layout::open_or_begin_in(dir)? })
    }

    /// Returns the layout.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the layout, to be written to.
    #[must_use]
    pub fn into_layout(self) -> Layout {
        self.layout
    }
}

/// In a store, the version of what it holds besides the layout.
const VERSION_FILE: &str = ".wasmctr-store";

fn check_private(dir: &Path) -> Result<()> {
    let refuse = |why: String| Err(Error::NotPrivate { path: dir.to_owned(), why: why.into() });
    let found = fs::symlink_metadata(dir).map_err(Error::io("read", dir))?;
    if found.is_symlink() {
        return refuse("it is a symbolic link".to_owned());
    }
    if !found.is_dir() {
        return refuse("it is no directory".to_owned());
    }
    if found.uid() != geteuid().as_raw() {
        return refuse(format!("it belongs to user {}", found.uid()));
    }
    let mode = found.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return refuse(format!("others can write to it (mode {mode:o})"));
    }
    Ok(())
}

/// Reads the version, or notes it. A store that is read-only and has none is of the first.
fn check_version(dir: &Path) -> Result<()> {
    let path = dir.join(VERSION_FILE);
    let text = match read_capped(&path, VERSION_FILE, 20) {
        Ok(text) => text,
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            let noted = create_atomic(&path, Overwrite::Refuse, |file| {
                use std::io::Write;
                writeln!(file, "{}", Store::VERSION).map_err(Error::io("write", &path))
            });
            return match noted {
                Ok(()) | Err(Error::AlreadyExists { .. }) => Ok(()),
                Err(Error::Io { source, .. })
                    if matches!(
                        source.kind(),
                        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied
                    ) =>
                {
                    Ok(())
                }
                Err(error) => Err(error),
            };
        }
        Err(error) => return Err(error),
    };
    let version = std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse::<u32>().ok());
    match version {
        Some(version) if version <= Store::VERSION => Ok(()),
        Some(version) => Err(Error::StoreVersion { path: dir.to_owned(), version }),
        None => Err(Error::malformed(VERSION_FILE, "it holds no version")),
    }
}
