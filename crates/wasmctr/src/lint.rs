//! How findings are told: by `node --check`, `k8s lint` and `doctor`.

use std::{io::Write, process::ExitCode};

use serde::Serialize;
use wasm_bundle::{Finding, Rule};
use wasm_oci::canonical_json_pretty;

use crate::{Failure, form::Form, table::visible};

/// The exit code of a check that found problems.
const PROBLEMS: u8 = 3;

/// The document of `--format json`.
#[derive(Debug, Serialize)]
pub(crate) struct Document {
    findings: Vec<Told>,
}

/// One finding.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    id: &'static str,
    place: String,
    found: String,
    meaning: &'static str,
    fix: &'static str,
}

impl Told {
    pub(crate) fn of(finding: &Finding) -> Self {
        let Rule { id, meaning, fix, .. } = finding.rule;
        Self { id, place: finding.place.clone(), found: finding.found.clone(), meaning, fix }
    }

    /// Three lines: where and what, what it means, what to do.
    pub(crate) fn text(&self, out: &mut dyn Write) -> Result<(), Failure> {
        writeln!(out, "{}: {}", self.id, visible(&format!("{}: {}", self.place, self.found)))?;
        writeln!(out, "    {}", self.meaning)?;
        writeln!(out, "    fix: {}", self.fix)?;
        Ok(())
    }
}

/// Refuses an id that no rule has.
pub(crate) fn known(allowed: &[String], rules: &[&[Rule]]) -> Result<(), Failure> {
    let known: Vec<_> = rules.iter().copied().flatten().map(|rule| rule.id).collect();
    match allowed.iter().find(|id| !known.contains(&id.as_str())) {
        None => Ok(()),
        Some(id) => Err(Failure::new(2, anyhow::anyhow!("there is no rule `{id}`"))
            .help(format!("the rules are {}", known.join(", ")))),
    }
}

/// Leaves out what is allowed.
pub(crate) fn without(mut findings: Vec<Finding>, allowed: &[String]) -> Vec<Finding> {
    findings.retain(|finding| !allowed.iter().any(|id| id == finding.rule.id));
    findings
}

/// Prints findings and says by the exit code whether there were any.
pub(crate) fn tell(findings: &[Finding], form: Form, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let document = Document { findings: findings.iter().map(Told::of).collect() };
    match form {
        Form::Json => out.write_all(&canonical_json_pretty(&document)?)?,
        Form::Text if findings.is_empty() => writeln!(out, "nothing to complain about")?,
        Form::Text => document.findings.iter().try_for_each(|told| told.text(out))?,
    }
    Ok(ending(findings.is_empty()))
}

/// The exit code of a check.
pub(crate) fn ending(sound: bool) -> ExitCode {
    if sound { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) }
}
