//! A host without `wasm-exec`, and guests written by hand.

use std::time::Duration;

use wasmedge_sockets::{Sockets, SocketsView, View};
use wasmtime::{Config, Engine, InstancePre, Linker, Module, Store};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

pub(crate) struct State {
    pub(crate) wasi: WasiP1Ctx,
    pub(crate) sockets: Sockets,
}

impl SocketsView for State {
    fn sockets(&mut self) -> View<'_> {
        View::new(&mut self.sockets, &mut self.wasi)
    }
}

/// A guest that has run, or that is still there because it was ended.
pub(crate) struct Ran {
    pub(crate) result: wasmtime::Result<()>,
    store: Store<State>,
    memory: wasmtime::Memory,
}

impl Ran {
    /// The guest ended by itself.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        if let Err(error) = &self.result {
            panic!("{error:?}: errno {}, at line {}", self.number(ERRNO), self.number(ERRNO + 4));
        }
        self
    }

    pub(crate) fn number(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at, 4).try_into().unwrap())
    }

    pub(crate) fn bytes(&self, at: usize, length: usize) -> &[u8] {
        &self.memory.data(&self.store)[at..at + length]
    }

    pub(crate) fn open(&self) -> usize {
        self.store.data().sockets.open()
    }
}

/// Runs the body of `_start` in a tokio runtime, for at most ten seconds.
pub(crate) fn run(body: &str, sockets: Sockets) -> Ran {
    run_for(Duration::from_secs(10), body, sockets)
}

pub(crate) fn run_for(time: Duration, body: &str, sockets: Sockets) -> Ran {
    run_with(time, &guest(body), State { wasi: WasiCtxBuilder::new().build_p1(), sockets })
}

pub(crate) fn run_with(time: Duration, text: &str, state: State) -> Ran {
    run_as(wasmedge_sockets::link, time, text, state)
}

/// The same, linked so that what is sent and received keeps the thread.
pub(crate) fn run_blocking(body: &str, sockets: Sockets) -> Ran {
    let state = State { wasi: WasiCtxBuilder::new().build_p1(), sockets };
    run_as(wasmedge_sockets::link_blocking, Duration::from_secs(10), &guest(body), state)
}

type Link = fn(&Linker<State>, &Module) -> Result<InstancePre<State>, wasmedge_sockets::Error>;

fn run_as(link: Link, time: Duration, text: &str, state: State) -> Ran {
    let engine = Engine::new(&Config::new()).unwrap();
    let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi).unwrap();
    assert!(wasmedge_sockets::needs_sockets(&module));
    let linked = link(&linker, &module).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut store = Store::new(&engine, state);
        let instance = linked.instantiate_async(&mut store).await.unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
        let result = match tokio::time::timeout(time, start.call_async(&mut store, ())).await {
            Ok(result) => result,
            Err(_) => Err(wasmtime::format_err!("out of time")),
        };
        Ran { result, store, memory }
    })
}

/// Where a guest leaves the error number that it did not expect, and then the number of the check.
pub(crate) const ERRNO: usize = 8;

/// A module with all functions, and with some helpers:
///
/// - `($is GOT WANTED)` traps if they differ, and leaves what it got;
/// - `($address PORT)` writes 127.0.0.1 (at 64) and `__wasi_address_t` for it (at 80), and returns the port;
/// - `($wait FD TYPE)` polls one descriptor without end, `($look FD TYPE)` with a clock of 10 ns; how many events came
///   is returned, those are at 512;
/// - `(global.get $listener)` is a socket that listens on a port of 127.0.0.1 that the system chose, at `$port`.
pub(crate) fn guest(body: &str) -> String {
    let import = |(name, params): (&str, usize)| {
        let params = " i32".repeat(params);
        let id = name.replace('/', "_");
        let name = name.split('/').next().unwrap();
        format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func ${id} (param{params}) (result i32)))\n")
    };
    let imports: String = FUNCTIONS.iter().copied().map(import).collect();
    let body = number_checks(body);
    format!("(module {imports} {HELPERS} (func (export \"_start\") (local $i i32) {body}))")
}

/// Gives each check the number of its line, so that one that fails can be found.
fn number_checks(body: &str) -> String {
    let line = |(number, line): (usize, &str)| {
        line.replace(
            "(call $is ",
            &format!("(i32.store (i32.const 12) (i32.const {})) (call $is ", number + 1),
        )
    };
    body.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

const FUNCTIONS: &[(&str, usize)] = &[
    ("fd_close", 1),
    ("fd_fdstat_get", 2),
    ("fd_fdstat_set_flags", 2),
    ("fd_filestat_get", 2),
    ("fd_read", 4),
    ("fd_renumber", 2),
    ("fd_write", 4),
    ("poll_oneoff", 4),
    ("sock_accept", 2),
    ("sock_bind", 3),
    ("sock_connect", 3),
    ("sock_getaddrinfo", 8),
    ("sock_getlocaladdr", 4),
    ("sock_getpeeraddr", 4),
    ("sock_getsockopt", 5),
    ("sock_listen", 2),
    ("sock_open", 3),
    ("sock_recv", 6),
    ("sock_recv_from", 8),
    ("sock_send", 5),
    ("sock_send_to", 7),
    ("sock_setsockopt", 5),
    ("sock_shutdown", 2),
];

const HELPERS: &str = r#"
    (memory (export "memory") 2)
    (global $listener (mut i32) (i32.const 0))
    (global $port (mut i32) (i32.const 0))
    (data (i32.const 64) "\7f\00\00\01")
    (data (i32.const 80) "\40\00\00\00\04\00\00\00")
    ;; A buffer of 64 bytes at 1024, and the list that names it at 96; one of 64 bytes at 1088, at 104.
    (data (i32.const 96) "\00\04\00\00\40\00\00\00" "\40\04\00\00\40\00\00\00")
    (func $is (param $got i32) (param $wanted i32)
        (if (i32.ne (local.get $got) (local.get $wanted))
            (then (i32.store (i32.const 8) (local.get $got)) unreachable)))
    (func $ok (param $errno i32) (call $is (local.get $errno) (i32.const 0)))
    (func $open (param $family i32) (param $type i32) (result i32)
        (call $ok (call $sock_open (local.get $family) (local.get $type) (i32.const 0)))
        (i32.load (i32.const 0)))
    (func $tcp (result i32) (call $open (i32.const 1) (i32.const 2)))
    (func $udp (result i32) (call $open (i32.const 1) (i32.const 1)))
    (func $bound (param $fd i32) (result i32)
        (call $ok (call $sock_bind (local.get $fd) (i32.const 80) (i32.const 0)))
        (i32.store (i32.const 32) (i32.const 48)) (i32.store (i32.const 36) (i32.const 16))
        (call $ok (call $sock_getlocaladdr (local.get $fd) (i32.const 32) (i32.const 40) (i32.const 44)))
        (i32.load (i32.const 44)))
    (func $listen
        (global.set $listener (call $tcp))
        (global.set $port (call $bound (global.get $listener)))
        (call $ok (call $sock_listen (global.get $listener) (i32.const 8))))
    (func $connected (result i32) (local $fd i32)
        (local.set $fd (call $tcp))
        (call $ok (call $sock_connect (local.get $fd) (i32.const 80) (global.get $port)))
        (local.get $fd))
    (func $accepted (result i32)
        (call $ok (call $sock_accept (global.get $listener) (i32.const 0)))
        (i32.load (i32.const 0)))
    (func $nonblocking (param $fd i32)
        (call $ok (call $fd_fdstat_set_flags (local.get $fd) (i32.const 4))))
    (func $subscribe (param $at i32) (param $fd i32) (param $type i32)
        (memory.fill (local.get $at) (i32.const 0) (i32.const 48))
        (i32.store (local.get $at) (local.get $fd))
        (i32.store8 offset=8 (local.get $at) (local.get $type))
        (i32.store offset=16 (local.get $at) (local.get $fd)))
    (func $clock (param $at i32) (param $id i32) (param $timeout i64) (param $flags i32)
        (memory.fill (local.get $at) (i32.const 0) (i32.const 48))
        (i32.store offset=16 (local.get $at) (local.get $id))
        (i64.store offset=24 (local.get $at) (local.get $timeout))
        (i32.store16 offset=40 (local.get $at) (local.get $flags)))
    (func $poll (param $count i32) (result i32)
        (call $ok (call $poll_oneoff (i32.const 256) (i32.const 512) (local.get $count) (i32.const 16)))
        (i32.load (i32.const 16)))
    (func $wait (param $fd i32) (param $type i32) (result i32)
        (call $subscribe (i32.const 256) (local.get $fd) (local.get $type))
        (call $poll (i32.const 1)))
    (func $look (param $fd i32) (param $type i32) (result i32)
        (call $subscribe (i32.const 256) (local.get $fd) (local.get $type))
        (call $clock (i32.const 304) (i32.const 1) (i64.const 10) (i32.const 0))
        (i32.sub (call $poll (i32.const 2)) (i32.const 1)))
"#;
