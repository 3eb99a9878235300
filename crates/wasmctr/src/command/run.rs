use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
    thread,
};

use anyhow::{Context, anyhow};
use clap::Args;
use wasm_exec::{Event, Exit, Task};
use wasm_oci::{Location, Platform};

use crate::{
    Failure,
    ending::{coded, verdict},
    engine::{Choice, Chosen},
    form::Form,
    grants::Grants,
    guest,
    remote::Remote,
    report::Report,
    stopping::StopFlags,
    streams::Streams,
};

/// The flags of `wasmctr run`.
#[derive(Debug, Args)]
#[command(
    after_help = "The guest gets what is listed and nothing else: its standard streams, its arguments, the \
                  environment and the directories that the flags or a bundle's config.json grant, and no network unless \
                  --net gives it.\n\nEnds with the guest's exit code, or: 125 we failed, 126 it cannot be run, \
                  127 it was not found, 134 it trapped, 124 it was stopped at a limit, 128+n by signal n."
)]
pub(crate) struct Run {
    /// A .wasm or .wat file, `-`, a bundle directory, or an image: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `HOST/NAME:TAG`; then
    /// arguments for the guest, in place of those that the image or bundle has
    // One list, because only then is everything behind the location the guest's, also what looks like a flag of ours.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_names = ["LOCATION", "ARGS"])]
    command: Vec<OsString>,
    #[command(flatten)]
    engine: Choice,
    /// Which image of an index of several [default: the one for WebAssembly]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// The exported function to call [default: _start]
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    #[command(flatten)]
    grants: Grants,
    #[command(flatten)]
    streams: Streams,
    #[command(flatten)]
    stopping: StopFlags,
    /// Compile the program, even if its code is in the cache, and leave the cache alone
    #[arg(long)]
    no_cache: bool,
    /// Print on standard error how long each phase took
    #[arg(long)]
    time: bool,
    /// With json: print how it ended as a document on standard output, and the guest's output on standard error
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    remote: Remote,
}

impl Run {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let engine = self.engine.here()?;
        out.flush()?;
        let report = Report::new(self.format, self.time);
        let ended = self.guest(engine, &report);
        let Some(mut told) = report.begin() else {
            // Another thread tells, and ends the process then.
            loop {
                thread::park();
            }
        };
        match told.tell(out, ended.as_ref()) {
            // Whoever read it has gone; the exit code still tells.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            told => told?,
        }
        verdict(&ended?)
    }

    fn guest(&self, engine: Chosen, report: &Report) -> Result<Exit, Failure> {
        let (location, args) = self.split()?;
        let (wasm, task) =
            guest::load(&location, self.platform.as_ref(), &self.remote, args).map_err(coded)?;
        let task = self.grants.grant(task)?;
        report.lap("load");
        let engine = engine.make(self.grants.limits.code()).map_err(coded)?;
        report.engine(engine.info());
        let (program, how) = guest::program(&*engine, &wasm, self.no_cache).map_err(coded)?;
        report.lap(how);

        let task = task.limits(self.grants.limits.of(program.engine()));
        let task = self.streams.open(self.entry(task), self.format)?;
        let task = self.stopping.arm(observed(task, report), program.engine(), report)?;
        let exit = program.run(task);
        report.lap("run");
        exit.map_err(coded)
    }

    fn entry(&self, task: Task) -> Task {
        match &self.entry {
            Some(entry) => task.entry(entry.clone()),
            None => task,
        }
    }

    /// Parts the location from the guest's arguments.
    fn split(&self) -> Result<(Location, &[OsString]), Failure> {
        let (location, args) = self.command.split_first().context("no location")?;
        let text = location.to_str().with_context(|| format!("`{}` is not UTF-8", location.display()));
        let text = text.map_err(|error| Failure::new(2, error))?;
        if text.starts_with('-') && text != "-" {
            return Err(
                Failure::new(2, anyhow!("unexpected argument `{text}`")).help("see `wasmctr run --help`")
            );
        }
        let location = text.parse().map_err(|error: wasm_oci::Error| Failure::new(2, error))?;
        Ok((location, args))
    }
}

/// Lets the report know when the instance is made; an observer costs something, so there is none where nobody asks.
fn observed(task: Task, report: &Report) -> Task {
    if !report.has_times() {
        return task;
    }
    let report = report.clone();
    task.on_event(move |event| {
        if event == Event::Instantiated {
            report.lap("instantiate");
        }
    })
}
