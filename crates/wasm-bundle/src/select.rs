//! What a container runtime makes of a configuration: WebAssembly, a native program, or an error.
//!
//! Each runtime has its own rules, none of them wrote them down, and a wrong guess ends in "Exec format error". Here they
//! are code: [`select()`] is a pure function, [`RULES`] says each rule in a sentence with its source, and the tests of this
//! crate run every case through the real runtimes too.
//!
//! ```
//! use wasm_bundle::{
//!     Handler, Workload,
//!     select::{Crun, Engine, Found, Program, Runtime, Selection, Why, Youki, select},
//! };
//!
//! let spec = Workload::new(["/app.wasm"]).to_spec(Handler::CompatSmart)?;
//! let module = |_: &str| Found::File { mode: 0o644, program: Program::Module };
//!
//! let crun = Runtime::Crun(Crun::new([Engine::WasmEdge]));
//! assert_eq!(select(&crun, &spec, &module).selection, Selection::Wasm(Engine::WasmEdge));
//!
//! // youki does not know the value `compat-smart` and would execute the module.
//! let youki = Runtime::Youki(Youki::new([Engine::Wasmtime]));
//! assert_eq!(select(&youki, &spec, &module).selection, Selection::Refused(Why::NoPath));
//! # Ok::<(), wasm_bundle::Error>(())
//! ```

mod crun;
mod native;
mod program;
mod rule;
mod runtime;
mod shim;
mod youki;

use std::fmt;

use oci_spec::runtime::Spec;

pub use self::{
    program::{Found, Program},
    rule::{RULES, Rule},
    runtime::{Crun, Engine, Runtime, Shim, Version, Youki},
};

/// Says what a runtime would do with a configuration.
///
/// `look` tells what is at a path of the root file system; paths begin with `/`, and links are the caller's to follow:
/// [`Bundle::look`](crate::Bundle::look) does it. Without a root file system give `&|_| Found::Unknown`: then the answer is about the
/// configuration only, and no rule that looks at the program refuses it.
///
/// The function reads nothing else and never fails: every configuration has an answer.
#[must_use]
pub fn select(runtime: &Runtime, spec: &Spec, look: &dyn Fn(&str) -> Found) -> Verdict {
    let view = View::new(spec, look);
    if view.args.is_empty() {
        return Verdict::refused(&rule::NOTHING, Why::NothingToRun);
    }
    match runtime {
        Runtime::Crun(crun) => crun::select(crun, &view),
        Runtime::Youki(youki) => youki::select(youki, &view),
        Runtime::Runwasi(shim) => shim::runwasi(shim, &view),
        Runtime::Spin { wasm_layers } => shim::spin(*wasm_layers, &view),
        Runtime::Runc => native::execute(&view, &rule::RUNC),
    }
}

/// What a runtime does, and the rule that decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What it does.
    pub selection: Selection,
    /// Why: one of [`RULES`].
    pub rule: &'static Rule,
}

impl Verdict {
    fn new(rule: &'static Rule, selection: Selection) -> Self {
        Self { selection, rule }
    }

    fn refused(rule: &'static Rule, why: Why) -> Self {
        Self::new(rule, Selection::Refused(why))
    }
}

/// What a runtime does with a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// It runs the program as WebAssembly, on this engine.
    Wasm(Engine),
    /// It executes the program like any other.
    Native,
    /// It hands the container to a handler for something else than WebAssembly: crun's `krun` (a virtual machine) and
    /// `dotnet`.
    Other(&'static str),
    /// It does not start the container, or the container ends at once with an error of the runtime.
    Refused(Why),
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wasm(engine) => write!(f, "WebAssembly on {engine}"),
            Self::Native => f.write_str("native program"),
            Self::Other(handler) => write!(f, "handler {handler}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

/// Why a runtime does not start a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The configuration has no `process.args`.
    NothingToRun,
    /// crun's name asks for a handler, and an annotation for another.
    TwoHandlers,
    /// There is no such file.
    Missing,
    /// The program would be executed, and its permissions do not allow it.
    NotExecutable,
    /// The program would be executed, and is WebAssembly or text: "Exec format error".
    NotNative,
    /// The program would be run as WebAssembly, and is none that the engine reads.
    NotWasm,
    /// The program is a component, and this engine runs modules only.
    Component,
    /// The engine is only asked for programs that end in `.wasm` or `.wat`.
    Suffix,
    /// The environment has no `PATH`, which youki wants before it executes anything.
    NoPath,
    /// The shim finds no Spin application: neither in layers of the image nor `/spin.toml`.
    NoApplication,
}

impl Why {
    /// Returns what to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::NothingToRun => "name the program in `process.args`",
            Self::TwoHandlers => {
                "leave `run.oci.handler` out, or call the runtime `crun` instead of `crun-wasm`"
            }
            Self::Missing => "put the program into the root file system, or mend `process.args` and `cwd`",
            Self::NotExecutable => {
                "ask for a Wasm handler: the annotation `module.wasm.image/variant=compat` must be in config.json; \
                 a native program needs the permission to be executed"
            }
            Self::NotNative => {
                "ask for a Wasm handler: the annotation `module.wasm.image/variant=compat` must be in config.json"
            }
            Self::NotWasm => "a native program needs `compat-smart`, or no annotation at all",
            Self::Component => {
                "build for wasm32-wasip1, or use a runtime that runs components: runwasi's wasmtime shim"
            }
            Self::Suffix => "call the program something that ends in `.wasm`",
            Self::NoPath => {
                "set `PATH` in `process.env`, or ask for a Wasm handler that youki knows: `compat`"
            }
            Self::NoApplication => "the shim runs Spin applications: `spin registry push` makes one",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingToRun => "there is no program to run",
            Self::TwoHandlers => "the runtime's own name and `run.oci.handler` both choose a handler",
            Self::Missing => "the program is not there",
            Self::NotExecutable => "the program would be executed natively and is not executable",
            Self::NotNative => "the program would be executed natively and is no native program",
            Self::NotWasm => "the program would be run as WebAssembly and is none",
            Self::Component => "the program is a component, and the engine runs modules only",
            Self::Suffix => "the program's name does not end in .wasm or .wat",
            Self::NoPath => "the program would be executed natively, and PATH is not set",
            Self::NoApplication => "there is no Spin application",
        })
    }
}

/// What the rules look at.
struct View<'a> {
    spec: &'a Spec,
    args: &'a [String],
    look: &'a dyn Fn(&str) -> Found,
}

impl<'a> View<'a> {
    fn new(spec: &'a Spec, look: &'a dyn Fn(&str) -> Found) -> Self {
        let args = spec.process().as_ref().and_then(|process| process.args().as_deref());
        Self { spec, args: args.unwrap_or_default(), look }
    }

    fn program(&self) -> &'a str {
        &self.args[0]
    }

    fn annotation(&self, name: &str) -> Option<&'a str> {
        self.spec.annotations().as_ref()?.get(name).map(String::as_str)
    }

    /// The value of `PATH` in the environment; the first one counts.
    fn search_path(&self) -> Option<&'a str> {
        let env = self.spec.process().as_ref()?.env().as_ref()?;
        env.iter().find_map(|variable| variable.strip_prefix("PATH="))
    }

    /// What is at a path, relative to the working directory unless it is absolute.
    fn found(&self, path: &str) -> Found {
        if path.starts_with('/') {
            return (self.look)(path);
        }
        let cwd = self.spec.process().as_ref().map(|process| process.cwd().to_string_lossy().into_owned());
        let cwd = cwd.unwrap_or_default();
        (self.look)(&format!("/{}/{path}", cwd.trim_matches('/')))
    }

    /// What is at a program's name as a shell finds it: in the directories of `path` unless it has a `/`.
    fn in_path(&self, program: &str, path: &str) -> Found {
        if program.contains('/') {
            return self.found(program);
        }
        let mut best = Found::Missing;
        for dir in path.split(':') {
            match self.found(&format!("{}/{program}", dir.trim_end_matches('/'))) {
                found @ Found::File { mode, .. } if mode & 0o111 != 0 => return found,
                found @ Found::File { .. } if best == Found::Missing => best = found,
                Found::Unknown => return Found::Unknown,
                _ => {}
            }
        }
        best
    }

    /// Whether the container's user is root, who may execute what anybody may.
    fn is_root(&self) -> bool {
        self.spec.process().as_ref().is_some_and(|process| process.user().uid() == 0)
    }
}
