//! WasmEdge's socket functions, called with any memory and any arguments.

use std::{
    fs,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;
use wasmedge_sockets::{
    Access, Limits, Reactor, Ready, Sockets, SocketsView, TokioReactor, View, Wait, Wanted, policy_fn,
};
use wasmtime::{Engine, InstancePre, Linker, Module, Store, Val};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

/// Calls as the bytes say: none panics, each returns an errno that there is, no more sockets are open than may be, and
/// when the guest is gone all are closed.
pub fn sockets(data: &[u8]) {
    let mut fuzzer = FUZZER.lock().unwrap_or_else(PoisonError::into_inner);
    let before = open_sockets();
    fuzzer.run(&mut Bytes(data));
    assert_eq!(open_sockets(), before, "a descriptor is left behind");
}

/// One at a time, so that descriptors can be counted.
static FUZZER: LazyLock<Mutex<Fuzzer>> = LazyLock::new(|| Mutex::new(Fuzzer::new()));

struct Fuzzer {
    runtime: Runtime,
    /// A module of each version, as one cannot import a function by both of its types; each linked by `link` and by
    /// `link_blocking`.
    linked: [[InstancePre<State>; 2]; 2],
}

struct State {
    wasi: WasiP1Ctx,
    sockets: Sockets,
}

impl SocketsView for State {
    fn sockets(&mut self) -> View<'_> {
        View::new(&mut self.sockets, &mut self.wasi)
    }
}

impl Fuzzer {
    fn new() -> Self {
        let engine = Engine::default();
        let mut linker = Linker::new(&engine);
        p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi).expect("preview 1");
        let linked = [0, 1].map(|version| {
            let module = Module::new(&engine, module(version)).expect("a module");
            let linked =
                [wasmedge_sockets::link(&linker, &module), wasmedge_sockets::link_blocking(&linker, &module)];
            linked.map(|linked| linked.expect("there are all functions"))
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, linked }
    }

    fn run(&mut self, data: &mut Bytes<'_>) {
        let way = data.byte().unwrap_or(0);
        let (version, is_blocking) = (usize::from(way & 1), way & 2 != 0);
        let policy = policy_fn(is_allowed);
        let sockets = if is_blocking {
            Sockets::new(policy, Patient)
        } else {
            Sockets::new(policy, TokioReactor::default())
        };
        let sockets = sockets.limits(Limits::default().sockets(SOCKETS));
        let state = State { wasi: WasiCtxBuilder::new().build_p1(), sockets };
        let linked = &self.linked[version][usize::from(is_blocking)];
        let mut store = Store::new(linked.module().engine(), state);
        self.runtime.block_on(calls(linked, version, &mut store, data));
        assert!(store.data().sockets.open() <= SOCKETS);
    }
}

async fn calls(linked: &InstancePre<State>, version: usize, store: &mut Store<State>, data: &mut Bytes<'_>) {
    let functions = functions(version);
    let instance = linked.instantiate_async(&mut *store).await.expect("an instance");
    let memory = instance.get_memory(&mut *store, "memory").expect("a memory");
    for _ in 0..CALLS {
        let Some(call) = data.byte() else { return };
        let (name, params) = functions[usize::from(call) % functions.len()];
        // Some of the memory is new for each call: structures that no fuzzer would make of old results alone.
        let (at, length) = (usize::from(data.number() as u16), usize::from(data.byte().unwrap_or(0)));
        let bytes = data.take(length.min(memory.data_size(&*store) - at));
        memory.write(&mut *store, at, bytes).expect("it is inside");
        let args: Vec<_> = (0..params).map(|_| Val::I32(data.argument().cast_signed())).collect();
        let function = instance.get_func(&mut *store, &format!("{name}/{params}")).expect("it is there");
        let mut result = [Val::I32(-1)];
        let call = function.call_async(&mut *store, &args, &mut result);
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(())) => {
                let errno = result[0].unwrap_i32();
                assert!((0..=LAST_ERRNO).contains(&errno), "{name}{args:?} is {errno}");
            }
            Ok(Err(error)) if error.root_cause().to_string() == WAITS => return,
            Ok(Err(error)) => {
                assert!(!name.starts_with("sock_"), "{name}{args:?}: {error:?}");
                return;
            }
            // It waits, and is ended while it does.
            Err(_) => return,
        }
    }
}

/// Keeps the thread while a guest waits, but not for long.
#[derive(Debug)]
struct Patient;

impl Reactor for Patient {
    fn wait<'a>(&'a self, wanted: &'a [Wanted<'a>], timeout: Option<Duration>) -> Wait<'a> {
        let timeout = timeout.map_or(PATIENCE, |timeout| timeout.min(PATIENCE));
        let mut gave_way = false;
        Box::pin(poll_fn(move |cx| {
            if std::mem::replace(&mut gave_way, true) {
                return Poll::Ready(Ready::block(wanted, None, Some(timeout)));
            }
            // Whoever looks at the clock has to be asked once in a while.
            cx.waker().wake_by_ref();
            Poll::Pending
        }))
    }

    fn block_on(
        self: Arc<Self>,
        mut call: Pin<&mut dyn Future<Output = wasmtime::Result<i32>>>,
    ) -> wasmtime::Result<i32> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Poll::Ready(ended) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return ended;
            }
        }
        wasmtime::bail!(WAITS)
    }
}

/// What ends a guest that waits in a call that keeps the thread.
const WAITS: &str = "it waits";

/// Nothing leaves the machine's loopback, no name is asked for, and nobody else's port is meant.
fn is_allowed(access: Access<'_>) -> bool {
    match access {
        Access::Open => true,
        Access::Bind(at) | Access::Listen(at) => at.ip().is_loopback(),
        Access::Connect(to) | Access::SendTo(to) => to.ip().is_loopback() && PORTS.contains(&to.port()),
        Access::Receive { from, .. } => from.ip().is_loopback(),
        _ => false,
    }
}

/// What is left of the input.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn number(&mut self) -> u32 {
        let mut number = [0; 4];
        let taken = self.take(4);
        number[..taken.len()].copy_from_slice(taken);
        u32::from_le_bytes(number)
    }

    /// An argument: of any kind, but more often one that means something.
    fn argument(&mut self) -> u32 {
        match self.byte().unwrap_or(0) {
            kind @ 0..=63 => u32::from(kind),
            64..=127 => 0x4000_0000 + u32::from(self.byte().unwrap_or(0) % 8),
            128..=191 => self.number() & 0xffff,
            192..=207 => u32::from(PORTS.start) + u32::from(self.byte().unwrap_or(0) % 4),
            _ => self.number(),
        }
    }
}

/// A module that calls each of the functions as its own, so that they find its memory.
fn module(version: usize) -> Vec<u8> {
    let one = |(name, params): &(&str, usize)| {
        let types = "i32 ".repeat(*params);
        let args: String = (0..*params).map(|index| format!("(local.get {index})")).collect();
        (
            format!(
                "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name}/{params} (param {types}) (result i32)))"
            ),
            format!(
                "(func (export \"{name}/{params}\") (param {types}) (result i32) (call ${name}/{params} {args}))"
            ),
        )
    };
    let (imports, functions): (String, String) = functions(version).iter().map(one).unzip();
    wat::parse_str(format!("(module {imports} (memory (export \"memory\") 1) {functions})"))
        .expect("a module")
}

/// How many sockets this process has: files are what other tests open at the same time.
fn open_sockets() -> usize {
    let open = fs::read_dir("/proc/self/fd").expect("a list of descriptors");
    let links = open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

/// What a module of this version imports, each with its number of parameters.
fn functions(version: usize) -> Vec<(&'static str, usize)> {
    [FUNCTIONS, &VERSIONS[version]].concat()
}

/// Those whose number of parameters says what version they are of.
const VERSIONS: [[(&str, usize); 4]; 2] = [
    [("sock_accept", 2), ("sock_recv_from", 7), ("sock_getlocaladdr", 4), ("sock_getpeeraddr", 4)],
    [("sock_accept", 3), ("sock_recv_from", 8), ("sock_getlocaladdr", 3), ("sock_getpeeraddr", 3)],
];

/// Those of one type.
const FUNCTIONS: &[(&str, usize)] = &[
    ("sock_open", 3),
    ("sock_open_v2", 3),
    ("sock_bind", 3),
    ("sock_bind_v2", 3),
    ("sock_listen", 2),
    ("sock_listen_v2", 2),
    ("sock_accept_v2", 3),
    ("sock_connect", 3),
    ("sock_connect_v2", 3),
    ("sock_recv", 6),
    ("sock_recv_v2", 6),
    ("sock_recv_from_v2", 8),
    ("sock_send", 5),
    ("sock_send_v2", 5),
    ("sock_send_to", 7),
    ("sock_send_to_v2", 7),
    ("sock_getlocaladdr_v2", 3),
    ("sock_getpeeraddr_v2", 3),
    ("sock_shutdown", 2),
    ("sock_getsockopt", 5),
    ("sock_setsockopt", 5),
    ("sock_getaddrinfo", 8),
    ("epoll_oneoff", 4),
    ("poll_oneoff", 4),
    ("fd_read", 4),
    ("fd_write", 4),
    ("fd_close", 1),
    ("fd_fdstat_get", 2),
    ("fd_fdstat_set_flags", 2),
    ("fd_filestat_get", 2),
    ("fd_renumber", 2),
];

/// Ports that a guest may connect to.
const PORTS: std::ops::Range<u16> = 47_100..47_104;

/// Sockets that a guest may have.
const SOCKETS: usize = 8;

/// Calls of one guest.
const CALLS: usize = 64;

/// How long a call may wait for what does not come.
const PATIENCE: Duration = Duration::from_millis(5);

/// The last errno of WasmEdge: those of preview 1, and those of `getaddrinfo`.
const LAST_ERRNO: i32 = 87;

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are the same each time.
    fn bytes(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn whatever_it_is_given() {
        sockets(&[]);
        for seed in 0..500 {
            sockets(&bytes(seed, 2000));
        }
    }

    /// Each function with arguments that mean something for none.
    #[test]
    fn every_function_with_every_extreme() {
        for way in 0..4 {
            for (index, (_, params)) in functions(usize::from(way & 1)).iter().enumerate() {
                for extreme in [0, 1, 0xffff, 0x1_0000, u32::MAX, 0x4000_0000, 0x7fff_ffff] {
                    // A socket of TCP at 512, and then the call, whose first argument is that socket.
                    let mut data = vec![way];
                    data.extend([0, 0, 0, 0, 0, 0, 1, 2, 128, 0, 2, 0, 0]);
                    data.extend([index as u8, 0, 0, 0, 0, 0, 64, 0]);
                    for _ in 1..*params {
                        data.push(255);
                        data.extend(extreme.to_le_bytes());
                    }
                    sockets(&data);
                }
            }
        }
    }
}
