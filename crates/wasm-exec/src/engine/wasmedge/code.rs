use std::{fmt, net::TcpListener};

use super::{
    NAME,
    capi::{Executor, Failure, Module, Wasi},
    entries::entries,
    grant::Grant,
    stdio::Stdio,
    trap::trap,
};
use crate::{Capability, Error, Event, Exit, Observer, Result, Run, Serve, Server, Task};

/// A validated module.
pub(super) struct Code {
    module: Module,
    /// The exported functions that can be called.
    entries: Box<[String]>,
}

impl Code {
    pub(super) fn new(wasm: &[u8]) -> Result<Self> {
        let compile =
            |source: Box<dyn std::error::Error + Send + Sync>| Error::Compile { engine: NAME, source };
        let module = Module::parse(wasm)
            .map_err(|failure| crate::outline::invalidity(wasm).unwrap_or_else(|| compile(failure.into())))?;
        let entries = entries(wasm).map_err(|error| compile(error.into()))?;
        Ok(Self { module, entries })
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

    fn guest(&self, wasi: &Wasi<'_>, calls: [Option<&str>; 2], observer: Option<&Observer>) -> Result<Exit> {
        let mut executor = Executor::new(wasi).map_err(not_instantiated)?;
        if let Err(failure) = executor.instantiate(&self.module) {
            // The start function, or a segment that does not fit: the guest ended before its entry.
            return ended(failure, wasi).ok_or_else(|| not_instantiated(failure));
        }
        if let Some(observer) = observer {
            observer.notify(Event::Instantiated);
        }
        for name in calls.into_iter().flatten() {
            if let Err(failure) = executor.call(name) {
                return Ok(ended(failure, wasi).unwrap_or_else(|| Exit::Trap(trap(failure))));
            }
        }
        Ok(Exit::Code(0))
    }
}

impl Run for Code {
    fn run(&self, task: Task) -> Result<Exit> {
        let calls = self.calls(&task.entry)?;
        let grant = Grant::open(&task)?;
        let Task { stdin, stdout, stderr, observer, .. } = task;
        Stdio::open(stdin, stdout, stderr, observer.as_ref())?
            .with(|stdio| self.guest(&grant.wasi(stdio)?, calls, observer.as_ref()))
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

/// Returns how a guest ended by a failed call; `None` if it was not the guest.
fn ended(failure: Failure, wasi: &Wasi<'_>) -> Option<Exit> {
    use wasmedge_sys::ffi::WasmEdge_ErrCode_Terminated as TERMINATED;

    if failure.code() == TERMINATED {
        return Some(Exit::Code(wasi.exit_code()));
    }
    let trap = trap(failure);
    (trap.kind != crate::TrapKind::Other).then_some(Exit::Trap(trap))
}

pub(super) fn not_instantiated(failure: Failure) -> Error {
    Error::Instantiate { engine: NAME, source: failure.into() }
}

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
                Executor::new(&wasi).unwrap().instantiate(&code.module).unwrap();
            }
        }
    }
}
