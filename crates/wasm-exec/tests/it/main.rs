//! The conformance suite, once for each engine, and what is about this crate and not about an engine.
//!
//! A file in `conformance/` says what every engine does; it finds the engine as `super::engine`. A new engine is one
//! more module below with the same list. Where an engine lacks a capability, a case asserts the refusal.

#![cfg_attr(
    feature = "wasmtime",
    expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

#[cfg(feature = "wasmtime")]
mod child;
mod layout;
#[cfg(feature = "wasmtime")]
mod support;

#[cfg(feature = "wasmtime")]
#[path = "conformance"]
mod wasmtime {
    use std::sync::{Arc, LazyLock};

    use wasm_exec::Engine;

    mod clocks;
    mod events;
    mod exits;
    mod files;
    mod process;
    mod refusals;
    mod stdio;
    mod threads;

    const NAME: &str = "wasmtime";

    fn engine() -> Arc<dyn Engine> {
        static ENGINE: LazyLock<Arc<dyn Engine>> = LazyLock::new(|| wasm_exec::engine(NAME).unwrap());
        Arc::clone(&ENGINE)
    }
}
