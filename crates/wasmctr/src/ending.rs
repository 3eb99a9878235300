//! How the end of a run becomes that of this process.

use std::{error::Error, io, process::ExitCode};

use anyhow::anyhow;
use wasm_exec::Exit;

use crate::Failure;

/// The exit codes that container tools use for failures of their own.
pub(crate) const FAILED: u8 = 125;
const NOT_RUNNABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Makes the guest's own code that of this process, and anything else a failure.
pub(crate) fn verdict(exit: &Exit) -> Result<ExitCode, Failure> {
    let ended = |error| Failure::new(exit.process_code(), error);
    match exit {
        Exit::Trap(trap) => {
            let failure = ended(anyhow!("the guest trapped: {trap}"));
            Err(trap.backtrace.iter().flat_map(|text| text.lines()).fold(failure, Failure::note))
        }
        Exit::Stopped(stop) => Err(ended(anyhow!("the guest was stopped: {stop}"))),
        _ => Ok(ExitCode::from(exit.process_code())),
    }
}

/// Gives a failure to run a guest the exit code that container tools use for it.
pub(crate) fn coded(failure: impl Into<Failure>) -> Failure {
    let failure = failure.into();
    let code = failure.error().chain().find_map(code).unwrap_or(FAILED);
    failure.code(code)
}

fn code(error: &(dyn Error + 'static)) -> Option<u8> {
    if let Some(error) = error.downcast_ref::<wasm_exec::Error>() {
        return Some(if error.is_not_runnable() { NOT_RUNNABLE } else { FAILED });
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return (error.kind() == io::ErrorKind::NotFound).then_some(NOT_FOUND);
    }
    match error.downcast_ref::<wasm_oci::Error>()? {
        wasm_oci::Error::NotWasm { .. }
        | wasm_oci::Error::InvalidWasm { .. }
        | wasm_oci::Error::Modules { .. } => Some(NOT_RUNNABLE),
        wasm_oci::Error::NotFound { .. } => Some(NOT_FOUND),
        _ => None,
    }
}
