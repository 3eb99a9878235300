use std::{
    fs::{File, Metadata},
    io,
    path::Path,
    time::SystemTime,
};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use wasm_oci::oci_spec::image::{Digest, DigestAlgorithm};

use self::{dir::Dir, key::Key, turn::Turn};
use crate::{Capability, Contents, Engine, Error, Precompiled, Program, Result};

mod dir;
mod key;
mod mapped;
mod seal;
mod turn;

/// A directory of precompiled code, shared by all processes of a user: a module is compiled once.
///
/// ```
/// # #[cfg(feature = "wasmtime")] {
/// use wasm_exec::{Cache, Origin};
///
/// # let home = tempfile::tempdir()?;
/// # let dir = home.path().join("code");
/// # let wasm = wat::parse_str(r#"(module (func (export "_start")))"#)?;
/// let cache = Cache::open(&dir)?;
/// let engine = wasm_exec::engine("wasmtime")?;
///
/// let first = cache.program(&*engine, &wasm)?;
/// assert!(matches!(first.origin, Origin::Compiled(_)));
/// let again = cache.program(&*engine, &wasm)?;
/// assert!(matches!(again.origin, Origin::Cache(_)));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Whom it trusts
///
/// Precompiled code is native code, so whoever can write to the directory can do what the user can. A new directory has
/// the mode 0700; one that is a symbolic link, belongs to somebody else or can be written by others is refused. Each
/// entry is checked against its checksum on the open file that is then mapped; what is damaged, cut off, under a wrong
/// name or not ours counts as not there and is replaced. A file is never changed once it has its name, only replaced or
/// removed. So code can change under a running program only by the hand of its own user.
///
/// The key of an entry is made of the digest of the module and of the engine's name, version and
/// [compatibility](crate::EngineInfo::compatibility): whatever the directory holds, an engine is given its own code.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: Dir,
    max_bytes: u64,
}

/// A program that a [`Cache`] found or made.
#[derive(Debug)]
#[non_exhaustive]
pub struct Cached {
    /// The program.
    pub program: Program,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a program comes from.
#[derive(Debug)]
#[non_exhaustive]
pub enum Origin {
    /// The cache had its code.
    Cache(Entry),
    /// It was compiled, and its code is in the cache now.
    Compiled(Entry),
    /// It was compiled, and the cache could not take its code, for this reason.
    NotStored(Error),
}

/// Code in a [`Cache`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The SHA-256 of the module in hexadecimal digits, a `-`, and digits that stand for the engine.
    pub key: String,
    /// The size of its file, in bytes.
    pub size: u64,
    /// When it was used last.
    pub used: SystemTime,
}

/// What [`Cache::prune`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Pruned {
    /// How many entries it removed.
    pub removed: usize,
    /// How many bytes their files had.
    pub removed_bytes: u64,
    /// How many entries are left.
    pub left: usize,
    /// How many bytes their files have.
    pub left_bytes: u64,
}

impl Cache {
    /// How large a cache may grow unless it is [told otherwise](Self::max_bytes): 1 GiB.
    pub const MAX_BYTES: u64 = 1 << 30;

    /// Opens the cache in this directory, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::CacheDirectory`] when somebody else could put code into it, [`Error::Cache`] when it cannot be made or
    /// opened.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { dir: Dir::open(dir.as_ref())?, max_bytes: Self::MAX_BYTES })
    }

    /// Sets how large it may grow: when code is added, what was not used for longest goes.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Returns the directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Loads a module's program if the code is there, and compiles it if not, for this time and the next.
    ///
    /// If several processes or threads want the same module, one compiles and the others wait for it, for half a minute
    /// at most.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::compile`]. That the cache cannot be read or written is no error, nor is an engine without
    /// [`Capability::Precompile`]: the program is compiled, and [`Origin::NotStored`] says why.
    pub fn program(&self, engine: &dyn Engine, wasm: &[u8]) -> Result<Cached> {
        let info = engine.info();
        if !info.can(Capability::Precompile) {
            let unsupported = Error::Unsupported { engine: info.name, capability: Capability::Precompile };
            let program = engine.compile(wasm)?;
            return Ok(Cached { program, origin: Origin::NotStored(unsupported) });
        }
        let key = Key::new(info, wasm);
        if let Some(found) = self.load(engine, &key) {
            return Ok(found);
        }
        let _turn = Turn::wait(&self.dir, &key);
        if let Some(found) = self.load(engine, &key) {
            return Ok(found);
        }
        let code = engine.precompile(wasm)?;
        let program = engine.load(&code)?;
        let origin = self.store(engine, &key, &code).map_or_else(Origin::NotStored, Origin::Compiled);
        Ok(Cached { program, origin })
    }

    /// Loads a module's program if the code is there, by the digest of the module: for who knows it and has not read the
    /// module, or has checked it already, as everybody has who takes modules from images. It costs less than
    /// [`program`](Self::program), which computes it.
    ///
    /// Whoever passes a wrong digest gets another program. `None` if the code is not there or the digest is no SHA-256.
    ///
    /// ```
    /// # #[cfg(feature = "wasmtime")] {
    /// use wasm_exec::Cache;
    ///
    /// # let home = tempfile::tempdir()?;
    /// # let wasm = wat::parse_str(r#"(module (func (export "_start")))"#)?;
    /// let cache = Cache::open(home.path().join("code"))?;
    /// let engine = wasm_exec::engine("wasmtime")?;
    /// let digest = wasm_oci::sha256(&wasm);
    ///
    /// assert!(cache.find(&*engine, &digest).is_none());
    /// cache.program(&*engine, &wasm)?;
    /// assert!(cache.find(&*engine, &digest).is_some());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn find(&self, engine: &dyn Engine, wasm: &Digest) -> Option<Cached> {
        let info = engine.info();
        let is_known = *wasm.algorithm() == DigestAlgorithm::Sha256;
        if !is_known || !info.can(Capability::Precompile) {
            return None;
        }
        self.load(engine, &Key::of(info, wasm.digest()))
    }

    /// Lists the entries, the one used last first.
    ///
    /// # Errors
    ///
    /// [`Error::Cache`] when the directory cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        Ok(self.keyed_entries()?.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Removes entries, the one not used for longest first, until the others have at most `max_bytes`; and what
    /// processes left behind that were killed while they compiled.
    ///
    /// Programs that run are not affected.
    ///
    /// # Errors
    ///
    /// [`Error::Cache`] when the directory cannot be read or a file cannot be removed.
    pub fn prune(&self, max_bytes: u64) -> Result<Pruned> {
        self.remove_left_behind()?;
        let mut entries = self.keyed_entries()?;
        let sizes = entries.iter().map(|(_, entry)| entry.size);
        let mut pruned = Pruned { left: entries.len(), left_bytes: sizes.sum(), ..Pruned::default() };
        while pruned.left_bytes > max_bytes
            && let Some((key, Entry { size, .. })) = entries.pop()
        {
            self.remove(&key.file())?;
            pruned.left -= 1;
            pruned.left_bytes -= size;
            pruned.removed += 1;
            pruned.removed_bytes += size;
        }
        Ok(pruned)
    }

    /// Loads the code if it is there and whole. If not, for whatever reason, it is not there.
    fn load(&self, engine: &dyn Engine, key: &Key) -> Option<Cached> {
        let (file, metadata) = self.dir.file(&key.file())?;
        if !seal::holds(&file, metadata.len(), key).is_ok_and(|whole| whole) {
            return None;
        }
        // That it cannot be said when it was used, in a directory that is read-only, spoils nothing.
        let _ = rustix::fs::futimens(&file, &NOW);
        let program = engine.load(&trusted(engine, file)).ok()?;
        Some(Cached { program, origin: Origin::Cache(Entry::new(key, &metadata)) })
    }

    fn store(&self, engine: &dyn Engine, key: &Key, code: &Precompiled) -> Result<Entry> {
        let written = match code.contents() {
            // What says that it is of another engine would be loaded by this one.
            Contents::Bytes(bytes) if code.engine() == engine.info().name => self.write(key, bytes),
            _ => Err(io::ErrorKind::Unsupported.into()),
        };
        let entry = written.map_err(self.failed())?;
        self.prune(self.max_bytes)?;
        Ok(entry)
    }

    /// Writes beside, to the disk, and gives it its name then.
    fn write(&self, key: &Key, code: &[u8]) -> io::Result<Entry> {
        if code.len() as u64 > self.max_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let (file, name) = self.dir.new_file(key)?;
        let write = || {
            seal::write(&file, key, code)?;
            file.sync_all()?;
            self.dir.rename(&name, &key.file())?;
            Ok(Entry::new(key, &file.metadata()?))
        };
        write().inspect_err(|_| drop(self.dir.remove(&name)))
    }

    fn keyed_entries(&self) -> Result<Vec<(Key, Entry)>> {
        let names = self.dir.names().map_err(self.failed())?;
        let keys = names.iter().filter_map(|name| Key::of_file(name));
        let entry = |key: Key| {
            let entry = Entry::new(&key, &self.dir.file(&key.file())?.1);
            Some((key, entry))
        };
        let mut entries: Vec<_> = keys.filter_map(entry).collect();
        entries.sort_by(|(_, a), (_, b)| b.used.cmp(&a.used).then_with(|| a.key.cmp(&b.key)));
        Ok(entries)
    }

    /// Removes what is locked by nobody: whoever made it is dead.
    fn remove_left_behind(&self) -> Result<()> {
        for name in self.dir.names().map_err(self.failed())? {
            let file = dir::is_passing(&name).then(|| self.dir.file(&name)).flatten();
            if file.is_some_and(|(file, _)| file.try_lock().is_ok()) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        match self.dir.remove(name) {
            // Somebody else prunes as well.
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed()(error)),
            _ => Ok(()),
        }
    }

    fn failed(&self) -> impl Fn(io::Error) -> Error {
        Error::cache(self.dir.path())
    }
}

impl Entry {
    fn new(key: &Key, metadata: &Metadata) -> Self {
        // Every system that this crate is built for has the time of change.
        let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Self { key: key.as_str().to_owned(), size: metadata.len(), used }
    }
}

#[expect(unsafe_code, reason = "the cache vouches for its own directory")]
fn trusted(engine: &dyn Engine, file: File) -> Precompiled {
    // SAFETY: the file has the digest that was written with it, under a key that names this engine, by whoever may write
    // to a directory that only this user can. Nobody changes it: `write` gives a file its name when it is finished, and
    // afterwards it is only removed or replaced by another.
    unsafe { Precompiled::from_file(engine.info().name, file) }
}

/// The time of change is when an entry was used last; the kernel knows what time it is.
const NOW: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
};
