//! Limits what guests may use of the host, and shows what each limit ends in.
//!
//! `cargo run -p examples --example limits`

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::time::Duration;

use wasm_exec::{Engine, Error, Exit, Limits, Output, Stop, Task, WasmtimeEngine};

/// Begins with 100 pages of memory, which are 6,553,600 bytes.
const LARGE: &str = r#"(module (memory 100) (func (export "_start")))"#;

/// Writes `hello` for ever.
const TALKER: &str = r#"
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\06\00\00\00")
  (data (i32.const 16) "hello\n")
  (func (export "_start")
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br $again))))"#;

fn main() -> anyhow::Result<()> {
    // To count fuel makes guests slower, so an engine has to be told.
    let engine = WasmtimeEngine::builder().fuel(true).build()?;
    let [grows, endless] =
        [engine.compile(&guests::MEMORY_GROW.wasm())?, engine.compile(&guests::LOOP.wasm())?];
    let [large, talker] =
        [engine.compile(&wat::parse_str(LARGE)?)?, engine.compile(&wat::parse_str(TALKER)?)?];
    let task = |limits: Limits| Task::default().limits(limits);

    // What cannot be had is refused, and the guest goes on: this one ends with 1 when it gets no more memory.
    let exit = grows.run(task(Limits::default().memory(1 << 20)))?;
    println!("memory, grown:      {exit}");
    assert_eq!(exit, Exit::Code(1));

    // What begins above a limit is not begun.
    let Err(error) = large.run(task(Limits::default().memory(1 << 20))) else { anyhow::bail!("it ran") };
    println!("memory, at first:   {error}");
    assert!(matches!(error, Error::OverLimit { needed: 6_553_600, allowed: 1_048_576, .. }));

    // The same guest with the same fuel always ends at the same instruction.
    let exit = endless.run(task(Limits::default().fuel(1_000_000)))?;
    println!("fuel:               {exit}, which is code {}", exit.code());
    assert_eq!(exit, Exit::Stopped(Stop::Fuel));

    let exit = endless.run(task(Limits::default().deadline(Duration::from_millis(100))))?;
    println!("deadline:           {exit}, which is code {}", exit.code());
    assert_eq!(exit, Exit::Stopped(Stop::Deadline));

    let limits = Limits::default().output_bytes(20);
    let exit = talker.run(task(limits).stdout(Output::Inherit))?;
    println!("\noutput, after that: {exit}, which is code {}", exit.code());
    assert_eq!(exit, Exit::Stopped(Stop::Output));
    Ok(())
}
