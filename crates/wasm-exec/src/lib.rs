//! Run WebAssembly with whichever engine is there.
//!
//! bytes → [`Engine::compile`] → [`Program`] → [`Program::run`] with a [`Task`] → [`Exit`]. It is `std::process` for
//! Wasm: a `Task` is what `Command` is, an `Exit` what `ExitStatus` is. Compile once, run as often as you like: each
//! run is a fresh instance that shares nothing with the others.
//!
//! ```
//! # #[cfg(feature = "wasmtime")] {
//! use wasm_exec::{Capture, Exit, Output, Task};
//!
//! # let wasm = wat::parse_str(r#"
//! #   (module
//! #     (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
//! #     (memory (export "memory") 1)
//! #     (data (i32.const 0) "\10\00\00\00\06\00\00\00")
//! #     (data (i32.const 16) "hello\n")
//! #     (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
//! # "#)?;
//! let engine = wasm_exec::engine("wasmtime")?;
//! let program = engine.compile(&wasm)?;
//!
//! let stdout = Capture::new(64 * 1024);
//! let task = Task::default().args(["hello.wasm"]).stdout(Output::Capture(stdout.clone()));
//!
//! assert_eq!(program.run(task)?, Exit::Code(0));
//! assert_eq!(stdout.take(), b"hello\n");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The nouns
//!
//! - [`Engine`]: something that can compile Wasm, core modules or components. An object-safe trait of four methods; [`engine`] makes one by name,
//!   [`engines`] says which are compiled in. An engine owns its threads and its reactor: drop it and its programs, and
//!   they are gone. What it can enforce is said by its [`Capability`] list.
//! - [`Program`]: compiled code, cheap to clone, shared between threads. [`Program::run`] runs it here,
//!   [`Program::start`] on a thread of its own, [`Program::serve`] lets it answer HTTP requests ([`Serve`]).
//! - [`Task`]: what one run gets. It grants nothing until you say so, and what an engine cannot enforce it refuses.
//! - [`Exit`]: how the guest ended: by its own code, by a [`Trap`], or because a limit or somebody stopped it ([`Stop`]).
//!   However a guest ends, it is `Ok(Exit)`.
//! - [`Precompiled`]: code for later, which no safe function makes out of bytes; [`Cache`]: a directory of it that all
//!   processes of a user share, so that a module is compiled once. It comes from there only, never out of an image.
//! - [`Budget`]: what a module may cost the compiler, read off before it is compiled; `CompilerProcess`: a program of yours
//!   that compiles in a process that can be killed.
//! - [`Error`]: why *we* could not run it. Variants by what you can do about them; [`Error::help`] says it.
//!
//! # What a task grants
//!
//! | Field | Default | Otherwise |
//! |---|---|---|
//! | `entry` | `_start` | any exported function without parameters and results |
//! | `args` | none, not even a program name | exactly these, in this order |
//! | `env` | none | exactly these, in this order |
//! | `preopens` | none | directories, [`Preopen::read_only`] or [`Preopen::read_write`], numbered from 3 in this order |
//! | `stdin` | [`Input::Empty`] | bytes, a file, the caller's own |
//! | `stdout`, `stderr` | [`Output::Discard`] | a bounded [`Capture`], a file, the caller's own |
//! | `special_files` | no | FIFOs, devices and sockets in the directories may be opened |
//! | `network` | [`Network::None`] | the host's, or what a list of [`Rule`]s allows |
//! | `limits` | [`Limits::default`]: 256 MiB of memory, 100,000 table elements, 32 instances, 1,024 handles | fuel, a deadline and bytes of output as well; to have no limit must be spelled out |
//! | `cancel` | none | a [`Cancel`], which ends the guest wherever it is |
//! | `stopping` | [`Stopping::Always`] | best effort, for engines that cannot end a host call; host calls only, for code that is not interrupted |
//! | `observer` | nobody | a closure that is told of [`Event`]s |
//!
//! Compiling has limits too: on wasmtime [`Budget::default`] holds, and what is above is [`Error::OverBudget`]. It bounds
//! what a module can cost; to be sure of a time and of memory, compile in a `CompilerProcess`.
//!
//! The clocks, the random numbers and `sched_yield` of WASI are always there.
//!
//! # What an engine enforces
//!
//! What an engine cannot enforce it refuses, with [`Error::Unsupported`] and before the guest starts; also a limit that
//! is there by default, which [`Limits::enforced_by`] lifts.
//!
//! | [`Capability`] | What needs it | wasmtime | WasmEdge |
//! |---|---|---|---|
//! | `Component` | components (WASI 0.2) | yes | no |
//! | `Http` | [`Program::serve`] | yes | no |
//! | `Interrupt` | a deadline, `cancel`, [`Program::start`] | unless `WasmtimeBuilder::interruptible` says no | yes |
//! | `InterruptHostCall` | the same, with [`Stopping::Always`] | yes | no |
//! | `LimitFuel` | [`Limits::fuel`] | if `WasmtimeBuilder::fuel` says so | if `WasmedgeBuilder::fuel` says so |
//! | `LimitHandles` | [`Limits::handles`] | yes | no |
//! | `LimitInstances` | [`Limits::instances`] | yes | yes |
//! | `LimitMemory` | [`Limits::memory`] | yes | yes |
//! | `LimitOutput` | [`Limits::output_bytes`] | yes | yes |
//! | `LimitTableElements` | [`Limits::table_elements`] | yes | yes |
//! | `NetworkRules` | [`Network::Allow`] | yes | no |
//! | `Precompile` | [`Engine::precompile`], [`Engine::load`] | yes | no |
//! | `ReadOnlyPreopen` | [`Access::ReadOnly`] | yes | yes |
//! | `RedirectStdio` | streams that are not those of the process | yes | yes |
//! | `Sockets` | [`Network::Host`] | components (`wasi:sockets`, `wasi:http`), modules (WasmEdge's sockets) | modules (WasmEdge's sockets) |
//!
//! With [`Network::Host`], or with a rule that does not name them, a guest on wasmtime does not connect to the addresses
//! where clouds give out credentials; WasmEdge lets it.
//!
//! That FIFOs and devices in a guest's directories are not opened unless [`Task::special_files`] says so is wasmtime's
//! doing; WasmEdge opens them.
//!
//! # What this library does not do
//!
//! It does not read the environment, nor the clock unless a task has a deadline, print, end the process, start
//! one unless a `CompilerProcess` names the program, or keep anything in a global of its own. (An engine may have to: wasmtime installs a process-wide signal handler, by which it
//! turns faults into traps.)
//!
//! It does not count what a guest writes to a directory that it may write to: the file system does, and a guest that has
//! filled it gets `ENOSPC`. Give a guest that you do not trust a directory on a file system of its own, or with a quota.
//!
//! # Features
//!
//! | Feature | Default | What |
//! |---|---|---|
//! | `wasmtime` | yes | `WasmtimeEngine`: core modules with WASI preview 1 and components with WASI 0.2, compiled by Cranelift |
//! | `wasmedge` | no | `WasmedgeEngine`: core modules with WASI preview 1 and WasmEdge's sockets. **It links libwasmedge 0.17**: a program with it does not start where the library is not. `wasmctr` therefore has it in a program of its own |
//! | `bundle` | no | `adapter::bundle`: the task that an OCI runtime bundle describes |

#[cfg(feature = "bundle")]
pub mod adapter;
#[cfg(feature = "wasmtime")]
mod budget;
mod cache;
mod cancel;
mod engine;
mod error;
mod event;
mod exit;
mod imports;
mod limits;
#[cfg(any(feature = "wasmedge", feature = "wasmtime"))]
mod outline;
mod precompiled;
mod program;
mod running;
mod serve;
mod stdio;
mod task;

pub use wasmedge_sockets::{Direction, Host, Network, Rule, RuleError};

#[cfg(feature = "wasmedge")]
pub use self::engine::{WasmedgeBuilder, WasmedgeEngine};
#[cfg(feature = "wasmtime")]
pub use self::{
    budget::Budget,
    engine::{CompilerProcess, Pooling, WasmtimeBuilder, WasmtimeEngine},
};
pub use self::{
    cache::{Cache, Cached, Entry, Origin, Pruned},
    cancel::{Cancel, Watch},
    engine::{Capability, Engine, EngineInfo, engine, engines},
    error::{CacheFault, Error, GuestPathFault, Result, VariableFault},
    event::{Event, Observer},
    exit::{Exit, Stop, Trap, TrapKind},
    imports::{MissingImport, Provider},
    limits::{Limits, Stopping},
    precompiled::{Contents, Precompiled},
    program::{Program, Run, Server},
    running::Running,
    serve::{Failures, Serve},
    stdio::{Capture, Input, Output, Stream},
    task::{Access, Preopen, Task},
};
