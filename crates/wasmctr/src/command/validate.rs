use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use wasm_bundle::{
    Bundle, Problem,
    select::{Runtime, Selection, Verdict},
};
use wasm_oci::canonical_json_pretty;

use crate::{Failure, form::Form, lint, runtimes, table::Table};

/// The flags of `wasmctr validate`.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The bundle: a directory with config.json and a root file system
    bundle: PathBuf,
    /// A runtime that must start it; may be given again [default: any one of all]
    #[arg(long, value_enum)]
    runtime: Vec<Name>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

/// The runtimes, each in its most usual build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// crun: the one on PATH, else with WasmEdge
    Crun,
    /// youki with wasmtime
    Youki,
    /// runwasi's wasmtime shim, for an image with a root file system
    Runwasi,
    /// containerd-shim-spin, likewise
    Spin,
    /// runc, which runs no WebAssembly
    Runc,
}

impl Name {
    fn runtime(self) -> Runtime {
        match self {
            Self::Crun => runtimes::crun_build().map_or_else(Runtime::crun, Runtime::Crun),
            Self::Youki => Runtime::youki(),
            Self::Runwasi => Runtime::runwasi(),
            Self::Spin => Runtime::Spin { wasm_layers: false },
            Self::Runc => Runtime::Runc,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Crun => "crun",
            Self::Youki => "youki",
            Self::Runwasi => "runwasi",
            Self::Spin => "spin",
            Self::Runc => "runc",
        }
    }
}

impl Validate {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let bundle = Bundle::open(&self.bundle)?;
        let names = if self.runtime.is_empty() { Name::value_variants() } else { &*self.runtime };
        let verdicts: Vec<_> = names.iter().map(|name| (*name, bundle.select(&name.runtime()))).collect();
        let problems = bundle.problems();
        match self.format {
            Form::Text => text(&bundle, &verdicts, &problems, out)?,
            Form::Json => out.write_all(&canonical_json_pretty(&document(&verdicts, &problems))?)?,
        }
        let starts = |(_, verdict): &(Name, Verdict)| !matches!(verdict.selection, Selection::Refused(_));
        let wanted =
            if self.runtime.is_empty() { verdicts.iter().any(starts) } else { verdicts.iter().all(starts) };
        Ok(lint::ending(wanted && problems.is_empty()))
    }
}

fn text(
    bundle: &Bundle,
    verdicts: &[(Name, Verdict)],
    problems: &[Problem],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new(out);
    table.line("bundle", bundle.path().display())?;
    table.line("program", bundle.workload().args.join(" "))?;
    for (name, verdict) in verdicts {
        table.line(name.label(), format_args!("{} [{}]", verdict.selection, verdict.rule.id))?;
        if let (Selection::Refused(why), true) = (verdict.selection, verdicts.len() == 1) {
            table.line("", why.help())?;
        }
    }
    for problem in problems {
        table.line("problem", format_args!("{problem} [{}]", problem.id()))?;
        table.line("", problem.help())?;
    }
    Ok(())
}

fn document(verdicts: &[(Name, Verdict)], problems: &[Problem]) -> Value {
    let runtime = |(name, verdict): &(Name, Verdict)| {
        let (does, engine, why, help) = match verdict.selection {
            Selection::Wasm(engine) => ("wasm", Some(engine.to_string()), None, None),
            Selection::Native => ("native", None, None, None),
            Selection::Refused(why) => ("refused", None, Some(why.to_string()), Some(why.help())),
            other => ("other", Some(other.to_string()), None, None),
        };
        json!({
            "runtime": name.label(), "does": does, "engine": engine, "why": why, "help": help, "rule": verdict.rule.id,
        })
    };
    let problem = |problem: &Problem| json!({ "id": problem.id(), "problem": problem.to_string(), "help": problem.help() });
    json!({
        "runtimes": verdicts.iter().map(runtime).collect::<Value>(),
        "problems": problems.iter().map(problem).collect::<Value>(),
    })
}
