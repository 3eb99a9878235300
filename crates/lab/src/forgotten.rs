//! Test files that the compiler cannot see.

use std::fs;
use std::path::Path;

/// Checks that each `.rs` file of `dir` is a module of `main`, the text of the file that lists them.
///
/// A file that is not listed is never compiled, and its tests never fail.
///
/// # Panics
///
/// When a file is not listed, or when the folder cannot be read.
#[track_caller]
pub fn assert_all_listed(dir: impl AsRef<Path>, main: &str) {
    let dir = dir.as_ref();
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for path in entries.flatten().map(|entry| entry.path()) {
        let module = path.file_stem().map(|stem| format!("mod {};", stem.display()));
        let is_module = path.extension().is_some_and(|end| end == "rs") && !path.ends_with("main.rs");
        assert!(
            !is_module || module.is_some_and(|module| main.contains(&module)),
            "{} is not listed",
            path.display()
        );
    }
}
