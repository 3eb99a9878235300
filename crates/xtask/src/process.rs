//! Running other programs.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::error::{Error, Result};

/// Runs a command that shows its own output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| failed(command, &error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(command, &status.to_string())) }
}

/// Runs a command quietly and gives what it printed; what it complained about is in the error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|error| failed(command, &error.to_string()))?;
    if !output.status.success() {
        return Err(failed(command, &complaint(&output)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Where a program is on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

fn failed(command: &Command, why: &str) -> Error {
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    Error::new(format!("{} {}: {why}", command.get_program().to_string_lossy(), args.join(" ")))
}

fn complaint(output: &Output) -> String {
    let text = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    let text: Vec<_> = text.into_iter().filter(|text| !text.is_empty()).collect();
    format!("{}\n{}", output.status, text.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_told_with_its_complaint() {
        let error = capture(Command::new("sh").args(["-c", "echo bad >&2; exit 3"])).unwrap_err().to_string();
        assert_eq!(error, "sh -c echo bad >&2; exit 3: exit status: 3\nbad");
    }

    #[test]
    fn output_is_given() {
        assert_eq!(capture(Command::new("echo").arg("one")).unwrap(), "one\n");
    }
}
