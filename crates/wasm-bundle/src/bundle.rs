mod config;
mod place;
mod write;

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, File},
};
use oci_spec::runtime::{Root as SpecRoot, Spec};
use wasm_oci::{Artifact, Overwrite};

use crate::{Error, Handler, Result, Workload, error::ROOT_LEAVES, root::Root, select::Found};

/// A bundle: a directory with a `config.json` and the root file system that it names, as runtimes take it.
///
/// ```
/// use wasm_bundle::{Bundle, Handler, Workload};
/// use wasm_oci::{Format, Overwrite, Pack};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("bundle");
/// # let wasm = *b"\0asm\x01\0\0\0";
/// let image = Pack::new(wasm.to_vec(), "/app.wasm")?.build(Format::Compat)?;
/// let spec = Workload::from_image(image.config())?.to_spec(Handler::Compat)?;
///
/// Bundle::write(&path, &spec, &image, Overwrite::Refuse)?;
///
/// let bundle = Bundle::open(&path)?;
/// assert_eq!(bundle.workload().args, ["/app.wasm"]);
/// assert_eq!(bundle.module()?, wasm);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Bundle {
    path: PathBuf,
    spec: Spec,
    workload: Workload,
    rootfs: PathBuf,
}

impl Bundle {
    /// The largest config.json that is read: 4 MiB.
    pub const CONFIG_LIMIT: u64 = 4 << 20;
    /// The largest program that [`module`](Self::module) reads: 256 MiB.
    pub const MODULE_LIMIT: u64 = 256 << 20;

    /// Writes a bundle: `spec` as its config.json, the layers of `image` as its root file system.
    ///
    /// The bundle is made beside `path` and renamed when it is whole, so there is never a part of one. The same input
    /// gives the same files. With [`Overwrite::Replace`] an existing bundle is renamed out of the way and deleted when
    /// the new one is in its place; anything else at `path` is left alone.
    ///
    /// Where the runtime mounts there is a directory, or an empty file for a file of this machine, unless the image has
    /// something: the runtime need not write to the bundle, which in a user namespace it may not.
    ///
    /// When `spec` asks for a Wasm handler, the program must be in the image and be a core module.
    ///
    /// # Errors
    ///
    /// - [`Error::AlreadyExists`], [`Error::NotBundle`] (to be replaced, but none), [`Error::ParentMissing`] and
    ///   [`Error::Io`] about the output;
    /// - [`Error::Layer`], [`Error::Tar`], [`Error::Entry`] and [`Error::TooMuch`] about the image;
    /// - [`Error::Program`], [`Error::NotWasm`] and [`Error::Component`] about the program;
    /// - those of [`Workload::from_spec`], and [`Error::Value`] for a `root.path` other than `rootfs`.
    pub fn write(
        path: impl AsRef<Path>,
        spec: &Spec,
        image: &Artifact,
        overwrite: Overwrite,
    ) -> Result<Self> {
        write::write(path.as_ref(), spec, image, overwrite)
    }

    /// Opens a bundle, whoever wrote it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is no such directory; [`Error::NotBundle`] when it has no config.json, or its root file
    /// system is missing, no directory, named by a relative path that leads out of the bundle, or has a link where
    /// runtimes mount;
    /// [`Error::TooLarge`] and [`Error::Config`] about the config.json; those of [`Workload::from_spec`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let spec = config::read(path)?;
        let workload = Workload::from_spec(&spec)?;
        let rootfs = rootfs(path, &spec)?;
        Ok(Self { path: path.to_owned(), spec, workload, rootfs })
    }

    /// Returns the directory, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the configuration.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Returns what the configuration runs and grants.
    #[must_use]
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// Returns the Wasm handler that the configuration asks for, if it is a known one.
    #[must_use]
    pub fn handler(&self) -> Option<Handler> {
        Handler::of(&self.spec)
    }

    /// Returns the directory with the root file system, free of links.
    #[must_use]
    pub fn rootfs(&self) -> &Path {
        &self.rootfs
    }

    /// Reads the program: the first argument, in the root file system, relative to `cwd` unless it is absolute.
    ///
    /// Links are followed as in the container: inside the root file system.
    ///
    /// # Errors
    ///
    /// [`Error::Program`] when it cannot be read, is no regular file, or is outside; [`Error::TooLarge`].
    pub fn module(&self) -> Result<Vec<u8>> {
        let limit = Self::MODULE_LIMIT;
        let mut module = Vec::new();
        let file = self.open_program()?;
        file.take(limit + 1).read_to_end(&mut module).map_err(|source| self.unreadable(source))?;
        if module.len() as u64 > limit {
            return Err(Error::TooLarge { path: self.workload.args[0].clone().into(), limit });
        }
        Ok(module)
    }

    /// Tells what is at a path of the root file system, for [`select`](crate::select::select()): links are followed as in the
    /// container, and nobody looks below a mount.
    #[must_use]
    pub fn look(&self, path: &str) -> Found {
        if self.workload.mounts.iter().any(|mount| Path::new(path).starts_with(&mount.destination)) {
            return Found::Unknown;
        }
        match Dir::open_ambient_dir(&self.rootfs, ambient_authority()) {
            Ok(dir) => Root::new(dir).look(Path::new(path)),
            Err(_) => Found::Missing,
        }
    }

    /// Whether a directory is in the root file system, or where something is mounted.
    pub(crate) fn has_directory(&self, path: &Path) -> bool {
        if self.spec.mounts().iter().flatten().any(|mount| path.starts_with(mount.destination())) {
            return true;
        }
        let root = Dir::open_ambient_dir(&self.rootfs, ambient_authority()).map(Root::new);
        root.is_ok_and(|root| root.has_directory(path))
    }

    fn open_program(&self) -> Result<File> {
        let open = || {
            let root = Root::new(Dir::open_ambient_dir(&self.rootfs, ambient_authority())?);
            root.open(&self.workload.program().unwrap_or_default())
        };
        open().map_err(|source| self.unreadable(source))
    }

    fn unreadable(&self, source: io::Error) -> Error {
        Error::Program { path: self.workload.args[0].as_str().into(), source }
    }
}

/// The root file system: relative to the bundle and inside it, or absolute.
fn rootfs(path: &Path, spec: &Spec) -> Result<PathBuf> {
    let Some(root) = spec.root().as_ref().map(SpecRoot::path).filter(|root| *root != Path::new("")) else {
        return Err(Error::not_bundle(path, "its config.json names no root file system"));
    };
    let bundle = path.canonicalize().map_err(Error::io("open", path))?;
    let rootfs = match bundle.join(root).canonicalize() {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(Error::not_bundle(path, "its root file system is missing"));
        }
        result => result.map_err(Error::io("open", path.join(root)))?,
    };
    if root.is_relative() && (!rootfs.starts_with(&bundle) || rootfs == bundle) {
        return Err(Error::not_bundle(path, ROOT_LEAVES));
    }
    if !rootfs.is_dir() {
        return Err(Error::not_bundle(path, "its root file system is no directory"));
    }
    // CVE-2026-41579: a runtime that follows such a link mounts over a directory of the machine.
    let is_wrong = |name| rootfs.join(name).symlink_metadata().is_ok_and(|found| !found.is_dir());
    if ["dev", "proc", "sys"].into_iter().any(is_wrong) {
        return Err(Error::not_bundle(path, MOUNT_POINT_LINK));
    }
    Ok(rootfs)
}

/// What [`Error::NotBundle`] says of a root where runtimes would mount on a link.
const MOUNT_POINT_LINK: &str = "`dev`, `proc` or `sys` in its root file system is no directory";
/// The name of the configuration in a bundle.
pub(crate) const CONFIG: &str = "config.json";
