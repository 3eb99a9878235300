//! `wasmctr`: WebAssembly in the container world, from one command.
//!
//! The logic is in the libraries `wasm-oci`, `wasm-bundle` and `wasm-exec`; here are the flags, the words, the exit
//! codes, and all that the libraries must not do: print, end the process, read the clock and the environment.

mod cache;
mod command;
mod container;
mod ending;
mod engine;
mod extra;
mod facts;
mod failure;
mod form;
mod grants;
mod guest;
mod handover;
mod home;
mod input;
mod limits;
mod lint;
mod progress;
mod remote;
mod report;
mod runtimes;
mod signals;
mod size;
mod stopping;
mod store;
mod streams;
mod table;
mod watch;

use std::{io, process::ExitCode};

use clap::Parser;

use self::{command::Command, failure::Failure};

/// WebAssembly in the container world: pack, inspect, bundle, run, serve
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
LOCATIONS, in every command:
  app.wasm        a file
  -               standard input
  oci:DIR[:TAG]   an image in an OCI layout
  oci-archive:FILE[:TAG]           the same in a tar file
  docker-archive:FILE[:NAME:TAG]   what `docker load` reads (written only)
  HOST/NAME:TAG, docker://NAME     an image in a registry

EXIT CODES:
  0, 1, 2         success, failure, wrong usage
  3               a check found problems
  `run` ends with the guest's own code, or:
  125, 126, 127   we failed, it cannot be run, it was not found
  124, 134, 128+n it was stopped at a limit, it trapped, by signal n";

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Not locked: a guest that does not end is told of by another thread.
    match cli.command.run(&mut io::stdout()) {
        Ok(code) => code,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => failure.report(&mut anstream::stderr().lock()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn flags_are_well_formed() {
        super::Cli::command().debug_assert();
    }
}
