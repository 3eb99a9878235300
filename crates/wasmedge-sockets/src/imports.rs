//! What modules import.

use wasmtime::{ExternType, Module};

/// Tells whether a module imports functions that WasmEdge has and preview 1 has not: whether it needs [`link`](crate::link()).
#[must_use]
pub fn needs_sockets(module: &Module) -> bool {
    module.imports().any(|import| {
        let two = params(&import.ty()) == Some(2);
        import.module() == MODULE && (OWN.contains(&import.name()) || (import.name() == "sock_accept" && two))
    })
}

/// How many parameters a function has.
pub(crate) fn params(ty: &ExternType) -> Option<usize> {
    ty.func().map(|ty| ty.params().len())
}

/// Where the functions of preview 1 are imported from, and those of WasmEdge.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

/// The functions that preview 1 has not at all. It has `sock_accept`, with three parameters.
const OWN: [&str; 23] = [
    "epoll_oneoff",
    "sock_accept_v2",
    "sock_bind",
    "sock_bind_v2",
    "sock_connect",
    "sock_connect_v2",
    "sock_getaddrinfo",
    "sock_getlocaladdr",
    "sock_getlocaladdr_v2",
    "sock_getpeeraddr",
    "sock_getpeeraddr_v2",
    "sock_getsockopt",
    "sock_listen",
    "sock_listen_v2",
    "sock_open",
    "sock_open_v2",
    "sock_recv_from",
    "sock_recv_from_v2",
    "sock_recv_v2",
    "sock_send_to",
    "sock_send_to_v2",
    "sock_send_v2",
    "sock_setsockopt",
];
