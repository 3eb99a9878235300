use std::{
    collections::BTreeSet,
    path::{Component, Path},
};

use bytes::Bytes;

use self::{
    elf::Elf,
    tree::{Content, Tree},
};
use crate::{Error, Platform, Result};

mod elf;
mod tree;

/// A native engine that goes into an image with the module, so that any container engine runs it.
///
/// The engine is a Linux program with all that it needs: one static file, or a directory that becomes the root of the
/// image. [`Pack::engine`](crate::Pack::engine) makes of it the lower layer, so that images with the same engine share
/// it, and of the module the upper one; the entrypoint is the engine, its arguments, and the path of the module.
///
/// ```no_run
/// use wasm_oci::{Engine, Format, Pack};
///
/// # let wasm = vec![];
/// let engine = Engine::file("wasmctr".as_ref())?.arg("run");
/// let image = Pack::new(wasm, "/app.wasm")?.engine(engine).build(Format::Compat)?;
/// assert_eq!(image.platform().os, "linux");
/// assert_eq!(image.entrypoint(), Some("/bin/wasmctr"));
/// # Ok::<(), wasm_oci::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Engine {
    tree: Tree,
    /// Absolute, in the image.
    program: String,
    args: Vec<String>,
    architecture: &'static str,
}

impl Engine {
    /// How many bytes the files of an engine may have together: 1 GiB less the room that a tar needs around them.
    pub const LIMIT: u64 = 1000 << 20;
    /// How many files, links and directories an engine may have: 100,000.
    pub const ENTRIES: usize = 100_000;

    /// Reads a statically linked program; in the image it is `/bin/` and its name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Engine`] for what is no Linux program, is not statically linked, or is for a processor that
    /// images have no name for; [`Error::ImagePath`] and [`Error::TooLarge`].
    pub fn file(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let program = format!("/bin/{name}");
        crate::pack::check_path(&program)?;
        let mut tree = Tree::default();
        tree.add_file(program.trim_start_matches('/'), path)?;
        let (engine, elf) = Self::of(tree, program, path)?;
        if elf.interpreter.is_some() || !elf.needed.is_empty() {
            return Err(Error::engine(path, "it is not statically linked"));
        }
        Ok(engine)
    }

    /// Reads a directory, which becomes the root of the image; `program` is the engine's path in it, absolute.
    ///
    /// Owners and times are not kept, and of the permissions only whether a file may be executed. Symbolic links stay as
    /// they are. The program, its loader and the libraries that they name must be in the directory; what a program opens
    /// by name when it runs is not checked.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Engine`] when the program is missing or is no Linux program, when its loader or a library
    /// is missing, and for devices, sockets and the like; [`Error::ImagePath`] and [`Error::TooLarge`].
    pub fn tree(dir: &Path, program: &str) -> Result<Self> {
        crate::pack::check_path(program)?;
        let place = dir.join(program.trim_start_matches('/'));
        let (engine, elf) = Self::of(Tree::read(dir)?, program.to_owned(), &place)?;
        engine.check_libraries(elf, dir, &place)?;
        Ok(engine)
    }

    /// An engine, and what its program says; `place` is where the user has the program.
    fn of(tree: Tree, program: String, place: &Path) -> Result<(Self, Elf)> {
        let Some(bytes) = tree.resolve(&program) else {
            return Err(Error::engine(place, "there is no such file in the directory"));
        };
        let elf = Elf::parse(bytes).map_err(|why| Error::engine(place, why))?;
        Ok((Self { tree, program, args: vec![], architecture: elf.architecture }, elf))
    }

    /// Adds an argument that the engine gets before the path of the module.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Returns the platform of the image: `linux` and the processor that the program is for.
    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform { os: "linux".to_owned(), architecture: self.architecture.to_owned(), variant: None }
    }

    /// The entrypoint of an image with the module at this path.
    pub(crate) fn entrypoint(&self, module: &str) -> Vec<String> {
        let mut words = vec![self.program.clone()];
        words.extend(self.args.iter().cloned());
        words.push(module.to_owned());
        words
    }

    /// The layer, its files dated `modified`.
    pub(crate) fn tar(&self, modified: u64) -> std::io::Result<Vec<u8>> {
        self.tree.tar(modified)
    }

    /// Whether the engine has something at this path of the image.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.tree.get(path.trim_start_matches('/')).is_some()
    }

    /// The program's loader, its libraries, and theirs.
    fn check_libraries(&self, elf: Elf, dir: &Path, place: &Path) -> Result<()> {
        if let Some(loader) = elf.interpreter.filter(|loader| self.tree.resolve(loader).is_none()) {
            return Err(Error::engine(place, format!("its loader `{loader}` is not in the directory")));
        }
        let mut wanted = elf.needed;
        let mut seen = BTreeSet::new();
        while let Some(name) = wanted.pop() {
            if seen.contains(&name) {
                continue;
            }
            let Some(bytes) = self.tree.named(&name) else {
                return Err(Error::engine(dir, format!("the library `{name}` is not in the directory")));
            };
            wanted.extend(Elf::parse(bytes).map(|elf| elf.needed).unwrap_or_default());
            seen.insert(name);
        }
        Ok(())
    }
}

/// A path in the image without `/`, `.` and empty parts; none for one that leads out.
fn parts(path: &Path) -> Option<Vec<&str>> {
    path.components()
        .filter(|part| !matches!(part, Component::RootDir | Component::CurDir))
        .map(|part| if part == Component::ParentDir { None } else { part.as_os_str().to_str() })
        .collect()
}

impl Content {
    fn file(&self) -> Option<&Bytes> {
        match self {
            Self::File { bytes, .. } => Some(bytes),
            Self::Directory | Self::Link(_) => None,
        }
    }
}
