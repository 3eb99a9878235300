use std::io;

use wasmtime::Linker;
use wasmtime_wasi::{
    FsPerms, I32Exit, WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

use super::stdio::{FirstOutput, GuestInput, GuestOutput};
use crate::{Access, Error, Event, Observer, Preopen, Result, Stream, Task};

/// What the host functions of one run work on.
pub(super) struct State {
    wasi: WasiP1Ctx,
    observer: Option<Observer>,
}

impl State {
    /// Builds what the task grants; the task has been checked.
    pub(super) fn new(task: Task) -> Result<Self> {
        let Task { args, env, preopens, stdin, stdout, stderr, observer, .. } = task;
        let mut wasi = WasiCtxBuilder::new();
        wasi.args(&args).envs(&env);
        grant(&mut wasi, preopens)?;
        if let Some(input) = GuestInput::new(stdin) {
            wasi.stdin(input);
        }
        let first = FirstOutput::new(observer.as_ref());
        if let Some(output) = GuestOutput::new(stdout, Stream::Stdout, &first) {
            wasi.stdout(output);
        }
        if let Some(output) = GuestOutput::new(stderr, Stream::Stderr, &first) {
            wasi.stderr(output);
        }
        Ok(Self { wasi: wasi.build_p1(), observer })
    }

    pub(super) fn notify(&self, event: Event) {
        if let Some(observer) = &self.observer {
            observer.notify(event);
        }
    }
}

/// Links WASI preview 1; once for each engine, because it costs more than a run.
pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi)?;
    // wasmtime-wasi traps on codes from 126, which are as good as others.
    linker.allow_shadowing(true);
    linker.func_wrap("wasi_snapshot_preview1", "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(I32Exit(code).into())
    })?;
    linker.allow_shadowing(false);
    Ok(linker)
}

fn grant(wasi: &mut WasiCtxBuilder, preopens: Vec<Preopen>) -> Result<()> {
    // With this a directory's files are read and written on the thread of the run, without a hop. It is read here for
    // each directory, and again by `poll_oneoff`, which would then sleep in a way that nobody can end: so off again.
    wasi.allow_blocking_current_thread(true);
    for Preopen { host, guest, access } in preopens {
        let permissions = match access {
            Access::ReadOnly => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        if let Err(error) = wasi.preopened_dir(&host, guest, permissions) {
            let source = error.downcast::<io::Error>().unwrap_or_else(io::Error::other);
            return Err(Error::Preopen { host, source });
        }
    }
    wasi.allow_blocking_current_thread(false);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wasmtime::{Module, Store};

    use super::*;
    use crate::imports::PREVIEW1;

    #[test]
    fn the_import_check_knows_what_is_linked() {
        let engine = wasmtime::Engine::default();
        let linker = linker(&engine).unwrap();
        let module =
            Module::new(&engine, wat::parse_str(crate::imports::all_of_preview1()).unwrap()).unwrap();
        linker.instantiate_pre(&module).unwrap();

        let mut store = Store::new(&engine, State::new(Task::default()).unwrap());
        let linked: BTreeSet<_> = linker.iter(&mut store).map(|(_, name, _)| name.to_owned()).collect();
        let checked: BTreeSet<_> = PREVIEW1.iter().map(|function| function.name.to_owned()).collect();
        assert_eq!(linked, checked);
    }
}
