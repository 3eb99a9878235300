use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rayon::ThreadPool;
use wasmtime::{Linker, Module};

use self::{code::Code, reactor::Reactor, state::State};
use crate::{Capability, Engine, EngineInfo, Error, Program, Result, imports, outline, program};

mod code;
mod config;
mod descriptor;
mod reactor;
mod state;
mod stdio;
mod trap;

/// wasmtime: core modules with WASI preview 1, compiled by Cranelift.
///
/// The value owns all that lives longer than a run: the linker, the threads that compile, and the one thread that waits
/// for timers and descriptors. They end with the engine and the last of its programs. wasmtime-wasi's process-wide
/// runtime and its thread for standard input are not used.
///
/// What it can do: [`Capability::ReadOnlyPreopen`], [`Capability::RedirectStdio`].
pub struct WasmtimeEngine {
    shared: Arc<Shared>,
}

/// What an engine and its programs have in common.
struct Shared {
    info: EngineInfo,
    engine: wasmtime::Engine,
    linker: Linker<State>,
    reactor: Reactor,
    compilers: Mutex<Option<Arc<ThreadPool>>>,
}

impl WasmtimeEngine {
    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] when the machine is not one that wasmtime compiles for, or when no thread can be started.
    pub fn new() -> Result<Self> {
        let info =
            EngineInfo::new(NAME, VERSION).with([Capability::ReadOnlyPreopen, Capability::RedirectStdio]);
        let engine = wasmtime::Engine::new(&config::config()).map_err(does_not_start)?;
        let linker = state::linker(&engine).map_err(does_not_start)?;
        let reactor = Reactor::new().map_err(does_not_start)?;
        let shared = Shared { info, engine, linker, reactor, compilers: Mutex::default() };
        Ok(Self { shared: Arc::new(shared) })
    }
}

impl Engine for WasmtimeEngine {
    fn info(&self) -> &EngineInfo {
        &self.shared.info
    }

    fn compile(&self, wasm: &[u8]) -> Result<Program> {
        let outline = outline::Outline::of_module(NAME, wasm)?;
        imports::check(NAME, &outline, imports::PREVIEW1)?;
        let module = program::contain(|| self.shared.generate(wasm))?;
        let code = Code::new(&self.shared, &module)?;
        Ok(Program::new(self.info(), code))
    }
}

impl fmt::Debug for WasmtimeEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmtimeEngine").field("info", &self.shared.info).finish_non_exhaustive()
    }
}

impl Shared {
    fn generate(&self, wasm: &[u8]) -> Result<Module> {
        self.compilers()?.install(|| Module::new(&self.engine, wasm)).map_err(|error| {
            outline::invalidity(wasm).unwrap_or_else(|| Error::Compile { engine: NAME, source: error.into() })
        })
    }

    /// The threads that compile, started when they are first needed.
    ///
    /// wasmtime compiles with rayon, whose own pool belongs to the process and stays for ever.
    fn compilers(&self) -> Result<Arc<ThreadPool>> {
        let mut compilers = self.compilers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = &*compilers {
            return Ok(Arc::clone(pool));
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("wasm-compile-{index}"))
            .build()
            .map_err(does_not_start)?;
        Ok(Arc::clone(compilers.insert(Arc::new(pool))))
    }
}

fn does_not_start(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Engine { engine: NAME, source: error.into() }
}

const NAME: &str = "wasmtime";

/// The train of releases that `Cargo.toml` asks for; wasmtime does not tell its version.
const VERSION: &str = "48";
