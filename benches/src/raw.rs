use std::fs::File;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module,
    PoolingAllocationConfig, ResourceLimiter, Result, Store, WasmBacktraceDetails,
};
use wasmtime_wasi::{
    WasiCtxBuilder,
    cli::OutputFile,
    p1::{self, WasiP1Ctx},
};

/// What one writes who needs wasmtime and nothing else, with the means that wasm-exec has: an async call on a fiber, code
/// that looks at the epoch, a limit for all memories and tables together, a linked `InstancePre`, and standard output
/// that is a file.
pub struct Raw {
    linked: InstancePre<State>,
    stdout: OutputFile,
    runtime: tokio::runtime::Runtime,
}

impl Raw {
    /// The configuration: with a pool of some instances, with the same settings as `Pooling`, or without.
    #[must_use]
    pub fn config(pooled: bool) -> Config {
        let mut config = Config::new();
        config.wasm_backtrace_details(WasmBacktraceDetails::Disable).epoch_interruption(true);
        if pooled {
            let mut pool = PoolingAllocationConfig::default();
            pool.total_component_instances(100)
                .total_core_instances(400)
                .total_memories(400)
                .total_tables(400)
                .total_stacks(100)
                .max_unused_warm_slots(400)
                .linear_memory_keep_resident(256 << 10)
                .table_keep_resident(8 << 10)
                .table_elements(1 << 20)
                .pagemap_scan(Enabled::Auto);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
        config
    }

    /// Compiles a module that is run on a fiber.
    ///
    /// # Errors
    ///
    /// What wasmtime says.
    pub fn new(wasm: &[u8], pooled: bool) -> Result<Self> {
        Self::linked(wasm, pooled, |linker| p1::add_to_linker_async(linker, |state| &mut state.wasi))
    }

    /// Compiles a module that is run without a fiber: the cheapest sequence.
    ///
    /// # Errors
    ///
    /// What wasmtime says.
    pub fn without_fiber(wasm: &[u8], pooled: bool) -> Result<Self> {
        Self::linked(wasm, pooled, |linker| p1::add_to_linker_sync(linker, |state| &mut state.wasi))
    }

    fn linked(wasm: &[u8], pooled: bool, add: impl Fn(&mut Linker<State>) -> Result<()>) -> Result<Self> {
        let engine = Engine::new(&Self::config(pooled))?;
        let mut linker = Linker::new(&engine);
        add(&mut linker)?;
        let linked = linker.instantiate_pre(&Module::new(&engine, wasm)?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { linked, stdout: OutputFile::new(sink()?), runtime })
    }

    fn store(&self) -> Store<State> {
        let wasi = WasiCtxBuilder::new().arg("hello.wasm").stdout(self.stdout.clone()).build_p1();
        let limiter = Limiter { memory: 256 << 20, table_elements: 100_000 };
        let mut store = Store::new(self.linked.module().engine(), State { wasi, limiter });
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store
    }

    /// Runs the module, on this thread.
    ///
    /// # Errors
    ///
    /// What wasmtime says.
    pub fn run(&self) -> Result<()> {
        pollster::block_on(async {
            let _entered = self.runtime.enter();
            let mut store = self.store();
            let instance = self.linked.instantiate_async(&mut store).await?;
            let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
            start.call_async(&mut store, ()).await
        })
    }

    /// Runs a module that was compiled `without_fiber`.
    ///
    /// # Errors
    ///
    /// What wasmtime says.
    pub fn run_without_fiber(&self) -> Result<()> {
        let _entered = self.runtime.enter();
        let mut store = self.store();
        let instance = self.linked.instantiate(&mut store)?;
        instance.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ())
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Raw(..)")
    }
}

struct State {
    wasi: WasiP1Ctx,
    limiter: Limiter,
}

/// What is left for all memories and all tables.
struct Limiter {
    memory: usize,
    table_elements: usize,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(take(&mut self.memory, desired - current))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(take(&mut self.table_elements, desired - current))
    }
}

fn take(left: &mut usize, wanted: usize) -> bool {
    left.checked_sub(wanted).map(|rest| *left = rest).is_some()
}

/// A file that takes everything: writing to it costs the system call and no disk.
///
/// # Errors
///
/// It cannot be opened.
pub fn sink() -> std::io::Result<File> {
    File::options().write(true).open("/dev/null")
}
