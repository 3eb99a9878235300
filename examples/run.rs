//! Runs a core module, binary or text, with the caller's standard streams and the current directory read-only as `/`.
//!
//! `cargo run -p examples --example run [-- FILE ARGS…]`; without a file, a guest that says hello.

#![expect(clippy::print_stderr, reason = "an example talks to its user")]

use std::{env, fs, process::ExitCode};

use anyhow::Context;
use wasm_exec::{Exit, Preopen, Task};

fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    let wasm = match args.first() {
        Some(path) => {
            let file = fs::read(path).with_context(|| format!("cannot read `{path}`"))?;
            wat::parse_bytes(&file)?.into_owned()
        }
        None => guests::HELLO.wasm(),
    };

    let program = wasm_exec::engine("wasmtime")?.compile(&wasm)?;
    let task = Task::default().args(&args).preopen(Preopen::read_only(".", "/")).inherit_stdio();
    let exit = program.run(task)?;

    if let Exit::Trap(trap) = &exit {
        eprintln!("{trap}\n{}", trap.backtrace.as_deref().unwrap_or_default());
    }
    Ok(ExitCode::from((exit.code() & 0xff) as u8))
}
