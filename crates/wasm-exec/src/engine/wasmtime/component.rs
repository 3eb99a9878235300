use std::{fmt, net::TcpListener, sync::Arc};

use wasmtime::{
    Store,
    component::{Component, ComponentExportIndex, InstancePre, types::ComponentItem},
};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::{Shared, drive::not_instantiated, service::Service, state::State, trap};
use crate::{Error, Event, Exit, Result, Run, Serve, Server, Task};

/// A compiled component, linked as far as it can be without an instance.
pub(super) struct Code {
    shared: Arc<Shared>,
    linked: InstancePre<State>,
    /// `wasi:cli/run`, of a command.
    command: Option<CommandPre<State>>,
    /// `wasi:http/incoming-handler`, of what answers requests.
    handler: Option<ProxyPre<State>>,
}

impl Code {
    pub(super) fn new(shared: &Arc<Shared>, component: &Component) -> Result<Self> {
        let linker = shared.component_linker()?;
        let linked = linker
            .instantiate_pre(component)
            .map_err(|source| Error::Compile { engine: super::NAME, source: source.into() })?;
        let command = CommandPre::new(linked.clone()).ok();
        let handler = ProxyPre::new(linked.clone()).ok();
        Ok(Self { shared: Arc::clone(shared), linked, command, handler })
    }

    async fn guest(&self, store: &mut Store<State>, call: Call<'_>) -> Result<Exit> {
        let ended = match call {
            Call::Command(command) => match command.instantiate_async(&mut *store).await {
                Ok(instance) => {
                    store.data().notify(Event::Instantiated);
                    instance.wasi_cli_run().call_run(&mut *store).await
                }
                Err(error) => return trap::unborn(store.data(), error),
            },
            Call::Export(export) => match self.linked.instantiate_async(&mut *store).await {
                Ok(instance) => {
                    store.data().notify(Event::Instantiated);
                    let function = instance.get_typed_func::<(), ()>(&mut *store, export);
                    function.map_err(not_instantiated)?.call_async(&mut *store, ()).await.map(Ok)
                }
                Err(error) => return trap::unborn(store.data(), error),
            },
        };
        match ended {
            Ok(Ok(())) => Ok(Exit::Code(0)),
            Ok(Err(())) => Ok(Exit::Code(1)),
            Err(error) => trap::ended(error),
        }
    }

    /// Finds what an entry means here: `_start` is the command's `wasi:cli/run`.
    fn call(&self, entry: &str) -> Result<Call<'_>> {
        if let (COMMAND, Some(command)) = (entry, &self.command) {
            return Ok(Call::Command(command));
        }
        let export = self.linked.component().get_export_index(None, entry);
        let is_entry = self.entries().iter().any(|name| name == entry);
        export.filter(|_| is_entry).map(Call::Export).ok_or_else(|| {
            let entry = if entry == COMMAND { RUN } else { entry };
            self.missing(entry)
        })
    }

    fn missing(&self, entry: &str) -> Error {
        let handler = self.handler.is_some().then(|| HANDLER.to_owned());
        Error::MissingEntry {
            entry: entry.to_owned(),
            others: self.entries().into_iter().chain(handler).collect(),
        }
    }

    /// The exported functions without parameters and results, that of a command as `_start`.
    fn entries(&self) -> Vec<String> {
        let engine = self.linked.engine();
        let ty = self.linked.component().component_type();
        let functions = ty.exports(engine).filter_map(|(name, export)| match export.ty {
            ComponentItem::ComponentFunc(ty) if ty.params().len() == 0 && ty.results().len() == 0 => {
                Some(name.to_owned())
            }
            _ => None,
        });
        self.command.iter().map(|_| COMMAND.to_owned()).chain(functions).collect()
    }
}

/// What is called of an instance.
enum Call<'a> {
    Command(&'a CommandPre<State>),
    Export(ComponentExportIndex),
}

impl Run for Code {
    fn run(&self, task: Task) -> Result<Exit> {
        let call = self.call(&task.entry)?;
        self.shared.drive(task, async |store| self.guest(store, call).await)
    }

    fn serve(&self, listener: TcpListener, task: Task, serve: Serve) -> Result<Server> {
        let handler = self.handler.as_ref().ok_or_else(|| self.missing(HANDLER))?;
        let service = Service::new(&self.shared, handler.clone(), task, serve)?;
        listener.set_nonblocking(true).map_err(super::does_not_start)?;
        Ok(Box::new(move || service.run(listener)))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("entries", &self.entries()).finish_non_exhaustive()
    }
}

/// What `Task::entry` is unless it is set.
const COMMAND: &str = "_start";

/// How the interfaces are called whose functions are entries.
const RUN: &str = "wasi:cli/run";
pub(super) const HANDLER: &str = "wasi:http/incoming-handler";
