//! Guests written by hand, on a host that is nothing but wasmtime, wasmtime-wasi and tokio.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod blocking;
mod datagrams;
/// The body of the fuzz target, whose own workspace has to compile wasmtime first.
#[path = "../../../../fuzz/src/sockets.rs"]
#[expect(unreachable_pub, reason = "it is public where it comes from")]
mod fuzz;
mod limits;
mod linking;
mod names;
mod nonblocking;
mod options;
mod policy;
mod polling;
mod stops;
mod support;
