use std::{fmt, sync::Arc};

use wasmtime::{AsContextMut, ExternType, Instance, InstancePre, Module, ModuleExport, Store};

use super::{NAME, Shared, state::State, trap};
use crate::{Error, Event, Exit, Result, Run, Task};

/// A compiled module, linked as far as it can be without an instance.
pub(super) struct Code {
    shared: Arc<Shared>,
    linked: InstancePre<State>,
    /// `_start`, which nearly every task wants.
    start: Option<ModuleExport>,
    /// What a reactor wants called before anything else.
    initialize: Option<ModuleExport>,
}

impl Code {
    pub(super) fn new(shared: &Arc<Shared>, module: &Module) -> Result<Self> {
        let linked = shared.linker.instantiate_pre(module).map_err(not_instantiated)?;
        let start = entry(module, "_start");
        let initialize = entry(module, "_initialize");
        Ok(Self { shared: Arc::clone(shared), linked, start, initialize })
    }

    /// Returns what is to be called, in this order.
    fn calls(&self, name: &str) -> Result<Calls> {
        if name == "_start" {
            if let Some(start) = self.start {
                return Ok([None, Some(start)]);
            }
        } else if let Some(entry) = entry(self.linked.module(), name) {
            return Ok([self.initialize, Some(entry)]);
        }
        Err(Error::MissingEntry { entry: name.to_owned(), others: entries(self.linked.module()) })
    }

    async fn guest(&self, store: &mut Store<State>, calls: Calls) -> Result<Exit> {
        let instance = match self.linked.instantiate_async(&mut *store).await {
            Ok(instance) => instance,
            // The start function, or a segment that does not fit: the guest ended before its entry.
            Err(error) => return trap::exit(&error).ok_or_else(|| not_instantiated(error)),
        };
        store.data().notify(Event::Instantiated);
        for export in calls.iter().flatten() {
            if let Err(error) = call(&mut *store, &instance, export).await {
                return Ok(trap::exit(&error).unwrap_or_else(|| trap::host(&error)));
            }
        }
        Ok(Exit::Code(0))
    }
}

impl Run for Code {
    fn run(&self, task: Task) -> Result<Exit> {
        let calls = self.calls(&task.entry)?;
        let state = State::new(task)?;
        let mut store = Store::new(self.shared.linker.engine(), state);
        self.shared.reactor.block_on(self.guest(&mut store, calls))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("name", &self.linked.module().name()).finish_non_exhaustive()
    }
}

type Calls = [Option<ModuleExport>; 2];

async fn call(
    mut store: impl AsContextMut<Data: Send>,
    instance: &Instance,
    export: &ModuleExport,
) -> wasmtime::Result<()> {
    let function = instance.get_module_export(&mut store, export).and_then(wasmtime::Extern::into_func);
    let function = function.ok_or_else(|| wasmtime::format_err!("the entry is gone"))?;
    function.typed::<(), ()>(&store)?.call_async(store, ()).await
}

/// Finds an exported function without parameters and results.
fn entry(module: &Module, name: &str) -> Option<ModuleExport> {
    module.get_export(name).is_some_and(|ty| is_entry(&ty)).then(|| module.get_export_index(name))?
}

fn entries(module: &Module) -> Box<[String]> {
    module.exports().filter(|export| is_entry(&export.ty())).map(|export| export.name().to_owned()).collect()
}

fn is_entry(ty: &ExternType) -> bool {
    matches!(ty, ExternType::Func(ty) if ty.params().len() == 0 && ty.results().len() == 0)
}

fn not_instantiated(error: wasmtime::Error) -> Error {
    Error::Instantiate { engine: NAME, source: error.into() }
}
