//! Runs components: a command, by its `wasi:cli/run`, and a library, by the name of one of its functions.
//!
//! `cargo run -p examples --example run_component`

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::fs;

use wasm_exec::{Error, Exit, Task};

/// A command: it says by a result whether it went well, and here it did not.
const COMMAND: &str = r#"
(component
  (core module $main (func (export "run") (result i32) (i32.const 1)))
  (core instance $main (instantiate $main))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))"#;

/// A library with one function.
const LIBRARY: &str = r#"
(component
  (core module $main (func (export "tidy-up")))
  (core instance $main (instantiate $main))
  (func (export "tidy-up") (canon lift (core func $main "tidy-up"))))"#;

fn main() -> anyhow::Result<()> {
    let engine = wasm_exec::engine("wasmtime")?;

    // A command runs like a module: nobody has to say which of the two it is.
    let command = engine.compile(&wat::parse_str(COMMAND)?)?;
    let exit = command.run(Task::default())?;
    println!("a command that fails: {exit}");
    assert_eq!(exit, Exit::Code(1));

    let library = engine.compile(&wat::parse_str(LIBRARY)?)?;
    let exit = library.run(Task::default().entry("tidy-up"))?;
    println!("a function of a library: {exit}");
    assert_eq!(exit, Exit::Code(0));

    let Err(error) = library.run(Task::default()) else { anyhow::bail!("a library is no command") };
    println!("a library as a command: {error} ({})", error.help().unwrap_or_default());
    assert!(matches!(error, Error::MissingEntry { .. }));

    // The same for what a compiler makes: `cargo build --target wasm32-wasip2`.
    match guests::compiled("hello-component") {
        Some(path) => {
            let task = Task::default().arg("hello").inherit_stdio();
            let exit = engine.compile(&fs::read(path)?)?.run(task)?;
            println!("a command from Rust: {exit}");
            assert_eq!(exit, Exit::Code(0));
        }
        None => println!("a command from Rust is compiled by `cargo xtask guests`"),
    }
    Ok(())
}
