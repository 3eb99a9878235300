use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::{Limits, Result, budget, outline};

/// How many instances an engine keeps places for, and how: [`WasmtimeBuilder::pooling`](super::WasmtimeBuilder::pooling).
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
    /// How many programs run at once; one more is [`Error::Instantiate`](crate::Error::Instantiate).
    pub instances: u32,
    /// How many instances of modules there is room for, with their memories and tables, for each program that runs.
    /// Default: 4, which is what a component takes that one program was made into.
    pub cores: u32,
    /// How many bytes of each memory stay when an instance is gone: they are set to what the next one begins with, which
    /// is faster than to get them anew. Default: 256 KiB.
    pub keep_resident: usize,
}

impl Pooling {
    /// How many bytes a memory has at most, beside what [`Limits::memory`] says: a module that begins with more cannot be
    /// compiled for a pool.
    pub const MEMORY: u64 = 4 << 30;

    /// How many elements a table has at most, beside what [`Limits::table_elements`] says: a module that begins with more
    /// cannot be compiled for a pool.
    pub const TABLE_ELEMENTS: usize = 1 << 20;

    /// Keeps places for so many instances, with the default settings.
    #[must_use]
    pub fn new(instances: u32) -> Self {
        Self { instances, cores: CORES, keep_resident: 256 << 10 }
    }

    /// Keeps places for so many instances of this program: if it is a component of more than [`cores`](Self::cores)
    /// modules, with room for all of them.
    ///
    /// # Errors
    ///
    /// [`Error::NotWasm`](crate::Error::NotWasm) and [`Error::InvalidWasm`](crate::Error::InvalidWasm) for what cannot be
    /// read, and [`Error::OverBudget`](crate::Error::OverBudget) for a component of more than the instances of
    /// [`Budget::default`](crate::Budget::default), or one that instantiates what it is given.
    pub fn for_program(wasm: &[u8], instances: u32) -> Result<Self> {
        outline::kind(wasm)?;
        let cores = u32::try_from(budget::instances(wasm)?).unwrap_or(u32::MAX);
        Ok(Self::new(instances).cores(cores.max(CORES)))
    }

    /// Sets how many instances of modules there is room for, for each program that runs.
    #[must_use]
    pub fn cores(mut self, cores: u32) -> Self {
        self.cores = cores;
        self
    }

    /// Sets how many bytes of each memory stay.
    #[must_use]
    pub fn keep_resident(mut self, bytes: usize) -> Self {
        self.keep_resident = bytes;
        self
    }

    /// Tells whether a guest can have in a pool all that these limits let it have.
    ///
    /// ```
    /// use wasm_exec::{Limits, Pooling};
    ///
    /// assert!(Pooling::suffices_for(&Limits::default()));
    /// assert!(!Pooling::suffices_for(&Limits::default().memory(5 << 30)));
    /// assert!(!Pooling::suffices_for(&Limits::unlimited()));
    /// ```
    #[must_use]
    pub fn suffices_for(limits: &Limits) -> bool {
        let within = |limit: Option<u64>, most| limit.is_some_and(|limit| limit <= most);
        within(limits.memory, Self::MEMORY) && within(limits.table_elements, Self::TABLE_ELEMENTS as u64)
    }

    pub(super) fn strategy(&self) -> InstanceAllocationStrategy {
        let cores = self.instances.saturating_mul(self.cores);
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
            .max_core_instance_size(INSTANCE)
            .max_component_instance_size(INSTANCE)
            .max_tables_per_module(cores.min(LISTED))
            .max_memories_per_module(cores.min(LISTED))
            .max_core_instances_per_component(cores)
            .max_memories_per_component(cores)
            .max_tables_per_component(cores)
            .pagemap_scan(Enabled::Auto);
        InstanceAllocationStrategy::Pooling(pool)
    }
}

/// A component's own module, what adapts preview 1 for it, and the two that link these.
const CORES: u32 = 4;

/// What wasmtime itself keeps of an instance, at most. It is got when it is needed: the budget for compilation is what
/// bounds it.
const INSTANCE: usize = 1 << 30;

/// How much of a table stays.
const TABLE: usize = 8 << 10;

/// How many memories or tables a module may have in a pool.
const LISTED: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, Error, Exit, Task, WasmtimeEngine};

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

    /// wasmtime keeps 32 bytes for each function that has a reference, and its own default for a pool is a mebibyte.
    #[test]
    fn a_module_of_many_functions_has_room() {
        let count: usize = 33_000;
        let list: String = (0..count).map(|index| format!("{index} ")).collect();
        let functions = r#"(func (export "_start"))"#.to_owned() + &"(func)".repeat(count - 1);
        let wasm = wat::parse_str(format!("(module {functions} (elem declare func {list}))")).unwrap();
        let program = WasmtimeEngine::pooled(1).unwrap().compile(&wasm).unwrap();
        assert_eq!(program.run(Task::default()).unwrap(), Exit::Code(0));
    }

    #[test]
    fn a_component_of_many_modules_has_room() {
        let text = format!(
            r#"(component (core module $m (memory 1) (func (export "f")))
                 (component $c (core module $m (memory 1)) {inner})
                 {inner} (instance (instantiate $c))
                 (core instance $last (instantiate $m))
                 (func (export "run") (canon lift (core func $last "f"))))"#,
            inner = "(core instance (instantiate $m))".repeat(5),
        );
        let wasm = wat::parse_str(text).unwrap();
        let [small, enough] = [Pooling::new(1), Pooling::for_program(&wasm, 1).unwrap()];
        // That of the inner component itself is counted, which takes no place.
        assert_eq!((small.cores, enough.cores), (4, 12));
        let run = |pooling| {
            let program = WasmtimeEngine::builder().pooling(pooling).build()?.compile(&wasm)?;
            program.run(Task::default().entry("run"))
        };
        assert!(run(small).is_err());
        assert_eq!(run(enough).unwrap(), Exit::Code(0));
        let module = wat::parse_str("(module)").unwrap();
        assert_eq!(Pooling::for_program(&module, 7).unwrap(), Pooling::new(7));
        assert!(matches!(Pooling::for_program(b"#!/bin/sh", 1), Err(Error::NotWasm { .. })));
    }
}
