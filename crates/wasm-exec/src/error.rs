use std::{
    borrow::Cow,
    error::Error as StdError,
    io,
    path::{Path, PathBuf},
};

use crate::{Capability, MissingImport, Stream, engines, imports};

mod fault;

pub use self::fault::{CacheFault, GuestPathFault, VariableFault};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A cause whose type is not promised.
type Cause = Box<dyn StdError + Send + Sync>;

/// Why a guest could not be run.
///
/// `Display` tells this level only; [`std::error::Error::source`] has the cause, whose type is not promised, and
/// [`Error::help`] what to do, where that is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin as WebAssembly does.
    #[error("not WebAssembly but {found}")]
    NotWasm {
        /// What they look like.
        found: &'static str,
    },
    /// A component, on an engine that runs only core modules.
    #[error("this is a component, and {engine} runs only core modules here")]
    Component {
        /// The engine.
        engine: &'static str,
    },
    /// The bytes begin as WebAssembly and go wrong later.
    #[error("invalid WebAssembly at byte {offset}")]
    InvalidWasm {
        /// Where, counted from the start of the file.
        offset: u64,
        /// What the parser says.
        source: Cause,
    },
    /// The module imports what the engine does not provide.
    #[error("{engine} does not provide {}", imports::list(missing))]
    MissingImports {
        /// The engine.
        engine: &'static str,
        /// Each of them, in the order of the module.
        missing: Box<[MissingImport]>,
    },
    /// The module is valid and the engine cannot compile it.
    #[error("{engine} cannot compile the module")]
    Compile {
        /// The engine.
        engine: &'static str,
        /// What it says.
        source: Cause,
    },
    /// The module makes more work for the compiler than the budget of the engine allows.
    #[error("to compile it takes {needed} {what}, and the budget allows {allowed}")]
    OverBudget {
        /// What there is too much of.
        what: &'static str,
        /// How much of it there is at least.
        needed: u64,
        /// How much the [budget](crate::Budget) allows.
        allowed: u64,
    },
    /// The program does not export the entry of the task as a function without parameters and results, or, as a
    /// component, not the interface that is wanted.
    #[error("{}", missing_entry(entry))]
    MissingEntry {
        /// The entry.
        entry: String,
        /// The exports that could be entries.
        others: Box<[String]>,
    },
    /// An argument that no guest could receive as it is.
    #[error("argument {index} holds a NUL byte")]
    Argument {
        /// Its place, counted from 0.
        index: usize,
    },
    /// An environment variable that no guest could receive as it is.
    #[error("the environment variable `{}` {fault}", name.escape_debug())]
    Variable {
        /// Its name.
        name: Box<str>,
        /// What is wrong with it.
        fault: VariableFault,
    },
    /// A directory's name in the guest that no guest could receive as it is.
    #[error("the guest path `{}` {fault}", path.escape_debug())]
    GuestPath {
        /// The name.
        path: Box<str>,
        /// What is wrong with it.
        fault: GuestPathFault,
    },
    /// A directory for the guest that cannot be opened.
    #[error("cannot open the directory `{}`", host.display())]
    Preopen {
        /// The directory on the host.
        host: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A standard stream that cannot be used.
    #[error("cannot use {stream}")]
    Stdio {
        /// Which.
        stream: Stream,
        /// The cause.
        source: io::Error,
    },
    /// The task asks for something that the engine cannot do or enforce.
    #[error("{engine} does not support {capability}")]
    Unsupported {
        /// The engine.
        engine: &'static str,
        /// What it lacks.
        capability: Capability,
    },
    /// Precompiled code that another engine made, or another release or configuration of this one.
    #[error("{engine} cannot load the precompiled code")]
    Precompiled {
        /// The engine.
        engine: &'static str,
        /// What it says.
        source: Cause,
    },
    /// A directory for a cache that somebody else could put code into.
    #[error("the cache directory `{}` {fault}", dir.display())]
    CacheDirectory {
        /// The directory.
        dir: PathBuf,
        /// What is wrong with it.
        fault: CacheFault,
    },
    /// A cache that cannot be used.
    #[error("cannot use the cache directory `{}`", dir.display())]
    Cache {
        /// The directory.
        dir: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// No engine of this name is compiled in.
    #[error("there is no engine `{name}`")]
    UnknownEngine {
        /// The name.
        name: Box<str>,
    },
    /// The engine does not start.
    #[error("{engine} does not start")]
    Engine {
        /// The engine.
        engine: &'static str,
        /// What it says.
        source: Cause,
    },
    /// No instance could be made: no memory, for instance.
    #[error("{engine} cannot make an instance of the module")]
    Instantiate {
        /// The engine.
        engine: &'static str,
        /// What it says.
        source: Cause,
    },
    /// The module needs more from the beginning than the task allows.
    #[error("the module begins with {needed} {}, and the task allows {allowed}", unit(*limit, *needed))]
    OverLimit {
        /// What enforces the limit.
        limit: Capability,
        /// How much the module needs at least.
        needed: u64,
        /// How much the task allows.
        allowed: u64,
    },
    /// Something panicked: a defect of an engine, of this library, or of an observer. No other run is affected.
    #[error("panicked: {message}")]
    Panicked {
        /// What it said.
        message: String,
    },
}

impl Error {
    /// Returns what the user can do, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::NotWasm { .. } => {
                "give a .wasm file, such as `cargo build --target wasm32-wasip1` writes to target/wasm32-wasip1/"
            }
            Self::Component { .. } => {
                "run it with wasmtime, or build a core module: for Rust, `cargo build --target wasm32-wasip1`"
            }
            Self::InvalidWasm { .. } => "the file is damaged or incomplete: build or copy it again",
            Self::MissingImports { missing, .. } => return imports::help(missing).map(Cow::Borrowed),
            Self::MissingEntry { others, .. } => return Some(Cow::Owned(entry_help(others))),
            Self::Unsupported { capability, .. } => return capability.help().map(Cow::Borrowed),
            Self::OverLimit { .. } => "if the module is trusted, raise this limit of the task",
            Self::OverBudget { .. } => {
                "if the module is trusted, raise the budget or compile it in a process of its own"
            }
            Self::CacheDirectory { dir, fault: CacheFault::Writable { .. } } => {
                return Some(Cow::Owned(format!("make it yours alone: `chmod 700 {}`", dir.display())));
            }
            Self::CacheDirectory { .. } => "choose a directory of your own, or one that is not there yet",
            Self::UnknownEngine { .. } => return Some(Cow::Owned(engine_help(engines()))),
            _ => return None,
        }))
    }

    pub(crate) fn cache(dir: &Path) -> impl Fn(io::Error) -> Self {
        let dir = dir.to_owned();
        move |source| Self::Cache { dir: dir.clone(), source }
    }

    /// Tells whether it is the program that cannot run on this engine, whatever the task: what shells and container
    /// tools report as exit code 126, while the other errors are 125.
    #[must_use]
    pub fn is_not_runnable(&self) -> bool {
        matches!(
            self,
            Self::NotWasm { .. }
                | Self::Component { .. }
                | Self::InvalidWasm { .. }
                | Self::MissingImports { .. }
                | Self::Compile { .. }
                | Self::OverBudget { .. }
                | Self::MissingEntry { .. }
        )
    }
}

fn missing_entry(entry: &str) -> String {
    // Names of interfaces have a colon, those of functions in components have none.
    match entry.split_once(':') {
        Some(("wasi", _)) => format!("the program exports no `{entry}`"),
        _ => format!("the program exports no function `{entry}` without parameters and results"),
    }
}

/// What the number of a limit counts.
fn unit(limit: Capability, number: u64) -> &'static str {
    match limit {
        Capability::LimitInstances if number == 1 => "instance",
        Capability::LimitMemory => "bytes of memory",
        Capability::LimitTableElements => "table elements",
        Capability::LimitInstances => "instances",
        _ => "units",
    }
}

fn entry_help(others: &[String]) -> String {
    match others {
        [] => "a command exports `_start`: build a binary, not a library".to_owned(),
        [handler] if handler.starts_with("wasi:http/") => "it answers HTTP requests: serve it".to_owned(),
        others => format!("it exports {}: choose one as the entry", others.join(", ")),
    }
}

fn engine_help(engines: &[&str]) -> String {
    match engines {
        [] => "this build has none: turn on a feature such as `wasmtime`".to_owned(),
        engines => format!("this build has {}", engines.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_small() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }

    #[test]
    fn says_its_own_level_only() {
        let source = io::Error::other("inner");
        let error = Error::Preopen { host: "/srv/x".into(), source };
        assert_eq!(error.to_string(), "cannot open the directory `/srv/x`");
        assert_eq!(error.source().unwrap().to_string(), "inner");
        let source = "inner".into();
        let error = Error::Instantiate { engine: "wasmtime", source };
        assert_eq!(error.to_string(), "wasmtime cannot make an instance of the module");
    }

    #[test]
    fn helps_to_find_the_entry() {
        let error = Error::MissingEntry { entry: "_start".into(), others: ["run".to_owned()].into() };
        assert_eq!(
            error.to_string(),
            "the program exports no function `_start` without parameters and results"
        );
        assert_eq!(error.help().unwrap(), "it exports run: choose one as the entry");
        let error = Error::MissingEntry { entry: "_start".into(), others: [].into() };
        assert_eq!(error.help().unwrap(), "a command exports `_start`: build a binary, not a library");
    }

    #[test]
    fn knows_whose_fault_it_is() {
        assert!(Error::NotWasm { found: "text" }.is_not_runnable());
        assert!(Error::Component { engine: "wasmtime" }.is_not_runnable());
        assert!(!Error::Argument { index: 0 }.is_not_runnable());
        assert!(!Error::Unsupported { engine: "x", capability: Capability::Sockets }.is_not_runnable());
    }

    #[test]
    fn helps_with_an_unknown_engine() {
        assert_eq!(engine_help(&["a", "b"]), "this build has a, b");
        assert_eq!(engine_help(&[]), "this build has none: turn on a feature such as `wasmtime`");
    }
}
