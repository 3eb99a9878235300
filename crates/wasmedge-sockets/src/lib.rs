//! WasmEdge's socket extension of WASI preview 1, hosted on wasmtime.
//!
//! Preview 1 has no function that opens a socket. WasmEdge has added some (`sock_open`, `sock_bind`, `sock_connect`, …),
//! and the servers and clients that were compiled for it, with `tokio_wasi`, `hyper_wasi` or `warp_wasi`, import them. With
//! this crate such a module runs on wasmtime as it is.
//!
//! ```
//! use wasmedge_sockets::{Host, Network, Rule, Sockets, SocketsView, TokioReactor, View};
//! use wasmtime::{Engine, Linker, Module, Store};
//! use wasmtime_wasi::{WasiCtxBuilder, p1::{self, WasiP1Ctx}};
//!
//! struct State {
//!     wasi: WasiP1Ctx,
//!     sockets: Sockets,
//! }
//!
//! impl SocketsView for State {
//!     fn sockets(&mut self) -> View<'_> {
//!         View::new(&mut self.sockets, &mut self.wasi)
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let engine = Engine::default();
//! let mut linker = Linker::new(&engine);
//! p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi)?;
//! let wasm = wat::parse_str(r#"(module
//!     (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
//!     (memory (export "memory") 1)
//!     (func (export "_start")
//!         (if (call $open (i32.const 1) (i32.const 2) (i32.const 0)) (then unreachable))))"#)?;
//! let module = Module::new(&engine, wasm)?;
//! assert!(wasmedge_sockets::needs_sockets(&module));
//! let linked = wasmedge_sockets::link(&linker, &module)?;
//!
//! let network = Network::Allow(vec![Rule::listen(Host::Any).port(8080)]);
//! let state = State {
//!     wasi: WasiCtxBuilder::new().build_p1(),
//!     sockets: Sockets::new(network, TokioReactor::default()),
//! };
//! let mut store = Store::new(&engine, state);
//! let instance = linked.instantiate_async(&mut store).await?;
//! instance.get_typed_func::<(), ()>(&mut store, "_start")?.call_async(&mut store, ()).await?;
//! assert_eq!(store.data().sockets.open(), 1);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it works
//!
//! A socket is a descriptor beside those of wasmtime-wasi, from 0x40000000. [`link`] puts functions before those of preview
//! 1 that are asked about both: the number of the descriptor says whose it is, and what is no socket is wasmtime-wasi's
//! own code, called with the same memory. A module is linked once (`InstancePre`), and no instance is made beside its own.
//!
//! For the host no socket is ever in blocking mode. A guest that blocks is a future that waits by a [`Reactor`], so that
//! others have the thread, and whoever drops the future ends the guest, with all of its sockets. Nothing runs beside the
//! guest but the system's resolver while a name is looked up. A guest that has its thread for itself is faster if it is
//! linked by [`link_blocking`].
//!
//! # What a guest may do
//!
//! What its [`Policy`] allows, which is asked about each socket, address and name; and within its [`Limits`]. The
//! metadata services of clouds ([`is_metadata`]) are refused by the ready-made [`Network`] unless a rule names them.
//!
//! # What is as in WasmEdge, and what is not
//!
//! Functions are chosen by the type that a module imports them with, in the versions 1 and 2 of WasmEdge 0.17; memory and
//! error numbers are as there. On purpose these are not:
//!
//! | | WasmEdge 0.17 | here |
//! |---|---|---|
//! | `sock_recv_from`, 8 parameters: the port | 16 bits in network order | 32 bits in the host's order; [`Sockets::swapped_ports`] |
//! | `sock_accept`, 3 parameters, with `NONBLOCK` | forgotten | the connection does not block |
//! | `TCP_NODELAY` | off | on; [`Sockets::nodelay`] |
//! | descriptors | count up from 3 | count up from 0x40000000 |
//! | `fd_renumber` between a socket and a file | done | `ENOTSUP` |
//! | functions on files only (`fd_seek`, `fd_sync`, …) of a socket | `ENOTCAPABLE` | `EBADF` |
//! | `fd_filestat_get` of a socket | `ENOTCAPABLE` | its type |
//! | `SO_BINDTODEVICE` | set | `EPERM` |
//! | `SO_LINGER` with a time | `fd_close` waits | the system sends the rest by itself |
//! | one function imported by both of its types | both are linked | [`Error::BothTypes`] |
//! | sockets of the local system (`AF_UNIX`) | if it is told so | `ENOSYS` |
//! | what the policy refuses | there is none | `EACCES` |
//!
//! These are what a guest may notice. The chapter "WasmEdge sockets on wasmtime" of the book has all, down to what a wrong
//! pointer gives, each held by a case that runs on both engines.
//!
//! # Features
//!
//! | Feature | Default | What |
//! |---|---|---|
//! | `tokio` | yes | `TokioReactor`: guests that run in a tokio runtime |
//! | `wasmtime` | yes | the sockets; without it there are only the rules ([`Network`]) and who asks for them ([`Policy`]) |

#[cfg(feature = "wasmtime")]
mod address;
#[cfg(feature = "wasmtime")]
mod calls;
mod decision;
#[cfg(feature = "wasmtime")]
mod errno;
#[cfg(feature = "wasmtime")]
mod imports;
#[cfg(feature = "wasmtime")]
mod link;
mod lookup;
#[cfg(feature = "wasmtime")]
mod memory;
mod network;
mod policy;
#[cfg(feature = "wasmtime")]
mod reactor;
#[cfg(feature = "wasmtime")]
mod socket;
#[cfg(feature = "wasmtime")]
mod sockets;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(feature = "tokio")]
pub use self::tokio::TokioReactor;
#[cfg(feature = "wasmtime")]
pub use self::{
    imports::needs_sockets,
    link::{Error, link, link_blocking},
    reactor::{Descriptor, Reactor, Ready, Wait, Wanted},
    sockets::{Limits, Sockets, SocketsView, View},
};
pub use self::{
    network::{Direction, Host, Network, Rule, RuleError},
    policy::{Access, Decision, Policy, is_metadata, policy_fn},
};
