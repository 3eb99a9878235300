use std::{
    marker::PhantomData,
    ptr::{self, NonNull},
};

use wasmedge_sys::ffi;

use super::{
    Failure, Module, Owned, Result, Wasi,
    call::{Brake, Call},
    string,
};

/// What an executor bounds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    /// The pages of each memory. A module that begins above it gets smaller memories than it says, and no error.
    pub(crate) pages: Option<u64>,
    /// The instructions that are executed; without it they are not counted.
    pub(crate) fuel: Option<u64>,
}

impl Bounds {
    fn configure(self) -> Result<Owned<ffi::WasmEdge_ConfigureContext>> {
        // SAFETY: makes one with the settings that are used without one.
        let configure = unsafe { ffi::WasmEdge_ConfigureCreate() };
        // SAFETY: just made, and this is the function for it.
        let configure = unsafe { Owned::new(configure, ffi::WasmEdge_ConfigureDelete) };
        let configure = configure.ok_or_else(Failure::nothing)?;
        if let Some(pages) = self.pages {
            // SAFETY: it is alive.
            unsafe { ffi::WasmEdge_ConfigureSetMaxMemoryPage(configure.as_ptr(), pages) };
        }
        // SAFETY: it is alive.
        unsafe { ffi::WasmEdge_ConfigureStatisticsSetCostMeasuring(configure.as_ptr(), self.fuel.is_some()) };
        Ok(configure)
    }

    /// What counts, if it is to be counted: an instruction costs 1, a function of WASI nothing.
    fn statistics(self) -> Result<Option<Owned<ffi::WasmEdge_StatisticsContext>>> {
        if self.fuel.is_none() {
            return Ok(None);
        }
        // SAFETY: makes one.
        let statistics = unsafe { ffi::WasmEdge_StatisticsCreate() };
        // SAFETY: just made, and this is the function for it.
        let statistics = unsafe { Owned::new(statistics, ffi::WasmEdge_StatisticsDelete) };
        statistics.map(Some).ok_or_else(Failure::nothing)
    }
}

/// What makes an instance and calls its functions, for one run: a cancelled one would stay so.
///
/// The fields are dropped in this order: the instance refers to the others, and the executor to what follows it.
pub(crate) struct Executor<'run> {
    instance: Option<Owned<ffi::WasmEdge_ModuleInstanceContext>>,
    store: Owned<ffi::WasmEdge_StoreContext>,
    executor: Owned<ffi::WasmEdge_ExecutorContext>,
    _statistics: Option<Owned<ffi::WasmEdge_StatisticsContext>>,
    _configure: Owned<ffi::WasmEdge_ConfigureContext>,
    /// The functions that the instance imports, and the code that it is made of.
    borrowed: PhantomData<&'run ()>,
}

impl<'run> Executor<'run> {
    /// Makes one that offers these functions to the instance.
    pub(crate) fn new(wasi: &'run Wasi<'_>, bounds: Bounds) -> Result<Self> {
        let (configure, statistics) = (bounds.configure()?, bounds.statistics()?);
        let counts = statistics.as_ref().map_or(ptr::null_mut(), Owned::as_ptr);
        // SAFETY: the settings are alive, and what counts too, if it is not null, which is allowed; they outlive it.
        let executor = unsafe { ffi::WasmEdge_ExecutorCreate(configure.as_ptr(), counts) };
        // SAFETY: just made, and this is the function for it.
        let executor = unsafe { Owned::new(executor, ffi::WasmEdge_ExecutorDelete) };
        let executor = executor.ok_or_else(Failure::nothing)?;
        if let (Some(statistics), Some(fuel)) = (&statistics, bounds.fuel) {
            // Making the executor lifted the limit.
            // SAFETY: it is alive, and nobody else uses it now.
            unsafe { ffi::WasmEdge_StatisticsSetCostLimit(statistics.as_ptr(), fuel) };
        }
        // SAFETY: makes an empty one.
        let store = unsafe { ffi::WasmEdge_StoreCreate() };
        // SAFETY: just made, and this is the function for it.
        let store = unsafe { Owned::new(store, ffi::WasmEdge_StoreDelete) };
        let store = store.ok_or_else(Failure::nothing)?;
        // SAFETY: all three are alive; the functions outlive the store, which refers to them.
        Failure::check(unsafe {
            ffi::WasmEdge_ExecutorRegisterImport(executor.as_ptr(), store.as_ptr(), wasi.module.as_ptr())
        })?;
        let (_statistics, _configure) = (statistics, configure);
        Ok(Self { instance: None, store, executor, _statistics, _configure, borrowed: PhantomData })
    }

    /// Makes the instance; a start function would run meanwhile, and nothing could stop it.
    pub(crate) fn instantiate(&mut self, module: &'run Module) -> Result<()> {
        let mut instance = ptr::null_mut();
        // SAFETY: all three are alive, and the module outlives the instance, which refers to it.
        let made = unsafe {
            ffi::WasmEdge_ExecutorInstantiate(
                self.executor.as_ptr(),
                &raw mut instance,
                self.store.as_ptr(),
                module.0.as_ptr(),
            )
        };
        // SAFETY: just made or null, and this is the function for it.
        self.instance = unsafe { Owned::new(instance, ffi::WasmEdge_ModuleInstanceDelete) };
        Failure::check(made)
    }

    /// Calls an exported function on this thread; it must have neither parameters nor results.
    pub(crate) fn call(&mut self, name: &str) -> Result<()> {
        let function = self.function(name).ok_or_else(Failure::nothing)?;
        // SAFETY: executor and function are alive. The library compares the number of parameters with the function's
        // type, and writes as many results as there is room for: none.
        Failure::check(unsafe {
            ffi::WasmEdge_ExecutorInvoke(
                self.executor.as_ptr(),
                function.as_ptr(),
                ptr::null(),
                0,
                ptr::null_mut(),
                0,
            )
        })
    }

    /// Calls it on a thread of the library, from where it can be stopped; `None` if there is no thread for it.
    pub(crate) fn begin(&mut self, name: &str, brake: &Brake) -> Option<Call<'_>> {
        let function = self.function(name)?;
        // SAFETY: as for `call`; executor and instance are borrowed until the call has ended.
        Call::new(brake, || unsafe {
            ffi::WasmEdge_ExecutorAsyncInvoke(self.executor.as_ptr(), function.as_ptr(), ptr::null(), 0)
        })
    }

    fn function(&self, name: &str) -> Option<NonNull<ffi::WasmEdge_FunctionInstanceContext>> {
        let instance = self.instance.as_ref()?;
        // SAFETY: the instance is alive, and the name is there during the call.
        let function = unsafe { ffi::WasmEdge_ModuleInstanceFindFunction(instance.as_ptr(), string(name)) };
        NonNull::new(function)
    }
}
