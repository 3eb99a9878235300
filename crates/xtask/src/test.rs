//! `cargo xtask test`: what the tests need, the tests, and which of them were skipped.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::path::Path;
use std::process::{Child, ExitCode};

use crate::error::{At as _, Result};
use crate::{cri, fixed, guests, paths, process, tools};

/// How lines begin that come before another runner's output.
const NEXT: &[&str] = &["Running ", "Doc-tests ", "running "];

/// Runs the tests; the exit code is cargo's.
///
/// A tool or guest that cannot be had is no failure by itself: the tests that need it say what it means.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let mut notes = Vec::new();
    for prepare in [tools_of_the_lab, guests::run, cri::run, fixed::run] {
        notes.extend(prepare().err().map(|error| error.to_string()));
    }
    let skips = paths::root()?.join("target/skipped-tests");
    paths::fresh_dir(&skips)?;

    let (mut child, output) = start(args, &skips).at(Path::new("cargo test"))?;
    let held = stream(BufReader::new(output), &mut io::stdout()).at(Path::new("output of cargo test"))?;
    let status = child.wait().at(Path::new("cargo test"))?;

    for note in notes {
        println!("not prepared: {note}");
    }
    print!("{}\n{held}", report(&read(&skips)?));
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn tools_of_the_lab() -> Result<()> {
    tools::run(&[])
}

/// Starts cargo with both of its streams in one pipe, so that their lines stay in order.
fn start(args: &[String], skips: &Path) -> io::Result<(Child, PipeReader)> {
    let (output, input) = io::pipe()?;
    let mut cargo = process::cargo();
    cargo.arg("test").args(choice(args)).args(args).env("WASMCTR_SKIPS", skips);
    cargo.stdout(input.try_clone()?).stderr(input);
    Ok((cargo.spawn()?, output)) // and the ends of the pipe in `cargo` are closed
}

/// Everything, unless the caller chose a package.
fn choice(args: &[String]) -> Option<&'static str> {
    let mut args = args.iter().take_while(|arg| *arg != "--");
    let chosen = args.any(|arg| arg.starts_with("-p") || arg.starts_with("--package"));
    (!chosen).then_some("--workspace")
}

/// Passes lines on, but keeps a runner's summary and what follows it back until another runner begins.
///
/// What is left at the end is the last summary.
fn stream(mut input: impl BufRead, output: &mut impl Write) -> io::Result<String> {
    let mut held = String::new();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        let is_summary = text.starts_with("test result:");
        if is_summary || NEXT.iter().any(|start| text.trim_start().starts_with(start)) {
            output.write_all(held.as_bytes())?;
            held.clear();
        }
        if is_summary || !held.is_empty() {
            held.push_str(&text);
        } else {
            output.write_all(&line)?;
            output.flush()?;
        }
        line.clear();
    }
    Ok(held)
}

/// The records of all processes.
fn read(dir: &Path) -> Result<BTreeSet<String>> {
    let mut skips = BTreeSet::new();
    for entry in fs::read_dir(dir).at(dir)?.flatten() {
        let text = fs::read_to_string(entry.path()).at(&entry.path())?;
        skips.extend(text.lines().map(str::to_owned));
    }
    Ok(skips)
}

fn report(skips: &BTreeSet<String>) -> String {
    let mut text = match skips.len() {
        0 => "no test was skipped\n".to_owned(),
        1 => "1 test was skipped:\n".to_owned(),
        count => format!("{count} tests were skipped:\n"),
    };
    for skip in skips {
        text.push_str(&format!("  {}\n", skip.replacen('\t', ": ", 1)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
\nrunning 1 test\ntest a ... ok\n\ntest result: ok. 1 passed\n\n   Doc-tests b\n\nrunning 1 test\ntest b ... ok\n\n\
test result: ok. 1 passed\n\nall doctests ran in 1 s\n";

    #[test]
    fn only_the_last_summary_is_held_back() {
        let mut passed = Vec::new();
        let held = stream(OUTPUT.as_bytes(), &mut passed).unwrap();
        assert_eq!(held, "test result: ok. 1 passed\n\nall doctests ran in 1 s\n");
        assert_eq!(String::from_utf8(passed).unwrap() + &held, OUTPUT);
    }

    #[test]
    fn output_without_a_summary_is_passed_on() {
        let mut passed = Vec::new();
        assert_eq!(stream(&b"nothing\nto see"[..], &mut passed).unwrap(), "");
        assert_eq!(passed, b"nothing\nto see");
    }

    #[test]
    fn everything_is_tested_unless_a_package_is_chosen() {
        let choice = |args: &[&str]| choice(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
        assert_eq!(choice(&["name", "--", "-p"]), Some("--workspace"));
        assert_eq!(choice(&["-p", "lab"]), None);
        assert_eq!(choice(&["--package=lab"]), None);
    }

    #[test]
    fn skips_are_counted_and_listed() {
        let skips = ["a::b\tneeds c".to_owned(), "a::d\tneeds e".to_owned()].into();
        assert_eq!(report(&skips), "2 tests were skipped:\n  a::b: needs c\n  a::d: needs e\n");
        assert_eq!(report(&BTreeSet::new()), "no test was skipped\n");
    }
}
