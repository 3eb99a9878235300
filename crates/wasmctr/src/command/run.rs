use std::{
    fs,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use wasm_bundle::{Bundle, Workload};
use wasm_exec::{Capability, Exit, Network, Task, adapter};
use wasm_oci::Location;

use crate::{Failure, cache, input};

/// The flags of `wasmctr run`.
#[derive(Debug, Args)]
#[command(
    after_help = "The guest gets what is listed and nothing else: its standard streams, its arguments, the \
                        environment and the directories that a bundle's config.json grants, and no network unless \
                        --net gives it.\n\nEnds with the guest's exit code, or: 125 we failed, 126 it cannot be run, \
                        127 it was not found, 134 it trapped."
)]
pub(crate) struct Run {
    /// A .wasm or .wat file, `-`, a bundle directory, or `oci:DIR[:TAG]`; then arguments for the guest, in place of those
    /// that the image or bundle has
    // One list, because only then is everything behind the location the guest's, also what looks like a flag of ours.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_names = ["LOCATION", "ARGS"])]
    command: Vec<String>,
    /// The network: none, or the host's
    #[arg(long, value_enum, default_value_t)]
    net: Net,
    /// Compile the program, even if its code is in the cache, and leave the cache alone
    #[arg(long)]
    no_cache: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Net {
    /// No network
    #[default]
    None,
    /// The network of this machine
    Host,
}

/// The exit codes that container tools use for failures of their own.
const FAILED: u8 = 125;
const NOT_RUNNABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

impl Run {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        out.flush()?;
        let (location, args) = self.split()?;
        let (wasm, task) = load(&location, args).map_err(coded)?;
        let task = task.inherit_stdio().network(match self.net {
            Net::None => Network::None,
            Net::Host => Network::Host,
        });
        let exit = crate::engine()
            .and_then(|engine| match self.no_cache || !engine.info().can(Capability::Precompile) {
                true => engine.compile(&wasm),
                false => cache::program(&*engine, &wasm),
            })
            .and_then(|program| {
                // Nobody asked for the limits that a task has by itself, and not every engine enforces them.
                let limits = task.limits.clone().enforced_by(program.engine());
                program.run(task.limits(limits))
            })
            .map_err(|error| coded(error.into()))?;
        if let Exit::Trap(trap) = &exit {
            let failure = Failure::new(code_of(&exit), anyhow!("the guest trapped: {trap}"));
            return Err(trap.backtrace.iter().flat_map(|text| text.lines()).fold(failure, Failure::note));
        }
        Ok(ExitCode::from(code_of(&exit)))
    }

    /// Parts the location from the guest's arguments.
    fn split(&self) -> Result<(Location, &[String]), Failure> {
        let (location, args) = self.command.split_first().context("no location")?;
        if location.starts_with('-') && location != "-" {
            return Err(
                Failure::new(2, anyhow!("unexpected argument `{location}`")).help("see `wasmctr run --help`")
            );
        }
        let location = location.parse().map_err(|error: wasm_oci::Error| Failure::new(2, error))?;
        Ok((location, args))
    }
}

/// Reads what is to be run, and what its image or bundle says that it gets.
fn load(location: &Location, args: &[String]) -> Result<(Vec<u8>, Task), Failure> {
    let (wasm, mut task) = match location {
        Location::Path(path) if fs::metadata(path).is_ok_and(|found| found.is_dir()) => {
            let bundle = Bundle::open(path)?;
            (bundle.module()?, adapter::bundle::task(bundle.workload(), bundle.rootfs())?)
        }
        Location::Layout { .. } => {
            let image = input::image(location)?;
            let workload = Workload::from_image(image.config())?;
            (image.wasm()?.into(), adapter::bundle::process(&workload)?)
        }
        Location::Path(path) => (input::wasm(location)?, Task::default().arg(input::name(path)?)),
        _ => (input::wasm(location)?, Task::default().arg("-")),
    };
    if !args.is_empty() {
        task.args.truncate(1);
        task.args.extend_from_slice(args);
    }
    Ok((wasm, task))
}

/// The operating system keeps the lowest eight bits of a code, and so does every shell.
fn code_of(exit: &Exit) -> u8 {
    (exit.code() & 0xff) as u8
}

/// Gives a failure the exit code that container tools use for it.
fn coded(failure: Failure) -> Failure {
    let code = failure.error().chain().find_map(code).unwrap_or(FAILED);
    failure.code(code)
}

fn code(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(error) = error.downcast_ref::<wasm_exec::Error>() {
        return Some(if error.is_not_runnable() { NOT_RUNNABLE } else { FAILED });
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return (error.kind() == io::ErrorKind::NotFound).then_some(NOT_FOUND);
    }
    match error.downcast_ref::<wasm_oci::Error>()? {
        wasm_oci::Error::NotWasm { .. } | wasm_oci::Error::InvalidWasm { .. } => Some(NOT_RUNNABLE),
        _ => None,
    }
}
