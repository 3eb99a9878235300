use std::{fmt, net::TcpListener, sync::Arc};

use wasmtime::{AsContextMut, ExternType, Instance, InstancePre, Module, ModuleExport, Store};

use super::{NAME, Shared, component::HANDLER, drive::not_instantiated, state::State, trap};
use crate::{Error, Event, Exit, Result, Run, Serve, Server, Task};

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
        let linked = if wasmedge_sockets::needs_sockets(module) {
            // A guest has its thread for itself.
            let linked = wasmedge_sockets::link_blocking(&shared.linker, module);
            linked.map_err(|error| Error::Compile { engine: NAME, source: error.into() })?
        } else {
            shared.linker.instantiate_pre(module).map_err(not_instantiated)?
        };
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
            Err(error) => return trap::unborn(store.data(), error),
        };
        store.data().notify(Event::Instantiated);
        for export in calls.iter().flatten() {
            if let Err(error) = call(&mut *store, &instance, export).await {
                return trap::ended(error);
            }
        }
        Ok(Exit::Code(0))
    }
}

impl Run for Code {
    fn run(&self, task: Task) -> Result<Exit> {
        let calls = self.calls(&task.entry)?;
        self.shared.drive(task, async |store| self.guest(store, calls).await)
    }

    fn serve(&self, _: TcpListener, _: Task, _: Serve) -> Result<Server> {
        let others = entries(self.linked.module());
        Err(Error::MissingEntry { entry: HANDLER.to_owned(), others })
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Preopen, WasmtimeEngine};

    /// Sleeps for a year, in one call.
    const SLEEPER: &str = r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func $sleep
          (i64.store (i32.const 24) (i64.const 31536000000000000))
          (i32.store (i32.const 16) (i32.const 1))
          (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))
        (func (export "_start") (call $sleep))
        (func (export "open_and_sleep")
          (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
            (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 200)))
          (call $sleep)))"#;

    /// What a deadline will need: the future of a sleeping guest gives way, and can be dropped.
    #[test]
    fn a_sleeping_guest_does_not_hold_its_thread() {
        let engine = WasmtimeEngine::new().unwrap();
        let module = Module::new(&engine.shared.engine, wat::parse_str(SLEEPER).unwrap()).unwrap();
        let code = Code::new(&engine.shared, &module).unwrap();
        for entry in ["_start", "open_and_sleep"] {
            for task in [Task::default(), Task::default().preopen(Preopen::read_only("/", "/"))] {
                let mut store = engine.shared.store(State::new(task).unwrap(), None).unwrap();
                let guest = code.guest(&mut store, code.calls(entry).unwrap());
                let ended = engine.shared.reactor.block_on(&Arc::default(), async {
                    tokio::time::timeout(Duration::from_millis(20), guest).await
                });
                assert!(ended.is_err());
            }
        }
    }
}
