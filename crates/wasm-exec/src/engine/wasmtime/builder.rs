use std::sync::{Arc, Mutex, OnceLock};

use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::{
    CompilerProcess, NAME, Shared, VERSION, WasmtimeEngine, config::Codegen, does_not_start, precompiled,
    reactor::Reactor, state,
};
use crate::{Budget, Capability, EngineInfo, Result};

/// The settings of a [`WasmtimeEngine`], which hold for all that it compiles.
///
/// ```
/// use wasm_exec::{Engine, Exit, Limits, Stop, Task, WasmtimeEngine};
///
/// let wasm = wat::parse_str(r#"(module (func (export "_start") (loop $forever (br $forever))))"#)?;
/// let program = WasmtimeEngine::builder().fuel(true).build()?.compile(&wasm)?;
/// let task = Task::default().limits(Limits::default().fuel(1_000_000));
/// assert_eq!(program.run(task)?, Exit::Stopped(Stop::Fuel));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct WasmtimeBuilder {
    codegen: Codegen,
    pooling: Option<Pooling>,
    budget: Budget,
    compiler: Option<CompilerProcess>,
}

impl WasmtimeBuilder {
    /// Counts what guests compute, which [`Limits::fuel`](crate::Limits::fuel) needs and which makes them slower.
    /// Default: no.
    #[must_use]
    pub fn fuel(mut self, fuel: bool) -> Self {
        self.codegen.fuel = fuel;
        self
    }

    /// Looks in each loop and call of a guest whether it is to end. Default: yes.
    ///
    /// Without it a guest that computes cannot be stopped, and one that waits can: the engine has no
    /// [`Capability::Interrupt`], and a [`Cancel`](crate::Cancel) needs [`Stopping::HostCall`](crate::Stopping::HostCall).
    /// For a guest that has its process for itself, whose end ends both. A server of many small functions is faster by an
    /// eighth; a loop that only computes gains nothing.
    ///
    /// ```
    /// use wasm_exec::{Cancel, Capability, Engine, Exit, Stopping, Task, WasmtimeEngine};
    ///
    /// let engine = WasmtimeEngine::builder().interruptible(false).build()?;
    /// assert!(!engine.info().can(Capability::Interrupt));
    /// let program = engine.compile(&wat::parse_str(r#"(module (func (export "_start")))"#)?)?;
    /// let task = Task::default().cancel(Cancel::new()).stopping(Stopping::HostCall);
    /// assert_eq!(program.run(task)?, Exit::Code(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn interruptible(mut self, interruptible: bool) -> Self {
        self.codegen.interruptible = interruptible;
        self
    }

    /// Keeps places for instances ready, so that a run neither maps nor unmaps memory. Default: no, memory is got for each
    /// run and given back.
    ///
    /// Worth it for whoever runs many guests: a run costs a fraction. It reserves much address space, of which only what
    /// guests touch is memory, and [`Pooling::keep_resident`] of it stays. The code is the same, also in a
    /// [`Cache`](crate::Cache).
    #[must_use]
    pub fn pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = Some(pooling);
        self
    }

    /// Sets how much work a module may make for the compiler. Default: [`Budget::default`].
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Compiles in a process of its own, which can be killed. Default: on threads of the engine.
    ///
    /// The [budget](Self::budget) holds as well: who wants time and memory to be the only limits says
    /// [`Budget::unlimited`].
    #[must_use]
    pub fn compile_in(mut self, compiler: CompilerProcess) -> Self {
        self.compiler = Some(compiler);
        self
    }

    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`](crate::Error::Engine) when the machine is not one that wasmtime compiles for, when no thread can be started, or when
    /// the system does not give the room for the pool.
    pub fn build(&self) -> Result<WasmtimeEngine> {
        let mut config = self.codegen.config();
        if let Some(pooling) = &self.pooling {
            config.allocation_strategy(pooling.strategy());
        }
        let engine = wasmtime::Engine::new(&config).map_err(does_not_start)?;
        let info = EngineInfo::new(NAME, VERSION).compatibility(precompiled::compatibility(&engine)).with([
            Capability::Component,
            Capability::Http,
            Capability::InterruptHostCall,
            Capability::LimitHandles,
            Capability::LimitInstances,
            Capability::LimitMemory,
            Capability::LimitOutput,
            Capability::LimitTableElements,
            Capability::NetworkRules,
            Capability::Precompile,
            Capability::ReadOnlyPreopen,
            Capability::RedirectStdio,
            Capability::Sockets,
        ]);
        let Codegen { fuel, interruptible } = self.codegen;
        let info = if fuel { info.with([Capability::LimitFuel]) } else { info };
        let info = if interruptible { info.with([Capability::Interrupt]) } else { info };
        let linker = state::linker(&engine).map_err(does_not_start)?;
        let reactor = Reactor::new().map_err(does_not_start)?;
        let shared = Shared {
            info,
            engine,
            codegen: self.codegen,
            budget: self.budget.clone(),
            compiler: self.compiler.clone(),
            linker,
            component_linker: OnceLock::new(),
            reactor,
            compilers: Mutex::default(),
        };
        Ok(WasmtimeEngine { shared: Arc::new(shared) })
    }
}

/// How many instances an engine keeps places for, and how: [`WasmtimeBuilder::pooling`].
///
/// ```
/// use wasm_exec::{Engine, Exit, Pooling, Task, WasmtimeEngine};
///
/// let engine = WasmtimeEngine::builder().pooling(Pooling::new(10).keep_resident(64 << 10)).build()?;
/// let program = engine.compile(&wat::parse_str(r#"(module (func (export "_start")))"#)?)?;
/// assert_eq!(program.run(Task::default())?, Exit::Code(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pooling {
    /// How many programs run at once; one more is [`Error::Instantiate`](crate::Error::Instantiate). A component may
    /// take up to [`CORES`](Self::CORES) places for the modules that it is made of.
    pub instances: u32,
    /// How many bytes of each memory stay when an instance is gone: they are set to what the next one begins with, which
    /// is faster than to get them anew. Default: 256 KiB.
    pub keep_resident: usize,
}

impl Pooling {
    /// How many core instances, memories and tables there is room for, for each program that runs.
    pub const CORES: u32 = 4;

    /// How many elements a table has at most, beside what [`Limits::table_elements`](crate::Limits::table_elements) says:
    /// a module that begins with more cannot be compiled for a pool.
    pub const TABLE_ELEMENTS: usize = 1 << 20;

    /// Keeps places for so many instances, with the default settings.
    #[must_use]
    pub fn new(instances: u32) -> Self {
        Self { instances, keep_resident: 256 << 10 }
    }

    /// Sets how many bytes of each memory stay.
    #[must_use]
    pub fn keep_resident(mut self, bytes: usize) -> Self {
        self.keep_resident = bytes;
        self
    }

    fn strategy(&self) -> InstanceAllocationStrategy {
        let cores = self.instances.saturating_mul(Self::CORES);
        let mut pool = PoolingAllocationConfig::default();
        pool.total_component_instances(self.instances)
            .total_core_instances(cores)
            .total_memories(cores)
            .total_tables(cores)
            .total_stacks(self.instances)
            .max_unused_warm_slots(cores)
            .linear_memory_keep_resident(self.keep_resident)
            .table_keep_resident(TABLE)
            .table_elements(Self::TABLE_ELEMENTS)
            .max_tables_per_module(cores.min(LISTED))
            .max_memories_per_module(cores.min(LISTED))
            .max_core_instances_per_component(cores)
            .max_memories_per_component(cores)
            .max_tables_per_component(cores)
            .pagemap_scan(Enabled::Auto);
        InstanceAllocationStrategy::Pooling(pool)
    }
}

/// How much of a table stays.
const TABLE: usize = 8 << 10;

/// How many memories or tables a module may have in a pool.
const LISTED: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, Error, Exit, Limits, Task};

    #[test]
    fn a_pool_gives_places_back() {
        let engine = WasmtimeEngine::pooled(1).unwrap();
        let text = r#"(module (memory 1) (table 100 funcref)
            (func (export "_start") (if (i32.load (i32.const 0)) (then unreachable)) (i32.store (i32.const 0) (i32.const 1))))"#;
        let program = engine.compile(&wat::parse_str(text).unwrap()).unwrap();
        for _ in 0..100 {
            // What the one before wrote is gone.
            assert_eq!(program.run(Task::default()).unwrap(), Exit::Code(0));
        }
    }

    #[test]
    fn a_pool_that_is_full_is_an_error() {
        let engine = WasmtimeEngine::pooled(1).unwrap();
        let text = r#"(module (func (export "_start")) (func (export "loop") (loop $again (br $again))))"#;
        let program = engine.compile(&wat::parse_str(text).unwrap()).unwrap();
        let running = program.start(Task::default().entry("loop")).unwrap();
        let full = (0..1000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            matches!(program.run(Task::default()), Err(Error::Instantiate { .. }))
        });
        assert!(full);
        running.cancel();
        running.wait().unwrap();
        assert_eq!(program.run(Task::default()).unwrap(), Exit::Code(0));
    }

    #[test]
    fn limits_and_code_are_those_of_every_engine() {
        let [pooled, plain] = [WasmtimeEngine::pooled(2).unwrap(), WasmtimeEngine::new().unwrap()];
        assert_eq!(pooled.info(), plain.info());
        let text = r#"(module (memory 1) (table 1 funcref)
            (func (export "_start") (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
              (if (i32.ne (table.grow (ref.null func) (i32.const 1)) (i32.const -1)) (then unreachable))))"#;
        let code = plain.precompile(&wat::parse_str(text).unwrap()).unwrap();
        let limits = Limits::default().memory(65_536).table_elements(1);
        let exit = pooled.load(&code).unwrap().run(Task::default().limits(limits)).unwrap();
        assert_eq!(exit, Exit::Code(0));
    }
}
