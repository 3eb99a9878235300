use std::{io, mem, sync::Arc};

use wasmedge_sockets::{Limits as SocketLimits, Reactor, Sockets, SocketsView, View};
use wasmtime::Linker;
use wasmtime_wasi::{
    FsPerms, I32Exit, WasiCtxBuilder, WasiCtxView, WasiView,
    filesystem::WasiFilesystemCtx,
    p1::{self, WasiP1Ctx},
};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{
    driver::Driver,
    limiter::Limiter,
    meter::Meter,
    outgoing::Outgoing,
    policy::Policy,
    random, special,
    stdio::{FirstOutput, GuestInput, GuestOutput},
};
use crate::{Access, Error, Event, Exit, Observer, Preopen, Result, Stop, Stream, Task};

/// What the host functions of one run work on.
///
/// wasmtime-wasi can do file calls on the thread of the run, without a hop; but the switch that allows it also makes
/// `poll_oneoff` put the thread to sleep, for as long as the guest likes and without a way to end it. So there are two
/// file systems, which differ in that switch only, and `poll_oneoff` gets the one without.
pub(super) struct State {
    /// More than a kilobyte, which would be moved several times on its way into a store.
    wasi: Box<WasiP1Ctx>,
    other_files: WasiFilesystemCtx,
    may_block: bool,
    special_files: bool,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    /// Made when the guest first asks for one: most never do, and components have others.
    sockets: Option<Box<Sockets>>,
    driver: Arc<Driver>,
    limiter: Limiter,
    meter: Option<Meter>,
    observer: Option<Observer>,
}

impl State {
    /// Builds what the task grants; the task has been checked.
    pub(super) fn new(task: Task) -> Result<Self> {
        let Task {
            args, env, preopens, special_files, stdin, stdout, stderr, network, limits, observer, ..
        } = task;
        let policy = Policy::new(network);
        let mut wasi = WasiCtxBuilder::new();
        wasi.args(&args).envs(&env).max_random_size(RANDOM_BYTES);
        policy.grant(&mut wasi);
        // What may wait for ever is done on another thread, so that the run can be ended.
        grant(&mut wasi, &preopens, !special_files)?;
        if let Some(input) = GuestInput::new(stdin) {
            wasi.stdin(input);
        }
        let first = FirstOutput::new(observer.as_ref());
        let meter = limits.output_bytes.map(Meter::new);
        if let Some(output) = GuestOutput::new(stdout, Stream::Stdout, &first, &meter) {
            wasi.stdout(output);
        }
        if let Some(output) = GuestOutput::new(stderr, Stream::Stderr, &first, &meter) {
            wasi.stderr(output);
        }
        let other_files = files_that_may_not_block(&preopens)?;
        let mut wasi = Box::new(wasi.build_p1());
        let handles = limits.handles.map_or(usize::MAX, |handles| handles.try_into().unwrap_or(usize::MAX));
        wasi.ctx().table.set_max_capacity(handles);
        Ok(Self {
            wasi,
            other_files,
            may_block: true,
            special_files,
            http: WasiHttpCtx::new(),
            sockets: None,
            driver: Arc::default(),
            outgoing: Outgoing::new(policy),
            limiter: Limiter::new(&limits),
            meter,
            observer,
        })
    }

    pub(super) fn limiter(&mut self) -> &mut Limiter {
        &mut self.limiter
    }

    /// Says why no instance was made, if that was because of a limit.
    pub(super) fn refusal(&self, error: &wasmtime::Error) -> Option<Error> {
        self.limiter.refusal(error)
    }

    /// Returns how the guest ended, with what only its streams know: that it wanted to write more than it may.
    pub(super) fn ended(&self, exit: Exit) -> Exit {
        let wrote_too_much = self.meter.as_ref().is_some_and(Meter::is_over);
        let cut = wrote_too_much && !matches!(exit, Exit::Stopped(_));
        if cut { Exit::Stopped(Stop::Output) } else { exit }
    }

    pub(super) fn notify(&self, event: Event) {
        if let Some(observer) = &self.observer {
            observer.notify(event);
        }
    }

    /// What the functions of preview 1 work on: may they block the thread?
    pub(super) fn wasi(&mut self, may_block: bool) -> &mut WasiP1Ctx {
        if self.may_block != may_block {
            mem::swap(self.wasi.ctx().ctx.filesystem(), &mut self.other_files);
            self.may_block = may_block;
        }
        &mut self.wasi
    }
}

impl State {
    /// Tells whether the guest may open FIFOs, devices and sockets.
    pub(super) fn may_open_special_files(&self) -> bool {
        self.special_files
    }

    /// The thread that drives the guest.
    pub(super) fn driver(&self) -> &Arc<Driver> {
        &self.driver
    }

    /// What the guest may do with the network.
    pub(super) fn policy(&self) -> &Policy {
        self.outgoing.policy()
    }
}

/// What the functions of WasmEdge's sockets work on, and those that are asked about files too.
impl SocketsView for State {
    fn sockets(&mut self) -> View<'_> {
        self.wasi(true);
        let Self { sockets, outgoing, driver, wasi, .. } = self;
        let sockets = sockets.get_or_insert_with(|| {
            let reactor = Arc::clone(driver) as Arc<dyn Reactor>;
            // The table counts them, with all that is open.
            let limits = SocketLimits::default().sockets(usize::MAX);
            Box::new(Sockets::shared(Arc::new(outgoing.policy().clone()), reactor).limits(limits))
        });
        View::new(sockets, wasi)
    }
}

/// What the interfaces of components work on.
impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let table = self.wasi.ctx().table;
        WasiHttpCtxView { hooks: &mut self.outgoing, table, ctx: &mut self.http }
    }
}

/// Links WASI preview 1; once for each engine, because it costs more than a run.
pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    p1::add_to_linker_async(&mut linker, |state: &mut State| state.wasi(false))?;
    linker.alias(PREVIEW1, "poll_oneoff", ASIDE, "poll_oneoff")?;
    p1::add_to_linker_async(&mut linker, |state: &mut State| state.wasi(true))?;
    linker.alias(ASIDE, "poll_oneoff", PREVIEW1, "poll_oneoff")?;
    // wasmtime-wasi traps on codes from 126, which are as good as others.
    linker.func_wrap(PREVIEW1, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(I32Exit(code).into())
    })?;
    special::link(&mut linker)?;
    random::link(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// Opens the directories, for file calls that may block the thread of the run or not.
fn grant(wasi: &mut WasiCtxBuilder, preopens: &[Preopen], may_block: bool) -> Result<()> {
    wasi.allow_blocking_current_thread(may_block);
    for Preopen { host, guest, access } in preopens {
        let permissions = match access {
            Access::ReadOnly => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        if let Err(error) = wasi.preopened_dir(host, guest, permissions) {
            let source = error.downcast::<io::Error>().unwrap_or_else(io::Error::other);
            return Err(Error::Preopen { host: host.clone(), source });
        }
    }
    Ok(())
}

/// The same directories once more, because there is no way to flip the switch of those that are open.
fn files_that_may_not_block(preopens: &[Preopen]) -> Result<WasiFilesystemCtx> {
    if preopens.is_empty() {
        return Ok(WasiFilesystemCtx::default());
    }
    let mut wasi = WasiCtxBuilder::new();
    grant(&mut wasi, preopens, false)?;
    Ok(mem::take(wasi.build().filesystem()))
}

/// How many random bytes a component gets at once: nobody can end a guest while they are made.
const RANDOM_BYTES: u64 = 4 << 20;

pub(super) const PREVIEW1: &str = "wasi_snapshot_preview1";

/// Where definitions wait that are put back; the import check lets no guest import from here.
const ASIDE: &str = "wasm-exec:aside";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wasmtime::{Module, Store};

    use super::*;
    use crate::imports;

    #[test]
    fn the_import_check_knows_what_is_linked() {
        let engine = wasmtime::Engine::default();
        let linker = linker(&engine).unwrap();
        let module =
            Module::new(&engine, wat::parse_str(imports::all_of(imports::PREVIEW1)).unwrap()).unwrap();
        linker.instantiate_pre(&module).unwrap();

        let mut store = Store::new(&engine, State::new(Task::default()).unwrap());
        let linked: BTreeSet<_> = linker
            .iter(&mut store)
            .filter(|(module, _, _)| *module == PREVIEW1)
            .map(|(_, name, _)| name.to_owned())
            .collect();
        let checked: BTreeSet<_> =
            imports::PREVIEW1.iter().map(|function| function.name.to_owned()).collect();
        assert_eq!(linked, checked);
    }
}
