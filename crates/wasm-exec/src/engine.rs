use std::{fmt, sync::Arc};

use crate::{Error, Program, Result};

#[cfg(feature = "wasmtime")]
mod wasmtime;

#[cfg(feature = "wasmtime")]
pub use self::wasmtime::WasmtimeEngine;

/// Something that compiles WebAssembly into [`Program`]s.
///
/// The trait says how an engine is *used* and never how it is configured: that is the business of each engine's own
/// constructor. It has the least that an engine must provide; what is convenient is on [`Program`] and [`Task`], so that
/// it works alike on every engine, and what not every engine can do is a [`Capability`] that is asked for before a guest
/// starts.
///
/// An implementation hands out [`Program::new`] with a type that implements [`Run`].
///
/// [`Run`]: crate::Run
/// [`Task`]: crate::Task
pub trait Engine: fmt::Debug + Send + Sync {
    /// Returns the engine's name, version and capabilities.
    fn info(&self) -> &EngineInfo;

    /// Compiles a module.
    ///
    /// It is checked before code is generated that somebody provides each import, so that a module that cannot run costs
    /// no compilation.
    ///
    /// # Errors
    ///
    /// [`Error::NotWasm`], [`Error::Component`], [`Error::InvalidWasm`], [`Error::MissingImports`] and
    /// [`Error::Compile`]: the module cannot run on this engine ([`Error::is_not_runnable`]).
    fn compile(&self, wasm: &[u8]) -> Result<Program>;
}

/// What an engine is and what it can do.
///
/// ```
/// # #[cfg(feature = "wasmtime")] {
/// use wasm_exec::Capability;
///
/// let engine = wasm_exec::engine("wasmtime")?;
/// assert_eq!(engine.info().name, "wasmtime");
/// assert!(engine.info().can(Capability::ReadOnlyPreopen));
/// assert!(!engine.info().can(Capability::Sockets));
/// # }
/// # Ok::<(), wasm_exec::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineInfo {
    /// The name, by which [`engine`] finds it.
    pub name: &'static str,
    /// The version, as far as the engine tells it.
    pub version: String,
    /// What it can do.
    pub capabilities: Vec<Capability>,
}

impl EngineInfo {
    /// Describes an engine that has no capability yet.
    #[must_use]
    pub fn new(name: &'static str, version: impl Into<String>) -> Self {
        Self { name, version: version.into(), capabilities: Vec::new() }
    }

    /// Adds capabilities.
    #[must_use]
    pub fn with(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.capabilities.extend(capabilities);
        self
    }

    /// Tells whether the engine has a capability.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }
}

/// Something that not every engine can do.
///
/// A [`Task`] that needs it is refused with [`Error::Unsupported`] by an engine that lacks it, before the guest starts.
///
/// [`Task`]: crate::Task
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Directories that the guest can read and not change.
    ReadOnlyPreopen,
    /// Standard streams other than those of the process.
    RedirectStdio,
    /// The network.
    Sockets,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnlyPreopen => "read-only directories",
            Self::RedirectStdio => "redirected standard streams",
            Self::Sockets => "the network",
        })
    }
}

/// Makes an engine of the given name with its default settings.
///
/// Each call makes a new one, with its own threads: make it once and share it.
///
/// # Errors
///
/// [`Error::UnknownEngine`] when no engine of this name is compiled in, [`Error::Engine`] when it does not start.
pub fn engine(name: &str) -> Result<Arc<dyn Engine>> {
    match name {
        #[cfg(feature = "wasmtime")]
        "wasmtime" => Ok(Arc::new(WasmtimeEngine::new()?)),
        _ => Err(Error::UnknownEngine { name: name.into() }),
    }
}

/// Returns the names of the engines that are compiled in, the preferred one first.
#[must_use]
pub fn engines() -> &'static [&'static str] {
    &[
        #[cfg(feature = "wasmtime")]
        "wasmtime",
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_each_engine_that_it_names() {
        for name in engines() {
            assert_eq!(engine(name).unwrap().info().name, *name);
        }
    }

    #[test]
    fn an_unknown_engine_names_the_known() {
        let error = engine("quickwasm").unwrap_err();
        assert_eq!(error.to_string(), "there is no engine `quickwasm`");
        assert!(matches!(error, Error::UnknownEngine { name } if &*name == "quickwasm"));
    }
}
