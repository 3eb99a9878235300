use std::{fmt, net::TcpListener};

use super::{
    NAME,
    alarm::Alarm,
    capi::{Bounds, Executor, Failure, Module, Wasi},
    entries::entries,
    grant::Grant,
    meter::Meter,
    rewrite,
    sizes::{Bounded, Sizes},
    stdio::Stdio,
    trap::trap,
};
use crate::{Capability, Error, Event, Exit, Observer, Result, Run, Serve, Server, Stop, Task, outline};

/// A validated module.
pub(super) struct Code {
    module: Module,
    /// What the module was read from, if it may have to be read again.
    wasm: Option<Box<[u8]>>,
    sizes: Sizes,
    /// The export that is the start function.
    start: Option<String>,
    /// The exported functions that can be called.
    entries: Box<[String]>,
}

impl Code {
    pub(super) fn new(wasm: &[u8]) -> Result<Self> {
        let parse = |module: &[u8]| {
            Module::parse(module)
                .map_err(|failure| outline::invalidity(wasm).unwrap_or_else(|| not_compiled(failure)))
        };
        let module = parse(wasm)?;
        let entries = entries(wasm).map_err(not_compiled)?;
        let sizes = Sizes::read(wasm).map_err(not_compiled)?;
        if sizes.has_large_memory() {
            return Err(not_compiled("a memory begins with more than 4 GiB"));
        }
        let keep = |wasm: &[u8]| sizes.may_need_maxima().then(|| wasm.into());
        let (module, wasm, start) = match rewrite::start_exported(wasm).map_err(not_compiled)? {
            None => (module, keep(wasm), None),
            Some((wasm, start)) => (parse(&wasm)?, keep(&wasm), Some(start)),
        };
        Ok(Self { module, wasm, sizes, start, entries })
    }

    /// Returns what is to be called, in this order.
    fn calls<'a>(&self, name: &'a str) -> Result<[Option<&'a str>; 2]> {
        let has = |name: &str| self.entries.iter().any(|entry| entry == name);
        if !has(name) {
            return Err(Error::MissingEntry { entry: name.to_owned(), others: self.entries.clone() });
        }
        let initialize = "_initialize";
        Ok([(name != "_start" && name != initialize && has(initialize)).then_some(initialize), Some(name)])
    }

    /// Reads the module again if it must declare maxima.
    fn bounded(&self, Bounded { memories, tables, .. }: &Bounded) -> Result<Option<Module>> {
        let Some(wasm) = self.wasm.as_ref().filter(|_| memories.is_some() || tables.is_some()) else {
            return Ok(None);
        };
        let wasm = rewrite::with_maxima(wasm, memories.as_deref(), tables.as_deref());
        let module = Module::parse(&wasm.map_err(not_instantiated)?);
        module.map(Some).map_err(not_instantiated)
    }
}

impl Run for Code {
    fn run(&self, task: Task) -> Result<Exit> {
        let alarm = Alarm::set(&task);
        let alarm = alarm.as_ref();
        let calls = self.calls(&task.entry)?;
        let bounded = self.sizes.bound(&task.limits)?;
        let module = self.bounded(&bounded)?;
        let grant = Grant::open(&task)?;
        let Task { stdin, stdout, stderr, limits, observer, .. } = task;
        let observer = observer.as_ref();
        let meter = limits.output_bytes.zip(alarm).map(|(bytes, alarm)| Meter::new(bytes, alarm.bell()));
        let stdio = Stdio::open(stdin, stdout, stderr, observer, meter.as_ref())?;
        if let Some(stop) = alarm.and_then(Alarm::rang_already) {
            return Ok(Exit::Stopped(stop));
        }
        let module = module.as_ref().unwrap_or(&self.module);
        let bounds = Bounds { pages: bounded.pages, fuel: limits.fuel };
        let guest = Guest { module, bounds, start: self.start.as_deref(), calls, alarm, observer };
        let exit = stdio.with(|stdio| guest.run(&grant.wasi(stdio)?))?;
        let cut = meter.is_some_and(|meter| meter.is_over()) && !matches!(exit, Exit::Stopped(_));
        Ok(if cut { Exit::Stopped(Stop::Output) } else { exit })
    }

    fn serve(&self, _: TcpListener, _: Task, _: Serve) -> Result<Server> {
        Err(Error::Unsupported { engine: NAME, capability: Capability::Http })
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("entries", &self.entries).finish_non_exhaustive()
    }
}

/// One run.
struct Guest<'a> {
    module: &'a Module,
    bounds: Bounds,
    start: Option<&'a str>,
    calls: [Option<&'a str>; 2],
    alarm: Option<&'a Alarm>,
    observer: Option<&'a Observer>,
}

impl Guest<'_> {
    fn run(&self, wasi: &Wasi<'_>) -> Result<Exit> {
        let mut executor = Executor::new(wasi, self.bounds).map_err(not_instantiated)?;
        if let Err(failure) = executor.instantiate(self.module) {
            // A segment that does not fit: the guest ended before its entry.
            return self.ended(failure, wasi).ok_or_else(|| not_instantiated(failure));
        }
        if let Some(start) = self.start
            && let Some(exit) = self.call(&mut executor, start, wasi)?
        {
            return Ok(exit);
        }
        if let Some(observer) = self.observer {
            observer.notify(Event::Instantiated);
        }
        for name in self.calls.into_iter().flatten() {
            if let Some(exit) = self.call(&mut executor, name, wasi)? {
                return Ok(exit);
            }
        }
        Ok(Exit::Code(0))
    }

    /// Returns how the guest ended, if it does not go on after this call.
    fn call(&self, executor: &mut Executor<'_>, name: &str, wasi: &Wasi<'_>) -> Result<Option<Exit>> {
        let called = match self.alarm {
            Some(alarm) => alarm.call(executor, name).ok_or_else(|| not_instantiated(NO_THREAD))?,
            None => executor.call(name),
        };
        let ended = |failure| self.ended(failure, wasi).unwrap_or_else(|| Exit::Trap(trap(failure)));
        Ok(called.err().map(ended))
    }

    /// Returns how the guest ended by a failed call; `None` if it was not the guest.
    #[expect(non_upper_case_globals, reason = "names of the C API")]
    fn ended(&self, failure: Failure, wasi: &Wasi<'_>) -> Option<Exit> {
        use wasmedge_sys::ffi::{
            WasmEdge_ErrCode_CostLimitExceeded, WasmEdge_ErrCode_Interrupted, WasmEdge_ErrCode_Terminated,
        };
        match failure.code() {
            WasmEdge_ErrCode_Terminated => Some(Exit::Code(wasi.exit_code())),
            WasmEdge_ErrCode_CostLimitExceeded => Some(Exit::Stopped(Stop::Fuel)),
            WasmEdge_ErrCode_Interrupted => self.alarm.and_then(Alarm::rang).map(Exit::Stopped),
            _ => {
                let trap = trap(failure);
                (trap.kind != crate::TrapKind::Other).then_some(Exit::Trap(trap))
            }
        }
    }
}

fn not_compiled(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Compile { engine: NAME, source: error.into() }
}

fn not_instantiated(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Instantiate { engine: NAME, source: error.into() }
}

const NO_THREAD: &str = "WasmEdge has no thread for the guest";

#[cfg(test)]
mod tests {
    use std::{io, os::fd::AsFd};

    use super::*;
    use crate::{Network, imports};

    #[test]
    fn the_import_check_knows_what_is_linked() {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        for functions in [imports::PREVIEW1, imports::SOCKETS] {
            let code = Code::new(&wat::parse_str(imports::all_of(functions)).unwrap()).unwrap();
            for network in [Network::None, Network::Host] {
                let grant = Grant::open(&Task::default().network(network)).unwrap();
                let wasi = grant.wasi([stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]).unwrap();
                Executor::new(&wasi, Bounds::default()).unwrap().instantiate(&code.module).unwrap();
            }
        }
    }
}
