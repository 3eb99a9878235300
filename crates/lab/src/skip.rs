//! Skipped tests, and the rule that makes them.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

/// What a test needs, or `None` when it must be skipped, which is then recorded.
///
/// # Panics
///
/// When it is missing and `CI` is set: there a test that cannot run has failed.
pub fn require<T>(found: Option<T>, what: &str, fix: &str, test: &str) -> Option<T> {
    if found.is_none() {
        assert!(!in_ci(), "{test} needs {what}: {fix}");
        skip(test, &format!("needs {what}: {fix}"));
    }
    found
}

/// Records that a test was not run: on stderr, and as a line in [`skips_dir`] that `cargo xtask test` prints.
///
/// A record that cannot be written is reported on stderr; the test goes on.
pub fn skip(test: &str, reason: &str) {
    let mut stderr = io::stderr();
    // Straight to the stream: what a passing test prints with the macros is never seen.
    let _ = writeln!(stderr, "skipped {test}: {reason}");
    if let Err(error) = record(&skips_dir(), test, reason) {
        let _ = writeln!(stderr, "the skip of {test} is not recorded: {error}");
    }
}

/// Folder of the records: `WASMCTR_SKIPS`, or `target/skipped-tests` of the workspace.
#[must_use]
pub fn skips_dir() -> PathBuf {
    env::var_os("WASMCTR_SKIPS").filter(|dir| !dir.is_empty()).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/skipped-tests"),
        PathBuf::from,
    )
}

/// Name of the running test, from the path of a function inside it: [`here!`](crate::here!).
///
/// The test runner names a test's thread after the test, which is better where a helper asks for the test.
#[must_use]
pub fn test_name(path: &str) -> String {
    let function = path.trim_end_matches("::here").trim_end_matches("::{{closure}}");
    let krate = path.split("::").next().unwrap_or_default();
    match thread::current().name() {
        Some(test) if test != "main" => format!("{krate}::{test}"),
        _ => function.to_owned(),
    }
}

/// Whether a missing thing fails a test.
fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "0" && ci != "false")
}

/// Appends one line to this process's file: no other process writes it, and one write holds the whole line.
fn record(dir: &Path, test: &str, reason: &str) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut file = OpenOptions::new().create(true).append(true).open(dir.join(process::id().to_string()))?;
    file.write_all(format!("{test}\t{}\n", reason.replace('\n', " ")).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_tests() {
        assert!(crate::here!().ends_with("skip::tests::the_name_is_the_tests"), "{}", crate::here!());
    }

    #[test]
    fn without_a_test_thread_the_name_is_the_functions() {
        let name = thread::spawn(|| test_name("lab::skip::function::{{closure}}::here")).join();
        assert_eq!(name.ok().as_deref(), Some("lab::skip::function"));
    }

    #[test]
    fn records_are_lines_of_a_file_per_process() {
        let dir = env::temp_dir().join(format!("lab-skips-{}", process::id()));
        record(&dir, "a::b", "needs\nc").unwrap();
        record(&dir, "a::d", "needs c").unwrap();
        let text = fs::read_to_string(dir.join(process::id().to_string())).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(text, "a::b\tneeds c\na::d\tneeds c\n");
    }

    #[test]
    fn what_is_found_is_handed_on() {
        assert_eq!(require(Some(1), "one", "count", "test"), Some(1));
    }
}
