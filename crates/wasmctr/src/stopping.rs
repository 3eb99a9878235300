//! Ending a guest by signals and a deadline, also one that its engine cannot end.

use std::{io, thread, time::Duration};

use anyhow::anyhow;
use clap::Args;
use signal_hook::low_level;
use wasm_exec::{Cancel, Capability, EngineInfo, Exit, Stop, Stopping, Task};

use crate::{Failure, ending::FAILED, limits::seconds, report::Report, signals};

/// The flags for how a guest is ended.
#[derive(Debug, Args)]
pub(crate) struct StopFlags {
    /// The seconds that it may take to end after a signal or its timeout; then `wasmctr` itself ends. On wasmtime without
    /// `--timeout` it is 0.2 at most
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    grace: Duration,
    /// Do not warn of an engine that cannot end a guest while it waits for the host
    #[arg(long)]
    best_effort: bool,
}

impl StopFlags {
    /// Makes signals and the deadline of the task end the guest, if its engine can; if not, signals end this process as
    /// they always do, and a deadline is refused when the task runs.
    pub(crate) fn arm(&self, task: Task, engine: &EngineInfo, report: &Report) -> Result<Task, Failure> {
        let computing = engine.can(Capability::Interrupt);
        let waiting = engine.can(Capability::InterruptHostCall);
        let (stopping, grace) = match (computing, waiting) {
            (true, true) => (Stopping::Always, self.grace),
            (true, false) => (Stopping::BestEffort, self.grace),
            // Whoever has not ended by then computes, and goes on.
            (false, true) => (Stopping::HostCall, self.grace.min(WAITING)),
            (false, false) => return Ok(task),
        };
        let doubt = (!waiting && !self.best_effort).then_some(Doubt { engine: engine.name, grace });
        let last = LastResort::new(report);
        if let Some(timeout) = task.limits.deadline {
            doubt.iter().for_each(Doubt::warn);
            last.after(timeout.saturating_add(grace), Stop::Deadline)?;
        }
        let cancel = Cancel::new();
        let (first, late) = (cancel.clone(), last.clone());
        let end = move |number| {
            first.signal(number);
            doubt.iter().for_each(Doubt::warn);
            // Without that thread a second signal still ends it.
            let _ = late.after(grace, Stop::Signal(number));
        };
        signals::listen(end, move |number| last.now(number))?;
        Ok(task.cancel(cancel).stopping(stopping))
    }
}

/// How long a guest that waits may take to end.
const WAITING: Duration = Duration::from_millis(200);

/// An engine that can end a guest only while its own code runs.
struct Doubt {
    engine: &'static str,
    grace: Duration,
}

impl Doubt {
    fn warn(&self) {
        let Self { engine, grace } = self;
        Failure::new(0, anyhow!("{engine} cannot end a guest that waits for the host"))
            .note(format!("where it does not end within {grace:?}, `wasmctr` itself ends (`--grace`)"))
            .help("`--best-effort` says that this is known")
            .warn(&mut anstream::stderr().lock());
    }
}

/// Ends this process in the place of a guest that does not end.
#[derive(Debug, Clone)]
pub(crate) struct LastResort {
    report: Report,
}

impl LastResort {
    pub(crate) fn new(report: &Report) -> Self {
        Self { report: report.clone() }
    }

    /// Ends this process after that time, unless the guest has ended by then.
    pub(crate) fn after(&self, time: Duration, stop: Stop) -> Result<(), Failure> {
        let this = self.clone();
        let wait = move || {
            thread::sleep(time);
            this.end(stop, "it did not end within the grace time, and so `wasmctr` did");
        };
        match thread::Builder::new().name("grace".to_owned()).spawn(wait) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(Failure::new(FAILED, anyhow!(error).context("cannot wait for the guest to end")))
            }
        }
    }

    /// Ends this process at once, for a second signal of this number.
    pub(crate) fn now(&self, number: u8) {
        let stop = Stop::Signal(number);
        self.end(stop, "a second signal ended `wasmctr`");
        // The guest has ended, and something else takes long: whoever reads the document, for instance.
        low_level::exit(Exit::Stopped(stop).process_code().into());
    }

    fn end(&self, stop: Stop, why: &str) {
        let exit = Exit::Stopped(stop);
        let code = exit.process_code();
        let Some(mut told) = self.report.begin() else { return };
        self.report.lap("run");
        // Nobody may read what is printed: then it ends all the same.
        let _ = thread::Builder::new().spawn(move || {
            thread::sleep(Duration::from_secs(1));
            low_level::exit(code.into());
        });
        let _ = told.tell(&mut io::stdout(), Ok(&exit));
        let failure = Failure::new(code, anyhow!("the guest was stopped: {stop}")).note(why);
        failure.report(&mut anstream::stderr().lock());
        // Not what runs at the exit of a process: the guest still uses what that would take from it.
        low_level::exit(code.into());
    }
}
