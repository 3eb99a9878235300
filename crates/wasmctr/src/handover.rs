//! To the program that has another engine.

use std::{
    env,
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, anyhow};

use crate::{Failure, ending::FAILED};

/// Puts `wasmctr-wasmedge` in the place of this program, with the same arguments; returns only if that fails.
pub(crate) fn to_wasmedge() -> Failure {
    match program() {
        Ok(program) => hand_over(&program),
        Err(error) => Failure::new(FAILED, error).help(BUILD),
    }
}

fn hand_over(program: &OsString) -> Failure {
    let shown = program.display();
    if env::var_os(HANDED_OVER).is_some() {
        let error =
            anyhow!("this program was started for the engine `wasmedge`, and does not have it either");
        return Failure::new(FAILED, error).help("let WASMCTR_WASMEDGE name a `wasmctr-wasmedge`");
    }
    match probe(program) {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let error =
                complaint(&output).context(format!("`{shown}`, which has the engine, does not start"));
            return Failure::new(FAILED, error).help(INSTALL);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let error = anyhow!("the engine `wasmedge` is in a program that is not here: `{shown}`");
            return Failure::new(FAILED, error).help(BUILD);
        }
        Err(error) => {
            let error = anyhow!(error).context(format!("cannot start `{shown}`, which has the engine"));
            return Failure::new(FAILED, error).help(BUILD);
        }
    }
    let error = Command::new(program).args(env::args_os().skip(1)).env(HANDED_OVER, "1").exec();
    Failure::new(FAILED, anyhow!(error).context(format!("cannot start `{shown}`")))
}

/// Starts it once to see whether it can: where its library is missing, the loader would end it with 127 and words of its
/// own, and this program could no longer say what to do.
fn probe(program: &OsString) -> io::Result<Output> {
    Command::new(program).arg("--version").env(HANDED_OVER, "1").stdin(Stdio::null()).output()
}

/// What a program said that did not start.
fn complaint(output: &Output) -> anyhow::Error {
    match String::from_utf8_lossy(&output.stderr).trim() {
        "" => anyhow!("{}", output.status),
        said => anyhow!("{}", said.lines().next_back().unwrap_or(said)),
    }
}

/// `WASMCTR_WASMEDGE`, or the program beside this one.
pub(crate) fn program() -> anyhow::Result<OsString> {
    if let Some(named) = env::var_os("WASMCTR_WASMEDGE").filter(|named| !named.is_empty()) {
        return Ok(named);
    }
    let this: PathBuf = env::current_exe().context("the system does not say where this program is")?;
    Ok(this.with_file_name("wasmctr-wasmedge").into())
}

/// Set for the program that takes over, so that it does not hand over as well.
const HANDED_OVER: &str = "WASMCTR_HANDED_OVER";

const BUILD: &str = "build it with `cargo xtask wasmedge`, and put it beside `wasmctr` or name it in WASMCTR_WASMEDGE; \
                     it needs libwasmedge 0.17";
const INSTALL: &str = "install libwasmedge 0.17 where the loader finds it, or build the program again: \
                       `cargo xtask wasmedge`";
