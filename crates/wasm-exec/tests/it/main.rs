//! The conformance suite, once for each engine, and what is about this crate and not about an engine.
//!
//! A file in `conformance/` says what every engine does; it finds the engine as `super::engine`. A new engine is one
//! more module below with the same list. Where an engine lacks a capability, a case asserts the refusal.

#![cfg_attr(
    any(feature = "wasmedge", feature = "wasmtime"),
    expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

#[cfg(feature = "wasmtime")]
mod budget;
#[cfg(feature = "wasmtime")]
mod cache;
#[cfg(feature = "wasmtime")]
mod cache_trust;
#[cfg(any(feature = "wasmedge", feature = "wasmtime"))]
mod child;
#[cfg(feature = "wasmtime")]
mod clock;
#[cfg(feature = "wasmtime")]
mod compile_child;
mod layout;
#[cfg(feature = "wasmtime")]
mod pooled;
#[cfg(any(feature = "wasmedge", feature = "wasmtime"))]
mod support;
#[cfg(feature = "wasmtime")]
mod uninterrupted;

#[cfg(feature = "wasmedge")]
#[path = "conformance"]
mod wasmedge {
    use std::sync::{Arc, LazyLock};

    use wasm_exec::{Engine, Limits, Task};

    mod clocks;
    mod components;
    mod events;
    mod exits;
    mod files;
    mod guests;
    mod hostile;
    mod hostile_modules;
    mod limits;
    mod network;
    mod precompiled;
    mod process;
    mod refusals;
    mod resources;
    mod serve;
    mod sockets;
    mod spec;
    mod stdio;
    mod stops;
    mod threads;
    mod wasi_testsuite;

    const NAME: &str = "wasmedge";
    /// Whether a trap says where.
    const BACKTRACES: bool = false;
    /// Whether calls without end are a trap.
    const CALL_DEPTH: bool = false;
    /// Whether a host function that finds no memory is a trap, and not an error number.
    const HOST_TRAPS: bool = false;
    /// Whether guests may have references to what belongs to the host.
    const EXTERN_REFERENCES: bool = true;
    /// Whether directories have the very names that they are given.
    const EXACT_NAMES: bool = false;
    /// Whether a limit of output cuts both outputs where the guest was.
    const EXACT_OUTPUT: bool = false;
    /// Whether a write may have more than 1024 buffers.
    const MANY_BUFFERS: bool = false;

    fn engine() -> Arc<dyn Engine> {
        static ENGINE: LazyLock<Arc<dyn Engine>> = LazyLock::new(|| wasm_exec::engine(NAME).unwrap());
        Arc::clone(&ENGINE)
    }

    fn task() -> Task {
        Task::default().limits(Limits::default().enforced_by(engine().info()))
    }
}

#[cfg(feature = "wasmtime")]
#[path = "conformance"]
mod wasmtime {
    use std::sync::{Arc, LazyLock};

    use wasm_exec::{Engine, Task};

    mod clocks;
    mod components;
    mod events;
    mod exits;
    mod files;
    mod guests;
    mod hostile;
    mod hostile_modules;
    mod limits;
    mod network;
    mod precompiled;
    mod process;
    mod refusals;
    mod resources;
    mod serve;
    pub(crate) mod sockets;
    mod spec;
    mod stdio;
    mod stops;
    mod threads;
    mod wasi_testsuite;

    const NAME: &str = "wasmtime";
    /// Whether a trap says where.
    const BACKTRACES: bool = true;
    /// Whether calls without end are a trap.
    const CALL_DEPTH: bool = true;
    /// Whether a host function that finds no memory is a trap, and not an error number.
    const HOST_TRAPS: bool = true;
    /// Whether guests may have references to what belongs to the host.
    const EXTERN_REFERENCES: bool = false;
    /// Whether directories have the very names that they are given.
    const EXACT_NAMES: bool = true;
    /// Whether a limit of output cuts both outputs where the guest was.
    const EXACT_OUTPUT: bool = true;
    /// Whether a write may have more than 1024 buffers.
    const MANY_BUFFERS: bool = true;

    fn engine() -> Arc<dyn Engine> {
        static ENGINE: LazyLock<Arc<dyn Engine>> = LazyLock::new(|| wasm_exec::engine(NAME).unwrap());
        Arc::clone(&ENGINE)
    }

    fn task() -> Task {
        Task::default()
    }
}
