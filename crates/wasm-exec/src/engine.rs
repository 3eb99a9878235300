use std::{fmt, sync::Arc};

use crate::{Error, Precompiled, Program, Result};

#[cfg(feature = "wasmedge")]
mod wasmedge;
#[cfg(feature = "wasmtime")]
mod wasmtime;

#[cfg(feature = "wasmedge")]
pub use self::wasmedge::{WasmedgeBuilder, WasmedgeEngine};
#[cfg(feature = "wasmtime")]
pub use self::wasmtime::{CompilerProcess, Pooling, WasmtimeBuilder, WasmtimeEngine};

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
    /// [`Error::NotWasm`], [`Error::Component`], [`Error::InvalidWasm`], [`Error::MissingImports`],
    /// [`Error::OverBudget`] and [`Error::Compile`]: the module cannot run on this engine ([`Error::is_not_runnable`]).
    fn compile(&self, wasm: &[u8]) -> Result<Program>;

    /// Compiles a module into code for [`load`](Self::load), in this process or another.
    ///
    /// No default says that it cannot: an engine that wraps another one would lose what that one can do and nobody would
    /// see it.
    ///
    /// # Errors
    ///
    /// Those of [`compile`](Self::compile), and [`Error::Unsupported`] without [`Capability::Precompile`].
    fn precompile(&self, wasm: &[u8]) -> Result<Precompiled>;

    /// Makes a program of precompiled code, without compiling anything.
    ///
    /// # Errors
    ///
    /// [`Error::Precompiled`] when another engine made it, or another release or configuration of this one;
    /// [`Error::Unsupported`] without [`Capability::Precompile`].
    fn load(&self, code: &Precompiled) -> Result<Program>;
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
/// assert!(!engine.info().can(Capability::LimitFuel));
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
    /// What precompiled code depends on besides the name and the version: target, features of the processor, settings.
    /// Engines that have all three in common load each other's code. Empty without [`Capability::Precompile`].
    pub compatibility: String,
    /// What it can do.
    pub capabilities: Vec<Capability>,
}

impl EngineInfo {
    /// Describes an engine that has no capability yet.
    #[must_use]
    pub fn new(name: &'static str, version: impl Into<String>) -> Self {
        Self { name, version: version.into(), compatibility: String::new(), capabilities: Vec::new() }
    }

    /// Sets what precompiled code depends on besides the name and the version.
    #[must_use]
    pub fn compatibility(mut self, compatibility: impl Into<String>) -> Self {
        self.compatibility = compatibility.into();
        self
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

/// What an engine can do, so that it is told at once: each run asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Able {
    pub(crate) name: &'static str,
    capabilities: u64,
}

impl Able {
    pub(crate) fn new(info: &EngineInfo) -> Self {
        let bits = info.capabilities.iter().map(|capability| capability.bit());
        Self { name: info.name, capabilities: bits.fold(0, |all, bit| all | bit) }
    }

    pub(crate) fn can(self, capability: Capability) -> bool {
        self.capabilities & capability.bit() != 0
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
    /// Components, and not only core modules.
    Component,
    /// [`Program::serve`]: components that answer HTTP requests.
    Http,
    /// Code that is compiled now and loaded later.
    Precompile,
    /// A guest's own code can be ended at any instruction: by a deadline, or by a [`Cancel`](crate::Cancel).
    Interrupt,
    /// So can a guest that waits in a host call.
    InterruptHostCall,
    /// [`Limits::fuel`](crate::Limits::fuel).
    LimitFuel,
    /// [`Limits::handles`](crate::Limits::handles).
    LimitHandles,
    /// [`Limits::instances`](crate::Limits::instances).
    LimitInstances,
    /// [`Limits::memory`](crate::Limits::memory).
    LimitMemory,
    /// [`Limits::output_bytes`](crate::Limits::output_bytes).
    LimitOutput,
    /// [`Limits::table_elements`](crate::Limits::table_elements).
    LimitTableElements,
    /// [`Network::Allow`](crate::Network::Allow).
    NetworkRules,
    /// Directories that the guest can read and not change.
    ReadOnlyPreopen,
    /// Standard streams other than those of the process.
    RedirectStdio,
    /// [`Network::Host`](crate::Network::Host).
    Sockets,
}

impl Capability {
    fn bit(self) -> u64 {
        1 << (self as u32)
    }

    /// What the user can do without it.
    pub(crate) fn help(self) -> Option<&'static str> {
        Some(match self {
            Self::Interrupt => {
                "build the engine with it, or say `Stopping::HostCall` if one that computes may go on"
            }
            Self::InterruptHostCall => "say `Stopping::BestEffort` if it may take until a host call returns",
            Self::Http => "run a component on wasmtime, which answers HTTP requests",
            Self::LimitFuel => "switch it on when the engine is built: `fuel(true)` of its builder",
            Self::LimitHandles
            | Self::LimitInstances
            | Self::LimitMemory
            | Self::LimitOutput
            | Self::LimitTableElements => "lift the limit, for instance by `Limits::enforced_by`",
            Self::NetworkRules => "grant it no network or all of the host's, or run a component on wasmtime",
            _ => return None,
        })
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "components",
            Self::Http => "answering HTTP requests",
            Self::Interrupt => "stopping a guest",
            Self::InterruptHostCall => "stopping a guest that waits in a host call",
            Self::LimitFuel => "a limit of fuel",
            Self::LimitHandles => "a limit of open handles",
            Self::LimitInstances => "a limit of instances",
            Self::LimitMemory => "a limit of memory",
            Self::LimitOutput => "a limit of output",
            Self::LimitTableElements => "a limit of table elements",
            Self::NetworkRules => "rules for the network",
            Self::Precompile => "precompiled code",
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
        #[cfg(feature = "wasmedge")]
        "wasmedge" => Ok(Arc::new(WasmedgeEngine::new()?)),
        _ => Err(Error::UnknownEngine { name: name.into() }),
    }
}

/// Returns the names of the engines that are compiled in, the preferred one first.
#[must_use]
pub fn engines() -> &'static [&'static str] {
    &[
        #[cfg(feature = "wasmtime")]
        "wasmtime",
        #[cfg(feature = "wasmedge")]
        "wasmedge",
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
