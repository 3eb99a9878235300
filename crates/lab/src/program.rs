use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// Copies a program to where a test runs it.
///
/// Who writes a program itself may find that it cannot be run, "text file busy": what another thread of the test starts at
/// that moment has inherited the file that is open for writing. So a process of its own writes it.
///
/// # Panics
///
/// When it cannot be written.
pub fn install(program: &Path, to: &Path) {
    let status = command(program, to).status().expect("install starts");
    assert!(status.success(), "{} is not written", to.display());
}

/// Writes a shell script that a test runs, as [`install`] does.
///
/// # Panics
///
/// When it cannot be written.
pub fn script(path: &Path, body: &str) {
    let mut command = command(Path::new("/dev/stdin"), path);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("install starts");
    let mut input = child.stdin.take().expect("it was asked for");
    input.write_all(format!("#!/bin/sh\n{body}\n").as_bytes()).expect("install reads");
    drop(input);
    assert!(child.wait().expect("install ends").success(), "{} is not written", path.display());
}

fn command(from: &Path, to: &Path) -> Command {
    let mut command = Command::new("install");
    command.args(["-m", "755"]).arg(from).arg(to);
    command
}
