//! The WebAssembly guests that tests, benches and examples run.
//!
//! Three kinds: one behaviour a file, in text, always there ([`ALL`]); one function of WasmEdge's sockets a file, with what
//! WasmEdge does ([`CASES`]); and whole programs that `cargo xtask guests` compiles from Rust ([`need!`], [`compiled`]).
//!
//! ```
//! let hello = guests::HELLO.wasm();
//! assert!(hello.starts_with(b"\0asm"));
//! ```

mod abi;
mod compiled;
mod text;

pub use abi::{CASES, Case, Different};
pub use compiled::{COMPILED, compiled, need};
pub use text::{
    ALL, ARGS_ENV, CAT, COMPONENT, DIVIDE_BY_ZERO, EXIT_BIG, EXIT_CODE, HELLO, LOOP, MEMORY_GROW, NO_START,
    READ_FILE, STACK_OVERFLOW, START_TRAP, STDERR, TRAP, UNKNOWN_IMPORT, WASMEDGE_SOCKETS, WRITE_FILE, Wat,
};

#[doc(hidden)]
pub use {compiled::is_compiled, lab};

/// Path of a compiled guest, or `None` when the test must be skipped, which is then already recorded.
///
/// The name is checked when the test is compiled.
///
/// ```no_run
/// # fn test() {
/// let Some(hello) = guests::need!("hello-world") else { return };
/// # }
/// ```
///
/// # Panics
///
/// When the guest is not compiled and `CI` is set: a test that cannot run there has failed.
#[macro_export]
macro_rules! need {
    ($guest:literal) => {{
        const { assert!($crate::is_compiled($guest), "no such guest in guests::COMPILED") };
        $crate::need($guest, &$crate::lab::here!())
    }};
}
