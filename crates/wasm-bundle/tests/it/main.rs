//! The crate from outside: bundles on disk, hostile input, and the real runtimes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bundle;
mod format;
mod hostile;
mod image;
mod layers;
mod properties;
mod runtimes;

/// No test file is forgotten in the list above.
#[test]
fn every_file_is_a_module() {
    let main = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let module = format!("mod {};", path.file_stem().unwrap().display());
        assert!(path.ends_with("main.rs") || main.contains(&module), "{module}");
    }
}
