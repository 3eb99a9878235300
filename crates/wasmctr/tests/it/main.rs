//! Integration tests of the command: one binary, one module for each subject.

mod bad_input;
mod demo;
mod docs;
mod pack;
mod road;
mod run;
mod support;

/// No test file is forgotten in the list above.
#[test]
fn every_file_is_a_module() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let this = include_str!("main.rs");
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(
            ["main", "snapshots"].contains(&name) || this.contains(&format!("mod {name};")),
            "{name} is not listed"
        );
    }
}
