//! Developer tasks: `cargo xtask TASK`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

mod apt;
mod cri;
mod debian;
mod deps;
mod error;
mod fixed;
mod guests;
mod interop;
mod mirror;
mod paths;
mod process;
mod test;
mod toolchain;
mod tools;
mod wasmedge;

use std::env;
use std::process::ExitCode;

use error::{Error, Result};

const USAGE: &str = "\
Usage: cargo xtask TASK

Tasks:
  lab [--with NAME]...  gets the tools that the tests run against, into a folder of the cache; nothing is installed
  guests                compiles the guests from Rust to target/guests/NAME.wasm
  cri                   builds the client that the tests of Kubernetes' runtime interface use
  static                links `wasmctr` statically, as an engine for images, to target/static/wasmctr
  test [ARG]...         lab, guests, cri and static, then `cargo test --workspace ARG...`, then which tests were skipped and why
  wasmedge [ARG]...     builds the WasmEdge engine and `cargo test`s it against the lab's library
  interop [ARG]...      tests against crates of others, each in a workspace of its own below interop/
  deps [--write]        checks who depends on what, and how many crates it takes; --write notes the new figures
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<ExitCode> {
    let (task, rest) = args.split_first().map_or(("help", args), |(task, rest)| (task.as_str(), rest));
    match task {
        "lab" => tools::run(&tools::options(rest)?)?,
        "guests" if rest.is_empty() => guests::run()?,
        "cri" if rest.is_empty() => cri::run()?,
        "static" if rest.is_empty() => fixed::run()?,
        "test" => return test::run(rest),
        "wasmedge" => wasmedge::run(rest)?,
        "interop" => interop::run(rest)?,
        "deps" => deps::run(deps::option(rest)?)?,
        "help" | "-h" | "--help" => print!("{USAGE}"),
        _ => return Err(Error::new(format!("no such task: {}\n\n{USAGE}", args.join(" ")))),
    }
    Ok(ExitCode::SUCCESS)
}
