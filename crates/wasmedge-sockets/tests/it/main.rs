//! Guests written by hand, on a host that is nothing but wasmtime, wasmtime-wasi and tokio.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod blocking;
mod datagrams;
mod keeping;
mod limits;
mod linking;
mod names;
mod nonblocking;
mod options;
mod policy;
mod polling;
mod stops;
mod support;
