//! Whether a machine can build, run and serve WebAssembly in containers, and what to do where it cannot.
//!
//! [`Facts`] are what is so; whoever may run programs and read files gathers them. [`examine`] judges them: pure, and the
//! same for the same facts.
//!
//! ```
//! use wasm_bundle::doctor::{Crun, Facts, State, examine};
//!
//! let mut facts = Facts::default();
//! facts.crun = Some(Crun::new("crun version 1.8.1\n+SYSTEMD +SELINUX".into(), vec![]));
//! let (checks, _) = examine(&facts);
//! let crun = checks.iter().find(|check| check.rule.id == "crun-wasm").unwrap();
//! assert_eq!((crun.state, crun.found.as_str()), (State::Problem, "crun version 1.8.1 has no +WASM"));
//! ```

mod checks;
mod elf;
mod examine;
mod facts;

pub use self::{
    checks::CHECKS,
    elf::search_path,
    examine::{Check, State, examine},
    facts::{Cluster, Containerd, Crun, Engine, Facts, Podman, Registry, Youki},
};

/// The engines of crun, each with the library that it opens when a container starts.
pub const LIBRARIES: [(&str, &str); 4] = [
    ("wasmedge", "libwasmedge.so.0"),
    ("wasmtime", "libwasmtime.so"),
    ("wasmer", "libwasmer.so"),
    ("wamr", "libiwasm.so"),
];
