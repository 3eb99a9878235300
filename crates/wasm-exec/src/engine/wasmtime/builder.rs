use std::sync::{Arc, Mutex, OnceLock};

use super::{
    CompilerProcess, NAME, Pooling, Shared, VERSION, WasmtimeEngine, config::Codegen, does_not_start,
    precompiled, reactor::Reactor, state,
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
            places: self.pooling.as_ref().map(|pooling| pooling.instances),
            linker,
            component_linker: OnceLock::new(),
            reactor,
            compilers: Mutex::default(),
        };
        Ok(WasmtimeEngine { shared: Arc::new(shared) })
    }
}
