use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use rayon::ThreadPool;
use wasm_oci::Kind;
use wasmtime::{Linker, Module};

use wasmtime::component::{self as components, Component};

pub use self::{builder::WasmtimeBuilder, compiler::CompilerProcess, pooling::Pooling};
use self::{code::Code, config::Codegen, reactor::Reactor, state::State};
use crate::{Budget, Engine, EngineInfo, Error, Precompiled, Program, Result, imports, outline, program};

mod alarm;
mod builder;
mod code;
mod compiler;
mod component;
mod config;
mod descriptor;
mod drive;
mod driver;
mod limiter;
mod links;
mod meter;
mod outgoing;
mod policy;
mod pooling;
mod precompiled;
mod random;
mod reactor;
mod service;
mod special;
mod state;
mod stdio;
mod trap;

/// wasmtime: core modules with WASI preview 1, and components with WASI 0.2 and `wasi:http`, compiled by Cranelift.
///
/// The value owns all that lives longer than a run: the linker, the threads that compile, and the one thread that waits
/// for timers and descriptors. They end with the engine and the last of its programs. wasmtime-wasi's process-wide
/// runtime and its thread for standard input are not used.
///
/// It has every [`Capability`](crate::Capability): that to limit fuel if it is built with
/// [`fuel`](WasmtimeBuilder::fuel), and that to end a guest that computes unless it is built without
/// ([`interruptible`](WasmtimeBuilder::interruptible)). Core modules have WasmEdge's sockets, as preview 1 has none: what
/// was compiled for WasmEdge runs here as it is.
///
/// A guest is ended by a deadline or a [`Cancel`](crate::Cancel) within some milliseconds, wherever it is. What is not
/// interrupted is one call on a regular file, which a disk or a network file system may keep waiting, and one
/// instruction that fills or copies memory, which the limit of memory bounds. FIFOs, devices and sockets in the
/// directories of a guest could keep it waiting for ever: it can list and delete them, and gets `EACCES` when it opens
/// one, unless [`Task::special_files`](crate::Task::special_files) says otherwise. Names are looked up by the system's
/// resolver, on a thread that ends when that answers.
pub struct WasmtimeEngine {
    shared: Arc<Shared>,
}

/// What an engine and its programs have in common.
struct Shared {
    info: EngineInfo,
    engine: wasmtime::Engine,
    codegen: Codegen,
    budget: Budget,
    compiler: Option<CompilerProcess>,
    /// How many programs can run at once, if places are kept for them.
    places: Option<u32>,
    linker: Linker<State>,
    component_linker: OnceLock<components::Linker<State>>,
    reactor: Reactor,
    compilers: Mutex<Option<Arc<ThreadPool>>>,
}

impl WasmtimeEngine {
    /// Makes an engine with the default settings.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] when the machine is not one that wasmtime compiles for, or when no thread can be started.
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Makes an engine that keeps places for so many instances ready: [`WasmtimeBuilder::pooling`] with the default
    /// settings.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and when the system does not give the room.
    pub fn pooled(instances: u32) -> Result<Self> {
        Self::builder().pooling(Pooling::new(instances)).build()
    }

    /// Begins to make an engine with other settings.
    #[must_use]
    pub fn builder() -> WasmtimeBuilder {
        WasmtimeBuilder::default()
    }
}

impl Engine for WasmtimeEngine {
    fn info(&self) -> &EngineInfo {
        &self.shared.info
    }

    fn compile(&self, wasm: &[u8]) -> Result<Program> {
        if self.shared.compiler.is_some() {
            return self.load(&self.precompile(wasm)?);
        }
        self.program(self.shared.generate(wasm, |engine, kind| match kind {
            Kind::Module => Module::new(engine, wasm).map(Compiled::Module),
            Kind::Component => Component::new(engine, wasm).map(Compiled::Component),
        })?)
    }

    fn precompile(&self, wasm: &[u8]) -> Result<Precompiled> {
        if let Some(compiler) = &self.shared.compiler {
            self.shared.check(wasm)?;
            return Ok(precompiled::wrap(compiler.compile(self.shared.codegen, wasm)?));
        }
        let code = self.shared.generate(wasm, |engine, kind| match kind {
            Kind::Module => engine.precompile_module(wasm),
            Kind::Component => engine.precompile_component(wasm),
        })?;
        Ok(precompiled::wrap(code))
    }

    fn load(&self, code: &Precompiled) -> Result<Program> {
        self.program(program::contain(|| precompiled::load(&self.shared.engine, code))?)
    }
}

impl WasmtimeEngine {
    fn program(&self, compiled: Compiled) -> Result<Program> {
        Ok(match compiled {
            Compiled::Module(module) => Program::new(self.info(), Code::new(&self.shared, &module)?),
            Compiled::Component(component) => {
                Program::new(self.info(), component::Code::new(&self.shared, &component)?)
            }
        })
    }
}

/// What wasmtime makes of WebAssembly.
enum Compiled {
    Module(Module),
    Component(Component),
}

impl fmt::Debug for WasmtimeEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmtimeEngine").field("info", &self.shared.info).finish_non_exhaustive()
    }
}

impl Shared {
    /// The interfaces for components, linked when the first one comes: that costs more than a module's whole run.
    fn component_linker(&self) -> Result<&components::Linker<State>> {
        if let Some(linker) = self.component_linker.get() {
            return Ok(linker);
        }
        let linker = links::linker(&self.engine).map_err(does_not_start)?;
        Ok(self.component_linker.get_or_init(|| linker))
    }

    /// Tells what it is, if somebody provides each of its imports and it may be compiled.
    fn check(&self, wasm: &[u8]) -> Result<Kind> {
        let kind = outline::kind(wasm)?;
        match kind {
            Kind::Component => imports::check_component(NAME, wasm, imports::PREVIEW2)?,
            Kind::Module => {
                let outline = outline::Outline::of_module(NAME, wasm)?;
                imports::check(NAME, &outline, &[imports::PREVIEW1, imports::SOCKETS])?;
            }
        }
        self.budget.check(wasm)?;
        Ok(kind)
    }

    /// Compiles a module or component that passes the check.
    fn generate<T: Send>(
        &self,
        wasm: &[u8],
        compile: impl FnOnce(&wasmtime::Engine, Kind) -> wasmtime::Result<T> + Send,
    ) -> Result<T> {
        let kind = self.check(wasm)?;
        program::contain(|| {
            self.compilers()?.install(|| compile(&self.engine, kind)).map_err(|error| {
                let compile = || Error::Compile { engine: NAME, source: error.into() };
                outline::invalidity(wasm).unwrap_or_else(compile)
            })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exit, Limits, Stop, Task};

    #[test]
    fn fuel_is_the_same_in_each_run() {
        let text = r#"(module
            (func $count (param $n i32)
              (loop $again
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $again (local.get $n))))
            (func $start (call $count (i32.const 10)))
            (start $start)
            (func (export "_start") (call $count (i32.const 1000))))"#;
        let engine = WasmtimeEngine::builder().fuel(true).build().unwrap();
        let program = engine.compile(&wat::parse_str(text).unwrap()).unwrap();
        let exit = |fuel| program.run(Task::default().limits(Limits::default().fuel(fuel))).unwrap();
        let least = (1..100_000).find(|fuel| exit(*fuel) == Exit::Code(0)).unwrap();
        for _ in 0..3 {
            assert_eq!(exit(least), Exit::Code(0));
            assert_eq!(exit(least - 1), Exit::Stopped(Stop::Fuel));
        }
        assert_eq!(exit(0), Exit::Stopped(Stop::Fuel));
        assert_eq!(program.run(Task::default()).unwrap(), Exit::Code(0));
    }
}
