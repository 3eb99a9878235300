use std::{
    fs,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use wasm_bundle::{Bundle, Workload};
use wasm_exec::{Capability, EngineInfo, Exit, Limits, Network, Task, adapter};
use wasm_oci::Location;

use crate::{Failure, cache, input, size::Size};

/// The flags of `wasmctr run`.
#[derive(Debug, Args)]
#[command(
    after_help = "The guest gets what is listed and nothing else: its standard streams, its arguments, the \
                        environment and the directories that a bundle's config.json grants, and no network unless \
                        --net gives it.\n\nEnds with the guest's exit code, or: 125 we failed, 126 it cannot be run, \
                        127 it was not found, 134 it trapped, 124 it was stopped at a limit."
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
    /// Stop the guest after this many seconds; exit code 124
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// The memory that the guest may have, such as 64M [default: 256M]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Size>,
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
                let limits = self.limits(program.engine());
                program.run(task.limits(limits))
            })
            .map_err(|error| coded(error.into()))?;
        let ended = |error| Failure::new(code_of(&exit), error);
        match &exit {
            Exit::Trap(trap) => {
                let failure = ended(anyhow!("the guest trapped: {trap}"));
                Err(trap.backtrace.iter().flat_map(|text| text.lines()).fold(failure, Failure::note))
            }
            Exit::Stopped(stop) => Err(ended(anyhow!("the guest was stopped: {stop}"))),
            _ => Ok(ExitCode::from(code_of(&exit))),
        }
    }

    /// The limits that a task has by itself, as far as the engine enforces them, and those that were asked for: if it
    /// does not enforce these, it refuses the task.
    fn limits(&self, engine: &EngineInfo) -> Limits {
        let mut limits = Limits::default().enforced_by(engine);
        limits.deadline = self.timeout;
        limits.memory = self.memory.map(|size| size.0).or(limits.memory);
        limits
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

/// Parses a number of seconds, with a fraction if need be.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
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
