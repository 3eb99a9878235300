use std::{fmt, fs::File};

/// Code that an engine generated, to be loaded later or elsewhere: [`Engine::precompile`] makes it, [`Engine::load`]
/// makes a [`Program`] of it.
///
/// It is native code that will be trusted. So no safe function makes one out of bytes: an engine makes it, a [`Cache`]
/// reads it back from its own directory, and whoever keeps it elsewhere vouches for it with the `unsafe`
/// [`from_bytes`](Self::from_bytes). Nothing looks for it in an image, a layer or a bundle.
///
/// ```
/// # #[cfg(feature = "wasmtime")] {
/// use wasm_exec::{Exit, Task};
///
/// let wasm = wat::parse_str(r#"(module (func (export "_start")))"#)?;
/// let engine = wasm_exec::engine("wasmtime")?;
/// let code = engine.precompile(&wasm)?;
///
/// let another = wasm_exec::engine("wasmtime")?;
/// assert_eq!(another.load(&code)?.run(Task::default())?, Exit::Code(0));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Cache`]: crate::Cache
/// [`Engine::load`]: crate::Engine::load
/// [`Engine::precompile`]: crate::Engine::precompile
/// [`Program`]: crate::Program
pub struct Precompiled {
    engine: &'static str,
    holder: Holder,
}

enum Holder {
    Bytes(Vec<u8>),
    File(File),
}

/// What a [`Precompiled`] holds; engines ask for it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Contents<'a> {
    /// The code.
    Bytes(&'a [u8]),
    /// A file that begins with the code, to be mapped. What follows the code belongs to whoever wrote the file.
    File(&'a File),
}

#[expect(
    unsafe_code,
    reason = "to vouch for native code is the caller's part: these functions do nothing unsafe"
)]
impl Precompiled {
    /// Takes code that was kept somewhere.
    ///
    /// `engine` is the [name](crate::EngineInfo::name) of the engine that made it.
    ///
    /// # Safety
    ///
    /// The bytes must be what [`Engine::precompile`] of that engine made, unchanged. Others may do anything to the
    /// process that loads them. It does not matter which release of the engine made them and how it was configured: if
    /// they do not fit, loading them is an error.
    ///
    /// ```
    /// # #[cfg(feature = "wasmtime")] {
    /// use wasm_exec::{Contents, Precompiled};
    ///
    /// # let wasm = wat::parse_str(r#"(module (func (export "_start")))"#)?;
    /// # let engine = wasm_exec::engine("wasmtime")?;
    /// let made = engine.precompile(&wasm)?;
    /// let Contents::Bytes(bytes) = made.contents() else { unreachable!() };
    /// let kept = bytes.to_vec();
    ///
    /// // SAFETY: nobody but this example had the bytes.
    /// let code = unsafe { Precompiled::from_bytes("wasmtime", kept) };
    /// engine.load(&code)?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`Engine::precompile`]: crate::Engine::precompile
    #[must_use]
    pub unsafe fn from_bytes(engine: &'static str, bytes: Vec<u8>) -> Self {
        Self { engine, holder: Holder::Bytes(bytes) }
    }

    /// Takes code that was kept in a file, which begins with it. An engine may map the file, which costs less than
    /// reading it.
    ///
    /// # Safety
    ///
    /// As for [`from_bytes`](Self::from_bytes); and nobody may change the file as long as this value or a program that
    /// was loaded from it lives. (To replace it by another file of the same name is no change.)
    #[must_use]
    pub unsafe fn from_file(engine: &'static str, file: File) -> Self {
        Self { engine, holder: Holder::File(file) }
    }
}

impl Precompiled {
    /// Returns the name of the engine that made it.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        self.engine
    }

    /// Returns the code.
    ///
    /// What [`Engine::precompile`](crate::Engine::precompile) returns holds bytes.
    #[must_use]
    pub fn contents(&self) -> Contents<'_> {
        match &self.holder {
            Holder::Bytes(bytes) => Contents::Bytes(bytes),
            Holder::File(file) => Contents::File(file),
        }
    }
}

/// The code itself tells nobody anything.
impl fmt::Debug for Precompiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Precompiled").field("engine", &self.engine).finish_non_exhaustive()
    }
}
