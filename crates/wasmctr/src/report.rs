use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::Serialize;
use wasm_exec::{EngineInfo, Exit};
use wasm_oci::canonical_json_pretty;

use crate::{
    Failure,
    form::Form,
    table::Table,
    watch::{Watch, milliseconds},
};

/// What is told of a run besides what the guest says: how long each phase took, and as a document also how it ended.
///
/// A clone is another handle on the same: whoever ends the process tells.
#[derive(Debug, Clone)]
pub(crate) struct Report(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    form: Form,
    times: bool,
    told: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    engine: Option<Engine>,
    watch: Watch,
}

/// The right to tell, once.
pub(crate) struct Told<'a>(&'a Report);

impl Report {
    /// Begins with the first phase.
    pub(crate) fn new(form: Form, times: bool) -> Self {
        let state = Mutex::new(State { engine: None, watch: Watch::start() });
        Self(Arc::new(Shared { form, times, told: AtomicBool::new(false), state }))
    }

    /// Tells whether somebody wants to know how long each phase took.
    pub(crate) fn has_times(&self) -> bool {
        self.0.times || matches!(self.0.form, Form::Json)
    }

    pub(crate) fn engine(&self, info: &EngineInfo) {
        self.state().engine = Some(Engine { name: info.name, version: info.version.clone() });
        self.lap("engine");
    }

    pub(crate) fn lap(&self, phase: &'static str) {
        self.state().watch.lap(phase);
    }

    /// Returns the right to tell, unless somebody else has it.
    pub(crate) fn begin(&self) -> Option<Told<'_>> {
        (!self.0.told.swap(true, Ordering::AcqRel)).then_some(Told(self))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told<'_> {
    /// Prints the times on standard error, and the document, if there shall be one, to `out`.
    pub(crate) fn tell(&mut self, out: &mut dyn Write, ended: Result<&Exit, &Failure>) -> io::Result<()> {
        let Report(shared) = self.0;
        let State { engine, watch } = &*self.0.state();
        if shared.times {
            let mut stderr = io::stderr().lock();
            let mut table = Table::new(&mut stderr);
            for (phase, time) in watch.laps() {
                // Standard error may be closed.
                let _ = table.line(phase, milliseconds(*time));
            }
        }
        if matches!(shared.form, Form::Json) {
            let document = Document::new(engine.as_ref(), watch, ended);
            out.write_all(&canonical_json_pretty(&document).map_err(io::Error::other)?)?;
            out.flush()?;
        }
        Ok(())
    }
}

/// The document of `--format json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    engine: Option<&'a Engine>,
    exit: Ended,
    process_code: u8,
    /// Milliseconds.
    times: BTreeMap<&'static str, f64>,
}

impl<'a> Document<'a> {
    fn new(engine: Option<&'a Engine>, watch: &Watch, ended: Result<&Exit, &Failure>) -> Self {
        let times = watch.laps().iter();
        Self {
            engine,
            exit: Ended::of(ended),
            process_code: ended.map_or_else(Failure::exit_code, Exit::process_code),
            times: times.map(|(phase, time)| (*phase, time.as_micros() as f64 / 1000.0)).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Engine {
    name: &'static str,
    version: String,
}

#[derive(Debug, Serialize)]
struct Ended {
    kind: &'static str,
    /// Who ended it.
    by: &'static str,
    /// The guest's own code, whole.
    code: Option<i32>,
    reason: Option<String>,
    causes: Vec<String>,
}

impl Ended {
    fn of(ended: Result<&Exit, &Failure>) -> Self {
        let new = |kind, by| Self { kind, by, code: None, reason: None, causes: vec![] };
        match ended {
            Ok(Exit::Trap(trap)) => Self { reason: Some(trap.to_string()), ..new("trap", "guest") },
            Ok(Exit::Stopped(stop)) => Self { reason: Some(stop.to_string()), ..new("stopped", "wasmctr") },
            Ok(exit) => Self { code: Some(exit.code()), ..new("code", "guest") },
            Err(failure) => {
                let mut chain = failure.error().chain().map(ToString::to_string);
                Self { reason: chain.next(), causes: chain.collect(), ..new("error", "wasmctr") }
            }
        }
    }
}
