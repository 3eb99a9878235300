//! Runs a module with WasmEdge's sockets on wasmtime alone: `wasmedge-sockets` without `wasm-exec`.
//!
//! `cargo run -p examples --example sockets_alone`

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use tokio::{io::AsyncReadExt, net::TcpListener};
use wasmedge_sockets::{Host, Network, Rule, Sockets, SocketsView, TokioReactor, View};
use wasmtime::{Engine, Linker, Module, Store};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

/// Connects to 127.0.0.1, at a port that stands for PORT, and says hello.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_connect" (func $connect (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\10\00\00\00\04\00\00\00" "\7f\00\00\01")      ;; where the address is, and the address
    (data (i32.const 32) "\28\00\00\00\10\00\00\00" "Hello, wasmtime!") ;; where the text is, and the text
    (func $ok (param $errno i32) (if (local.get $errno) (then unreachable)))
    (func (export "_start")
        (call $ok (call $open (i32.const 1) (i32.const 2) (i32.const 0)))
        (call $ok (call $connect (i32.load (i32.const 0)) (i32.const 8) (i32.const PORT)))
        (call $ok (call $write (i32.load (i32.const 0)) (i32.const 32) (i32.const 1) (i32.const 4)))))"#;

/// What the functions of one guest work on.
struct State {
    wasi: WasiP1Ctx,
    sockets: Sockets,
}

impl SocketsView for State {
    fn sockets(&mut self) -> View<'_> {
        View::new(&mut self.sockets, &mut self.wasi)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> wasmtime::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;

    // Once for each module: preview 1 as always, and before it the functions that know sockets.
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi)?;
    let module = Module::new(&engine, wat::parse_str(GUEST.replace("PORT", &at.port().to_string()))?)?;
    let linked = if wasmedge_sockets::needs_sockets(&module) {
        wasmedge_sockets::link(&linker, &module)?
    } else {
        linker.instantiate_pre(&module)?
    };

    // Once for each guest: it may connect to this address, and nothing else.
    let network = Network::Allow(vec![Rule::connect(Host::Addresses(at.ip(), 32)).port(at.port())]);
    let sockets = Sockets::new(network, TokioReactor::default());
    let mut store = Store::new(&engine, State { wasi: WasiCtxBuilder::new().build_p1(), sockets });
    let instance = linked.instantiate_async(&mut store).await?;
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
    // A guest that takes too long is ended by dropping its future.
    let patience = std::time::Duration::from_secs(10);
    tokio::time::timeout(patience, start.call_async(&mut store, ())).await??;

    // With the store its sockets are closed.
    drop(store);
    let (mut stream, _) = listener.accept().await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    println!("the guest said: {said}");
    Ok(())
}
