use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use wasm_bundle::doctor::{Check, State, examine};
use wasm_oci::canonical_json_pretty;

use crate::{
    Failure,
    facts::Machine,
    form::Form,
    lint::{self, Told},
    table::visible,
};

/// The flags of `wasmctr doctor`.
#[derive(Debug, Args)]
#[command(after_help = "It ends with 3 when it found a problem.")]
pub(crate) struct Doctor {
    /// Look for files below this directory, as for a machine that is mounted there; programs are those on PATH
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Also tell whether a registry can be reached, and where its credentials are
    #[arg(long, value_name = "HOST[:PORT]")]
    registry: Option<String>,
    /// A check to leave out
    #[arg(long = "allow", value_name = "ID")]
    allowed: Vec<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

/// The document of `--format json`.
#[derive(Debug, Serialize)]
struct Document {
    checks: Vec<Line>,
    findings: Vec<Told>,
}

#[derive(Debug, Serialize)]
struct Line {
    id: &'static str,
    state: &'static str,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'static str>,
}

impl Doctor {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let facts = Machine::new(&self.root).facts(self.registry.as_deref());
        let (mut checks, findings) = examine(&facts);
        lint::known(&self.allowed, &[&wasm_bundle::doctor::CHECKS, &wasm_bundle::node::RULES])?;
        checks.retain(|check| !self.allowed.iter().any(|id| id == check.rule.id));
        let findings = lint::without(findings, &self.allowed);
        let sound = findings.is_empty() && checks.iter().all(|check| check.state != State::Problem);
        let document = Document {
            checks: checks.iter().map(Line::of).collect(),
            findings: findings.iter().map(Told::of).collect(),
        };
        match self.format {
            Form::Json => out.write_all(&canonical_json_pretty(&document)?)?,
            Form::Text => document.text(out)?,
        }
        Ok(lint::ending(sound))
    }
}

impl Line {
    fn of(check: &Check) -> Self {
        let state = match check.state {
            State::Fine => "ok",
            State::Problem => "problem",
            _ => "absent",
        };
        let problem = check.state == State::Problem;
        Self {
            id: check.rule.id,
            state,
            found: check.found.clone(),
            meaning: problem.then_some(check.rule.meaning),
            fix: problem.then_some(check.rule.fix),
        }
    }
}

impl Document {
    /// A line for each check; two more where something has to be done.
    fn text(&self, out: &mut dyn Write) -> Result<(), Failure> {
        for Line { id, state, found, meaning, fix } in &self.checks {
            let mark = match *state {
                "ok" => "ok",
                "problem" => "!!",
                _ => "--",
            };
            writeln!(out, "{mark}  {id:<20} {}", visible(found))?;
            if let (Some(meaning), Some(fix)) = (meaning, fix) {
                writeln!(out, "    {meaning}\n    fix: {fix}")?;
            }
        }
        self.findings.iter().try_for_each(|told| told.text(out))
    }
}
